"""Each trouble does what its description says, when it says so."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.simulation.world.scenario import TroubleConfig
from actorrouter.simulation.world.troubles import instants
from tests.simulation.world.played import Played, played, trouble

both_paths = pytest.mark.parametrize("path", ["fast", "full"])
Patch = pytest.MonkeyPatch


def held(run: Played) -> Played:
    assert run.ending.holds, "\n".join(run.ending.violations)
    return run


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"at_s": 7}, [7]),
        ({"at_s": 7, "for_s": 5}, [7]),
        ({"at_s": 1, "every_s": 4}, [1, 5, 9]),
        ({"at_s": 1, "every_s": 4, "for_s": 6}, [1, 5]),
        ({"at_s": 1, "every_s": 4, "for_s": 4}, [1]),
    ],
)
def test_it_strikes_at_its_instants(about: dict[str, Any], expected: list[float]) -> None:
    """Once, or again and again while it lasts, before the end of the run."""
    assert list(instants(TroubleConfig("crash", **about), 12)) == expected


def test_it_is_on_from_its_start_until_before_its_end() -> None:
    """And without an end for ever."""
    lasting = TroubleConfig("cancel", at_s=5, for_s=5)
    assert [lasting.on(at) for at in (4.9, 5, 9.9, 10)] == [False, True, True, False]
    assert TroubleConfig("cancel", at_s=5).on(1e9)


def test_a_crash_is_an_actor_s_that_is_aimed_at(monkeypatch: Patch) -> None:
    """At its instants; nobody else dies."""
    run = held(played(monkeypatch, trouble("crash", at_s=3, every_s=10, target="key:*")))
    assert [at for at, _, _ in run.ending.run.recorder.marks] == [3, 13, 23]
    assert {what for what in run.ending.run.recorder.seen if what.startswith("crash")} == {"crash of a key in Peek"}


@both_paths
def test_while_the_process_is_stalled_nothing_happens(monkeypatch: Patch, path: Any) -> None:
    """What should have come in between comes at its end."""
    run = held(played(monkeypatch, trouble("stall", at_s=10, amount=8), path))
    assert not [at for at in run.offered if 10.01 < at < 17.99]
    assert len([at for at in run.offered if 17.99 <= at <= 18.01]) > 3


@both_paths
def test_a_clock_jump_moves_the_wall_clock_alone(monkeypatch: Patch, path: Any) -> None:
    """Forth and back."""
    step_s = played(monkeypatch, path=path).ending.run.wall.step_s
    run = held(
        played(monkeypatch, trouble("clock_jump", at_s=5, amount=100) + trouble("clock_jump", at_s=9, amount=-30), path)
    )
    assert run.ending.run.wall.step_s - step_s == pytest.approx(70)


@both_paths
def test_a_killed_process_is_gone_for_as_long_as_said(monkeypatch: Patch, path: Any) -> None:
    """Whoever calls meanwhile finds nobody; two lives, and nothing of the first goes on in the second."""
    run = held(played(monkeypatch, trouble("kill", at_s=10, amount=5), path))
    assert len(run.routers) == 2
    down = [index for index, count in enumerate(run.ending.run.recorder.series["down"]) if count]
    assert 10 <= down[0] * 30 / 240 <= 10.5
    assert down[-1] * 30 / 240 <= 15
    assert run.ending.figures["lost"] == run.ending.figures["under_way_at_end"] == 0


@both_paths
def test_who_is_dead_cannot_be_killed(monkeypatch: Patch, path: Any) -> None:
    """Two kills that overlap are one."""
    run = held(played(monkeypatch, trouble("kill", at_s=10, amount=5) + trouble("kill", at_s=12, amount=5), path))
    assert len(run.routers) == 2
    assert [what for _, _, what in run.ending.run.recorder.marks] == ["kill *"]


def test_a_trouble_that_wins_no_draw_does_not_strike(monkeypatch: Patch) -> None:
    """Not even a kill."""
    run = held(played(monkeypatch, trouble("kill", at_s=10, probability=0.0) + trouble("crash", probability=0.0)))
    assert (len(run.routers), run.ending.run.recorder.marks) == (1, [])


@both_paths
def test_an_added_key_is_known_to_both_sides(monkeypatch: Patch, path: Any) -> None:
    """In the old key's shared pools; limits of its own are its own, at the provider too."""
    run = held(
        played(monkeypatch, trouble("add_key", at_s=2, target="s1") + trouble("add_key", at_s=3, target="n*"), path)
    )
    assert set(run.routers[0].fleet.keys) == {"n1", "n2", "s1", "s1+1", "n1+2"}
    south, north = run.ending.books["south"], run.ending.books["north"]
    assert set(south["scopes"]) == {"s1-own", "s1+1-own"}
    assert set(north["scopes"]) == {"org"}
    assert south["scopes"]["s1+1-own"]["accepted"] == south["keys"]["s1+1"]["accepted"] > 0
    assert run.ending.figures["provider_429_ours"] == 0


