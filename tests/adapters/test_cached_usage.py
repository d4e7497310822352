"""Usage told in three parts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters.cached_usage import side_by_side, tokens_told

COUNTS = st.integers(0, 10**6)
NAMES = {"input_tokens": "given", "cached": "read"}


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.sampled_from([1, 1.5, 5]))
def test_everything_is_used_and_reads_are_not_charged(
    new: int, wrote: int, read: int, output: int, burndown: float
) -> None:
    """Whatever the numbers: used is the sum, charged is without reads and with the burndown."""
    said = {"input_tokens": new, "cache_written": wrote, "cached": read, "output_tokens": output}
    usage = side_by_side(said, 7, 7, burndown=burndown)
    assert usage.amounts == {
        "input_tokens": new + wrote + read,
        "output_tokens": output,
        "tokens": new + wrote + read + output,
    }
    charged = {**usage.amounts, **usage.charged}
    assert charged["input_tokens"] == new + wrote
    assert charged["output_tokens"] == output * burndown
    assert charged["tokens"] == new + wrote + output * burndown
    assert (usage.cached_input_tokens, usage.estimated) == (read, False)


def test_what_is_not_said_is_what_was_counted() -> None:
    """Reads without an input are a part of what was counted."""
    usage = side_by_side({"cached": 100}, 30, 4)
    assert usage.amounts == {"input_tokens": 30, "output_tokens": 4, "tokens": 34}
    assert (usage.cached_input_tokens, usage.estimated) == (30, True)


@pytest.mark.parametrize("usage", [None, [], "x", {"given": "5"}, {"given": -1}, {"given": True}, {"given": 10**12}])
def test_what_cannot_be_believed_is_not_said(usage: Any) -> None:
    """No number, a negative or an absurd one."""
    assert tokens_told(usage, NAMES) == {}
    assert tokens_told({"given": 5, "read": 0, "more": 9}, NAMES) == {"input_tokens": 5, "cached": 0}
