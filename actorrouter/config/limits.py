"""What a limit must be for its window to mean something. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from actorrouter.config import LimitConfig, Shape
from actorrouter.config.faults import Fault, Path, finite, name_fault, suggestion
from actorrouter.values import CONCURRENCY, COST, INPUT_TOKENS, OUTPUT_TOKENS, REQUESTS, TOKENS

KNOWN_DIMENSIONS: Final = (REQUESTS, INPUT_TOKENS, OUTPUT_TOKENS, TOKENS, CONCURRENCY, COST)
_CALLED_OTHERWISE: Final = {
    "rpm": REQUESTS,
    "tpm": TOKENS,
    "prompt_tokens": INPUT_TOKENS,
    "completion_tokens": OUTPUT_TOKENS,
    "total_tokens": TOKENS,
    "usd": COST,
}
_NEAR: Final = 0.85  # "token" is near "tokens", "cached_input_tokens" is a unit of its own
_COST_SHAPES: Final = (Shape.SLIDING, Shape.FIXED, Shape.CALENDAR, Shape.CONCURRENCY)
_EVERY_S: Final = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 28 * 86400}
_NO_WINDOW_S: Final = LimitConfig(REQUESTS, 1).window_s


def dimension_fault(dimension: str) -> str | None:
    """Any named unit will do, but not one that is nearly a word of ours: it would silently never be charged."""
    if dimension in KNOWN_DIMENSIONS:
        return None
    if dimension in _CALLED_OTHERWISE:
        return f"called otherwise here; did you mean {_CALLED_OTHERWISE[dimension]}?"
    if near := suggestion(dimension, KNOWN_DIMENSIONS, _NEAR):
        return f"no such dimension{near}"
    return name_fault(dimension)


def limits_faults(path: Path, limits: tuple[LimitConfig, ...], guard_s: float) -> Iterator[Fault]:
    """Faults of the limits of one pool or key. `guard_s`: what holds when a limit says nothing."""
    seen = set()
    for index, limit in enumerate(limits):
        for check in (_amount_faults, _shape_faults):
            yield from (((*path, index, field), text) for field, text in check(limit))
        yield from (((*path, index, field), text) for field, text in _guard_faults(limit, guard_s))
        window = _window(limit)
        if window in seen:
            yield (*path, index, _WINDOW_FIELD.get(limit.shape, "window_s")), "this dimension has this window already"
        seen.add(window)


_WINDOW_FIELD: Final = {Shape.CALENDAR: "every", Shape.CONCURRENCY: "dimension"}


def _window(limit: LimitConfig) -> tuple[object, ...]:
    if limit.shape is Shape.CALENDAR:
        return limit.dimension, limit.every, limit.timezone
    return limit.dimension, None if limit.shape is Shape.CONCURRENCY else limit.window_s


def _amount_faults(limit: LimitConfig) -> Iterator[tuple[str, str]]:
    if fault := dimension_fault(limit.dimension):
        yield "dimension", fault
    if limit.dimension != COST and finite(limit.amount) and limit.amount != int(limit.amount):
        yield "amount", "expected a whole number: only cost is counted in fractions"
    if limit.burst is not None and limit.shape is not Shape.BUCKET:
        yield "burst", 'only read with shape = "bucket"'
    elif limit.burst is not None and limit.amount == 0:
        yield "burst", "an amount of 0 lets nothing through and takes no burst"
    elif limit.burst is not None and 0 < limit.burst < 1:
        yield "burst", "must be at least 1, or nothing ever fits"


def _shape_faults(limit: LimitConfig) -> Iterator[tuple[str, str]]:
    calendar = limit.shape is Shape.CALENDAR
    if calendar and limit.every is None:
        yield "every", "required and missing: a calendar window is a minute, hour, day, week or month"
    if limit.every is not None and not calendar:
        yield "every", 'only read with shape = "calendar"; other windows are given as window_s'
    if limit.phase_s and limit.shape is not Shape.FIXED:
        yield "phase_s", 'only read with shape = "fixed"'
    if limit.shape is Shape.CONCURRENCY and limit.window_s != _NO_WINDOW_S:
        yield "window_s", "concurrency takes no window"
    if calendar and limit.window_s != _NO_WINDOW_S:
        yield "window_s", "a calendar window is given as every"
    if limit.dimension == CONCURRENCY and limit.shape is not Shape.CONCURRENCY:
        yield "shape", "the dimension concurrency has the shape concurrency"
    if limit.dimension == COST and limit.shape not in _COST_SHAPES:
        yield "shape", f"cost takes one of {', '.join(_COST_SHAPES)}"


def _guard_faults(limit: LimitConfig, guard_s: float) -> Iterator[tuple[str, str]]:
    """Two guards must fit between two edges of a fixed window."""
    if limit.shape not in (Shape.FIXED, Shape.CALENDAR):
        return
    window_s = _EVERY_S.get(limit.every or "", limit.window_s)
    if 2 * (guard_s if limit.guard_s is None else limit.guard_s) >= window_s:
        yield (
            "guard_s",
            f"must be less than half the window{'' if limit.guard_s is not None else ', as the router has it'}",
        )
