"""Weather."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.providers.storms import Storm


def test_it_storms_as_often_and_as_long_as_told():
    """Calm for 30 s and raging for 10 s on average: a quarter of the time, in some 500 storms of 20,000 s."""
    storm = Storm(1, 30, 10)
    raging = [storm.raging(tenth / 10) for tenth in range(200_000)]
    assert 0.2 < sum(raging) / len(raging) < 0.3
    assert 400 < sum(now and not before for before, now in pairwise(raging)) < 600


@given(st.integers(0, 99), st.lists(st.floats(0, 50), max_size=30))
def test_the_weather_does_not_depend_on_who_looks_when(seed, gaps):
    """Whoever looks often and whoever looks once see the same."""
    often, now = Storm(seed, 20, 5), 0.0
    for gap in gaps:
        now += gap
        assert often.raging(now) == Storm(seed, 20, 5).raging(now)
