"""What a plan must reach, in words: "p99 wait < 2 s", "served share >= 99.9 %", "refused = 0"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from actorrouter.simulation.reports.words import figure_text, name_text
from actorrouter.simulation.world.expectations import Expectation

USUAL: Final = ("p99 wait < 2 s", "served share >= 99.9 %")
"""If none is said."""

_TIMES: Final = ("wait", "ttft", "took")
_QUANTILES: Final = ("p50", "p95", "p99", "max")
_COUNTS: Final = (
    "served_share", "served", "refused", "failed", "cancelled", "lost", "provider_429_ours", "wasted_sends",
    "sends_per_served", "amplification", "repeats", "use_peak", "attempted_peak", "overshoots", "overshoot_worst",
    "spend_usd", "budget_peak", "fairness", "goodput_tokens",
)  # fmt: skip
FIGURES: Final = (*(f"{time}_{quantile}_s" for time in _TIMES for quantile in _QUANTILES), *_COUNTS)
"""What a target may be about."""

_SHARES: Final = frozenset({"served_share", "use_peak", "attempted_peak", "overshoot_worst", "budget_peak", "fairness"})
_UNITS_S: Final = {"": 1.0, "s": 1.0, "ms": 0.001, "min": 60.0}
_SAID: Final = re.compile(r"\s*([a-z][\w ]*?)\s*(<=|>=|==|=|<|>)\s*(\d+(?:\.\d+)?)\s*(%|[a-z]*)\s*", re.IGNORECASE)


class TargetInvalid(ValueError):
    """A target cannot be understood; the message says what can."""


@attrs.frozen
class Target:
    """One figure and what it must be; `text`: as it was said."""

    text: str
    expectation: Expectation

    def held(self, figures: Mapping[str, float]) -> bool:
        """Whether a run reached it."""
        return self.expectation.held(figures)

    def measured(self, figures: Mapping[str, float]) -> str:
        """The figure, for people."""
        figure = self.expectation.figure
        return figure_text(figure, figures.get(figure, float("nan")))


def parse_targets(said: Sequence[str]) -> tuple[Target, ...]:
    """All of them. Raises TargetInvalid."""
    return tuple(parse_target(text) for text in said)


def parse_target(text: str) -> Target:
    """One target. Raises TargetInvalid with the known figures, or with what is wrong about the number."""
    found = _SAID.fullmatch(text)
    if found is None:
        raise TargetInvalid(f"target {text!r}: expected FIGURE < NUMBER UNIT, as in {USUAL[0]!r}; known: {known()}")
    figure = _figure(found[1])
    if figure is None:
        raise TargetInvalid(f"target {text!r}: unknown figure {found[1]!r}; known: {known()}")
    bound = float(found[3]) * _factor(text, figure, found[4].lower())
    return Target(text.strip(), Expectation(figure, {"=": "=="}.get(found[2], found[2]), bound))


def _figure(words: str) -> str | None:
    """`p99 wait`, `wait p99` or `wait_p99_s` → wait_p99_s."""
    parts = words.lower().replace("_", " ").split()
    if parts and parts[-1] in ("s", "usd"):
        parts.pop()
    if len(parts) == 2 and parts[0] in _QUANTILES:
        parts.reverse()
    plain = " ".join(parts)
    return next((figure for figure in FIGURES if name_text(figure) == plain), None)


def _factor(text: str, figure: str, unit: str) -> float:
    if figure.endswith("_s"):
        if unit in _UNITS_S:
            return _UNITS_S[unit]
        raise TargetInvalid(f"target {text!r}: a time is given in s, ms or min, not {unit!r}")
    if unit == "%" and figure in _SHARES:
        return 0.01
    if unit == "" or (unit == "usd" and figure.endswith("_usd")):
        return 1.0
    raise TargetInvalid(f"target {text!r}: {unit!r} is no unit of {name_text(figure)}")


def known() -> str:
    """The figures in words."""
    times = f"{'|'.join(_QUANTILES)} of {'|'.join(_TIMES)} (as in 'p99 wait')"
    return ", ".join([times, *(name_text(figure) for figure in _COUNTS)])
