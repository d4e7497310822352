"""The independent recomputation: from the raw log alone, which limits accepted more than their shape allows.

It imports the description and nothing that enforces it: the same question, answered another way.
"""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from math import floor, inf
from typing import Literal

from attrs import frozen

from actorrouter.simulation.providers.config import LimitConfig

_ROUNDING = 1e-6  # long sums

PostingKind = Literal["accepted", "produced", "finished"]
Posting = tuple[PostingKind, float, int, int, int]  # kind, at, sequence, input tokens, output (accepted: most) tokens


@frozen
class Violation:
    """At `at_s` the pool accepted a request that took a limit to `used` although it holds `capacity`."""

    scope: str
    limit: str
    at_s: float
    used: float
    capacity: float


def find_violation(scope: str, limit: LimitConfig, log: Iterable[Posting], started_at: float) -> Violation | None:
    """Say when the limit was overrun most, if it ever was. `log`: the pool's postings, oldest first."""
    at, used = worst_use(limit, log, started_at)
    if used <= limit.capacity * (1 + _ROUNDING) + _ROUNDING:
        return None
    return Violation(scope, limit.name, at - started_at, used, limit.capacity)


@frozen
class _Step:
    """A charge of `amount` made `at`, counted as of `dated`. Only arrivals can break a limit."""

    at: float
    dated: float
    amount: float
    arrival: bool


def worst_use(limit: LimitConfig, log: Iterable[Posting], started_at: float) -> tuple[float, float]:
    """Find the accepted arrival after which most of the limit was in use: when, and how much."""
    match limit.shape:
        case "bucket":
            uses = _bucket_uses(_steps(limit, log), limit.amount / limit.window_s, started_at)
        case "sliding":
            uses = _sliding_uses(_steps(limit, log), limit.window_s)
        case "fixed":
            uses = _fixed_uses(_steps(limit, log), limit.window_s, started_at + limit.phase_s)
        case "concurrency":
            uses = _concurrency_uses(log)
    return max(uses, key=lambda use: use[1], default=(started_at, 0.0))


def _steps(limit: LimitConfig, log: Iterable[Posting]) -> Iterator[_Step]:
    """What each posting charges, by the words of the description."""
    accepted: dict[int, tuple[float, int]] = {}
    for kind, at, sequence, input_tokens, output_tokens in log:
        actual = _weigh(limit, input_tokens, output_tokens)
        if kind == "accepted":
            by_charge = {"live": _weigh(limit, input_tokens, 0), "actual": 0}
            up_front = 1 if limit.dimension == "requests" else by_charge.get(limit.charge, actual)
            accepted[sequence] = (at, up_front)
            yield _Step(at, at, up_front, arrival=True)
        elif kind == "produced" and limit.charge == "live":
            yield _Step(at, at, actual, arrival=False)
        elif kind == "finished" and sequence in accepted and limit.dimension != "requests":
            dated, up_front = accepted.pop(sequence)
            if limit.charge == "up_front_then_settle":
                yield _Step(at, dated, actual - up_front, arrival=False)
            elif limit.charge == "actual":
                yield _Step(at, at, actual, arrival=False)


def _weigh(limit: LimitConfig, input_tokens: int, output_tokens: int) -> int:
    counts_input = limit.dimension in ("tokens", "input_tokens")
    counts_output = limit.dimension in ("tokens", "output_tokens")
    return counts_input * input_tokens + counts_output * output_tokens


def _bucket_uses(steps: Iterable[_Step], rate: float, start: float) -> Iterator[tuple[float, float]]:
    """A bucket's fill is the sum charged less what drained, above the lowest that difference has ever been."""
    charged, lowest = 0.0, inf
    for step in steps:
        drained = rate * (step.at - start)
        lowest = min(lowest, charged - drained)
        charged += step.amount
        lowest = min(lowest, charged - drained)
        if step.arrival:
            yield step.at, charged - drained - lowest


def _sliding_uses(steps: Iterable[_Step], window_s: float) -> Iterator[tuple[float, float]]:
    """Sum the window that ends at each arrival; what was settled by then counts as settled."""
    counted: list[tuple[float, float]] = []  # a heap: the oldest leaves first
    total = 0.0
    for step in steps:
        heappush(counted, (step.dated, step.amount))
        total += step.amount
        while counted and counted[0][0] + window_s <= step.at:
            total -= heappop(counted)[1]
        if step.arrival:
            yield step.at, total


def _fixed_uses(steps: Iterable[_Step], window_s: float, start: float) -> Iterator[tuple[float, float]]:
    sums: dict[int, float] = {}
    for step in steps:
        window = floor((step.at - start) / window_s)
        if window == floor((step.dated - start) / window_s):
            sums[window] = sums.get(window, 0) + step.amount
        if step.arrival:
            yield step.at, sums[window]


def _concurrency_uses(log: Iterable[Posting]) -> Iterator[tuple[float, float]]:
    open_requests: set[int] = set()
    for kind, at, sequence, _, _ in log:
        if kind == "accepted":
            open_requests.add(sequence)
            yield at, len(open_requests)
        elif kind == "finished":
            open_requests.discard(sequence)
