"""What must come of a run: a figure, and what it must be."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from actorrouter.simulation.providers.config import ConfigInvalid

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_SAID: Final = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*(-?\d+(?:\.\d+)?)\s*(%?)\s*")


@attrs.frozen
class Expectation:
    """`figure` compared to `bound`."""

    figure: str
    compare: str
    bound: float

    def __str__(self) -> str:
        return f"{self.figure} {self.compare} {self.bound:g}"

    def held(self, figures: Mapping[str, Any]) -> bool:
        """Whether the run kept it. A figure that was not measured did not."""
        measured = figures.get(self.figure)
        return measured is not None and _COMPARE[self.compare](float(measured), self.bound)


def expectations(tree: Mapping[str, Any]) -> tuple[Expectation, ...]:
    """`served_share = ">= 99 %"`, `refused = 0`. Raises ConfigInvalid."""
    return tuple(parse(figure, said) for figure, said in tree.items())


def parse(figure: str, said: Any) -> Expectation:
    """One of them."""
    if isinstance(said, int | float) and not isinstance(said, bool):
        return Expectation(figure, "==", float(said))
    found = _SAID.fullmatch(said) if isinstance(said, str) else None
    if found is None:
        raise ConfigInvalid([(f"$.expect.{figure}", 'expected a number, or a text like "<= 5" or ">= 99 %"')])
    bound = float(found[2]) / (100 if found[3] else 1)
    return Expectation(figure, found[1], bound)
