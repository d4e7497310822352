"""Streams whose callers are gone without leaving them: dropped, and found by the garbage collector; or where they left,
nobody may wait for a connection to close.

A finalizer runs on whatever thread drops the last reference, at any moment. So it only hands the send over; the
router's loop settles it, with what was seen of it, and closes its connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from actorrouter.router.exchange import Exchange
from actorrouter.router.grants import Grant
from actorrouter.runtime.loop import Loop
from actorrouter.values import Outcome

_DROPPED, _LEFT = "its caller dropped the stream without leaving it", "caller went away"


class Abandoned:
    """Takes sends from finalizers. `count`: how many were dropped so far. Made on the loop that ends them."""

    def __init__(self, loop: Loop, settle: Callable[[Grant, Outcome], Any]) -> None:
        self._loop, self._settle = loop, settle
        self._soon = loop.caller()
        self._dropped: deque[tuple[Exchange, bool]] = deque()
        self._open: deque[Exchange] | None = None
        self._wake = loop.event()
        self._stopped = False
        self.count = 0

    def drop(self, exchange: Exchange, *, left: bool) -> None:
        """Any thread, any moment: have it settled and closed soon. `left`: it is none to count. Never raises."""
        self._dropped.append((exchange, left))
        with suppress(RuntimeError):  # the loop has ended, and with it whatever was open
            self._soon(self._end_all)

    def _end_all(self) -> None:
        while self._dropped and not self._stopped:
            exchange, left = self._dropped.popleft()
            self.count += not left
            self._settle(exchange.grant, exchange.cut(_LEFT if left else _DROPPED))
            if self._open is not None:
                self._open.append(exchange)
                self._wake.set()

    async def serve(self) -> None:
        """Close their connections, until cancelled."""
        self._open = deque()
        while True:
            while self._open:
                await self._open.popleft().close()
            self._wake = self._loop.event()
            await self._wake.wait()

    def stop(self) -> None:
        """The router has stopped: nothing is settled any more, and its transports close what is open."""
        self._stopped = True
