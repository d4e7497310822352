"""A server on loopback that says exactly the bytes a test's script says."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSStream

BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, ssl.SSLError)


class Peer:
    """The server's end of one connection."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self._received = bytearray()

    async def request(self) -> bytes:
        """The next request, head and body, as it came. Raises EndOfStream when there is none."""
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            self._received += await self.stream.receive()
        total = end + 4 + _content_length(bytes(self._received[:end]))
        while len(self._received) < total:
            self._received += await self.stream.receive()
        request = bytes(self._received[:total])
        del self._received[:total]
        return request

    async def send(self, *pieces: bytes, pause_s: float = 0) -> None:
        for piece in pieces:
            await self.stream.send(piece)
            if pause_s:
                await anyio.sleep(pause_s)

    async def gone(self) -> None:
        """Wait until the client has closed."""
        try:
            while True:
                await self.stream.receive()
        except BROKEN:
            return

    def reset(self) -> None:
        """Make closing send a reset."""
        raw = self.stream.extra(SocketAttribute.raw_socket)  # noqa: S610 -- not Django's
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


Script = Callable[[Peer], Awaitable[None]]


class Server:
    """`url` to send to, `accepted` connections so far, `connected` ones now."""

    def __init__(self, port: int, *, tls: bool) -> None:
        self.port = port
        self.url = f"{'https' if tls else 'http'}://localhost:{port}/v1/chat"
        self.accepted = 0
        self.connected = 0
        self._left = anyio.Event()

    def enter(self) -> None:
        self.accepted += 1
        self.connected += 1

    def leave(self) -> None:
        self.connected -= 1
        self._left.set()
        self._left = anyio.Event()

    async def idle(self) -> None:
        """Wait until every connection is closed; one that stays open fails the test."""
        with anyio.fail_after(2):
            while self.connected:
                await self._left.wait()


@asynccontextmanager
async def serve(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Run `script` for every connection; its end closes the connection."""
    plain = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = plain.extra(SocketAttribute.local_port)  # noqa: S610 -- not Django's
    server = Server(port, tls=tls is not None)

    async def handle(stream: ByteStream) -> None:
        server.enter()
        try:
            async with stream:
                await script(Peer(stream if tls is None else await _secured(stream, tls)))
        except BROKEN:
            pass
        finally:
            server.leave()

    async with plain, anyio.create_task_group() as tasks:
        tasks.start_soon(plain.serve, handle)
        yield server
        tasks.cancel_scope.cancel()


async def _secured(stream: ByteStream, tls: ssl.SSLContext) -> ByteStream:
    return await TLSStream.wrap(stream, server_side=True, ssl_context=tls, standard_compatible=False)


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", *headers, f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


def always(*pieces: bytes) -> Script:
    """Answer every request of a connection with these bytes."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(*pieces)

    return script


def once(*pieces: bytes, pause_s: float = 0) -> Script:
    """Answer one request, then keep the connection until the client closes it."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(*pieces, pause_s=pause_s)
        await peer.gone()

    return script


def ending(*pieces: bytes, reset: bool = False) -> Script:
    """Answer one request, then close the connection."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(*pieces)
        if reset:
            peer.reset()

    return script
