"""What every limit has, whatever its shape: its terms, and what a window can be asked."""

from __future__ import annotations

from typing import Any, Final, Protocol

import attrs

from actorrouter.values import COST

SLACK: Final = 1e-6
"""Units: floating-point noise of long sums, far below one unit."""


@attrs.define(weakref_slot=False)
class Terms:
    """`up_front`: charged when sent; `settles`: corrected at the end. `slack`: noise; money is Decimal and has
    none."""

    dimension: str
    amount: Any
    window_s: float
    guard_s: float
    up_front: bool
    settles: bool
    slack: float = attrs.field(init=False)

    @slack.default
    def _noise(self) -> float:
        return 0 if self.dimension == COST else SLACK


class Window(Protocol):
    """One limit's books. `held` is changed by the actor; everything else by the methods."""

    terms: Terms
    held: Any

    @property
    def capacity(self) -> Any:
        """`capacity = free + held + level`."""

    def fits(self, amount: Any) -> bool:
        """Could this amount ever be granted?"""

    def ready_at(self, amount: Any, now: float) -> float:
        """Earliest instant at which `amount` more fits, nothing else happening; `now` if it does; INF: a settlement."""

    def room(self, now: float) -> Any:
        """The most that fits now."""

    def charge(self, amount: Any, at: float) -> None:
        """What was sent or used at `at` counts from now on."""

    def refund(self, amount: Any, charged_at: float, now: float) -> None:
        """Take back part of a charge made at `charged_at`, as far as it certainly still counts."""

    def level(self, now: float) -> Any:
        """What is charged and not yet drained."""

    def tighten(self, remaining: float, at: float) -> None:
        """The provider said at `at` that so much remains: never have more free than that. Never loosens."""

    def fill(self, now: float) -> None:
        """Assume the limit is fully used at `now`."""

    def align(self, wall: float, now: float, *, jumped: bool) -> None:
        """Learn where the wall clock stands."""

    def share(self, now: float) -> float:
        """How much of the limit is held or charged, as a fraction of what may be used at once."""

    def copy(self) -> Window:
        """An independent copy, for a snapshot."""
