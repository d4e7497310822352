"""Streams whose callers are gone without leaving them: dropped, and found by the garbage collector.

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

_WHY = "its caller dropped the stream without leaving it"


class Abandoned:
    """Takes sends from finalizers. `count`: how many so far. Made on the loop that ends them."""

    def __init__(self, loop: Loop, settle: Callable[[Grant, Outcome], Any]) -> None:
        self._loop, self._settle = loop, settle
        self._soon = loop.caller()
        self._dropped: deque[Exchange] = deque()
        self._open: deque[Exchange] | None = None
        self._wake = loop.event()
        self._stopped = False
        self.count = 0

    def drop(self, exchange: Exchange) -> None:
        """Any thread, any moment: have it settled and closed soon. Never raises."""
        self._dropped.append(exchange)
        with suppress(RuntimeError):  # the loop has ended, and with it whatever was open
            self._soon(self._end_all)

    def _end_all(self) -> None:
        while self._dropped and not self._stopped:
            exchange = self._dropped.popleft()
            self.count += 1
            self._settle(exchange.grant, exchange.cut(_WHY))
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
