"""More restarts than allowed: who gives up, who is told, who goes on."""

from __future__ import annotations

import pytest

from actorrouter.events import Quarantined, SupervisorGaveUp
from actorrouter.runtime.cell import Status
from actorrouter.runtime.runtime import Crash
from actorrouter.runtime.transaction import commit
from actorrouter.supervisor.specs import (
    UNLIMITED,
    Intensity,
    OnGiveUp,
    Strategy,
)
from tests.supervisor.trees import NEVER, ONCE, SLOW, Fragile

from .world import Boom, World, actor, group


@pytest.fixture
def world() -> World:
    return World()


class TestGivingUp:
    def test_escalation(self, world: World) -> None:
        """S06: the failure after the last allowed one stops the children, last first, and fails upwards."""
        inner = group("mid", actor("a"), actor("b"), child_intensity=ONCE)
        tree = world.tree(group("top", inner, actor("z")))
        world.crash("a")
        world.crash("a")
        assert world.stopped() == ["b", "a"]
        gave_up = world.of(SupervisorGaveUp)
        assert [(e.supervisor, e.child, e.restarts, e.within_s) for e in gave_up] == [("mid", "a", 1, 10.0)]
        assert world.status("a", "b", "z") == ["running"] * 3
        assert tree.describe()["children"][0]["restarts"] == 1

    def test_slow_failures_never_trip(self, world: World) -> None:
        """S07: failures spread wider than the window never give up."""
        world.tree(group("top", actor("a"), child_intensity=ONCE, intensity=ONCE))
        for _ in range(200):
            world.crash("a")
            world.advance(10.1)
        assert world.incarnations("a") == [201]

    def test_root_gives_up(self, world: World) -> None:
        """The root has nobody to tell but whoever runs it."""
        told: list[str] = []
        tree = world.tree(group("top", group("mid", actor("a"), child_intensity=NEVER), child_intensity=NEVER))
        tree.on_fatal = told.append
        world.crash("a")
        assert told == ["supervisor 'top' gave up on mid: gave up on a: RuntimeError in Boom"]
        assert [each.supervisor for each in world.of(SupervisorGaveUp)] == ["mid", "top"]
        assert tree.state == Status.STOPPED

    def test_inner_policy_comes_first(self, world: World) -> None:
        """S37: what the inner supervisor handles never counts in the outer one."""
        tree = world.tree(group("top", group("mid", actor("a")), intensity=NEVER, child_intensity=NEVER))
        for _ in range(50):
            world.crash("a")
        assert tree.state == Status.RUNNING
        assert tree.describe()["children"][0]["restarts"] == 0

    def test_asker_of_the_last_crash(self, world: World) -> None:
        """The asker whose turn broke the limit hears of its own failure, not of the stop."""
        world.tree(group("top", actor("a"), child_intensity=NEVER))
        reply = world.runtime.turn(world.cell("a"), Boom(), 7)
        assert isinstance(reply, Crash)
        assert world.status("a") == ["stopped"]

    def test_quarantine(self, world: World) -> None:
        """A supervisor in quarantine stays stopped with its cause; the rest serves on; an operator revives it."""
        provider = group("openai", actor("a"), actor("b"), child_intensity=ONCE, on_give_up=OnGiveUp.QUARANTINE)
        tree = world.tree(group("top", provider, actor("z")))
        world.add("a", 9)
        world.crash("a")
        world.crash("a")
        world.advance(1_000)
        assert tree.children() == {"openai": "quarantined", "z": "running"}
        assert [(e.supervisor, e.cause) for e in world.of(Quarantined)] == [("openai", "a: RuntimeError in Boom")]
        assert len(world.of(SupervisorGaveUp)) == 1
        tree.restart_child("openai")
        assert tree.children()["openai"] == "running"
        assert world.count("a") == 9
        world.crash("a")
        assert world.status("a") == ["running"]  # with a fresh history

    def test_quarantine_outlives_the_restart_of_its_siblings(self, world: World) -> None:
        """Neither a sibling's failure nor the parent's own restart lifts a quarantine."""
        provider = group("openai", actor("a"), child_intensity=NEVER, on_give_up=OnGiveUp.QUARANTINE)
        inner = group("mid", provider, actor("z"), strategy=Strategy.ONE_FOR_ALL, child_intensity=ONCE)
        tree = world.tree(group("top", inner))
        world.crash("a")
        for _ in range(3):
            world.crash("z")
        assert tree.supervisor("mid").children() == {"openai": "quarantined", "z": "running"}
        tree.supervisor("mid").supervisor("openai").revive()
        assert world.status("a") == ["running"]

    def test_failing_restart_counts(self, world: World) -> None:
        """S31: a restart that itself fails is another failure: retried, and given up at the limit."""
        tree = world.tree(group("top", actor("a", initial=(fragile := Fragile())), child_intensity=Intensity(3, 10.0)))
        fragile.fails = 2
        world.crash("a")
        world.advance(0)
        assert world.status("a") == ["running"]
        world.advance(11)
        fragile.fails = 100
        world.crash("a")
        assert fragile.fails == 99  # the next try comes from a timer, even without back-off
        world.advance(0)
        assert fragile.fails == 97
        assert tree.state == Status.STOPPED

    def test_failing_restart_without_limit(self, world: World) -> None:
        """S31: a log that never loads is tried for ever, ever more slowly, without holding up the loop."""
        spec = actor("a", initial=(fragile := Fragile()), backoff=SLOW)
        tree = world.tree(group("top", spec, child_intensity=UNLIMITED, intensity=UNLIMITED))
        fragile.fails = 10_000
        world.crash("a")
        world.advance(1_000)
        assert tree.state == Status.RUNNING
        assert 9_500 < fragile.fails < 9_900
        fragile.fails = 0
        world.advance(8)
        assert world.status("a") == ["running"]

    def test_crash_of_what_is_stopped(self, world: World) -> None:
        """A late event that breaks an actor stopped meanwhile does not bring it back to life."""
        tree = world.tree(group("top", actor("a")))
        cell = world.cell("a")
        tree.terminate_child("a")
        commit(world.runtime, [cell], object())
        world.advance(10)
        assert world.status("a") == ["stopped"]

    def test_crash_of_what_waits(self, world: World) -> None:
        """A late event that breaks an actor between two incarnations is dropped and counts nothing."""
        tree = world.tree(group("top", actor("a", backoff=SLOW)))
        world.crash("a")
        world.crash("a")
        commit(world.runtime, [world.cell("a")], object())
        assert tree.describe()["children"][0]["restarts"] == 2
        world.advance(1)
        assert world.status("a") == ["running"]

    def test_stop_forgets_planned_restarts(self, world: World) -> None:
        """A stopped supervisor leaves no timer behind that would wake a child."""
        tree = world.tree(group("top", actor("a", backoff=SLOW), group("mid", actor("b", backoff=SLOW))))
        for _ in range(2):
            world.crash("a")
            world.crash("b")
        tree.stop()
        assert len(world.runtime.timers) == 0
        assert world.status("a", "b") == ["stopped", "stopped"]
