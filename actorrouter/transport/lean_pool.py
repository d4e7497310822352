"""Connections between two requests: which is used next, how long one is kept, and that each ends."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Final

import anyio

from actorrouter.transport.lean_dial import Link, TcpLink

KEEPALIVE_MAX: Final = 64
KEEPALIVE_S: Final = 4.0
"""Less than the 5 s after which uvicorn and Node hang up: to write while they do is an outcome nobody can know."""

CLOSE_S: Final = 1.0

Origin = tuple[bool, str, int]
"""Whether over TLS, host, port."""


class Pool:
    """Every open connection is in `busy` or in `idle`, the one used last at the end, where the next is taken."""

    __slots__ = ("busy", "closed", "idle")

    def __init__(self) -> None:
        self.idle: deque[tuple[Link, Origin, float]] = deque()
        self.busy: set[Link] = set()
        self.closed = False

    async def kept(self, origin: Origin, now: float) -> Link | None:
        """A connection to use once more, or None. What has ended or is too old is closed on the way."""
        link = None
        while self.idle and link is None:
            link, of, until = self.idle.pop()
            if of != origin or until <= now or link.ended():
                ended, link = link, None
                await quietly_close(ended)
        if link is not None:
            self.busy.add(link)
        return link

    async def release(self, link: Link, origin: Origin | None) -> None:
        """An exchange is over. `origin`: what the connection is kept for; None: close it."""
        self.busy.discard(link)
        if origin is None or self.closed:
            await quietly_close(link)
            return
        now = anyio.current_time()
        self.idle.append((link, origin, now + KEEPALIVE_S))
        while self.idle[0][2] <= now or len(self.idle) > KEEPALIVE_MAX:
            await quietly_close(self.idle.popleft()[0])

    async def aclose(self) -> None:
        """See the port."""
        self.closed = True
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
