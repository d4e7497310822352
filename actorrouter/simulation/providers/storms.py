"""Weather shared by everybody: when it storms is a function of a seed and of time alone.

So every key, and every provider told the same seed and started at the same time, meets the same storms.
"""

from random import Random

from attrs import define, field


@define
class Storm:
    """Calm and storm by turns, each of exponential length. Asked in the order of time."""

    seed: int
    every_s: float
    lasts_s: float
    _lengths: Random = field(init=False)
    _raging: bool = False
    _until: float = 0.0

    def __attrs_post_init__(self) -> None:
        self._lengths = Random(self.seed)
        self._until = self._lengths.expovariate(1 / self.every_s)

    def raging(self, elapsed: float) -> bool:
        while elapsed >= self._until:
            self._raging = not self._raging
            self._until += self._lengths.expovariate(1 / (self.lasts_s if self._raging else self.every_s))
        return self._raging
