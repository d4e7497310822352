"""How each window shape counts: how full a limit is, and when that will change. One meter a shape.

Pure; instants are monotonic seconds. A meter counts what it is told to and refuses nothing: that is for `limits`.
"""
# ruff: noqa: ARG002 - every meter has the same methods

from collections import deque
from math import floor, inf

from attrs import Factory, define

from actorrouter.simulation.providers.config import LimitConfig

ENTRIES_MAX = 65_536  # beyond it the newest entries of a sliding log merge, which can only refuse more
ROUNDING = 1e-9


@define
class Mark:
    """Where a charge was put, so that it can be corrected."""

    at: float
    amount: float


@define
class BucketMeter:
    """Use that drains evenly, `rate` a second."""

    rate: float
    _fill: float = 0.0
    _at: float = 0.0

    def used(self, now: float) -> float:
        if now > self._at:
            self._fill = max(0.0, self._fill - (now - self._at) * self.rate)
            self._at = now
        return self._fill

    def charge(self, amount: float, now: float) -> Mark:
        self._fill = self.used(now) + amount
        return Mark(now, amount)

    def correct(self, mark: Mark, change: float, now: float) -> None:
        self._fill = max(0.0, self.used(now) + change)

    def free_at(self, excess: float, now: float) -> float:
        return now + excess / self.rate

    def empty_at(self, now: float) -> float:
        return now + self.used(now) / self.rate


@define
class SlidingMeter:
    """Exact log: a charge counts until `window_s` after it was made, that instant excluded."""

    window_s: float
    _used: float = 0.0
    _marks: deque[Mark] = Factory(deque)

    def used(self, now: float) -> float:
        while self._marks and self._marks[0].at + self.window_s <= now:
            self._used -= self._marks.popleft().amount
        return self._used

    def charge(self, amount: float, now: float) -> Mark:
        self._used = self.used(now) + amount
        if len(self._marks) < ENTRIES_MAX:
            self._marks.append(Mark(now, amount))
        else:
            self._marks[-1].at = now
            self._marks[-1].amount += amount
        return self._marks[-1]

    def correct(self, mark: Mark, change: float, now: float) -> None:
        if mark.at + self.window_s > now:
            mark.amount += change
            self._used = self.used(now) + change

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
    _used: float = 0.0
    _window: int = -1

    def used(self, now: float) -> float:
        if self._window != (window := self._window_of(now)):
            self._window, self._used = window, 0.0
        return self._used

    def charge(self, amount: float, now: float) -> Mark:
        self._used = self.used(now) + amount
        return Mark(now, amount)

    def correct(self, mark: Mark, change: float, now: float) -> None:
        used = self.used(now)
        if self._window_of(mark.at) == self._window:
            self._used = used + change

    def free_at(self, excess: float, now: float) -> float:
        return self.start + (self._window_of(now) + 1) * self.window_s

    def empty_at(self, now: float) -> float:
        return self.free_at(0.0, now) if self.used(now) else now

    def _window_of(self, at: float) -> int:
        return floor((at - self.start) / self.window_s)


@define
class ConcurrencyMeter:
    """Use that lasts until it is given back; nobody knows when."""

    _used: float = 0.0

    def used(self, now: float) -> float:
        return self._used

    def charge(self, amount: float, now: float) -> Mark:
        self._used += amount
        return Mark(now, amount)

    def correct(self, mark: Mark, change: float, now: float) -> None:
        self._used += change

    def free_at(self, excess: float, now: float) -> float:
        return inf

    def empty_at(self, now: float) -> float:
        return inf if self._used else now


Meter = BucketMeter | SlidingMeter | FixedMeter | ConcurrencyMeter


def make_meter(limit: LimitConfig, started_at: float) -> Meter:
    """A fresh meter of the limit's shape."""
    match limit.shape:
        case "bucket":
            return BucketMeter(limit.amount / limit.window_s, at=started_at)
        case "sliding":
            return SlidingMeter(limit.window_s)
        case "fixed":
            return FixedMeter(limit.window_s, started_at + limit.phase_s)
        case "concurrency":
            return ConcurrencyMeter()
