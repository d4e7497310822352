"""How a provider may count what was charged: one naive tally for each declared window shape. Pure.

A tally is the worst case over every transit time up to the guard: what is sent at s may arrive, and be counted, at any
instant of [s, s + guard]. Books may count more than this, never less.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import attrs

_INSTANT_S: Final = 1e-6
"""Instants closer than this are the same one: floating-point noise."""
_EDGE_S: Final = 1e-3
"""What happens so near an edge of the wall clock may be on either side."""
_JUMP_S: Final = 1.0


@attrs.define(eq=False)
class Charge:
    """Units counted from `at` on. `windows`: the fixed windows it counts in."""

    at: float
    amount: Any
    windows: frozenset[Any] = frozenset()


class Tally(Protocol):
    """What one limit has counted. `clock_set`: its clock jumped or went back; books may then count the last window's
    use again, which is more than this counts."""

    clock_set: bool

    def charge(self, amount: Any, at: float) -> Charge:
        """Count what was sent or used at `at`."""

    def correct(self, charge: Charge, less: Any, at: float) -> None:
        """At `at` the provider learns that a charge was so much too high."""

    def used(self, now: float) -> Any:
        """What may count at `now`."""

    def recounted(self, now: float) -> Any:
        """`used`, from the single charges."""

    def is_dry(self, now: float, touched_at: float) -> bool:
        """Whether everything charged until `touched_at` must have drained, however books round."""

    def align(self, wall: float, at: float) -> None:
        """Wall and monotonic clock were read together."""


class Ongoing:
    """Only what is held counts: nothing is ever charged."""

    clock_set = False

    def charge(self, amount: Any, at: float) -> Charge:
        return Charge(at, amount)

    def correct(self, charge: Charge, less: Any, at: float) -> None:
        """Nothing was counted."""

    def used(self, now: float) -> Any:  # noqa: ARG002 (one signature)
        return 0

    recounted = used

    def is_dry(self, now: float, touched_at: float) -> bool:  # noqa: ARG002
        return True

    def align(self, wall: float, at: float) -> None:
        """No edges."""


class Span:
    """Whatever was charged less than `span_s` ago counts: true of a sliding window, safe for an unknown shape."""

    clock_set = False

    def __init__(self, window_s: float, guard_s: float) -> None:
        self._span_s = window_s + guard_s
        self._charges: deque[Charge] = deque()
        self._total: Any = 0

    def charge(self, amount: Any, at: float) -> Charge:
        charge = Charge(at, amount)
        self._charges.append(charge)
        self._total += amount
        return charge

    def correct(self, charge: Charge, less: Any, at: float) -> None:
        self.used(at)
        if charge.at > at - self._span_s + _INSTANT_S:
            self._total -= less
        charge.amount -= less

    def used(self, now: float) -> Any:
        while self._charges and self._charges[0].at <= now - self._span_s + _INSTANT_S:
            self._total -= self._charges.popleft().amount
        return self._total

    def recounted(self, now: float) -> Any:
        return sum(charge.amount for charge in self._charges if charge.at > now - self._span_s + _INSTANT_S)

    def is_dry(self, now: float, touched_at: float) -> bool:
        return now - touched_at > 1.01 * self._span_s

    def align(self, wall: float, at: float) -> None:
        """No edges."""


class Leaky:
    """A bucket that drains by `rate` a second. What was sent less than a guard ago counts in full: it may not have
    arrived. A correction is a credit to what is in the bucket, which is never less than empty."""

    clock_set = False

    def __init__(self, rate: float, burst: float, guard_s: float) -> None:
        self._rate, self._burst, self._guard_s = rate, burst, guard_s
        self._level, self._as_of = 0.0, 0.0
        self._on_the_way: deque[Charge] = deque()

    def charge(self, amount: Any, at: float) -> Charge:
        charge = Charge(at, amount)
        self._on_the_way.append(charge)
        return charge

    def correct(self, charge: Charge, less: Any, at: float) -> None:
        if charge in self._on_the_way:  # it was answered, so it had arrived
            charge.amount -= less
            return
        self._arrive(at)
        self._level = max(0.0, self._level - less)

    def used(self, now: float) -> Any:
        self._arrive(now)
        return self._level + sum(charge.amount for charge in self._on_the_way)

    recounted = used

    def _arrive(self, now: float) -> None:
        while self._on_the_way and self._on_the_way[0].at <= now - self._guard_s + _INSTANT_S:
            charge = self._on_the_way.popleft()
            self._drain(charge.at + self._guard_s)
            self._level += charge.amount
        self._drain(now)

    def _drain(self, until: float) -> None:
        if until > self._as_of:
            self._level = max(0.0, self._level - self._rate * (until - self._as_of))
            self._as_of = until

    def is_dry(self, now: float, touched_at: float) -> bool:
        quiet = now - touched_at > 1.01 * (2 * self._guard_s + self._burst / (self._rate or 1.0))
        return bool(self._rate) and quiet and self.used(now) == 0.0

    def align(self, wall: float, at: float) -> None:
        """No edges."""


class Calendar:
    """A counter for each window of the wall clock. What is sent within a guard of an edge counts on both sides.

    The running window never goes back: a clock that is corrected by less than a second does not reopen the last one.
    When it jumps, what was counted goes on counting in the window it lands in.
    """

    def __init__(self, window_of: Callable[[float], int], guard_s: float) -> None:
        self._window_of, self._guard_s = window_of, guard_s
        self._offset: float | None = None
        self._epoch = 0
        self._running: tuple[int, int] = (0, -(1 << 60))
        self._sums: dict[Any, Any] = {}
        self._moved: dict[Any, Any] = {}
        self.clock_set = False

    def charge(self, amount: Any, at: float) -> Charge:
        windows = frozenset(self._windows(at))
        for window in windows:
            self._sums[window] = self._sums.get(window, 0) + amount
        return Charge(at, amount, windows)

    def correct(self, charge: Charge, less: Any, at: float) -> None:  # noqa: ARG002
        charge.amount -= less
        for window in {self._now_called(window) for window in charge.windows}:
            if window in self._sums:
                self._sums[window] -= less

    def _now_called(self, window: Any) -> Any:
        while window in self._moved:
            window = self._moved[window]
        return window

    def used(self, now: float) -> Any:
        windows = self._windows(now)
        self._running = max(self._running, min(windows))
        for window in [w for w in self._sums if w < self._running]:
            del self._sums[window]
        return max(self._sums.get(max(window, self._running), 0) for window in windows)

    recounted = used

    def _windows(self, at: float) -> set[tuple[int, int]]:
        wall, near = at + (self._offset or 0.0), max(0.0, self._guard_s - _EDGE_S)
        instants = (wall - near, wall, wall + near) if near else (wall,)
        return {(self._epoch, self._window_of(instant)) for instant in instants}

    def is_dry(self, now: float, touched_at: float) -> bool:
        wall = self._offset or 0.0
        later = self._window_of(touched_at + wall + 2 * self._guard_s + _JUMP_S)
        return not self._epoch and self._window_of(now + wall - 2 * self._guard_s - _JUMP_S) > later

    def align(self, wall: float, at: float) -> None:
        before, after = self._offset, wall - at
        if before is not None:
            self.clock_set = self.clock_set or after < before - _EDGE_S or after - before > _JUMP_S
            if abs(after - before) > _JUMP_S:
                self._jump(at, after)
        self._offset = after

    def _jump(self, at: float, offset: float) -> None:
        open_now = {max(window, self._running) for window in self._windows(at)}
        carried = max((self._sums.get(window, 0) for window in open_now), default=0)
        self._epoch += 1
        self._running = (self._epoch, self._window_of(at + offset))
        self._moved.update(dict.fromkeys(open_now, self._running))
        self._sums[self._running] = carried


def window_of(every: str | None, period_s: float, phase_s: float, timezone: str) -> Callable[[float], int]:
    """A function from an epoch second to the number of its window. `every` None and no period: one window for ever."""
    if every in ("day", "week", "month"):
        return lambda wall: _date_number(every, timezone, int(wall // 1))
    period_s = {"minute": 60.0, "hour": 3600.0}.get(every or "", period_s)
    if not period_s:
        return lambda _: 0
    return lambda wall: int((wall - phase_s) // period_s)


@lru_cache(maxsize=4096)
def _date_number(every: str, timezone: str, second: int) -> int:
    date = datetime.fromtimestamp(second, ZoneInfo(timezone)).date()
    if every == "month":
        return date.year * 12 + date.month
    return date.toordinal() if every == "day" else (date.toordinal() - 1) // 7
