"""From a declared limit to its window. Pure."""

from __future__ import annotations

import functools
from typing import Final

from actorrouter.actors.calendar import Edges
from actorrouter.actors.sliding import SLOTS
from actorrouter.actors.windows import Bucket, Concurrency, Corrected, Fixed, Paced, Sliding, Terms, Window
from actorrouter.config import Charge, LimitConfig, Shape
from actorrouter.values import CONCURRENCY, COST

_EVERY_S: Final = {"minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0, "month": 2592000.0}
_SAFE_BURST: Final = 0.1
"""Share of an unknown limit used as burst; burst + rate * W = limit (facts: limits.md C1, GCRA 450/50)."""


def window(limit: LimitConfig, charge: Charge, guard_s: float) -> Window:
    """The empty window of a limit. `charge`, `guard_s`: what holds when the limit itself says nothing."""
    shape = Shape.CONCURRENCY if limit.dimension == CONCURRENCY else limit.shape
    return _SHAPES[shape](limit, _terms(limit, shape, limit.charge or charge, guard_s))


@functools.lru_cache(4096)
def _terms(limit: LimitConfig, shape: Shape, charge: Charge, guard_s: float) -> Terms:
    """Equal limits share their terms: with many keys alike that is memory worth saving."""
    return Terms(
        dimension=limit.dimension,
        amount=limit.amount,
        window_s=_EVERY_S.get(limit.every or "", limit.window_s),
        guard_s=guard_s if limit.guard_s is None else limit.guard_s,
        up_front=shape is not Shape.CONCURRENCY and charge in (Charge.UP_FRONT, Charge.UP_FRONT_THEN_SETTLE),
        settles=charge is not Charge.UP_FRONT,
    )


def _bucket(limit: LimitConfig, terms: Terms) -> Window:
    burst = terms.amount if limit.burst is None else limit.burst
    corrected = terms.up_front and terms.settles and terms.amount
    bucket = Corrected if corrected else Bucket
    return bucket(terms, rate=_rate(terms.amount, terms.window_s), burst=burst, ceiling=burst)


def _sliding(_: LimitConfig, terms: Terms) -> Window:
    return Sliding(terms, slot_s=terms.window_s / SLOTS)


def _fixed(limit: LimitConfig, terms: Terms) -> Window:
    return Fixed(terms, Edges(period_s=terms.window_s, phase_s=limit.phase_s))


def _calendar(limit: LimitConfig, terms: Terms) -> Window:
    return Fixed(terms, Edges(every=limit.every, timezone=limit.timezone))


def _unknown(limit: LimitConfig, terms: Terms) -> Window:
    if terms.amount < 2 or terms.dimension == COST:
        return _sliding(limit, terms)
    burst = _safe_burst(terms.amount)
    rate = _rate(terms.amount - burst, terms.window_s)
    if terms.settles:
        return Paced(terms, slot_s=terms.window_s / SLOTS, rate=rate, burst=burst)
    return Bucket(terms, rate=rate, burst=burst, ceiling=terms.amount)


@functools.lru_cache(4096)
def _rate(amount: float, window_s: float) -> float:
    """Equal numbers are one object, as with the terms."""
    return amount / window_s


@functools.lru_cache(4096)
def _safe_burst(amount: float) -> float:
    return max(1.0, amount * _SAFE_BURST)


def _concurrency(_: LimitConfig, terms: Terms) -> Window:
    return Concurrency(terms)


_SHAPES: Final = {
    Shape.BUCKET: _bucket,
    Shape.SLIDING: _sliding,
    Shape.FIXED: _fixed,
    Shape.CALENDAR: _calendar,
    Shape.CONCURRENCY: _concurrency,
    Shape.UNKNOWN: _unknown,
}
