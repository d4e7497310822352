"""Connecting: the first address to answer wins, whatever the others do; and connections that somebody else dialled."""

from __future__ import annotations

import fcntl
import resource
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
import trustme
from anyio.abc import ByteStream, SocketAttribute

from actorrouter.transport import connect, lean_dial
from actorrouter.transport.lean import LeanTransport
from actorrouter.transport.lean_dial import DialledLink
from actorrouter.transport.port import Reached
from tests.transport.exchanges import exchange, fault, post
from tests.transport.server import CHUNKED, always, answer, chunk, ending, once, serve

pytestmark = pytest.mark.anyio
NO, MAYBE, YES = Reached
V4, V6 = int(socket.AF_INET), int(socket.AF_INET6)


class Deaf:
    """An address that neither answers nor refuses: a listener whose queue is full."""

    def __enter__(self) -> tuple[str, int]:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self._callers = []
        for _ in range(3):
            caller = socket.socket()
            caller.setblocking(False)
            caller.connect_ex(self._listener.getsockname())
            self._callers.append(caller)
        host, port = self._listener.getsockname()
        return host, port

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._callers):
            each.close()


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    async def found(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]

    monkeypatch.setattr(anyio, "getaddrinfo", found)


def refusing() -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
    return host, port


async def test_the_next_address_is_tried_at_once_after_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without waiting out the stagger."""
    monkeypatch.setattr(lean_dial, "STAGGER_S", 60)
    async with serve(always(answer())) as server:
        resolving(monkeypatch, refusing(), refusing(), ("127.0.0.1", server.port))
        with anyio.fail_after(2):
            await (await lean_dial.tcp("provider.invalid", 80)).aclose()


async def test_a_silent_address_does_not_hold_up_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a moment the next is tried beside it, and the loser is closed."""
    monkeypatch.setattr(lean_dial, "STAGGER_S", 0.01)
    async with serve(always(answer())) as server:
        with Deaf() as deaf:
            resolving(monkeypatch, deaf, ("127.0.0.1", server.port))
            link = await lean_dial.tcp("provider.invalid", 80)
            assert link.socket.getpeername()[1] == server.port
            await link.aclose()


async def test_all_refusing_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one's words are told."""
    resolving(monkeypatch, refusing(), refusing())
    with pytest.raises(ConnectionRefusedError):
        await lean_dial.tcp("provider.invalid", 80)


async def test_broken_off_while_racing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every socket is closed: pytest would warn of one that is not."""
    monkeypatch.setattr(lean_dial, "STAGGER_S", 0.001)
    with Deaf() as deaf:
        resolving(monkeypatch, deaf, deaf)
        with anyio.move_on_after(0.05) as scope:
            await lean_dial.tcp("provider.invalid", 80)
        assert scope.cancelled_caught


def test_families_take_turns() -> None:
    """The resolver's first choice goes first; a family with more follows at the end."""
    given = [(V6, ("a",)), (V6, ("b",)), (V6, ("c",)), (V4, ("d",))]
    assert [address[0] for _, address in lean_dial._alternating(given)] == ["a", "d", "b", "c"]
    assert [address[0] for _, address in lean_dial._alternating(given[::-1])] == ["d", "c", "b", "a"]


async def test_an_address_is_not_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A literal goes straight to the socket."""
    monkeypatch.setattr(anyio, "getaddrinfo", None)
    async with serve(always(answer())) as server:
        await (await lean_dial.tcp("127.0.0.1", server.port)).aclose()


# ------------------------------------------------------------------------------------------------- dialled by others


class Stream(ByteStream):
    """A dialled connection that knows whether it has ended."""

    def __init__(self, inner: ByteStream) -> None:
        self.inner = inner
        self.is_over = False
        self.closed = False

    def ended(self) -> bool:
        return self.is_over

    async def send(self, item: bytes) -> None:
        await self.inner.send(item)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        return await self.inner.receive(max_bytes)

    async def send_eof(self) -> None:
        await self.inner.send_eof()

    async def aclose(self) -> None:
        self.closed = True
        await self.inner.aclose()


class Dialler:
    """Dials on loopback whatever host is asked for."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[tuple[str, int]] = []
        self.streams: list[Stream] = []

    async def __call__(self, host: str, port: int) -> ByteStream:
        self.asked.append((host, port))
        self.streams.append(Stream(await anyio.connect_tcp("127.0.0.1", self.port)))
        return self.streams[-1]


