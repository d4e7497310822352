"""Measured numbers, so many at most: the memory of a run does not grow with its calls."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Final

KEPT_MAX: Final = 100_000


class Samples(list[float]):
    """All of the first `KEPT_MAX`, then a fair draw of all; the largest is always kept. Same numbers, same draw.

    `seen`: how many there were.
    """

    __slots__ = ("_chance", "_most", "seen")

    def __init__(self, most: int = KEPT_MAX) -> None:
        super().__init__()
        self._most = most
        self._chance = random.Random(most)
        self.seen = 0

    def add(self, sample: float) -> None:
        """One more."""
        self.seen += 1
        if self and sample > self[0]:  # the largest has the first place, where nothing pushes it out
            sample, self[0] = self[0], sample
        if len(self) < self._most:
            self.append(sample)
        elif (place := self._chance.randrange(self.seen)) and place < self._most:
            self[place] = sample


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """The smallest of these that so large a share of them does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]
