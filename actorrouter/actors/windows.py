"""The window shapes of a limit: how much fits, when more will, and what drains. One file a shape.

Amounts are first *held* (reserved, not yet charged; held never drains), then *charged*, and what is charged drains by
the window's shape: `limit = free + held + level`. Instants are monotonic seconds. `ready_at` only reads.

**Guard.** Requests sent at s arrive at the provider within [s, s + guard]. A charge therefore starts to drain one
guard later, which is what keeps the provider's count within the limit: for a bucket, arrivals in any T are at most
burst + rate * (T - guard) as sent, hence burst + rate * T as received.

**Corrections.** A provider that corrects a charge at the end does so before we hear of it, and our books must not fall
below its own whenever that was. They do not if a correction leaves them as they would be had the charge been right
from the beginning: a log corrects the very entry, a bucket gives back only what has not drained meanwhile.
"""

from __future__ import annotations

from typing import Any

from actorrouter.actors.bucket import Bucket, Corrected
from actorrouter.actors.fixed import Fixed
from actorrouter.actors.sliding import Paced, Sliding
from actorrouter.actors.terms import Terms, Window
from actorrouter.values import INF, record

__all__ = ["Bucket", "Concurrency", "Corrected", "Fixed", "Paced", "Sliding", "Terms", "Window"]


@record
class Concurrency:
    """How many at once: everything is held, nothing is ever charged."""

    terms: Terms
    held: Any = 0

    @property
    def capacity(self) -> Any:
        return self.terms.amount

    def fits(self, amount: Any) -> bool:
        return bool(amount <= self.terms.amount)

    def ready_at(self, amount: Any, now: float) -> float:
        over = self.held + amount - self.terms.amount
        return now if over <= 0 or over <= self.terms.slack else INF

    def room(self, now: float) -> Any:
        return max(self.terms.amount - self.held, 0)

    def charge(self, amount: Any, at: float) -> None:
        """Nothing drains."""

    def refund(self, amount: Any, charged_at: float, now: float) -> None:
        """Nothing was charged."""

    def level(self, now: float) -> int:
        return 0

    def tighten(self, remaining: float, at: float) -> None:
        """What others hold is seen anew with every answer; nothing to remember."""

    def fill(self, now: float) -> None:
        """Work of an earlier process has ended with it."""

    def align(self, wall: float, now: float, *, jumped: bool) -> None:
        """No edges."""

    def share(self, now: float) -> float:
        return float(self.held / (self.terms.amount or 1))

    def copy(self) -> Concurrency:
        return Concurrency(self.terms, self.held)
