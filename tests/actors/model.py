"""An actor driven by hand: decide, then evolve, at instants the test names."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from actorrouter.actors import limits, quota
from actorrouter.actors.recovery import Recovery
from actorrouter.config import Charge, LimitConfig, RecoveryConfig, Shape
from actorrouter.events import ClockAligned, Dispatched, Expired, Granted, Renewed, Settled
from actorrouter.messages import Dispatch, Expire, Renew, Reserve, Settle
from actorrouter.turns import CONSENT, Behaviour, Turn
from actorrouter.values import SCOPE_OF, OutcomeClass, Refusal, Scope

WALL = 1_700_000_000.0
"""The wall clock when the monotonic clock says 0."""

LEASE_S = 1e6
HOLDER = ("it",)


class Driver:
    """One actor's state and its ledger of reservations, as the router would use it.

    Every decide is checked to change nothing; every event is also applied to a second state that never decided
    anything, which must stay identical: the state is the fold of its events.
    """

    def __init__(self, behaviour: Behaviour, state: Any, *, checked: bool = True) -> None:
        self.behaviour, self.state, self.checked = behaviour, state, checked
        self.fold = behaviour.copy(state)
        self.amounts: dict[int, Mapping[str, Any]] = {}
        self.events: list[Any] = []
        self._next_id = 0

    def decide(self, message: Any, now: float) -> Turn:
        """The actor's answer."""
        before = self.behaviour.copy(self.state) if self.checked else None
        turn = self.behaviour.decide[type(message)](self.state, message, now)
        assert not self.checked or self.state == before
        return turn

    def evolve(self, event: Any) -> None:
        """Apply one event."""
        self.behaviour.evolve[type(event)](self.state, event)
        self.events.append(event)
        if self.checked:
            self.behaviour.evolve[type(event)](self.fold, event)
            assert self.state == self.fold == self.behaviour.copy(self.state)

    def tell(self, message: Any, now: float) -> Turn:
        """A message whose events the actor writes itself."""
        turn = self.decide(message, now)
        for event in turn.events:
            self.evolve(event)
        return turn

    def reserve(self, now: float, model: str = "m", lease_s: float = LEASE_S, **amounts: Any) -> int | None:
        """Reserve; the reservation's id, or None if refused."""
        self._next_id += 1
        message = Reserve(self._next_id, amounts, model, now + lease_s)
        if self.decide(message, now) is not CONSENT:
            return None
        self.amounts[self._next_id] = amounts
        self.evolve(Granted(now, self._next_id, "key", model, "route", amounts, message.expires_at, HOLDER))
        return self._next_id

    def taken(self, now: float, model: str = "m", lease_s: float = LEASE_S, **amounts: Any) -> int:
        """Reserve, and be sure of it."""
        reservation_id = self.reserve(now, model, lease_s, **amounts)
        assert reservation_id is not None
        return reservation_id

    def refusals(self, now: float, model: str = "m", **amounts: Any) -> tuple[Refusal, ...]:
        """Ask only."""
        return self.decide(Reserve(0, amounts, model, now + LEASE_S), now).reply or ()

    def refusal(self, now: float, model: str = "m", **amounts: Any) -> Refusal:
        """Ask only; there is exactly one no."""
        (refusal,) = self.refusals(now, model, **amounts)
        return refusal

    def dispatch(self, reservation_id: int, now: float) -> bool:
        """The request left. False: known already."""
        return self._end(Dispatch(reservation_id), now, Dispatched(now, reservation_id, HOLDER))

    def settle(
        self,
        reservation_id: int,
        now: float,
        outcome: OutcomeClass = OutcomeClass.SUCCEEDED,
        scope: Scope | None = None,
        *,
        charged: bool = True,
        retry_at: float | None = None,
        draw: float = 0.5,
        **usage: Any,
    ) -> bool:
        """The truth. False: repeated."""
        scope = SCOPE_OF[outcome] if scope is None else scope
        reserved = self.amounts.get(reservation_id, {})
        surprise = {d: used - reserved.get(d, 0) for d, used in usage.items() if used > reserved.get(d, 0)}
        message = Settle(reservation_id, outcome, scope, usage, charged, retry_at, draw)
        event = Settled(
            now, reservation_id, "key", HOLDER, outcome, scope, usage, surprise, charged, retry_at, draw, late=False
        )
        return self._end(message, now, event)

    def release(self, reservation_id: int, now: float) -> bool:
        """Nothing left the process, and nobody is to blame."""
        return self.settle(reservation_id, now, OutcomeClass.NOT_SENT, Scope.NONE, charged=False)

    def expire(self, reservation_id: int, now: float) -> bool:
        """The lease ran out."""
        return self._end(Expire(reservation_id), now, Expired(now, reservation_id, "key", HOLDER))

    def renew(self, reservation_id: int, now: float, expires_at: float) -> bool:
        """The owner lives."""
        return self._end(Renew(reservation_id, expires_at), now, Renewed(now, reservation_id, expires_at, HOLDER))

    def _end(self, message: Any, now: float, event: Any) -> bool:
        if self.decide(message, now) is not CONSENT:
            return False
        self.evolve(event)
        return True


def pool(
    *declared: LimitConfig,
    charge: Charge = Charge.UP_FRONT,
    guard_s: float = 0.0,
    wall: float | None = WALL,
    checked: bool = True,
) -> Driver:
    """An empty pool with these limits. `wall`: its clock's reading at 0; None: not read yet."""
    windows = tuple(limits.window(limit, charge, guard_s) for limit in declared)
    state = quota.PoolState("it", windows, Recovery(RecoveryConfig()))
    if wall is not None:
        quota.aligned(state, ClockAligned(0.0, wall, HOLDER))
    return Driver(quota.BEHAVIOUR, state, checked=checked)


def limit(dimension: str = "units", amount: Any = 100, shape: Shape = Shape.BUCKET, **rest: Any) -> LimitConfig:
    """A limit of 100 units in 10 seconds, unless said otherwise."""
    rest.setdefault("window_s", 10.0)
    return LimitConfig(dimension, amount, shape=shape, **rest)


def usd(text: str) -> Decimal:
    """Money."""
    return Decimal(text)
