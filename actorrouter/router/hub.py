"""What a journey needs of its router."""

from __future__ import annotations

from typing import Protocol

from actorrouter.router.demand import Demand
from actorrouter.router.exchange import Exchange
from actorrouter.router.grants import Grant
from actorrouter.runtime.loop import Loop
from actorrouter.values import Call, Outcome


class Hub(Protocol):
    """A running router, or whoever stands in for it."""

    def clock(self) -> float:
        """Monotonic seconds."""

    def draw(self) -> float:
        """A random number in [0, 1)."""

    @property
    def loop(self) -> Loop:
        """Where it waits."""

    async def acquire(self, demand: Demand, wait_until: float) -> Grant:
        """A grant now or by then."""

    def exchange(self, grant: Grant, call: Call) -> Exchange:
        """One send over this grant."""

    def abandon(self, exchange: Exchange, *, left: bool) -> None:
        """End a send that nobody will end. Any thread may say so, at any moment. `left`: its caller did leave it."""

    def settle(self, grant: Grant, outcome: Outcome) -> Outcome:
        """Close the grant; the outcome as it is to be understood."""
