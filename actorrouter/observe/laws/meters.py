"""One limit as the events tell it: what is held, what is charged, and never more of both than was declared. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import attrs

from actorrouter.config import BudgetConfig, Charge, ColdStart, LimitConfig, RouterConfig, Shape
from actorrouter.observe.laws import tallies
from actorrouter.observe.laws.tallies import Calendar, Leaky, Ongoing, Span, Tally, window_of
from actorrouter.observe.laws.words import Word
from actorrouter.values import CONCURRENCY, COST, Amounts

_EVERY_S: Final = {"minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0, "month": 2592000.0}
_COLD_MAX_S: Final = 3600.0
"""A cold start assumes full use of windows up to an hour."""
_OPENED_S: Final = 0.25
"""How exactly the instant is known at which a pool was started."""


@attrs.define(eq=False)
class Meter:
    """`up_front`: charged when sent; `settles`: corrected to the truth at the end. `slack`: noise of adding floats, far
    below one unit. `spent`: everything ever charged, corrections included. `word`: what the provider said, where it is
    followed."""

    name: str
    dimension: str
    limit: Any
    tally: Tally
    up_front: bool
    settles: bool
    slack: Any = 0
    drains_s: float = 0.0
    window_s: float = 0.0
    held: dict[int, Any] = attrs.field(factory=dict)
    charged: dict[int, tuple[tallies.Charge, Any]] = attrs.field(factory=dict)
    held_total: Any = 0
    spent: Any = 0
    surprise: Any = 0
    touched_at: float = 0.0
    word: Word | None = None

    def hold(self, reservation_id: int, amount: Any) -> None:
        """Granted: nothing else may have it."""
        self.held[reservation_id] = amount
        self.held_total += amount

    def _release(self, reservation_id: int) -> Any:
        amount = self.held.pop(reservation_id, 0)
        self.held_total -= amount
        return amount

    def _charge(self, amount: Any, at: float) -> tallies.Charge:
        self.spent += amount
        self.touched_at = at
        return self.tally.charge(amount, at)

    def sent(self, reservation_id: int, at: float) -> None:
        """On the wire: what is charged up front begins to drain."""
        if self.up_front and reservation_id in self.held:
            amount = self._release(reservation_id)
            self.charged[reservation_id] = self._charge(amount, at), amount

    def expired(self, reservation_id: int, at: float) -> None:
        """Its owner is gone: charged in full, until a late settlement says better."""
        if reservation_id in self.held:
            amount = self._release(reservation_id)
            self.charged[reservation_id] = self._charge(amount, at), amount

    def settled(self, reservation_id: int, usage: Amounts, at: float, *, charged: bool) -> None:
        """The truth: what is missing from `usage` stands as reserved; not `charged`: nothing left the process."""
        before = self.charged.pop(reservation_id, None)
        reserved = before[1] if before is not None else self._release(reservation_id)
        actual = usage.get(self.dimension, reserved) if charged else 0
        self.surprise += max(0, actual - reserved)
        if before is None:
            amount = actual if self.settles or not charged else max(actual, reserved)
            if amount:
                self._charge(amount, at)
        elif actual > reserved:
            self._charge(actual - reserved, at)
        elif actual < reserved and (self.settles or not charged):
            self.spent -= reserved - actual
            self.touched_at = at
            self.tally.correct(before[0], reserved - actual, at)

    def could_hold(self) -> set[Any]:
        """What books may call held: what is corrected at the end may count as charged once sent, or be held on."""
        if not (self.up_front and self.settles):
            return {self.held_total}
        return {self.held_total, self.held_total + sum(amount for _, amount in self.charged.values())}

    def over(self, now: float) -> Any:
        """How much more is promised than the limit; negative is room."""
        return self.held_total + self.tally.used(now) - self.limit

    def covered(self, now: float) -> bool:
        """Whether the provider itself said that there is room for it."""
        return self.word is not None and self.word.covers(now, self.slack)

    def told(self, now: float) -> str:
        """The sum in words."""
        return f"{self.held_total} held + {self.tally.used(now)} charged of {self.limit} {self.name}"


def pool_meters(
    limits: tuple[LimitConfig, ...], charges: Mapping[str, Charge], config: RouterConfig
) -> tuple[Meter, ...]:
    """The limits of one pool. `charges`: the provider's mode by dimension, "*" for the rest."""
    return tuple(
        _pool_meter(limit, charges, config.guard_s if limit.guard_s is None else limit.guard_s) for limit in limits
    )


def _pool_meter(limit: LimitConfig, charges: Mapping[str, Charge], guard_s: float) -> Meter:
    usual = charges.get(limit.dimension) or charges.get("*")
    charge = limit.charge or usual or (Charge.HELD if limit.dimension == COST else Charge.UP_FRONT)
    window_s = _EVERY_S.get(limit.every or "", limit.window_s)
    ongoing = limit.shape is Shape.CONCURRENCY or limit.dimension == CONCURRENCY
    return Meter(
        f"{limit.dimension}" if ongoing else f"{limit.dimension} per {limit.every or f'{limit.window_s:g} s'}",
        limit.dimension,
        limit.burst if limit.burst is not None and limit.shape is Shape.BUCKET else limit.amount,
        Ongoing() if ongoing else _tally(limit, window_s, guard_s),
        up_front=charge in (Charge.UP_FRONT, Charge.UP_FRONT_THEN_SETTLE) and not ongoing,
        settles=charge is not Charge.UP_FRONT,
        slack=Decimal(0) if limit.dimension == COST else 0.01 + 1e-7 * float(limit.amount) / window_s,
        drains_s=window_s + guard_s,
        window_s=window_s,
    )


def _tally(limit: LimitConfig, window_s: float, guard_s: float) -> Tally:
    if limit.shape is Shape.BUCKET:
        burst = limit.amount if limit.burst is None else limit.burst
        return Leaky(float(limit.amount) / window_s, float(burst), guard_s)
    if limit.shape is Shape.FIXED:
        return Calendar(window_of(None, window_s, limit.phase_s, "UTC"), guard_s)
    if limit.shape is Shape.CALENDAR:
        return Calendar(window_of(limit.every, 0.0, 0.0, limit.timezone), guard_s)
    return Span(window_s, guard_s)


def assume_use(meters: tuple[Meter, ...], limits: tuple[LimitConfig, ...], config: RouterConfig, at: float) -> None:
    """Cold start: an earlier process may have used everything until `at`.

    Not for an unknown shape: it was kept as a bucket then, too, so both processes together stay within any window.
    """
    for meter, limit in zip(meters, limits, strict=True):
        window_s = _EVERY_S.get(limit.every or "", limit.window_s)
        cold = limit.cold_start or (config.cold_start if window_s <= _COLD_MAX_S else ColdStart.EMPTY)
        if cold is ColdStart.FULL and limit.shape is not Shape.UNKNOWN:
            meter.tally.charge(meter.limit, at - _OPENED_S)
        meter.touched_at = at


def budget_meter(config: BudgetConfig) -> Meter:
    """A cap on money: the worst case is held, the truth is charged."""
    never = config.every is None
    return Meter(
        f"USD per {'process' if never else config.every}",
        COST,
        Decimal(config.usd),
        Calendar(window_of(config.every, 0.0, 0.0, config.timezone), guard_s=0.0),
        up_front=False,
        settles=True,
        held_total=Decimal(0),
        spent=Decimal(0),
        surprise=Decimal(0),
    )
