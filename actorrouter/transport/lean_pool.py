"""Connections between two requests: which is used next, how long one is kept, and that each ends."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from itertools import islice
from typing import Final

import anyio
from anyio.lowlevel import RunVar

from actorrouter.transport.lean_dial import Link, TcpLink

KEEPALIVE_MAX: Final = 64
KEEPALIVE_S: Final = 4.0
"""Less than the 5 s after which uvicorn and Node hang up: to write while they do is an outcome nobody can know."""

CLOSE_S: Final = 1.0
SWEPT_AT_ONCE: Final = 2
"""Pools looked at for each connection that is opened. Two, so that fewer stay warm than twice what is in use."""

Origin = tuple[bool, str, int]
"""Whether over TLS, host, port."""


_WARM: Final[RunVar[OrderedDict[Pool, None]]] = RunVar("lean_warm")
"""The event loop's pools that have opened a connection, whoever was looked at longest ago first."""


class Pool:
    """Every open connection is in `busy` or in `idle`, the one used last at the end, where the next is taken."""

    __slots__ = ("busy", "closed", "idle")

    def __init__(self) -> None:
        self.idle: list[tuple[Link, Origin, float]] = []
        self.busy: set[Link] = set()
        self.closed = False

    def newest(self, origin: Origin, now: float) -> Link | None:
        """The connection used last, if it serves at once; else see `kept`."""
        if not self.idle:
            return None
        link, of, until = self.idle[-1]
        if of != origin or until <= now or link.ended():
            return None
        self.idle.pop()
        self.busy.add(link)
        return link

    async def kept(self, origin: Origin, now: float) -> Link | None:
        """A connection to use once more, or None. What has ended or is too old is closed on the way."""
        for entry in reversed(self.idle.copy()):
            link, of, until = entry
            if of != origin or entry not in self.idle:
                continue
            self.idle.remove(entry)
            if until > now and not link.ended():
                self.busy.add(link)
                return link
            await quietly_close(link)
        return None

    def keep(self, link: Link, origin: Origin) -> bool:
        """Keep it for its origin. False: it cannot be, or others must go first; see `release`."""
        now = anyio.current_time()
        if self.closed or len(self.idle) >= KEEPALIVE_MAX or (self.idle and self.idle[0][2] <= now):
            return False
        self.busy.discard(link)
        self.idle.append((link, origin, now + KEEPALIVE_S))
        return True

    async def release(self, link: Link, origin: Origin | None) -> None:
        """An exchange is over. `origin`: what the connection is kept for; None: close it."""
        self.busy.discard(link)
        if origin is None or self.closed:
            await quietly_close(link)
            return
        now = anyio.current_time()
        self.idle.append((link, origin, now + KEEPALIVE_S))
        while self.idle and (self.idle[0][2] <= now or len(self.idle) > KEEPALIVE_MAX):
            await quietly_close(self.idle.pop(0)[0])

    async def sweep(self, now: float) -> None:
        """A connection is about to be opened here: close those of others that are too old. A key that is not used again
        would keep its own for ever, and a process has only so many sockets."""
        warm = _WARM.get(None)
        if warm is None:
            _WARM.set(warm := OrderedDict())
        for pool in list(islice(warm, SWEPT_AT_ONCE)):
            if pool not in warm:  # somebody else was as quick
                continue
            warm.move_to_end(pool)
            while pool.idle and pool.idle[0][2] <= now:
                await quietly_close(pool.idle.pop(0)[0])
            if not pool.idle and not pool.busy:
                warm.pop(pool, None)
        warm[self] = None

    async def aclose(self) -> None:
        """See the port."""
        self.closed = True
        warm = _WARM.get(None)
        if warm is not None:
            warm.pop(self, None)
        links = [*self.busy, *(link for link, _, _ in self.idle)]
        self.busy.clear()
        self.idle.clear()
        for link in links:
            await quietly_close(link)


async def quietly_close(link: Link) -> None:
    """Close it, cancelled or not; one that takes long is left to itself."""
    if isinstance(link, TcpLink):
        await link.aclose()
        return
    with anyio.move_on_after(CLOSE_S, shield=True), suppress(Exception):
        await link.aclose()
