"""Measured numbers: bounded, repeatable, fair, and the largest is never lost."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.world.samples import Samples, nearest_rank


def of(numbers: list[float], most: int) -> Samples:
    samples = Samples(most)
    for number in numbers:
        samples.add(number)
    return samples


@given(st.lists(st.floats(0, 1e6), max_size=200), st.integers(1, 50))
def test_no_more_are_kept_than_said_and_the_largest_is(numbers: list[float], most: int) -> None:
    """Few are all kept; of many, some of them; the same numbers give the same ones."""
    samples = of(numbers, most)
    assert samples.seen == len(numbers)
    assert len(samples) == min(most, len(numbers))
    assert not numbers or max(samples) == max(numbers)
    assert set(samples) <= set(numbers)
    assert list(samples) == list(of(numbers, most))
    if len(numbers) <= most:
        assert sorted(samples) == sorted(numbers)


def test_a_draw_is_fair() -> None:
    """Early and late numbers have the same chance to stay."""
    samples = of([float(number) for number in range(100_000)], 2_000)
    assert abs(sum(samples) / len(samples) - 50_000) < 3_000


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_nearest_rank_is_the_smallest_number_that_enough_do_not_exceed(numbers: list[float], share: float) -> None:
    """By counting."""
    ordered = sorted(numbers)
    found = nearest_rank(ordered, share)
    enough = math.ceil(share * len(ordered) - 1e-9)
    assert sum(number <= found for number in ordered) >= enough
    assert sum(number < found for number in ordered) < enough
