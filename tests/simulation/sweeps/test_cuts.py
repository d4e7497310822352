"""What can be left out of a scenario's tables."""

from __future__ import annotations

import copy
import tomllib

import pytest

from actorrouter.simulation.sweeps import cuts
from tests.simulation.sweeps.players import CALM, STRICT

TREE = tomllib.loads(CALM + STRICT)


def test_leaving_out_changes_nothing_of_the_original():
    """Items of one list keep their meaning though others go."""
    before = copy.deepcopy(TREE)
    left = cuts.without(TREE, [frozenset({("trouble", 0)}), frozenset({("workload", "people")})])
    assert [each["kind"] for each in left["trouble"]] == ["stall"]
    assert list(left["workload"]) == ["robots"]
    assert before == TREE
    assert cuts.without(TREE, [frozenset({("trouble", 0)}), frozenset({("trouble", 1)})])["trouble"] == []


def test_a_part_within_a_part_that_goes_too():
    """Goes with it, in whatever order they are named."""
    left = cuts.without(
        TREE, [frozenset({("router", "keys", "n1")}), frozenset({("router", "keys", "n1", "pools", 0)})]
    )
    assert list(left["router"]["keys"]) == ["n2", "s1"]


def test_a_provider_goes_with_its_keys_and_candidates():
    """And with a route that has no other."""
    providers = cuts.fleet(TREE)[0]
    left = cuts.without(TREE, providers[:1])
    assert list(left["router"]["providers"]) == list(left["upstream"]) == ["south"]
    assert list(left["router"]["keys"]) == ["s1"]
    assert [each["provider"] for each in left["router"]["routes"]["chat"]["candidates"]] == ["south"]
    alone = cuts.without(TREE, providers[:1])
    alone = cuts.without(alone, cuts.fleet(alone)[0])
    assert alone["router"]["routes"] == {}
    assert alone["workload"]["people"]["models"] == {}


def test_a_pool_goes_from_the_keys_that_name_it():
    """No key names what is not there."""
    (pool,) = cuts.fleet(TREE)[3]
    left = cuts.without(TREE, [pool])
    assert left["router"]["pools"] == {}
    assert left["router"]["keys"]["n1"]["pools"] == []


def test_settings_are_offered_larger_first_and_never_what_names_the_run():
    """Title, seed, duration and expectations stay."""
    (places,) = cuts.settings(TREE)
    listed = [place for each in places for place in each]
    assert {place[0] for place in listed} == {"router", "workload", "trouble", "upstream"}
    assert [len(place) for place in listed] == sorted(len(place) for place in listed)
    assert {place[0] for each in cuts.settings_of_events(TREE)[0] for place in each} == {"workload", "trouble"}


@pytest.mark.parametrize(("first_at_s", "first"), [(None, 2.5), (7.25, 7.251), (30.0, 2.5)])
def test_less_time(first_at_s, first):
    """Until just after the first breach, then shares; always less."""
    offered = [tree["duration_s"] for tree in cuts.shorter(TREE, first_at_s)]
    assert offered[0] == first
    assert all(0 < each < 20 for each in offered)


def test_fewer_calls():
    """Rates become smaller, counts stay whole and at least one."""
    offered = [tree["workload"] for tree in cuts.thinner(TREE)]
    assert {each["robots"]["clients"] for each in offered} == {2, 1}
    assert [each["people"]["rate_per_s"] for each in offered][:2] == [0.375, 0.75]
    assert not list(cuts.thinner({"workload": {"a": {"calls": 1}}}))


def test_size_counts_what_is_set():
    """Values, not tables."""
    assert cuts.size({"a": 1, "b": {"c": [1, {"d": 2}]}, "e": {}}) == 3
