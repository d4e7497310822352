"""What was reached, and what of the known never was."""

from __future__ import annotations

from typing import get_args

from actorrouter.simulation.providers.config import FaultKind
from actorrouter.simulation.sweeps.coverage import KNOWN, never
from actorrouter.simulation.world.reached import reached
from actorrouter.simulation.world.rehearse import rehearse
from actorrouter.simulation.world.scenario import TroubleKind
from actorrouter.values import OutcomeClass
from tests.simulation.sweeps.players import CALM, STRICT, staged


def test_the_known_are_the_code_s_own_lists():
    """Outcomes, troubles, faults, events, errors, and each actor's tables."""
    assert {f"outcome {each.value}" for each in OutcomeClass} < KNOWN
    assert {f"trouble {each}" for each in get_args(TroubleKind)} < KNOWN
    assert {f"fault {each}" for each in get_args(FaultKind)} < KNOWN
    some = {"event Quarantined", "error NoCapacity", "key is exhausted", "circuit open -> half_open"}
    assert some | {"crash of a pool in Reserve", "crash of a budget in Settled"} < KNOWN
    assert not {"error RouterError", "error InvalidConfig"} & KNOWN


def test_what_a_run_reaches_has_a_known_name():
    """Nothing is counted under a name that the list of the known spells otherwise; the rest is never."""
    ending = rehearse(staged(CALM + STRICT).scenario(), 1)
    seen = reached(ending)
    listed = ("outcome ", "event ", "error ", "ending ", "trouble ", "fault ", "key is ", "circuit is ")
    assert {name for name in seen if name.startswith(listed)} <= KNOWN
    assert seen["outcome rate_limited"] == ending.run.recorder.outcomes["rate_limited"] > 0
    assert seen["trouble stall"] == seen["fault throttle"] == 1
    assert seen["key is available"] == 3
    assert set(never(seen)) == KNOWN - set(seen)
    assert "trouble stall" not in never(seen)
    assert "trouble kill" in never(seen)
