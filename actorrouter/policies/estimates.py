"""How far off the estimates of input tokens are, learned for one provider's model from what it says was used. Pure.

No tokenizer is on the way of a call: bytes say how much a text may be, and what the provider counted says how wrong
that was. What is reserved follows the learned ratio with a margin, so that most calls use no more than was reserved.
"""

from __future__ import annotations

import math
from typing import Any, Final

RATIO_MIN: Final = 0.25
RATIO_MAX: Final = 4.0
"""One call's tokens for each estimated. Beyond these it is a fault of somebody's: base64 as text comes to 2.7."""

MEMORY_CALLS: Final = 32
"""About as many recent calls decide; until there were so many, all of them and the estimate itself."""

MARGIN: Final = 2.0
"""Mean deviations above the mean that are reserved: 95 % of a bell curve lies below (1.6 standard deviations)."""

_HEAVY: Final = 4.0
"""One call weighs at most as much as so many usual ones."""


class InputRatio:
    """What to reserve for each estimated input token (`factor`), between `least` and `most`.

    Starts as 1. Calls weigh by their size, because limits count tokens and not calls.
    """

    __slots__ = (
        "_bias",
        "_covered",
        "_deviation",
        "_error",
        "_estimated",
        "_least",
        "_most",
        "_used",
        "calls",
        "factor",
    )

    def __init__(self, least: float = RATIO_MIN, most: float = RATIO_MAX) -> None:
        self._least, self._most = least, most
        self.factor, self.calls = 1.0, 0
        self._estimated = self._used = 1.0
        self._deviation = self._error = self._bias = self._covered = 0.0

    def scaled(self, estimated: float) -> int:
        """What to reserve for so many estimated tokens, rounded up."""
        return math.ceil(estimated * self.factor)

    def learn(self, estimated: float, reserved: float, used: float) -> None:
        """One call has ended: `estimated` before it, above 0; `reserved` for it; `used` as the provider told."""
        if not self.calls:
            self._estimated = self._used = estimated  # until now the estimate was believed
        self.calls = calls = self.calls + 1
        share = 1.0 / (calls + 1) if calls < MEMORY_CALLS else 1.0 / MEMORY_CALLS
        self._score(reserved - used, 1.0 / calls if calls < MEMORY_CALLS else 1.0 / MEMORY_CALLS)
        most = _HEAVY * self._estimated
        weight = estimated if estimated < most else most
        told = weight * _within(used / estimated, RATIO_MIN, RATIO_MAX)
        self._estimated = usual = self._estimated + share * (weight - self._estimated)
        self._used = used_usual = self._used + share * (told - self._used)
        self._deviation += share * (abs(told - weight * used_usual / usual) - self._deviation)
        self.factor = _within((used_usual + MARGIN * self._deviation) / usual, self._least, self._most)

    def _score(self, missed: float, share: float) -> None:
        """How good what was reserved turned out to be. Nothing is believed before the first call."""
        self._bias += share * (missed - self._bias)
        self._error += share * (abs(missed) - self._error)
        self._covered += share * ((missed >= 0) - self._covered)

    def status(self) -> dict[str, Any]:
        """Of the recent calls: their ratio, by how many tokens what was reserved for their input missed, and the share
        for which it was enough."""
        return {
            "calls": self.calls,
            "ratio": round(self._used / self._estimated, 4),
            "factor": round(self.factor, 4),
            "error_tokens": round(self._error, 1),
            "bias_tokens": round(self._bias, 1),
            "covered": round(self._covered, 4),
        }


def _within(number: float, least: float, most: float) -> float:
    return least if number < least else most if number > most else number