@pytest.fixture(params=["httpx", "httpx2", "lean"])
def client(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_a_dialled_connection_is_used_and_kept(
    client: str, trusting: ssl.SSLContext, authority: trustme.CA, secure: bool
) -> None:
    """In place of TCP, TLS on top; one that has ended is replaced. The family asks below TLS for its socket instead."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("provider.invalid").configure_cert(tls)
    async with serve(always(CHUNKED, chunk(b"{}"), b"0\r\n\r\n"), tls if secure else None) as server:
        dialler = Dialler(server.port)
        transport = connect(client, ssl_context=trusting, dial=dialler)
        request = post(f"{'https' if secure else 'http'}://provider.invalid/v1")
        for _ in range(2):
            assert await exchange(transport, request) == (200, b"{}")
        if client == "lean" or not secure:
            assert len(dialler.streams) == 1
        dialler.streams[-1].is_over = True
        opened = len(dialler.streams)
        assert await exchange(transport, request) == (200, b"{}")
        assert len(dialler.streams) == opened + 1
        assert set(dialler.asked) == {("provider.invalid", 443 if secure else 80)}
        await transport.aclose()
        assert all(stream.closed for stream in dialler.streams)


async def test_dialling_that_fails(client: str, trusting: ssl.SSLContext) -> None:
    """As a refused connection."""

    async def refused(_host: str, _port: int) -> ByteStream:
        raise ConnectionRefusedError(111, "x")

    transport = connect(client, ssl_context=trusting, dial=refused)
    assert await fault(transport, post("http://provider.invalid/")) == ("connect", NO, "connection refused")
    await transport.aclose()


async def test_a_dialled_connection_that_cannot_be_asked(trusting: ssl.SSLContext) -> None:
    """An anyio socket is asked by its socket; what has none is used once."""

    class Mute(Stream):
        ended = None  # type: ignore[assignment]

    async def plain(_host: str, _port: int) -> ByteStream:
        return await anyio.connect_tcp("127.0.0.1", server.port)

    async def mute(_host: str, _port: int) -> ByteStream:
        return Mute(await anyio.connect_tcp("127.0.0.1", server.port))

    async with serve(always(CHUNKED, chunk(b"{}"), b"0\r\n\r\n")) as server:
        for dial, accepted in ((plain, 1), (mute, 3)):
            transport = connect("lean", ssl_context=trusting, dial=dial)
            for _ in range(2):
                assert await exchange(transport, post("http://provider.invalid/")) == (200, b"{}")
            await transport.aclose()
            assert server.accepted == accepted


class OnSocket(ByteStream):
    """Only its socket can be asked for."""

    send = receive = send_eof = aclose = None  # type: ignore[assignment] # never called

    def __init__(self, raw: socket.socket) -> None:
        self.raw = raw

    @property
    def extra_attributes(self) -> dict[Any, Any]:
        return {SocketAttribute.raw_socket: lambda: self.raw}


@pytest.fixture
def high_descriptors() -> Iterator[int]:
    """The first number that `select` does not take, while descriptors may have it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard >= 1100, "ulimit -Hn: 1100 descriptors are needed"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1100), hard))
    yield 1024
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_asking_a_dialled_connection_of_a_high_number(high_descriptors: int) -> None:
    """`select` knows descriptors up to 1023; a process of many keys has more sockets."""
    left, right = socket.socketpair()
    high = fcntl.fcntl(left.fileno(), fcntl.F_DUPFD, high_descriptors)
    numbered = socket.socket(fileno=high)
    try:
        link = DialledLink(OnSocket(numbered))
        assert not link.ended()
        right.send(b"x")
        assert link.ended()
    finally:
        for each in (numbered, left, right):
            each.close()


async def test_a_dialled_connection_that_breaks(client: str, trusting: ssl.SSLContext) -> None:
    """Before the answer and in the body."""
    for script, expected in ((ending(), ("read", MAYBE)), (ending(CHUNKED, chunk(b"x")), ("read", YES))):
        async with serve(script) as server:
            dialler = Dialler(server.port)
            transport = connect(client, ssl_context=trusting, dial=dialler)
            assert (await fault(transport, post("http://provider.invalid/")))[:2] == expected
            await transport.aclose()
            assert dialler.streams[0].closed


async def test_a_dialled_connection_left_mid_answer_is_closed(trusting: ssl.SSLContext) -> None:
    """Cancelled or not."""
    async with serve(once(CHUNKED, chunk(b"x"))) as server:
        dialler = Dialler(server.port)
        transport = connect("lean", ssl_context=trusting, dial=dialler)
        assert isinstance(transport, LeanTransport)
        with anyio.move_on_after(0.05) as scope:
            await exchange(transport, post("http://provider.invalid/"))
        assert scope.cancelled_caught
        assert dialler.streams[0].closed
        assert transport.busy == set()
        await server.idle()
