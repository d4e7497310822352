"""What the checkers found. Names keys and pools by id, never a secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from actorrouter.values import value

Tell: TypeAlias = Callable[[int, float, str], None]
"""Take down: the law (0: the checkers themselves), the monotonic second, what was seen."""


@value
class Violation:
    """One breach. `at`: monotonic seconds."""

    law: int
    at: float
    what: str

    def __str__(self) -> str:
        return f"law {self.law} at {self.at:.3f}: {self.what}"
