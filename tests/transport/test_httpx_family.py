"""What the port promises of an exchange that works, and of its end."""

from __future__ import annotations

import gc
import gzip
import logging
import socket
import zlib
from functools import partial

import anyio
import pytest

from actorrouter.transport.port import Reached, Transport, TransportError
from actorrouter.values import HttpRequest
from tests.transport.exchanges import PATIENT, SECRET, exchange, fault, ignore, post
from tests.transport.pools import forget, socket_of
from tests.transport.server import CHUNKED, Peer, always, answer, chunk, once, serve

pytestmark = pytest.mark.anyio


async def test_what_goes_on_the_wire_is_the_request(transport: Transport) -> None:
    """Only host and content-length are added; names keep their case and order."""
    seen: list[bytes] = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.request())
        await peer.send(answer())

    async with serve(script) as server:
        await exchange(transport, post(server.url + "?a=1", b"body", ("X-One", "1")))
    host = server.url.split("/")[2]
    assert seen[0].decode() == (
        f"POST /v1/chat?a=1 HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {SECRET}\r\nX-One: 1\r\n"
        "Content-Length: 4\r\n\r\nbody"
    )


@pytest.mark.parametrize(("method", "tail"), [("GET", b"\r\n\r\n"), ("POST", b"Content-Length: 0\r\n\r\n")])
async def test_an_empty_body_is_framed(transport: Transport, method: str, tail: bytes) -> None:
    """A POST without a body says so by its length."""
    seen: list[bytes] = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.request())
        await peer.send(answer())

    async with serve(script) as server:
        assert await exchange(transport, HttpRequest(method, server.url, (), b"")) == (200, b"{}")
    assert seen[0].endswith(tail)


async def test_a_head_has_lower_case_names_and_joined_values(transport: Transport) -> None:
    """Headers sent twice are one entry."""
    async with (
        serve(always(answer(b"{}", "200 OK", "X-Limit: 1", "x-limit: 2", "Retry-After: 3"))) as server,
        transport.open(post(server.url), PATIENT, ignore) as answered,
    ):
        assert dict(answered.headers) == {"x-limit": "1, 2", "retry-after": "3", "content-length": "2"}


@pytest.mark.parametrize("status", ["204 No Content", "307 Temporary Redirect", "429 Too Many Requests", "500 No"])
async def test_every_status_is_an_answer(transport: Transport, status: str) -> None:
    """Nothing is followed, raised for or repeated."""
    async with serve(always(answer(b"", status, "location: /elsewhere"))) as server:
        assert await exchange(transport, post(server.url)) == (int(status[:3]), b"")
        assert server.accepted == 1


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([answer(b"onetwo")], id="length"),
        pytest.param([CHUNKED, chunk(b"one"), chunk(b"two"), b"0\r\n\r\n"], id="chunked"),
        pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n", answer(b"onetwo")], id="informational"),
        pytest.param([answer(gzip.compress(b"onetwo"), "200 OK", "content-encoding: gzip")], id="gzip"),
        pytest.param([answer(zlib.compress(b"onetwo"), "200 OK", "content-encoding: deflate")], id="deflate"),
        pytest.param([answer(b"onetwo", "200 OK", "content-encoding: identity")], id="identity"),
    ],
)
async def test_a_body_read_to_its_end_gives_the_connection_back(transport: Transport, pieces: list[bytes]) -> None:
    """Three requests, one connection, however the body is framed or compressed."""
    async with serve(always(*pieces)) as server:
        for _ in range(3):
            assert await exchange(transport, post(server.url)) == (200, b"onetwo")
        assert server.accepted == 1


async def test_the_connection_is_free_at_the_body_s_end(transport: Transport) -> None:
    """A second request inside the context uses the same connection, and the body stays ended."""
    async with serve(always(answer())) as server:
        async with transport.open(post(server.url), PATIENT, ignore) as answered:
            assert [piece async for piece in answered] == [b"{}"]
            await exchange(transport, post(server.url))
            assert [piece async for piece in answered] == []
        assert server.accepted == 1


