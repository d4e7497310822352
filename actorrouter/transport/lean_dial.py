"""Connections of the lean client: TCP on a socket of our own, or what somebody else dialled.

A socket of our own, because a stream of the event loop reads ahead: what came unasked would be hidden until it is taken
for the next answer.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import select
import socket
import threading
from contextlib import suppress
from typing import Any, Final, Protocol

import anyio
from anyio.abc import ByteStream, SocketAttribute

READ_BYTES: Final = 64 * 1024
STAGGER_S: Final = 0.25
"""The connection attempt delay of RFC 8305."""

ADDRESSES_MAX: Final = 16


class Link(Protocol):
    """A connection. One task sends, then the same one receives."""

    def begin(self, request: bytes) -> bool:
        """Send without waiting; True: all of it has gone. Raises OSError, when nothing has gone."""

    async def flush(self) -> None:
        """Send the rest. Raises what `phases.LOST` names."""

    async def receive(self) -> bytes:
        """What has come, b"" at the end. Always a checkpoint. Raises what `phases.LOST` names."""

    def take(self) -> bytes | None:
        """What has come, b"" at the end, without waiting for it; None: nothing. Raises like `receive`."""

    def ended(self) -> bool:
        """Whether the other side has closed it, or sent what nobody asked for."""

    async def aclose(self) -> None:
        """Close it. Repeats change nothing. Whoever receives gets ClosedResourceError."""


class _Buffer(threading.local):
    """What a read fills before its bytes are copied out: to allocate as much each time costs more than the copy."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(READ_BYTES))


_BUFFER: Final = _Buffer()


class TcpLink:
    """A connected socket that does not block."""

    __slots__ = ("_poll", "_rest", "socket")

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._rest = memoryview(b"")
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    def begin(self, request: bytes) -> bool:
        """See the port."""
        try:
            sent = self.socket.send(request)
        except BlockingIOError:
            sent = 0
        self._rest = memoryview(request)[sent:]
        return not self._rest

    async def flush(self) -> None:
        """See the port."""
        while self._rest:
            await anyio.wait_writable(self._open())
            with suppress(BlockingIOError):
                self._rest = self._rest[self.socket.send(self._rest) :]

    async def receive(self) -> bytes:
        """See the port."""
        while True:
            await anyio.wait_readable(self._open())
            received = self.take()
            if received is not None:
                return received

    def take(self) -> bytes | None:
        """See the port."""
        view = _BUFFER.view
        try:
            return bytes(view[: self.socket.recv_into(view)])
        except BlockingIOError:
            return None

    def _open(self) -> socket.socket:
        if self.socket.fileno() < 0:
            raise anyio.ClosedResourceError
        return self.socket

    def ended(self) -> bool:
        """See the port."""
        return self.socket.fileno() < 0 or bool(self._poll.poll(0))

    async def aclose(self) -> None:
        """Never suspends."""
        if self.socket.fileno() >= 0:
            anyio.notify_closing(self.socket)
            self.socket.close()


class DialledLink:
    """A connection that somebody else opened."""

    __slots__ = ("_rest", "_stream")

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._rest = b""

    def begin(self, request: bytes) -> bool:
        """Nothing can go without waiting."""
        self._rest = request
        return False

    async def flush(self) -> None:
        """See the port."""
        rest, self._rest = self._rest, b""
        if rest:
            await self._stream.send(rest)

    async def receive(self) -> bytes:
        """See the port."""
        try:
            return await self._stream.receive(READ_BYTES)
        except anyio.EndOfStream:
            return b""

    def take(self) -> bytes | None:
        """A stream cannot be asked that; `ended` can."""
        return None

    def ended(self) -> bool:
        """Ask the stream, or the socket it is on. One that cannot be asked is not used again."""
        told: Any = getattr(self._stream, "ended", None)
        if told is not None:
            return bool(told())
        raw: Any = self._stream.extra(SocketAttribute.raw_socket, None)  # noqa: S610 -- not Django's
        if raw is None or raw.fileno() < 0:
            return True
        poll = select.poll()  # `select` takes no descriptor above 1023
        poll.register(raw.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    async def aclose(self) -> None:
        """See the port."""
        await self._stream.aclose()


async def tcp(host: str, port: int) -> TcpLink:
    """Connect to whichever of the host's addresses answers first (RFC 8305). Raises OSError."""
    addresses = await _resolved(host, port)
    if len(addresses) == 1:
        return await _connected(*addresses[0])
    return await _Race(addresses).won()


Address = tuple[int, tuple[Any, ...]]


async def _resolved(host: str, port: int) -> list[Address]:
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return _alternating([(int(family), address) for family, _, _, _, address in found][:ADDRESSES_MAX])
    return [(family, (host, port))]


def _alternating(addresses: list[Address]) -> list[Address]:
    """Families take turns, the resolver's first choice first."""
    if not addresses:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    first = [address for address in addresses if address[0] == addresses[0][0]]
    other = [address for address in addresses if address[0] != addresses[0][0]]
    paired = [address for pair in zip(first, other, strict=False) for address in pair]
    return paired + first[len(other) :] + other[len(first) :]


async def _connected(family: int, address: tuple[Any, ...]) -> TcpLink:
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = connecting.connect_ex(address)
        if code == errno.EINPROGRESS:
            await anyio.wait_writable(connecting)
            code = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    except BaseException:
        connecting.close()
        raise
    if code:
        connecting.close()
        raise OSError(code, os.strerror(code))
    return TcpLink(connecting)


class _Race:
    """Attempts one after the other, each given a moment or the failure of the one before; the first to connect wins."""

    def __init__(self, addresses: list[Address]) -> None:
        self._addresses = addresses
        self._faults: list[OSError] = []
        self._link: TcpLink | None = None

    async def won(self) -> TcpLink:
        try:
            async with anyio.create_task_group() as attempts:
                for address in self._addresses:
                    failed = anyio.Event()
                    attempts.start_soon(self._attempt, address, failed, attempts.cancel_scope)
                    with anyio.move_on_after(STAGGER_S):
                        await failed.wait()
        except BaseException:
            if self._link is not None:
                await self._link.aclose()
            raise
        if self._link is None:
            raise self._faults[-1]
        return self._link

    async def _attempt(self, address: Address, failed: anyio.Event, scope: anyio.CancelScope) -> None:
        try:
            link = await _connected(*address)
        except OSError as fault:
            self._faults.append(fault)
            failed.set()
            return
        if self._link is None:
            self._link = link
            scope.cancel()
        else:
            await link.aclose()
