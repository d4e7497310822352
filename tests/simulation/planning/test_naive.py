"""Simpler pickers in the router's place, on the same seed, calls and providers."""

from __future__ import annotations

import pytest

from actorrouter.simulation.planning.baselines import PICKERS
from actorrouter.simulation.planning.naive import baselines, places_of, play_naive
from actorrouter.simulation.planning.play import play
from actorrouter.simulation.world.scenario import loads_scenario
from tests.simulation.planning.fleets import SATURATED

SCENARIO = loads_scenario(SATURATED)


@pytest.fixture(scope="module")
def side_by_side():
    """Everybody's figures on one seed."""
    return {"actorrouter": play(SCENARIO, 1).figures, **baselines(SCENARIO, 1)}


def test_everybody_is_offered_the_same_calls(side_by_side):
    """The router first, then every picker; nobody loses a call or keeps one under way."""
    assert list(side_by_side) == ["actorrouter", *PICKERS]
    assert len({told["offered"] for told in side_by_side.values()}) == 1
    for told in side_by_side.values():
        assert told["served"] + told["refused"] + told["failed"] == told["offered"]
        assert told["lost"] == told["under_way_at_end"] == 0


def test_on_a_saturating_workload_naive_pickers_are_refused_and_the_router_is_not(side_by_side):
    """Round robin, random and least used burst into 429s; the router sends nothing in vain."""
    router = side_by_side["actorrouter"]
    assert router["provider_429_ours"] == router["wasted_sends"] == 0
    assert router["attempted_peak"] <= 1
    for name in ("round robin", "random", "least used", "cooldown on 429"):
        told = side_by_side[name]
        assert told["provider_429_ours"] > 50, name
        assert told["wasted_sends"] == told["arrived"] - told["served"] >= told["provider_429_ours"]
        assert told["attempted_peak"] > 1, name


def test_the_router_serves_no_less_than_any_of_them(side_by_side):
    """With sliding windows, at twice what they allow."""
    assert side_by_side["actorrouter"]["served"] >= max(told["served"] for told in side_by_side.values())


def test_resting_keys_costs_fewer_429s_than_not_looking(side_by_side):
    """A cooldown spares the provider what round robin sends in vain."""
    assert side_by_side["cooldown on 429"]["provider_429_ours"] < side_by_side["round robin"]["provider_429_ours"] / 2


@pytest.mark.parametrize("name", PICKERS)
def test_the_same_seed_gives_the_same_run(name, side_by_side):
    """Figure for figure."""
    assert play_naive(SCENARIO, 1, name) == side_by_side[name]


def test_another_seed_gives_another_run(side_by_side):
    """The calls come at other instants."""
    assert play_naive(SCENARIO, 2, "round robin") != side_by_side["round robin"]


def test_watching_the_laws_changes_no_figure():
    """A run of a search is the run that the laws would have seen."""
    watched, unwatched = (play(SCENARIO, 3, watched=watched) for watched in (True, False))
    assert watched == unwatched
    assert watched.violations == ()


def test_a_picker_knows_the_keys_of_every_candidate():
    """By the route's patterns and the keys' models, whatever the order of the candidates."""
    text = SATURATED.replace(
        '{ provider = "north", model = "big" }', '{ provider = "north", model = "big", keys = ["n2"] }'
    )
    assert [place.key_id for place in places_of(loads_scenario(text).router, "chat")] == ["n2"]
