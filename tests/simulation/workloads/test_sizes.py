"""How large calls are: bounds, medians, tails."""

from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.workloads.config import SizesConfig
from actorrouter.simulation.workloads.sizes import allowance, between, drawer

sizes = st.one_of(
    st.builds(SizesConfig, kind=st.just("constant"), tokens=st.integers(1, 10_000), most=st.integers(1, 5000)),
    st.builds(
        SizesConfig,
        kind=st.just("lognormal"),
        median=st.floats(0.1, 1e5),
        sigma=st.floats(0, 30),
        most=st.integers(1, 5000),
    ),
    st.builds(
        SizesConfig,
        kind=st.just("pareto"),
        least=st.integers(1, 100),
        alpha=st.floats(0.05, 5),
        most=st.integers(100, 5000),
    ),
)


@given(sizes, st.integers())
def test_no_size_is_below_one_or_above_the_most(config, seed):
    """However heavy the tail."""
    draw, chance = drawer(config), Random(seed)
    assert draw is not None
    assert all(1 <= draw(chance) <= config.most for _ in range(50))


def test_half_of_lognormal_sizes_are_below_the_median():
    """The median is what it says."""
    draw, chance = drawer(SizesConfig(kind="lognormal", median=400, sigma=1.2)), Random(1)
    assert draw is not None
    assert 380 < median(draw(chance) for _ in range(20_000)) < 420


def test_a_pareto_tail_is_heavy():
    """A tenfold size is 10**-alpha as frequent; none is below the least."""
    draw, chance = drawer(SizesConfig(kind="pareto", least=20, alpha=1.0)), Random(1)
    assert draw is not None
    drawn = [draw(chance) for _ in range(20_000)]
    assert min(drawn) >= 20
    assert 0.09 < sum(size > 200 for size in drawn) / 20_000 < 0.11


points = st.lists(st.floats(0, 1e5), min_size=2, max_size=9).map(
    lambda values: [((i + 1) / 10, v) for i, v in enumerate(sorted(values))]
)


@given(points, st.lists(st.floats(0, 1), min_size=2))
def test_sizes_by_quantiles_grow_with_the_share_and_stay_between_the_ends(quantiles, shares):
    """No share leaves what was measured."""
    drawn = [between(quantiles, share) for share in sorted(shares)]
    assert drawn == sorted(drawn)
    assert all(max(1, round(quantiles[0][1])) <= size <= max(1, round(quantiles[-1][1])) for size in drawn)


def test_a_quantile_is_met_exactly():
    """Half is the middle point."""
    assert between([(0.01, 4), (0.5, 100), (0.99, 4000)], 0.5) == 100


@pytest.mark.parametrize(("output", "fixed", "asked"), [(10, None, 15), (11, None, 17), (10, 4, 4), (0, None, 0)])
def test_the_allowance_is_fixed_or_a_margin(output, fixed, asked):
    """Rounded up: never less than the margin says."""
    assert allowance(output, fixed, 1.5) == asked