def test_removed_disabled_and_cleared_keys(monkeypatch: Patch) -> None:
    """The first that matches is removed; all that match are disabled, or cleared."""
    run = held(played(monkeypatch, trouble("remove_key", at_s=2, target="n*")))
    assert set(run.routers[0].fleet.keys) == {"n2", "s1"}
    run = held(played(monkeypatch, trouble("disable_key", at_s=2, target="n*")))
    assert run.ending.figures["keys_disabled"] == 2
    assert run.ending.books["north"]["accepted"] < 10
    more = trouble("disable_key", at_s=2, target="n*") + trouble("clear_key", at_s=6)
    cleared = held(played(monkeypatch, more))
    assert cleared.ending.books["north"]["accepted"] > run.ending.books["north"]["accepted"]


@both_paths
def test_keys_are_rotated_in_turn(monkeypatch: Patch, path: Any) -> None:
    """Each is replaced by a new one, once."""
    run = held(played(monkeypatch, trouble("rotate_keys", at_s=3, every_s=5, target="n*"), path))
    assert set(run.routers[0].fleet.keys) == {"n1+1", "n2+2", "s1"}
    assert run.ending.figures["failed"] == 0


def test_a_quarantined_provider_is_revived(monkeypatch: Patch) -> None:
    """Without the trouble it stays away."""
    dying = trouble("crash", at_s=1, every_s=0.2, for_s=4, target="circuit:north*")
    fragile = "20.0\nrestart = {max_restarts = 1, within_s = 60, backoff_s = 0.01, backoff_max_s = 0.01}"
    left = played(monkeypatch, dying, lease_s=fragile).ending
    assert left.figures["quarantines"] > 0
    revived = played(monkeypatch, dying + trouble("revive", at_s=8), lease_s=fragile).ending
    assert revived.books["north"]["accepted"] > left.books["north"]["accepted"]


@both_paths
def test_callers_leave_drop_and_dawdle(monkeypatch: Patch, path: Any) -> None:
    """Each in its way, and never without it."""
    plain = held(played(monkeypatch, path=path)).ending.figures
    assert plain["cancelled"] == plain["abandoned"] == 0
    left = held(played(monkeypatch, trouble("cancel", at_s=10, probability=1.0, amount=0.2), path)).ending.figures
    assert left["cancelled"] > 5
    dropped = held(played(monkeypatch, trouble("abandon", probability=0.5), path)).ending.figures
    assert dropped["abandoned"] > 2
    slow = held(played(monkeypatch, trouble("slow_consumer", amount=2.0), path)).ending.figures
    assert slow["took_p50_s"] > plain["took_p50_s"] + 0.5


@both_paths
def test_a_cut_breaks_answers_of_the_provider_aimed_at(monkeypatch: Patch, path: Any) -> None:
    """The outcome is unknown, and the other provider's are whole."""
    run = held(played(monkeypatch, trouble("cut", target="north", amount=0.05), path))
    assert run.ending.run.recorder.outcomes["unknown"] + run.ending.run.recorder.outcomes["broken"] > 3
    outcomes = run.ending.books["south"]["outcomes"]
    assert outcomes["gone"] == 0
    assert outcomes["ok"] > 5