async def test_a_body_until_close_ends_with_the_connection(transport: Transport) -> None:
    """Without a length the server's close is the end."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.0 200 OK\r\n\r\n", b"all of it")

    async with serve(script) as server:
        assert await exchange(transport, post(server.url)) == (200, b"all of it")


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("read", [0, 1])
async def test_a_body_left_early_closes_the_connection(transport: Transport, encoding: str, read: int) -> None:
    """It is not drained, nothing is left for the garbage collector to end, and reading on is an error."""
    pieces = [gzip.compress(b"x" * 100_000)] * 3 if encoding == "gzip" else [b"x" * 100] * 1000
    head = CHUNKED.replace(b"\r\n\r\n", f"\r\ncontent-encoding: {encoding}\r\n\r\n".encode())
    async with serve(once(head, *map(chunk, pieces))) as server:
        async with transport.open(post(server.url), PATIENT, ignore) as answered:
            for _ in range(read):
                await anext(aiter(answered))
        await server.idle()
        with pytest.raises(TransportError, match="not read to its end"):
            await anext(aiter(answered))
    del answered
    gc.collect()


async def test_the_body_s_exception_closes_the_connection(transport: Transport) -> None:
    """What the caller raises leaves unchanged."""
    async with serve(once(CHUNKED, chunk(b"one"))) as server:
        with pytest.raises(KeyError):  # noqa: PT012 -- leaving the context is what is tested
            async with transport.open(post(server.url), PATIENT, ignore) as answered:
                async for _ in answered:
                    raise KeyError
        await server.idle()


async def test_cancelled_between_chunks_closes_the_connection(transport: Transport) -> None:
    """A caller that goes away mid-stream leaves nothing open."""
    async with serve(once(CHUNKED, chunk(b"one"))) as server:
        with anyio.move_on_after(0.05) as scope:
            await exchange(transport, post(server.url))
        assert scope.cancelled_caught
        await server.idle()


async def test_closing_ends_idle_and_busy_connections(transport: Transport) -> None:
    """An exchange under way breaks, a new one is refused with nothing sent, and closing repeats."""
    async with serve(once(CHUNKED, chunk(b"one"))) as server:
        async with transport.open(post(server.url), PATIENT, ignore) as answered:
            await anext(aiter(answered))
            await transport.aclose()
            with pytest.raises(TransportError, match="read"):
                await anext(aiter(answered))
        await server.idle()
        await transport.aclose()
        assert await fault(transport, post(server.url)) == ("connect", Reached.NO, "the transport is closed")


async def test_a_request_that_ends_after_closing_keeps_nothing(transport: Transport) -> None:
    """A connection that was being opened when the transport closed does not outlive its request."""
    async with serve(always(answer())) as server:
        async with transport.open(post(server.url), PATIENT, partial(forget, transport)) as answered:
            assert answered.status == 200
            assert [piece async for piece in answered] == [b"{}"]
        await server.idle()


async def test_connections_send_at_once(transport: Transport) -> None:
    """TCP_NODELAY is set by each client on each event loop."""
    async with (
        serve(once(CHUNKED)) as server,
        transport.open(post(server.url), PATIENT, ignore) as answered,
    ):
        assert socket_of(answered).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_hundred_at_once(transport: Transport) -> None:
    """The pool never queues: a hundred requests are under way together."""
    together = anyio.Event()
    here = 0

    async def script(peer: Peer) -> None:
        nonlocal here
        await peer.request()
        here += 1
        if here == 100:
            together.set()
        await together.wait()
        await peer.send(answer())
        await peer.gone()

    async with serve(script) as server, anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(exchange, transport, post(server.url))


async def test_debug_logs_hold_no_secret(client: str, transport: Transport, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG the clients' core quotes rejected headers and answers; what is left is the event's name."""
    caplog.set_level(logging.DEBUG)
    echo = answer(b"{}", "200 OK", f"x-echo: {SECRET}")
    async with serve(always(echo)) as server:
        await exchange(transport, post(f"{server.url}?key={SECRET}"))
        await fault(transport, post(server.url, b"{}", ("x-key", f"\n{SECRET}")))
    async with serve(once(f"{SECRET}\r\n\r\n".encode())) as server:
        await fault(transport, post(server.url))
    if client != "lean":  # which logs nothing
        assert "send_request_headers.failed" in caplog.messages
        assert "receive_response_headers.failed" in caplog.messages
    assert SECRET not in caplog.text
