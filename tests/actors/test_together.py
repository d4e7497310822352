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


def refused(at: float, key_id: str, *pools: str) -> Settled:
    """A key that was refused, or its pools."""
    outcome = OutcomeClass.QUOTA_SPENT if pools else OutcomeClass.KEY_FATAL
    return Settled(at, int(at), key_id, pools, outcome, Scope.KEY, {}, {})


def test_it_forgets_what_is_long_ago() -> None:
    """A key refused before the span is no evidence any more, and no suspect."""
    together = Together()
    for at, key_id in ((0.0, "k1"), (50.0, "k2"), (51.0, "k3")):
        together.refuse(refused(at, key_id), at - 30.0)
    assert together.suspects == frozenset()
    together.suspected = True
    assert together.suspects == {"key:k2", "key:k3"}
    kept = together.copy()
    together.forget()
    assert kept.lately(51.0) == {("key:k3",): (51.0, "k3")}
    assert (together.refused, together.suspects) == ({}, frozenset())
    assert kept.suspects == {"key:k2", "key:k3"}


def test_a_suspect_is_not_forgotten() -> None:
    """However long an outage lasts, whoever it took out is given back at its end."""
    together = Together()
    together.refuse(refused(0.0, "k1"), -30.0)
    together.suspected = True
    together.refuse(refused(500.0, "k2"), 470.0)
    assert together.suspects == {"key:k1", "key:k2"}


def test_a_pool_in_two_refusals_is_remembered_by_the_later_one() -> None:
    """Forgetting the first leaves what the second said of the pool they share."""
    together = Together()
    together.refuse(refused(0.0, "k1", "pool:a:p", "pool:a:q"), -30.0)
    together.refuse(refused(20.0, "k2", "pool:a:q"), -10.0)
    together.refuse(refused(40.0, "k3"), 10.0)
    assert together.actors == {"pool:a:q": 20.0, "key:k3": 40.0}


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 20)), max_size=60), st.floats(1, 40))
def test_it_is_the_refusals_within_the_span(steps: list[tuple[int, float]], span_s: float) -> None:
    """Whatever the order: who was refused lately, each once and as late as it was."""
    together, model, at = Together(), dict[str, float](), 0.0
    for number, pause_s in steps:
        at += pause_s
        together.refuse(refused(at, f"k{number}"), at - span_s)
        model[f"key:k{number}"] = at
    live = {who: when for who, when in model.items() if when >= at - span_s}
    assert {who: when for (who,), (when, _) in together.lately(at - span_s).items()} == live
    assert together.actors == live


def test_one_verdict_looks_at_a_bounded_number() -> None:
    """After ten thousand refusals the latest hundred are the evidence."""
    together = Together()
    for number in range(10_000):
        together.refuse(refused(number / 1000, f"k{number}"), -1.0)
    assert [name for _, name in together.lately(-1.0).values()] == [f"k{n}" for n in range(9_999, 9_899, -1)]
