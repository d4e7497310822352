"""What must come of a run: how it is said, and when it held."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.simulation.providers.config import ConfigInvalid
from actorrouter.simulation.world.expectations import expectations, parse


@pytest.mark.parametrize(
    ("said", "measured", "held"),
    [
        (0, 0, True),
        (0, 1, False),
        (0.5, 0.5, True),
        ("<= 5", 5, True),
        ("< 5", 5, False),
        (">= 99 %", 0.99, True),
        (">=99%", 0.98, False),
        ("> -1", 0, True),
        ("== 3", 3, True),
        ("!= 3", 3, False),
    ],
)
def test_a_figure_is_compared(said: Any, measured: float, held: bool) -> None:
    """A number means equal; a per cent is a hundredth."""
    assert parse("figure", said).held({"figure": measured}) is held


def test_what_was_not_measured_was_not_kept() -> None:
    """A misspelt figure fails; it is no licence."""
    assert not parse("nonsense", "<= 1000").held({"figure": 0})


@pytest.mark.parametrize("said", ["five", "=< 5", "5 <=", True, [5], None, "<= 1e3", "<= nan", ""])
def test_what_cannot_be_read_is_told_with_its_place(said: Any) -> None:
    """The place names the figure."""
    with pytest.raises(ConfigInvalid, match=r"\$\.expect\.wait_p99_s"):
        expectations({"wait_p99_s": said})
