"""Limits that move with their use: adaptive ones, as providers of shared capacity have, and ramps, which cap growth.

Pure; instants are monotonic seconds. Both count in fixed windows; what is told of one window decides about the next.
"""
# ruff: noqa: ARG002 - every meter has the same methods

from attrs import define

from actorrouter.simulation.providers.meters import FixedMeter, Mark


@define(kw_only=True)
class AdaptiveMeter(FixedMeter):
    """Windows that shrink after one that had to refuse, and grow slowly after one at least half used."""

    most: float
    least: float
    shrink: float
    growth: float
    _capacity: float
    _strained: bool = False

    def _turn(self, window: int) -> None:
        if self._strained:
            self._capacity = max(self.least, self._capacity * self.shrink)
        elif self.level >= self._capacity / 2:
            self._capacity = min(self.most, self._capacity * (1 + self.growth))
        self._strained = False

    def capacity(self, now: float) -> float:
        self.used(now)
        return self._capacity

    def strain(self, now: float) -> None:
        self.used(now)
        self._strained = True


@define(kw_only=True)
class RampMeter(FixedMeter):
    """Windows that hold 1 + `growth` times what was used in the one before, and `least` in any case."""

    least: float
    growth: float
    _before: float = 0.0

    def _turn(self, window: int) -> None:
        self._before = self.level if window == self._window + 1 else 0.0

    def capacity(self, now: float) -> float:
        self.used(now)
        return max(self.least, self._before * (1 + self.growth))

    def strain(self, now: float) -> None:
        """A ramp does not mind."""

    def correct(self, mark: Mark, change: float, now: float) -> None:
        self.used(now)
        match self._window - self._window_of(mark.at):
            case 0:
                self.level += change
            case 1:
                self._before += change
