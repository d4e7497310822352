"""How window shapes count: how full a limit is, and when that will change. One meter a shape.

Pure; instants are monotonic seconds. A meter counts what it is told to and refuses nothing: that is for `limits`.
`level` is what was used at the last call; `used` brings it up to now. The rest of them: `ramps`, `calendars`.
"""
# ruff: noqa: ARG002 - every meter has the same methods

from collections import deque
from math import floor, inf
from typing import Protocol

from attrs import Factory, define

ENTRIES_MAX = 65_536  # beyond it the newest entries of a sliding log merge, which can only refuse more
ROUNDING = 1e-9


@define
class Mark:
    """Where a charge was put, so that it can be corrected."""

    at: float
    amount: float


_ANYWHERE = Mark(0.0, 0.0)  # for meters that need not know where


class Meter(Protocol):
    """What every meter does."""

    level: float

    def used(self, now: float) -> float: ...
    def charge(self, amount: float, now: float) -> Mark: ...
    def correct(self, mark: Mark, change: float, now: float) -> None: ...
    def free_at(self, excess: float, now: float) -> float: ...
    def empty_at(self, now: float) -> float: ...


class VaryingMeter(Meter, Protocol):
    """A meter whose capacity depends on what it has seen."""

    def capacity(self, now: float) -> float: ...
    def strain(self, now: float) -> None:
        """Somebody was refused for want of room."""
        ...


@define
class BucketMeter:
    """Use that drains evenly, `rate` a second."""

    rate: float
    level: float = 0.0
    _at: float = 0.0

    def used(self, now: float) -> float:
        if now > self._at:
            level = self.level - (now - self._at) * self.rate
            self.level = max(0.0, level)
            self._at = now
        return self.level

    def pace(self, rate: float, at: float) -> None:
        """Drain at another rate from then on."""
        self.used(at)
        self.rate = rate

    def charge(self, amount: float, now: float) -> Mark:
        self.level = self.used(now) + amount
        return _ANYWHERE

    def correct(self, mark: Mark, change: float, now: float) -> None:
        self.level = max(0.0, self.used(now) + change)

    def free_at(self, excess: float, now: float) -> float:
        return now + excess / self.rate

    def empty_at(self, now: float) -> float:
        return now + self.used(now) / self.rate


@define
class SlidingMeter:
    """Exact log: a charge counts until `window_s` after it was made, that instant excluded."""

    window_s: float
    level: float = 0.0
    _marks: deque[Mark] = Factory(deque)

    def used(self, now: float) -> float:
        while self._marks and self._marks[0].at + self.window_s <= now:
            self.level -= self._marks.popleft().amount
        return self.level

    def charge(self, amount: float, now: float) -> Mark:
        self.level = self.used(now) + amount
        if len(self._marks) < ENTRIES_MAX:
            self._marks.append(Mark(now, amount))
        else:
            self._marks[-1].at = now
            self._marks[-1].amount += amount
        return self._marks[-1]

    def correct(self, mark: Mark, change: float, now: float) -> None:
        if mark.at + self.window_s > now:
            mark.amount += change
            self.level = self.used(now) + change

    def free_at(self, excess: float, now: float) -> float:
        self.used(now)
        for mark in self._marks:
            excess -= mark.amount
            if excess <= ROUNDING:
                return mark.at + self.window_s
        return inf

    def empty_at(self, now: float) -> float:
        return self._marks[-1].at + self.window_s if self.used(now) else now


@define
class FixedMeter:
    """Use that is forgotten at `start` + k x `window_s`."""

    window_s: float
    start: float
    level: float = 0.0
    _window: int = -1

    def used(self, now: float) -> float:
        if self._window != (window := self._window_of(now)):
            self._turn(window)
            self._window, self.level = window, 0.0
        return self.level

    def _turn(self, window: int) -> None:
        """For windows that learn from the one before: `window` begins."""

    def charge(self, amount: float, now: float) -> Mark:
        self.level = self.used(now) + amount
        return Mark(now, amount)

    def correct(self, mark: Mark, change: float, now: float) -> None:
        used = self.used(now)
        if self._window_of(mark.at) == self._window:
            self.level = used + change

    def free_at(self, excess: float, now: float) -> float:
        return self.start + (self._window_of(now) + 1) * self.window_s

    def empty_at(self, now: float) -> float:
        return self.free_at(0.0, now) if self.used(now) else now

    def _window_of(self, at: float) -> int:
        return floor((at - self.start) / self.window_s)


@define
class HoldingMeter:
    """Use that lasts until it is given back, if ever; nobody knows when."""

    level: float = 0.0

    def used(self, now: float) -> float:
        return self.level

    def charge(self, amount: float, now: float) -> Mark:
        self.level += amount
        return _ANYWHERE

    def correct(self, mark: Mark, change: float, now: float) -> None:
        self.level += change

    def free_at(self, excess: float, now: float) -> float:
        return inf

    def empty_at(self, now: float) -> float:
        return inf if self.level else now
