"""The lean client's own: which connection is used, what is kept, and what is told when it ends."""

from __future__ import annotations

import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from actorrouter.transport import connect, lean_pool
from actorrouter.transport.lean import LeanTransport
from actorrouter.transport.lean_pool import KEEPALIVE_MAX, KEEPALIVE_S
from actorrouter.transport.port import Reached
from actorrouter.values import HttpRequest
from tests.transport.exchanges import PATIENT, exchange, fault, ignore, post
from tests.transport.server import CHUNKED, Peer, always, answer, ending, once, serve

pytestmark = pytest.mark.anyio
NO, MAYBE, YES = Reached
CLOSED = "the server closed the connection without an answer"


@pytest.fixture
def client() -> str:
    return "lean"


@pytest.fixture
async def transport(transport: Any) -> AsyncIterator[LeanTransport]:
    assert isinstance(transport, LeanTransport)
    yield transport
    assert transport.busy == set()  # whatever a test did


def get(url: str, method: str = "GET") -> HttpRequest:
    return HttpRequest(method, url, (), b"")


# ------------------------------------------------------------------------------------------------------ which is used


async def test_the_connection_used_last_is_used_first(transport: LeanTransport) -> None:
    """So that those not needed grow old."""
    async with serve(always(answer())) as server:
        async with transport.open(post(server.url), PATIENT, ignore) as one:
            async with transport.open(post(server.url), PATIENT, ignore) as two:
                pass  # their bodies came with their heads: both are free
            del one, two
        assert server.accepted == 1
        await together(transport, server.url, 3)
        last = transport.idle[-1][0]
        await exchange(transport, post(server.url))
        assert transport.idle[-1][0] is last
        assert len(transport.idle) == server.accepted


async def together(transport: LeanTransport, url: str, count: int) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(exchange, transport, post(url))


