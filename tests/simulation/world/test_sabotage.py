"""Trouble inside the process: turns that raise, and logs that fail."""

from __future__ import annotations

import random
from typing import Any

import pytest

from actorrouter.simulation.world.disk import Injected
from actorrouter.simulation.world.sabotage import Sabotage
from actorrouter.simulation.world.scenario import TroubleConfig
from tests.simulation.world.played import played, trouble


@pytest.mark.parametrize(
    ("kind", "target", "spoilt"),
    [("poison", "key:*", {"Reserve", "Settle"}), ("tear", "pool:*", {"Observe", "Granted", "Dispatched", "Settled"})],
)
def test_a_turn_is_spoilt_where_it_is_said(
    monkeypatch: pytest.MonkeyPatch, kind: str, target: str, spoilt: set[str]
) -> None:
    """Deciding on messages, or applying events; in the actors that are aimed at; no law is broken by it."""
    run = played(monkeypatch, trouble(kind, target=target, probability=0.1))
    assert run.ending.holds, run.ending.violations
    crashes = {what for what in run.ending.run.recorder.seen if what.startswith("crash of")}
    assert crashes
    assert crashes <= {f"crash of a {target.removesuffix(':*')} in {turn}" for turn in spoilt}
    assert run.ending.run.sabotage.struck > 0


def test_only_the_turns_of_the_message_are_spoilt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that never comes spoils nothing."""
    run = played(monkeypatch, trouble("poison", message="NeverSent"))
    assert run.ending.figures["crashes"] == 0


def failing(*troubles: TroubleConfig, elapsed: Any = lambda: 0.0) -> Any:
    return Sabotage(troubles, random.Random(1), elapsed).journal()


def test_a_journal_fails_while_it_is_said_and_for_whom() -> None:
    """Appends raise during an outage; before and after they are kept."""
    now = [0.0]
    journal = failing(TroubleConfig("journal_outage", at_s=5, for_s=5, target="key:*"), elapsed=lambda: now[0])
    key, pool = journal.open("key:a"), journal.open("pool:a")
    key.append("early")
    now[0] = 7.0
    with pytest.raises(Injected):
        key.append("lost")
    pool.append("kept")
    now[0] = 10.0
    key.append("late")
    assert key.load()[1] == ["early", "late"]
    assert journal.open("key:a") is key
    journal.forget("key:a")
    assert journal.open("key:a").load()[1] == []


def test_what_is_read_back_is_broken_during_a_corruption() -> None:
    """What is appended is not."""
    log = failing(TroubleConfig("journal_corruption")).open("key:a")
    log.append("x")
    with pytest.raises(Injected):
        log.load()


def test_without_such_a_trouble_there_is_no_journal_of_ours() -> None:
    """The router's own is used."""
    assert failing(TroubleConfig("poison")) is None
