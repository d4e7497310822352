"""The pickers by themselves: whom each chooses."""

from __future__ import annotations

import random

import pytest

from actorrouter.simulation.planning.baselines import (
    PICKERS,
    AtRandom,
    Cooldown,
    LeastUsed,
    Place,
    RoundRobin,
    WindowCounters,
)
from actorrouter.simulation.workloads import Arrival
from actorrouter.simulation.world.scenario import loads_scenario
from actorrouter.values import INF, Outcome, OutcomeClass, Scope
from tests.simulation.planning.fleets import SATURATED

A, B, C = (Place(name, "north", "big") for name in ("a", "b", "c"))
CALL = Arrival(0.0, "chat", "", 0, 50, 20, 30, stream=False, wait_s=None, deadline_s=None)
FULL = Outcome(OutcomeClass.RATE_LIMITED, Scope.POOL, 429)
WELL = Outcome(OutcomeClass.SUCCEEDED, Scope.NONE, 200)


def test_round_robin_takes_each_key_in_turn_for_each_route():
    """Two routes have turns of their own."""
    picker = RoundRobin()
    picked = [picker.pick("chat", (A, B, C), CALL, 0.0) for _ in range(4)]
    assert picked == [A, B, C, A]
    assert picker.pick("mail", (A, B, C), CALL, 0.0) == A


def test_random_picks_come_from_its_chance_alone():
    """The same seed picks the same keys, and sooner or later each."""
    one, two = (AtRandom(random.Random(7)) for _ in range(2))
    picked = [one.pick("chat", (A, B, C), CALL, 0.0) for _ in range(50)]
    assert picked == [two.pick("chat", (A, B, C), CALL, 0.0) for _ in range(50)]
    assert set(picked) == {A, B, C}


def test_least_used_takes_the_key_with_fewest_in_flight():
    """A request counts from when it is sent until its answer is judged."""
    picker = LeastUsed()
    picker.sent(A, CALL, 0.0)
    assert picker.pick("chat", (A, B), CALL, 0.0) == B
    picker.sent(B, CALL, 0.0)
    picker.sent(B, CALL, 0.0)
    assert picker.pick("chat", (A, B), CALL, 0.0) == A
    picker.ended(B, WELL, 1.0)
    picker.ended(B, FULL, 1.0)
    assert picker.pick("chat", (A, B), CALL, 1.0) == B


def test_a_key_rests_after_a_429_unless_it_is_the_only_one():
    """It is back after the rest, at that very instant."""
    picker = Cooldown(random.Random(1), rest_s=5.0)
    picker.ended(A, FULL, 10.0)
    assert {picker.pick("chat", (A, B), CALL, 14.9) for _ in range(20)} == {B}
    assert {picker.pick("chat", (A, B), CALL, 15.0) for _ in range(20)} == {A, B}
    assert picker.pick("chat", (A,), CALL, 14.9) == A
    picker.ended(B, FULL, 14.9)
    assert picker.pick("chat", (A, B), CALL, 14.9) is None
    assert picker.again_at((A, B), 14.9) == INF


def test_counters_stop_at_the_declared_limit_until_the_minute_is_over():
    """60 in a minute of the wall clock and no more; the next minute starts at nought."""
    wall = 1_000_020.0  # a minute began at 1,000,020
    config = loads_scenario(SATURATED).router
    picker = WindowCounters(config, lambda: wall)
    places = (Place("n1", "north", "big"),)
    for _ in range(60):
        assert picker.pick("chat", places, CALL, 0.0) == places[0]
        picker.sent(places[0], CALL, 0.0)
    wall += 30
    assert picker.pick("chat", places, CALL, 30.0) is None
    assert picker.again_at(places, 30.0) == 60.0
    wall += 30
    assert picker.pick("chat", places, CALL, 60.0) == places[0]


def test_counters_count_what_is_in_flight():
    """A concurrency limit has room again when an answer ends."""
    text = SATURATED.replace('dimension = "requests", amount = 60, window_s = 60, shape = "sliding"', "{}", 1)
    config = loads_scenario(text.replace("{ {} }", '{ dimension = "concurrency", amount = 1 }')).router
    picker = WindowCounters(config, lambda: 0.0)
    places = (Place("n1", "north", "big"),)
    picker.sent(places[0], CALL, 0.0)
    assert picker.pick("chat", places, CALL, 0.0) is None
    picker.ended(places[0], WELL, 1.0)
    assert picker.pick("chat", places, CALL, 1.0) == places[0]


@pytest.mark.parametrize("name", PICKERS)
def test_every_picker_can_be_made_by_its_name(name):
    """And picks one of the places it is given."""
    config = loads_scenario(SATURATED).router
    picker = PICKERS[name](config, random.Random(1), lambda: 0.0)
    places = (Place("n1", "north", "big"), Place("n2", "north", "big"))
    assert picker.pick("chat", places, CALL, 0.0) in places
