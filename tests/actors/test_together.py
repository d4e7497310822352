"""Refusals that come together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.actors.together import HARDLY, LEAST, Together, is_provider, taken_out
from actorrouter.events import Settled
from actorrouter.values import OutcomeClass, Scope

POOLS = ("circuit:a", "pool:a:p", "pool:a:q", "key:k1")


@pytest.mark.parametrize(
    ("refused", "keys", "succeeded", "yes"),
    [
        (2, 2, 0, False),  # two keys: each by itself
        (3, 3, 0, True),
        (3, 4, 0, True),
        (3, 6, 0, False),  # half of them is not more than half
        (4, 6, 0, True),
        (4, 8, 0, False),
        (9, 100_000, 0, False),
        (10, 100_000, 0, True),
        (10, 100_000, 1, True),
        (10, 100_000, 2, False),
        (3, 3, 1, False),
    ],
)
def test_how_many_are_many(refused: int, keys: int, succeeded: int, yes: bool) -> None:
    """At least three, more than half of a small fleet, ten of any; with hardly a success among them."""
    assert is_provider([5.0 + n for n in range(refused)], keys, [6.0] * succeeded) is yes


def test_a_call_sent_before_the_first_refusal_says_nothing() -> None:
    """A stream that began before the provider turned everybody away ends well all the same."""
    assert is_provider([5.0, 5.1, 5.2], 3, [4.9] * 100)
    assert not is_provider([5.0, 5.1, 5.2], 3, [5.0])


@given(st.lists(st.floats(0, 100), max_size=40), st.integers(1, 1000), st.lists(st.floats(0, 100), max_size=40))
def test_evidence_only_adds_up(refused: list[float], keys: int, succeeded: list[float]) -> None:
    """Another success never makes the provider guilty, and without enough refusals nothing does."""
    if not is_provider(refused, keys, succeeded):
        assert not is_provider(refused, keys, [*succeeded, 100.0])
    else:
        assert len(refused) >= LEAST
        assert sum(sent >= min(refused) for sent in succeeded) <= HARDLY * len(refused)


@pytest.mark.parametrize(
    ("outcome", "who"),
    [(OutcomeClass.KEY_FATAL, ("key:k1",)), (OutcomeClass.QUOTA_SPENT, ("pool:a:p", "pool:a:q"))],
)
def test_whom_it_takes_out(outcome: OutcomeClass, who: tuple[str, ...]) -> None:
    """A rejected credential its key, a spent quota its pools."""
    assert taken_out(outcome, "k1", POOLS) == who


def test_it_forgets_what_is_long_ago() -> None:
    """A key refused before the span is no evidence any more, and no suspect."""
    together = Together()
    for number, at in ((1, 0.0), (2, 50.0), (3, 51.0)):
        event = Settled(at, number, f"k{number}", (), OutcomeClass.KEY_FATAL, Scope.KEY, {}, {})
        together.refuse(event, at - 30.0)
    together.suspect()
    assert together.suspects == {"key:k2", "key:k3"}
    kept = together.copy()
    together.forget()
    assert kept.lately(51.0) == {("key:k3",): (51.0, "k3")}
    assert (together.refused, together.suspects) == ({}, frozenset())
    assert kept.suspects == {"key:k2", "key:k3"}
