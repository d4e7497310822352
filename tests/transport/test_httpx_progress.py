"""Phases: each has its own time, `on_written` comes once, and what a proxy does is the proxy's."""

from __future__ import annotations

import socket

import anyio
import pytest

from actorrouter.transport.port import Reached, Timeouts, Transport, TransportError
from tests.transport.exchanges import PATIENT, exchange, fault, ignore, post
from tests.transport.server import CHUNKED, Peer, always, answer, chunk, once, serve

pytestmark = pytest.mark.anyio
NO, MAYBE, YES = Reached
SHORT_S = 0.05
LARGE = b"x" * 16_000_000  # more than the socket's buffers hold


class Told:
    """Counts calls of `on_written`."""

    times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.mark.parametrize("turns", [1, 2])
async def test_written_is_told_before_the_answer(transport: Transport, turns: int) -> None:
    """On a new and on a kept connection, exactly once, while the server still thinks."""
    told = Told()

    async def script(peer: Peer) -> None:
        for turn in range(turns):
            await peer.request()
            with anyio.fail_after(1):
                while told.times == turn:
                    await anyio.lowlevel.checkpoint()
            await peer.send(answer())

    async with serve(script) as server:
        for turn in range(turns):
            async with transport.open(post(server.url), PATIENT, told) as answered:
                assert told.times == turn + 1
                assert [piece async for piece in answered] == [b"{}"]
        assert told.times == turns


async def test_a_bug_in_written_is_no_transport_error(transport: Transport) -> None:
    """The caller's exception leaves as it is, and the connection with it."""

    def bug() -> None:
        raise ZeroDivisionError

    async with serve(always(answer())) as server:
        with pytest.raises(ZeroDivisionError):
            await exchange(transport, post(server.url), on_written=bug)
        await server.idle()


async def test_connecting_has_its_time(transport: Transport) -> None:
    """A server silent in the TLS handshake."""

    async def script(peer: Peer) -> None:
        await peer.gone()

    told = Told()
    async with serve(script) as server:
        request = post(server.url.replace("http:", "https:"))
        expected = ("timeout", NO, "connect, tls")
        assert await fault(transport, request, Timeouts(connect_s=SHORT_S), told) == expected
        await server.idle()
        assert told.times == 0


async def test_resolving_is_part_of_connecting(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that does not answer."""

    async def silent(*_: object, **__: object) -> None:
        await anyio.sleep_forever()

    monkeypatch.setattr("anyio.getaddrinfo", silent)
    monkeypatch.setattr("anyio._core._sockets.getaddrinfo", silent)
    monkeypatch.setattr("trio._highlevel_open_tcp_stream.getaddrinfo", silent)
    request = post("http://provider.invalid/")
    assert await fault(transport, request, Timeouts(connect_s=SHORT_S)) == ("timeout", NO, "connect")


async def test_writing_has_its_time(transport: Transport) -> None:
    """A server that takes nothing: part of the request may be with it."""
    told = Told()
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        request = post(f"http://127.0.0.1:{deaf.getsockname()[1]}/", LARGE)
        assert await fault(transport, request, Timeouts(write_s=SHORT_S), told) == ("timeout", MAYBE, "write")
        assert told.times == 0


async def test_a_write_that_breaks(transport: Transport) -> None:
    """The server goes away while it is being written to."""
    told = Told()

    async def script(peer: Peer) -> None:
        await peer.stream.receive()
        peer.reset()

    async with serve(script) as server:
        kind, reached, _ = await fault(transport, post(server.url, LARGE), PATIENT, told)
        assert (kind, reached, told.times) == ("write", MAYBE, 0)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([], id="silence"),
        pytest.param([b"HTTP/1.1 200 OK\r\n", *[b"x: y\r\n"] * 50], id="a header at a time"),
        pytest.param([b"HTTP/1.1 102 Processing\r\n\r\n"] * 50, id="never final"),
    ],
)
async def test_the_head_has_its_time(transport: Transport, pieces: list[bytes]) -> None:
    """It is one time for the whole head, however it drips."""
    told = Told()
    async with serve(once(*pieces, pause_s=0.01)) as server:
        expected = ("timeout", MAYBE, "first byte")
        assert await fault(transport, post(server.url), Timeouts(first_byte_s=SHORT_S), told) == expected
        await server.idle()
        assert told.times == 1


async def test_the_body_s_time_is_between_chunks(transport: Transport) -> None:
    """A body may take longer than any phase while chunks come, and no longer than that when they stop."""
    times = Timeouts(connect_s=SHORT_S, write_s=SHORT_S, first_byte_s=SHORT_S, idle_s=SHORT_S)
    pieces: list[bytes] = []
    async with serve(once(CHUNKED, *[chunk(b"x")] * 10, pause_s=0.01)) as server:
        async with transport.open(post(server.url), times, ignore) as answered:
            with anyio.fail_after(2), pytest.raises(TransportError, match=r"^timeout: idle$") as caught:
                pieces.extend([piece async for piece in answered])
        assert caught.value.reached is YES
        await server.idle()


async def test_the_caller_s_deadline_is_not_a_fault(transport: Transport) -> None:
    """A cancel scope around an exchange is left as one."""
    async with serve(once()) as server:
        with anyio.move_on_after(SHORT_S) as scope:
            await exchange(transport, post(server.url))
        assert scope.cancelled_caught
        await server.idle()
