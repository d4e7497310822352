"""Limits that move with their use: adaptive ones, as providers of shared capacity have, and ramps, which cap growth.

Pure; instants are monotonic seconds. Both count in fixed windows; what is told of one window decides about the next.
"""
# ruff: noqa: ARG002 - every meter has the same methods

from math import floor

from attrs import define

from actorrouter.simulation.providers.meters import Mark


@define
class AdaptiveMeter:
    """Windows that shrink after one that had to refuse, and grow slowly after one at least half used."""

    window_s: float
    start: float
    most: float
    least: float
    shrink: float
    growth: float
    _capacity: float
    level: float = 0.0
    _strained: bool = False
    _window: int = -1

    def used(self, now: float) -> float:
        if self._window != (window := self._window_of(now)):
            self._close()
            self._window, self.level, self._strained = window, 0.0, False
        return self.level

    def _close(self) -> None:
        if self._strained:
            self._capacity = max(self.least, self._capacity * self.shrink)
        elif self.level >= self._capacity / 2:
            self._capacity = min(self.most, self._capacity * (1 + self.growth))

    def capacity(self, now: float) -> float:
        self.used(now)
        return self._capacity

    def strain(self, now: float) -> None:
        self.used(now)
        self._strained = True

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
class RampMeter:
    """Windows that hold 1 + `growth` times what was used in the one before, and `least` in any case."""

    window_s: float
    start: float
    least: float
    growth: float
    level: float = 0.0
    _before: float = 0.0
    _window: int = -1

    def used(self, now: float) -> float:
        if self._window != (window := self._window_of(now)):
            self._before = self.level if window == self._window + 1 else 0.0
            self._window, self.level = window, 0.0
        return self.level

    def capacity(self, now: float) -> float:
        self.used(now)
        return max(self.least, self._before * (1 + self.growth))

    def strain(self, now: float) -> None:
        """A ramp does not mind."""

    def charge(self, amount: float, now: float) -> Mark:
        self.level = self.used(now) + amount
        return Mark(now, amount)

    def correct(self, mark: Mark, change: float, now: float) -> None:
        self.used(now)
        match self._window - self._window_of(mark.at):
            case 0:
                self.level += change
            case 1:
                self._before += change

    def free_at(self, excess: float, now: float) -> float:
        return self.start + (self._window_of(now) + 1) * self.window_s

    def empty_at(self, now: float) -> float:
        return self.free_at(0.0, now) if self.used(now) else now

    def _window_of(self, at: float) -> int:
        return floor((at - self.start) / self.window_s)
