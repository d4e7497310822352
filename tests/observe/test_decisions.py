"""The record of a decision: kept within its bound, told in words, replayed to the same choice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.observe.decisions import Decision, DecisionLog, Tried, explain, in_order, replay, tell
from actorrouter.values import INF, Basis, OutcomeClass, Refusal

FULL = Refusal("pool:p:shared", "tokens of 900 per 60 s are in use", 12.0, Basis.EXACT, "tokens", 300, 120.0)


def decision(*tried: Tried, **facts: object) -> Decision:
    """A decision at second 10 for 300 tokens."""
    made = Decision(7, 10.0, "m", "", "headroom", {"requests": 1, "tokens": 300}, tried=tried)
    for name, fact in facts.items():
        setattr(made, name, fact)
    return made


@given(most=st.integers(1, 20), count=st.integers(0, 60))
def test_a_log_keeps_the_last_decisions(most: int, count: int) -> None:
    """As many as its bound says, whatever comes."""
    log = DecisionLog(most)
    for number in range(count):
        log.add(Decision(number, 0.0, "m", "", "headroom", {}))
    kept = [each.decision_id for each in log.last(1000)]
    assert kept == list(range(count))[::-1][:most]
    assert all((log.get(number) is not None) == (number in kept) for number in range(count))


@given(refused=st.lists(st.booleans(), max_size=8))
def test_replay_comes_to_the_first_that_refused_nothing(refused: list[bool]) -> None:
    """Or to nobody."""
    tried = [Tried(f"k{n}", 0, n, 0, (FULL,) if no else ()) for n, no in enumerate(refused)]
    assert replay(decision(*tried)) == next((f"k{n}" for n, no in enumerate(refused) if not no), "")


@pytest.mark.parametrize(
    ("asked", "fine"),
    [
        ([], True),
        ([(0, 3), (0, 3), (0, 9)], True),
        ([(0, 9), (0, 3)], False),
        ([(0, 9), (1, 3)], True),
        ([(0, 9), (0, -1), (0, 9)], True),
    ],
)
def test_lower_load_is_asked_first_within_a_candidate(asked: list[tuple[int, int]], fine: bool) -> None:
    """Between candidates the policy decides; a key asked by name or again has no rank."""
    assert in_order(decision(*(Tried("k", candidate, load, 0) for candidate, load in asked))) is fine


def test_a_grant_is_told_with_why_and_what_came_of_it() -> None:
    """The key, who refused before it and when that could, the wait, the outcome, the usage."""
    told = explain(
        decision(
            Tried("k1", 0, 4, 2, (FULL,)),
            Tried("k2", 0, 9, 3),
            chosen="k2",
            reservation_id=8,
            waited_s=1.5,
            outcome=OutcomeClass.SUCCEEDED,
            usage={"tokens": 211, "requests": 0},
        )
    )
    assert told.splitlines() == [
        "decision 7: route 'm' by policy 'headroom' for 1 requests, 300 tokens",
        f"  k1 refused: {tell(FULL, 10.0)}",
        "  k2 granted: its pools were the least loaded with room, 3 already in flight on the key",
        "  chosen: k2 after 1.50 s of waiting; it succeeded, used 211 tokens",
    ]


def test_a_refusal_is_told_with_when_it_could_be() -> None:
    """What nobody asked is counted, too."""
    told = explain(
        decision(
            Tried("k1", 0, 4, 2, (FULL,)),
            tried_more=4,
            set_aside=3,
            excluded=frozenset({"k9"}),
            pinned=frozenset({"k1", "k0"}),
            available_at=12.0,
        )
    )
    for line in (
        "  only keys: k0, k1",
        "  without keys: k9",
        "  and 4 more keys refused",
        "  nobody granted; the first could in 2.00 s",
    ):
        assert line in told.splitlines()
    assert "3 set aside" in told


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"chosen": "k1", "reservation_id": 3}, "still in flight"),
        ({"chosen": "k1", "reservation_id": 3, "outcome": "expired"}, "it ended as expired"),
        (
            {"chosen": "k1", "reservation_id": 3, "outcome": "quota_spent", "said": "top up"},
            "it ended as quota_spent: top up",
        ),
        ({"chosen": "k1"}, "k1 had room, but others waited ahead"),
        ({}, "nobody granted"),
    ],
)
def test_every_end_is_told(facts: dict[str, object], said: str) -> None:
    """Also of what has none yet, and of what was only asked about."""
    assert said in explain(decision(**facts))


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (FULL, "pool:p:shared: tokens of 900 per 60 s are in use (asked 300, free 120), free in 2.00 s (exact)"),
        (Refusal("key:k", "disabled", final=True), "key:k: disabled, waiting cannot help"),
        (Refusal("pool:x", "busy", INF, Basis.UNKNOWN, latest=13.0), "within 3.0 s at the latest"),
        (Refusal("pool:x", "busy", INF, Basis.UNKNOWN), "pool:x: busy"),
        (Refusal("circuit:p", "circuit open", 9.0, Basis.LEARNED), "free in 0.00 s (learned)"),
    ],
)
def test_a_refusal_says_who_why_and_when(refusal: Refusal, said: str) -> None:
    """With `at` as now."""
    assert said in tell(refusal, 10.0)
