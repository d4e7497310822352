"""In which order a route's candidates are asked. Pure: facts in, order out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Protocol, TypeVar


class Rankable(Protocol):
    """What a policy may look at: how loaded the best of the candidate's pools is, and what a call costs at most."""

    @property
    def load(self) -> int:
        """Score of the least loaded pool with room; a large number when none has."""

    @property
    def price(self) -> Decimal:
        """US dollars for a million tokens in and out."""


C = TypeVar("C", bound=Rankable)


def as_listed(candidates: Sequence[C]) -> Sequence[C]:
    """The configuration's order: later ones are fallbacks."""
    return candidates


def most_headroom(candidates: Sequence[C]) -> Sequence[C]:
    """The least loaded first; equal ones as listed."""
    return candidates if len(candidates) == 1 else sorted(candidates, key=lambda candidate: candidate.load)


def cheapest(candidates: Sequence[C]) -> Sequence[C]:
    """The lowest price first; equal ones by headroom."""
    return sorted(candidates, key=lambda candidate: (candidate.price, candidate.load))


POLICIES: Final[Mapping[str, Callable[[Sequence[Any]], Sequence[Any]]]] = {
    "ordered": as_listed,
    "headroom": most_headroom,
    "cheapest": cheapest,
}