async def test_no_more_are_kept_than_the_bound(transport: LeanTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go."""
    monkeypatch.setattr(lean_pool, "KEEPALIVE_MAX", 2)
    gate = anyio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await gate.wait()
        await peer.send(answer())
        await peer.gone()

    async with serve(script) as server, anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(exchange, transport, post(server.url))
        while server.accepted < 5:
            await checkpoint()
        gate.set()
    assert KEEPALIVE_MAX > 2
    assert len(transport.idle) == 2


async def test_one_kept_too_long_is_not_used(transport: LeanTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server may be about to hang up: it is closed and a new one opened."""
    async with serve(always(answer())) as server:
        await exchange(transport, post(server.url))
        monkeypatch.setattr(anyio, "current_time", later(anyio.current_time, KEEPALIVE_S))
        await exchange(transport, post(server.url))
        assert server.accepted == 2
        assert len(transport.idle) == 1


def later(clock: Callable[[], float], seconds: float) -> Callable[[], float]:
    return lambda: clock() + seconds


async def test_what_others_keep_too_long_is_closed(transport: LeanTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many keys, each used once: what stays open is bounded by what is in use, not by the number of keys."""
    clock = anyio.current_time
    others = [connect("lean") for _ in range(12)]
    async with serve(always(answer())) as server:
        for index, other in enumerate(others):
            monkeypatch.setattr(anyio, "current_time", later(clock, index * KEEPALIVE_S))
            await exchange(other, post(server.url))
            kept = [link for each in others if isinstance(each, LeanTransport) for link, _, _ in each.idle]
            assert len(kept) == 1
        monkeypatch.setattr(anyio, "current_time", clock)
        for other in others:
            await other.aclose()
        assert not lean_pool._WARM.get()


async def test_another_origin_has_other_connections(transport: LeanTransport) -> None:
    """By scheme, host and port."""
    async with serve(always(answer())) as one, serve(always(answer())) as two:
        for server in (one, two, one, two):
            assert await exchange(transport, post(server.url)) == (200, b"{}")
        assert (one.accepted, two.accepted) == (1, 1)


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", id="an answer"),
        pytest.param(b"x", id="a byte"),
        pytest.param(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n", id="a goodbye"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_what_nobody_asked_for_is_never_an_answer(transport: LeanTransport, extra: bytes, at_once: bool) -> None:
    """Whether it comes with the answer before or after it."""
    said, read = anyio.Event(), anyio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        if server.accepted == 1:
            await peer.send(*([answer() + extra] if at_once else [answer()]))
            await read.wait()
            await peer.send(*([] if at_once else [extra]))
            said.set()
            await peer.gone()
        await peer.send(answer(b"asked for"))

    async with serve(script) as server:
        assert await exchange(transport, post(server.url)) == (200, b"{}")
        read.set()
        await said.wait()
        assert await exchange(transport, post(server.url)) == (200, b"asked for")
        assert server.accepted == 2


async def test_a_request_that_asks_for_the_end_is_the_last(transport: LeanTransport) -> None:
    """`connection: close`, whatever the server answers."""
    async with serve(always(answer())) as server:
        await exchange(transport, post(server.url, b"{}", ("Connection", "close")))
        assert not transport.idle
        await server.idle()


# ------------------------------------------------------------------------------------------------------- what is told


async def test_a_dead_connection_that_takes_no_byte_was_not_reached(
    transport: LeanTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed after it was looked at and before a byte was taken: surely nothing arrived, and nothing is repeated."""
    async with serve(ending(answer(), reset=True)) as server:
        await exchange(transport, post(server.url))
        await server.idle()
        link: Any = transport.idle[-1][0]
        monkeypatch.setattr(type(link), "ended", lambda _: False)
        link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        told: list[None] = []
        kind, reached, _ = await fault(transport, post(server.url), on_written=lambda: told.append(None))
        assert (kind, reached, told) == ("write", NO, [])
        assert server.accepted == 1


async def test_an_answer_before_the_whole_request(transport: LeanTransport) -> None:
    """A server that refuses early and hangs up is heard, and its connection not used again."""

    async def script(peer: Peer) -> None:
        await peer.stream.receive()
        await peer.send(answer(b"too large", "413 Content Too Large"))
        raw: Any = peer.stream.extra(anyio.abc.SocketAttribute.raw_socket)  # noqa: S610 -- not Django's
        raw.shutdown(socket.SHUT_RD)
        await peer.gone()

    async with serve(script) as server:
        status, _ = await exchange(transport, post(server.url, b"x" * 200_000))
        assert status == 413


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"),
    ],
)
async def test_answers_without_a_body(transport: LeanTransport, method: str, head: bytes) -> None:
    """End with their head, and leave the connection usable."""
    async with serve(always(head)) as server:
        for _ in range(2):
            assert (await exchange(transport, get(server.url, method)))[1] == b""
        assert server.accepted == 1


async def test_an_upgrade_is_a_fault(transport: LeanTransport) -> None:
    """Nobody asked for another protocol."""
    head = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    async with serve(once(head)) as server:
        assert await fault(transport, get(server.url)) == ("protocol", YES, "malformed answer")
        await server.idle()


@pytest.mark.parametrize("encoding", ["br", "zstd"])
async def test_an_encoding_nobody_asked_for(transport: LeanTransport, encoding: str) -> None:
    """Is a protocol error, and the connection is closed."""
    async with serve(once(answer(b"\x1b\x03\x00", "200 OK", f"content-encoding: {encoding}"))) as server:
        expected = ("protocol", YES, "the body cannot be decompressed")
        assert await fault(transport, get(server.url)) == expected
        await server.idle()


