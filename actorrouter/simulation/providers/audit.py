"""The independent recomputation: from the raw log alone, which limits accepted more than their shape allows.

It imports the description and nothing that enforces it: the same question, answered another way.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from heapq import heappop, heappush
from itertools import pairwise
from math import floor, inf
from zoneinfo import ZoneInfo

from attrs import Factory, frozen

from actorrouter.simulation.providers.config import LimitConfig, PriceConfig
from actorrouter.simulation.providers.postings import Posting, PostingKind, Step, steps

__all__ = ["Judged", "Posting", "PostingKind", "Violation", "find_violation", "worst_use"]

_ROUNDING = 1e-6  # long sums

_Named = Callable[[float], object]  # instant -> the name of its window
_Use = tuple[float, float, float]  # when an arrival was accepted, what was used then, of which capacity


@frozen
class Violation:
    """At `at_s` the pool accepted a request that took a limit to `used` although it holds `capacity`."""

    scope: str
    limit: str
    at_s: float
    used: float
    capacity: float


@frozen
class Judged:
    """What is known besides the log. `squeezes`: from, until, share; the tightest holds. `complete`: nothing is missing
    from the log."""

    started_at: float = 0.0
    wall_offset: float = 0.0
    prices: Mapping[str, PriceConfig] = Factory(dict)
    squeezes: tuple[tuple[float, float, float], ...] = ()
    complete: bool = True

    def share(self, at: float) -> float:
        return min([share for begins, ends, share in self.squeezes if begins <= at < ends], default=1.0)


def find_violation(scope: str, limit: LimitConfig, log: Iterable[Posting], judged: Judged) -> Violation | None:
    """Say when the limit was overrun most, if it ever was. `log`: the pool's postings, oldest first."""
    at, used, capacity = worst_use(limit, log, judged)
    if used <= capacity * (1 + _ROUNDING) + (1e-9 if limit.dimension == "cost" else _ROUNDING):
        return None
    return Violation(scope, limit.name, at - judged.started_at, used, capacity)


def worst_use(limit: LimitConfig, log: Iterable[Posting], judged: Judged | None = None) -> _Use:
    """Find the accepted arrival after which most of the limit was in use: when, how much, of what."""
    judged = judged or Judged()
    charged, start = steps(limit, judged.prices, log), judged.started_at + limit.phase_s
    if limit.shape != "adaptive":
        charged = (step for step in charged if step.kind != "refused")
    match limit.shape:
        case "bucket":
            uses = _bucket_uses(charged, limit, judged)
        case "sliding":
            uses = _sliding_uses(charged, limit.window_s, limit.capacity)
        case "fixed":
            uses = _window_uses(charged, lambda at: floor((at - start) / limit.window_s), limit.capacity)
        case "sliced":
            each = limit.amount * limit.slice_s / limit.window_s
            uses = _window_uses(charged, lambda at: floor((at - start) / limit.slice_s), each)
        case "calendar":
            uses = _window_uses(charged, _calendar(limit, judged.wall_offset), limit.capacity)
        case "adaptive":
            uses = _adaptive_uses(charged, limit, start, judged)
        case "ramp":
            uses = _ramp_uses(charged, limit, start, judged)
        case "balance" | "in_flight" | "concurrency":
            uses = _window_uses(charged, lambda _: 0, limit.capacity)
    held = ((at, used, capacity * judged.share(at)) for at, used, capacity in uses)
    return max(held, key=lambda use: use[1] / use[2], default=(judged.started_at, 0.0, limit.capacity))


def _bucket_uses(charged: Iterable[Step], limit: LimitConfig, judged: Judged) -> Iterator[_Use]:
    """A bucket's fill is the sum charged less what drained, above the lowest that difference has ever been."""
    total, drained, lowest, before = 0.0, 0.0, inf, judged.started_at
    for step in charged:
        drained += limit.amount / limit.window_s * _slowed(judged, before, step.at)
        before = max(before, step.at)
        lowest = min(lowest, total - drained)
        total += step.amount
        lowest = min(lowest, total - drained)
        if step.kind == "arrival":
            yield step.at, total - drained - lowest, limit.capacity


def _slowed(judged: Judged, since: float, until: float) -> float:
    """The seconds between two instants, those under a squeeze counted by its share."""
    if not judged.squeezes:
        return max(0.0, until - since)
    edges = sorted({since, until, *(e for s in judged.squeezes for e in s[:2] if since < e < until)})
    return sum((b - a) * judged.share(a) for a, b in pairwise(edges)) if until > since else 0.0


def _sliding_uses(charged: Iterable[Step], window_s: float, capacity: float) -> Iterator[_Use]:
    """Sum the window that ends at each arrival; what was settled by then counts as settled."""
    counted: list[tuple[float, float]] = []  # a heap: the oldest leaves first
    total = 0.0
    for step in charged:
        heappush(counted, (step.dated, step.amount))
        total += step.amount
        while counted and counted[0][0] + window_s <= step.at:
            total -= heappop(counted)[1]
        if step.kind == "arrival":
            yield step.at, total, capacity


def _window_uses(charged: Iterable[Step], window_of: _Named, capacity: float) -> Iterator[_Use]:
    """Sum each window; a correction counts in the window in which the charge was made, if that is still on."""
    sums: dict[object, float] = defaultdict(float)
    for step in charged:
        window = window_of(step.at)
        if window == window_of(step.dated):
            sums[window] += step.amount
        if step.kind == "arrival":
            yield step.at, sums[window], capacity


def _calendar(limit: LimitConfig, wall_offset: float) -> _Named:
    zone = ZoneInfo(limit.zone)

    def name(at: float) -> object:
        there = datetime.fromtimestamp(at + wall_offset, zone)
        return there.date() if limit.period == "day" else (there.year, there.month)

    return name


def _adaptive_uses(charged: Iterable[Step], limit: LimitConfig, start: float, judged: Judged) -> Iterator[_Use]:
    """Replay every window that saw anything. Of a log that is not complete only the most is known."""
    least = limit.least or min(limit.amount, 1.0)
    capacity = limit.initial or limit.amount
    current, total, strained = None, 0.0, False
    for step in charged:
        window = floor((step.at - start) / limit.window_s)
        if window != current:
            if strained:
                capacity = max(least, capacity * limit.shrink)
            elif current is not None and total >= capacity / 2:
                capacity = min(limit.amount, capacity * (1 + limit.growth))
            current, total, strained = window, 0.0, False
        in_force = (capacity if judged.complete else limit.amount) * judged.share(step.at)
        if step.kind == "refused":
            needed = max(step.amount, 1e-6 if limit.dimension == "cost" else 1)
            strained = strained or total + needed > in_force + _ROUNDING / 1e3
            continue
        if floor((step.dated - start) / limit.window_s) == window:
            total += step.amount
        if step.kind == "arrival":
            yield step.at, total, capacity if judged.complete else limit.amount


def _ramp_uses(charged: Iterable[Step], limit: LimitConfig, start: float, judged: Judged) -> Iterator[_Use]:
    """Compare each window with the one before. Of a log that is not complete the first two tell nothing."""
    sums: dict[int, float] = defaultdict(float)
    first: int | None = None
    for step in charged:
        window, dated = (floor((at - start) / limit.window_s) for at in (step.at, step.dated))
        first = window if first is None else first
        if dated >= window - 1:
            sums[dated] += step.amount
        if step.kind == "arrival" and (judged.complete or window > first + 1):
            yield step.at, sums[window], max(limit.amount, sums[window - 1] * (1 + limit.growth))
