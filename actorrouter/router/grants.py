"""A grant: capacity reserved by all holders of one key, until it is settled. Leases end the ones nobody settles."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import attrs

from actorrouter.observe.decisions import Decision
from actorrouter.router.demand import exact_amounts
from actorrouter.router.entries import Seat
from actorrouter.runtime.cell import Cell
from actorrouter.values import INF, Amounts, Outcome, OutcomeClass, Scope, Secret, Usage

_SUCCEEDED: Final = OutcomeClass.SUCCEEDED
_NONE: Final = Scope.NONE


@attrs.define(eq=False, weakref_slot=False)
class Lease:
    """What the router remembers of a reservation. `abandoned`: its owner is gone. `expired`: charged in full.
    `given_back`: it no longer counts as in flight."""

    reservation_id: int
    seat: Seat
    holders: tuple[Cell, ...]
    amounts: Amounts
    expires_at: float
    decision: Decision
    abandoned: bool = False
    expired: bool = False
    dispatched: bool = False
    given_back: bool = False


class Grant:
    """Capacity for one call on one key. Use as a context: what is not settled when it ends is settled for you.

    Leaving before `sent` gives everything back; leaving after it charges what was reserved, because the provider may
    have. Settling twice changes nothing.
    """

    __slots__ = ("_lease", "_sent", "_settle", "settled")

    def __init__(self, lease: Lease, settle: Callable[[Lease, Outcome], None], sent: Callable[[Lease], None]) -> None:
        self._lease = lease
        self._settle = settle
        self._sent = sent
        self.settled = False

    @property
    def reservation_id(self) -> int:
        """The reservation's number, good for a late settlement."""
        return self._lease.reservation_id

    @property
    def key_id(self) -> str:
        """The key that granted."""
        return self._lease.seat.key.key_id

    @property
    def upstream_model(self) -> str:
        """The provider's word for the model."""
        return self._lease.seat.group.candidate.upstream_model

    @property
    def base_url(self) -> str:
        """The provider's address, for requests of your own making."""
        return self._lease.seat.key.provider.adapter.base_url

    async def secret(self) -> Secret:
        """The key's secret, for requests of your own making. Raises what a refreshing source raises."""
        return await self._lease.seat.key.secret.get()

    @property
    def decision(self) -> Decision:
        """Why this key."""
        return self._lease.decision

    @property
    def amounts(self) -> Amounts:
        """What is reserved, by dimension."""
        return self._lease.amounts

    @property
    def seat(self) -> Seat:
        """For the rooms that send."""
        return self._lease.seat

    @property
    def dispatched(self) -> bool:
        """Whether `sent` was said."""
        return self._lease.dispatched

    def sent(self) -> None:
        """The request is on the wire: what is charged up front starts to drain now. Optional, repeats change nothing;
        without it the charge starts to drain when the grant is settled, which is later and never unsafe."""
        if not self._lease.dispatched:
            self._sent(self._lease)

    def settle(self, usage: Usage | Amounts | None = None) -> None:
        """It succeeded; this is what it used (None: what was reserved). Repeats change nothing.

        ValueError if an amount is no finite number of at least 0."""
        told = usage if isinstance(usage, Usage) or usage is None else Usage(exact_amounts(usage))
        self.close(Outcome(_SUCCEEDED, _NONE, usage=told))

    def release(self) -> None:
        """Nothing was sent: give everything back. Repeats change nothing."""
        self.close(Outcome(OutcomeClass.NOT_SENT, Scope.NONE))

    def close(self, outcome: Outcome) -> None:
        """Settle with an adapter's judgement."""
        if not self.settled:
            self.settled = True
            self._settle(self._lease, outcome)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.settled:
            return
        if not self._lease.dispatched:
            self.close(Outcome(OutcomeClass.NOT_SENT if kind else OutcomeClass.CANCELLED, Scope.NONE))
        else:
            self.close(Outcome(OutcomeClass.CANCELLED, Scope.NONE))

    def __del__(self) -> None:
        if not self.settled:
            self._lease.abandoned = True

    def __repr__(self) -> str:
        return f"Grant({self.reservation_id}, key={self.key_id!r}, settled={self.settled})"


class Leases:
    """Every open reservation, oldest expiry first. Bounded by what is open, and by `late_max` expired ones."""

    def __init__(self, late_max: int = 10_000) -> None:
        self.open: dict[int, Lease] = {}
        self._late: deque[int] = deque()
        self._late_max = late_max
        self._ends: deque[tuple[float, int]] = deque()

    def queue(self, lease: Lease) -> bool:
        """Put the lease's (new) end on the clock. True: it is the only one there."""
        ends = self._ends
        ends.append((lease.expires_at, lease.reservation_id))
        if len(ends) > 1024 + 4 * len(self.open):
            self._ends = ends = deque(end for end in ends if end[1] in self.open)
        return len(ends) == 1

    def due(self, now: float) -> list[Lease]:
        """Take the leases whose time has come off the clock."""
        ended: list[Lease] = []
        while self._ends and self._ends[0][0] <= now:
            lease = self.open.get(self._ends.popleft()[1])
            if lease is not None and not lease.expired:
                ended.append(lease)
        return ended

    def next_at(self) -> float:
        """When the next lease ends; INF if none is on the clock."""
        return self._ends[0][0] if self._ends else INF

    def keep_late(self, lease: Lease) -> None:
        """An expired lease stays for its late settlement, within the bound."""
        lease.expired = True
        self._late.append(lease.reservation_id)
        if len(self._late) > self._late_max:
            self.open.pop(self._late.popleft(), None)
