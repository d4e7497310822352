"""Options of clients and of their requests."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter import InvalidCall
from actorrouter.integrations.options import options_of
from actorrouter.integrations.port import Options

ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.text(max_size=3))
GOOD: dict[str, Any] = {
    "deadline_s": 1,
    "wait_s": 0.5,
    "hedge_s": None,
    "keys": {"a"},
    "exclude_keys": ("b",),
    "losses": ["top_k"],
    "max_attempts": 2,
    "priority": -1,
    "repeat_unknown": True,
    "continue_stream": False,
    "tenant": "team",
    "units": {"images": 1},
}


def test_every_option_can_be_said():
    """There is an example of each; names become sets, the rest stays as it is."""
    assert set(GOOD) == Options.__optional_keys__
    sets = {"keys": frozenset("a"), "exclude_keys": frozenset("b"), "losses": frozenset({"top_k"})}
    assert options_of(GOOD) == {**GOOD, **sets}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("keys", "a1"),  # a set of its letters
        ("keys", 3),
        ("losses", [1]),
        ("deadline_s", "1"),
        ("deadline_s", float("nan")),
        ("wait_s", True),
        ("max_attempts", 1.5),
        ("max_attempts", True),
        ("priority", None),
        ("continue_stream", 1),
        ("tenant", 7),
        ("units", 3),
    ],
)
def test_of_another_kind(name: str, wrong: object):
    """What is of another kind is named with what was expected; of what was given nothing is repeated."""
    with pytest.raises(InvalidCall, match=rf"^option {name}: expected [a-z ]+$"):
        options_of({name: wrong})


@given(st.dictionaries(st.sampled_from(sorted(GOOD)) | st.text(max_size=3), ANYTHING, max_size=3) | ANYTHING)
def test_anything(said: object):
    """Whatever is said is options or InvalidCall."""
    with suppress(InvalidCall):
        assert set(options_of(said)) <= Options.__optional_keys__
