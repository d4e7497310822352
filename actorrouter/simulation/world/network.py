"""Connections in memory between the router and the simulated providers: bytes that take their time, in virtual time.

Each connection has two ends; what is sent into one arrives at the other a transit time later, in order. Nobody can tell
them from TCP but by their speed: they end, break and fall silent as sockets do.
"""

from __future__ import annotations

import socket
import ssl
import weakref
from collections import deque
from typing import Final

import anyio
from anyio.abc import ByteStream, TaskGroup

from actorrouter.simulation.providers.endpoints import Site
from actorrouter.simulation.world.truth import host_of
from actorrouter.simulation.world.upstream import Upstream
from actorrouter.values import INF

_UNREAD_MAX: Final = 1 << 20


class Lane:
    """One direction. Bytes become readable when their instant has come."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._unread = 0
        self.ends_at = INF
        self.broken = False
        self._unheard = False
        self._changed = anyio.Event()
        self._last = 0.0

    def _tell(self) -> None:
        told, self._changed = self._changed, anyio.Event()
        told.set()

    def put(self, at: float, piece: bytes) -> None:
        """Bytes that arrive at `at`, or after what was sent before."""
        self._last = max(at, self._last)
        if self.broken or self._unheard:
            return
        self._pieces.append((self._last, piece))
        self._unread += len(piece)
        self._tell()

    def end(self, at: float) -> None:
        """No more comes after `at`."""
        if self.ends_at == INF:
            self.ends_at = max(at, self._last)
            self._tell()

    def cut(self) -> None:
        """It is over at once; what was under way is lost."""
        self.broken = True
        self._pieces.clear()
        self._unread = 0
        self._tell()

    def leave(self) -> None:
        """Nobody reads any more: what comes is dropped, and whoever sends need not wait."""
        self._unheard = True
        self._pieces.clear()
        self._unread = 0
        self._tell()

    @property
    def full(self) -> bool:
        """Whoever reads is slow: whoever sends has to wait."""
        return self._unread > _UNREAD_MAX

    async def changed(self) -> None:
        """Until something was put, taken or ended."""
        await self._changed.wait()

    def readable(self, now: float) -> bool:
        """Bytes or the end are there."""
        return self.broken or now >= self.ends_at or bool(self._pieces and self._pieces[0][0] <= now)

    async def take(self, most: int) -> bytes:
        """The next bytes. Raises EndOfStream, BrokenResourceError."""
        while True:
            now = anyio.current_time()
            if self.broken:
                raise anyio.BrokenResourceError
            if self._pieces and self._pieces[0][0] <= now:
                return self._first(most)
            due = self._pieces[0][0] if self._pieces else self.ends_at
            if due <= now:
                raise anyio.EndOfStream
            with anyio.CancelScope(deadline=due):
                await self._changed.wait()

    def _first(self, most: int) -> bytes:
        at, piece = self._pieces.popleft()
        taken, rest = piece[:most], piece[most:]
        if rest:
            self._pieces.appendleft((at, rest))
        was_full = self.full
        self._unread -= len(taken)
        if was_full:
            self._tell()
        return taken


class End(ByteStream):
    """One end of a connection. `deaf`: nothing that is sent arrives."""

    def __init__(self, network: Network, incoming: Lane, outgoing: Lane) -> None:
        self._network = network
        self._incoming, self._outgoing = incoming, outgoing
        self._closed = False
        self.deaf = False

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        await anyio.lowlevel.checkpoint()
        if self._closed:
            raise anyio.ClosedResourceError
        return await self._incoming.take(max_bytes)

    async def send(self, item: bytes) -> None:
        await anyio.lowlevel.checkpoint()
        if self._closed:
            raise anyio.ClosedResourceError
        while self._outgoing.full:
            await self._outgoing.changed()
        if self._outgoing.broken or self._incoming.broken:
            raise anyio.BrokenResourceError
        if not self.deaf:
            self._outgoing.put(anyio.current_time() + self._network.upstream.transit_s(), bytes(item))

    async def send_eof(self) -> None:
        self._outgoing.end(anyio.current_time())

    async def aclose(self) -> None:
        self.shut()
        await anyio.lowlevel.checkpoint()

    def shut(self) -> None:
        """Close it, at once."""
        if not self._closed:
            self._closed = True
            self._outgoing.end(anyio.current_time())
            self._incoming.leave()

    def cut(self) -> None:
        """Break it in both directions."""
        self._incoming.cut()
        self._outgoing.cut()

    def ended(self) -> bool:
        """See `transport.port.Dialled`."""
        return self._incoming.readable(anyio.current_time())

    def __del__(self) -> None:
        """Dropped unclosed: as the collector closes a socket."""
        if not self._closed:
            self._closed = True
            self._outgoing.cut()
            self._incoming.leave()


class Network:
    """Answers `dial` with connections to the sites named in the URL's host: see `host_of`."""

    def __init__(self, upstream: Upstream, sites: dict[str, Site], group: TaskGroup) -> None:
        self.upstream = upstream
        self._sites = {host_of(name).lower(): (name, site) for name, site in sites.items()}
        self._group = group
        self._open: dict[int, weakref.ref[End]] = {}
        """Weak: an end that its owner drops is to be noticed."""
        self.dialled = 0

    async def dial(self, host: str, _port: int) -> ByteStream:
        """Open a connection, unless a trouble is on the wire. Raises OSError."""
        name, site = self._sites[host.lower()]
        upstream, now = self.upstream, anyio.current_time()
        self.dialled += 1
        fault, cut = upstream.dial_fault(name, now), upstream.cut(name, now)
        await anyio.sleep(upstream.transit_s())
        if fault in _FAILURES:
            kind, said = _FAILURES[fault]
            raise kind(said)
        there, back = Lane(), Lane()
        ours, theirs = End(self, back, there), End(self, there, back)
        theirs.deaf = fault == "silent"
        self._open[self.dialled] = weakref.ref(ours)
        self._group.start_soon(self._serve, site, self.dialled, theirs)
        if cut is not None:
            self._group.start_soon(self._cut, theirs, cut.amount)
        return ours

    async def _serve(self, site: Site, number: int, theirs: End) -> None:
        try:
            await site.converse(theirs)
        finally:
            self._open.pop(number, None)

    async def _cut(self, end: End, after_s: float) -> None:
        await anyio.sleep(after_s)
        end.cut()

    def cut_all(self) -> None:
        """Every connection breaks: our process has died."""
        for known in list(self._open.values()):
            if (end := known()) is not None:
                end.cut()


_FAILURES: Final[dict[str | None, tuple[type[OSError], str]]] = {
    "refused": (ConnectionRefusedError, "simulated"),
    "dns": (socket.gaierror, "simulated"),
    "tls": (ssl.SSLError, "simulated"),
}
