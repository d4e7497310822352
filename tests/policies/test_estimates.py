"""What is learned of estimates."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.policies.estimates import MEMORY_CALLS, RATIO_MAX, RATIO_MIN, InputRatio


def taught(ratio: InputRatio, calls: int, true: float, estimated: float = 1000.0) -> InputRatio:
    for _ in range(calls):
        ratio.learn(estimated, ratio.scaled(estimated), true * estimated)
    return ratio


def test_the_first_call_is_reserved_as_estimated() -> None:
    """Nothing is learned before something was told."""
    ratio = InputRatio()
    assert (ratio.factor, ratio.scaled(1234), ratio.status()["calls"]) == (1.0, 1234, 0)


@pytest.mark.parametrize("true", [0.5, 0.8, 1.0, 1.25, 2.0, 3.0])
def test_what_is_reserved_converges_from_above(true: float) -> None:
    """After a hundred alike calls within a twentieth of the truth, and from the second on never below it."""
    ratio = InputRatio()
    for _ in range(100):
        taught(ratio, 1, true)
        assert ratio.factor >= true * 0.999
    assert ratio.factor <= true * 1.05


def test_after_one_call_the_worse_of_it_and_the_estimate_is_reserved() -> None:
    """One low call is no proof; one high call is believed at once."""
    assert taught(InputRatio(), 1, 0.5).factor == pytest.approx(1.0)
    assert taught(InputRatio(), 1, 2.0).factor == pytest.approx(2.0)


@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_the_margin_covers_most_calls(spread: float) -> None:
    """With ratios scattered like a bell at least nine calls of ten use no more than was reserved for them."""
    chance, ratio, beyond = random.Random(7), InputRatio(), 0
    for call in range(1100):
        used = max(0.0, chance.gauss(1.5, spread)) * 1000
        beyond += call >= 100 and used > ratio.scaled(1000)
        ratio.learn(1000, ratio.scaled(1000), used)
    assert beyond <= 100


def test_large_calls_decide() -> None:
    """Many small bodies, mostly JSON, do not make the reservation of a large text too small."""
    ratio = InputRatio()
    for _ in range(200):
        taught(ratio, 9, 0.3, estimated=60)
        taught(ratio, 1, 1.0, estimated=6000)
    assert ratio.factor >= 1.0


def test_a_change_is_followed_within_the_memory() -> None:
    """Callers who switch to another alphabet are known after a few memories' worth of calls."""
    ratio = taught(taught(InputRatio(), 500, 0.5), 4 * MEMORY_CALLS, 2.0)
    assert 2.0 <= ratio.factor <= 2.4


def test_one_huge_call_does_not_take_over() -> None:
    """It weighs as much as a few usual ones, whatever it says."""
    ratio = taught(taught(InputRatio(), 100, 1.0), 1, 0.0, estimated=1e9)
    assert 0.8 < ratio.factor < 1.5


def test_where_the_provider_charges_its_own_estimate_never_less_than_counted() -> None:
    """`least` holds whatever is told, and `most` makes estimates by bytes."""
    assert taught(InputRatio(least=1.0), 100, 0.5).factor == 1.0
    fixed = taught(InputRatio(least=1.0, most=1.0), 100, 2.0)
    assert (fixed.factor, fixed.status()["ratio"]) == (1.0, pytest.approx(2.0, abs=0.05))


def test_the_error_is_published() -> None:
    """By how many tokens the reservations missed, and in which direction."""
    by_bytes = taught(InputRatio(least=1.0, most=1.0), 300, 2.0)
    assert by_bytes.status() == {
        "calls": 300,
        "ratio": pytest.approx(2.0, abs=0.01),
        "factor": 1.0,
        "error_tokens": pytest.approx(1000, abs=1),
        "bias_tokens": pytest.approx(-1000, abs=1),
        "covered": pytest.approx(0, abs=0.001),
    }
    learned = taught(InputRatio(), 300, 2.0).status()
    assert 0 <= learned["bias_tokens"] <= learned["error_tokens"] < 50
    assert learned["covered"] == pytest.approx(1, abs=0.001)


def test_one_call_s_error_is_the_error() -> None:
    """The mean is of the calls there were, from the first on."""
    ratio = taught(InputRatio(), 1, 1.5)
    assert {name: ratio.status()[name] for name in ("error_tokens", "bias_tokens", "covered")} == {
        "error_tokens": 500.0,
        "bias_tokens": -500.0,
        "covered": 0.0,
    }
    ratio.learn(1000, 1000, 1000)
    assert (ratio.status()["error_tokens"], ratio.status()["covered"]) == (250.0, 0.5)


@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_what_is_covered_is_published(spread: float) -> None:
    """With ratios scattered like a bell, on the whole nine calls of ten or more."""
    chance, ratio, seen = random.Random(11), InputRatio(), []
    for _ in range(2000):
        ratio.learn(1000, ratio.scaled(1000), max(0.0, chance.gauss(1.5, spread)) * 1000)
        seen.append(ratio.status()["covered"])
    assert 0.9 <= sum(seen[100:]) / len(seen[100:]) <= 0.99


AMOUNTS = st.floats(1, 1e12)
TOLD = st.lists(st.tuples(AMOUNTS, st.floats(0, 1e15)), max_size=60)


@given(TOLD)
def test_whatever_is_told_the_factor_stays_within_its_bounds(told: list[tuple[float, float]]) -> None:
    """Absurd usage included; and the same words lead to the same factor."""
    first, again = InputRatio(), InputRatio()
    for estimated, used in told:
        first.learn(estimated, first.scaled(estimated), used)
        again.learn(estimated, again.scaled(estimated), used)
        assert RATIO_MIN <= first.factor <= RATIO_MAX
        assert first.factor == again.factor
        assert first.scaled(estimated) >= estimated * RATIO_MIN


@given(TOLD, st.floats(RATIO_MIN, RATIO_MAX))
def test_whatever_came_before_steady_calls_are_learned(told: list[tuple[float, float]], true: float) -> None:
    """No history makes it deaf: some hundred calls of one size later the factor is near the truth."""
    ratio = InputRatio()
    for estimated, used in told:
        ratio.learn(estimated, estimated, used)
    taught(ratio, 1500, true)
    assert true * 0.99 <= ratio.factor <= true * 1.1
