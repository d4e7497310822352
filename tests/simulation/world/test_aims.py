"""Whom troubles are aimed at: somebody, or it is a mistake."""

from __future__ import annotations

import pytest

from actorrouter.errors import InvalidConfig
from actorrouter.simulation.world.aims import actors_of
from actorrouter.simulation.world.recorder import Recorder
from actorrouter.simulation.world.rehearse import rehearse
from tests.simulation.world.fleets import fleet
from tests.simulation.world.played import trouble


def test_the_actors_that_are_known_are_those_that_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither more nor fewer: who is aimed at is told from the configuration alone."""
    begun: list[set[str]] = []
    monkeypatch.setattr(Recorder, "begins", lambda _, router: begun.append(set(router.runtime.cells)))
    scenario = fleet("", duration_s="1")
    rehearse(scenario)
    assert begun == [set(actors_of(scenario.router))]


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("crash", "keys:*"),
        ("poison", "n1"),
        ("tear", "pool:south:org"),
        ("journal_outage", "ledger:*"),
        ("disable_key", "key:n1"),
        ("rotate_keys", "west-*"),
        ("revive", "west"),
        ("cut", "key:n1"),
    ],
)
def test_a_trouble_that_can_meet_nobody_is_refused(kind: str, target: str) -> None:
    """With its place and somebody whom it could have been aimed at: else a storm holds because it never came."""
    with pytest.raises(InvalidConfig, match=r"trouble\[1\].target: no (actor|key|provider) matches"):
        fleet(trouble("crash", target="key:n1") + trouble(kind, target=target))


def test_a_key_that_comes_later_can_be_aimed_at() -> None:
    """It is named after the one it is like."""
    fleet(trouble("add_key", target="n1") + trouble("disable_key", at_s=2, target="n1+1"))
    fleet(trouble("cancel", target="whoever"))  # callers have no names
