"""A second send beside one that gives no content: the first to give some wins, the other is cancelled.

It repeats work, which the caller asked for by `Call.hedge_s`; there is never more than one. If both fail the call goes
on as if the first alone had been sent, so what comes of it does not depend on which of them failed sooner.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from actorrouter.router.exchange import Exchange
from actorrouter.runtime.loop import Loop, Scope
from actorrouter.values import INF, OutcomeClass

Reserve = Callable[[], Awaitable[Exchange | None]]
"""Makes the second send, or not."""


class Race:
    """Two sends. `winner`: who gave content; the first if nobody did. `second`: None if there was none."""

    def __init__(
        self, loop: Loop, first: Exchange, hedge_s: float, beside: Callable[[], Awaitable[Exchange | None]]
    ) -> None:
        self._loop, self._hedge_s, self._beside = loop, hedge_s, beside
        self.first, self.winner = first, first
        self.second: Exchange | None = None
        self._content = b""
        self._over = False
        self._scopes: dict[bool, Scope] = {}

    async def run(self) -> bytes:
        """Both to the winner's first content, or to their ends. Settles nothing; raises what a send raises."""
        await self._loop.together(self._run_first, self._run_second)
        return self._content

    async def _run_first(self) -> None:
        with self._loop.within(INF) as self._scopes[True]:
            await self._start(self.first)
            if self.second is None:
                self._finish(is_first=True)

    async def _run_second(self) -> None:
        if self._over:
            return
        with self._loop.within(INF) as self._scopes[False]:
            await self._loop.sleep(self._hedge_s)
            self.second = await self._beside()
            if self.second is not None:
                await self._start(self.second)

    async def _start(self, exchange: Exchange) -> None:
        content = await exchange.start()
        if not self._over and _gives(exchange):
            self.winner, self._content = exchange, content
            self._finish(is_first=exchange is self.first)

    def _finish(self, *, is_first: bool) -> None:
        """Nothing that the other may bring is wanted."""
        self._over = True
        other = self._scopes.get(not is_first)
        if other is not None:
            other.cancel()


def _gives(exchange: Exchange) -> bool:
    return exchange.outcome is None or exchange.outcome.outcome is OutcomeClass.SUCCEEDED