async def test_a_bomb_leaves_others_their_turn(transport: LeanTransport) -> None:
    """Between its pieces, though all of it came at once."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await checkpoint()
            turns += 1

    bomb = answer(gzip.compress(bytes(2_000_000)), "200 OK", "content-encoding: gzip")
    async with serve(once(bomb)) as server, anyio.create_task_group() as tasks:
        tasks.start_soon(others)
        async with transport.open(get(server.url), PATIENT, ignore) as response:
            seen = [turns async for _ in response]
        tasks.cancel_scope.cancel()
    assert len(seen) > 30
    assert len(set(seen)) > 15  # trio takes the two in any order


async def test_a_packed_body_cut_short_is_no_success(transport: LeanTransport) -> None:
    """Also where the framing is whole."""
    packed = gzip.compress(b"x" * 1000)[:-4]
    async with serve(once(answer(packed, "200 OK", "content-encoding: gzip"))) as server:
        assert await fault(transport, get(server.url)) == ("protocol", YES, "the body cannot be decompressed")
        await server.idle()


async def test_closing_while_connecting_and_while_waiting(transport: LeanTransport) -> None:
    """Whoever waits is told at once."""
    faults: list[tuple[str, Reached, str]] = []

    async def one(url: str) -> None:
        faults.append(await fault(transport, post(url)))

    async with serve(lambda peer: peer.gone()) as server, anyio.create_task_group() as tasks:
        tasks.start_soon(one, server.url)
        while not transport.busy:
            await checkpoint()
        tasks.start_soon(one, server.url)
        await checkpoint()
        await transport.aclose()
    assert sorted(kind for kind, _, _ in faults) in (["connect", "read"], ["read", "read"], ["connect", "connect"])
    assert YES not in [reached for _, reached, _ in faults]


# --------------------------------------------------------------------------------------------------------- cancelling


class CancelledHere(BaseException):
    """Stands for whatever ends a task from outside."""


async def in_pieces(peer: Peer) -> None:
    while True:
        await peer.request()
        await peer.send(CHUNKED, b"3\r\none\r\n", b"3\r\ntwo\r\n0\r\n\r\n", pause_s=0.001)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_broken_off_at_every_await(
    client: str, trusting: Any, authority: Any, secure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever suspension a cancellation strikes, before or after what it waited for: no connection is open or kept
    that is not idle, and the next exchange succeeds. Enumerated until an exchange has no more."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)
    struck = Striking(monkeypatch)
    async with serve(in_pieces, tls if secure else None) as server:
        for after in (False, True):
            for point in range(1, 100):
                transport = connect(client, ssl_context=trusting)
                assert isinstance(transport, LeanTransport)
                struck.at(point, after=after)
                try:
                    await exchange(transport, post(server.url))
                except CancelledHere:
                    assert transport.busy == set()
                    struck.at(0)
                    assert await exchange(transport, post(server.url)) == (200, b"onetwo")
                    assert len(transport.idle) == 1
                    await transport.aclose()
                    await server.idle()
                    continue
                await transport.aclose()
                break
            assert 4 < point < 99
    assert struck.names == {"getaddrinfo", "wait_writable", "wait_readable"}


class Striking:
    """Raises in the n-th of anyio's waits that the lean client makes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: set[str] = set()
        self._left, self._after = 0, False
        for name in ("getaddrinfo", "wait_writable", "wait_readable"):
            monkeypatch.setattr(anyio, name, self._wrapped(name, getattr(anyio, name)))

    def at(self, point: int, *, after: bool = False) -> None:
        self._left, self._after = point, after

    def _wrapped(self, name: str, wait: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            strikes = self._left == 0
            if strikes:
                self.names.add(name)
            if strikes and not self._after:
                raise CancelledHere
            got = await wait(*args, **kwargs)
            if strikes:
                raise CancelledHere
            return got

        return wrapped


async def test_a_resolver_without_an_address(transport: LeanTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to connect to."""

    async def nobody(*_: object, **__: object) -> list[Any]:
        return []

    monkeypatch.setattr(anyio, "getaddrinfo", nobody)
    expected = ("connect", NO, "cannot assign requested address")
    assert await fault(transport, get("http://provider.invalid/")) == expected
