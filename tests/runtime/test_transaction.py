"""One step over several holders: all or nothing, endings never lost, whatever breaks on the way."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.events import ActorCrashed, ActorRestarted
from actorrouter.runtime.transaction import commit
from actorrouter.turns import Down, Turn
from actorrouter.values import INF

from .actors_for_tests import Boom, drained
from .gate import GATE, Booked, Gate, GateState, Release
from .holders import World


@pytest.fixture
def world() -> World:
    return World()


class TestPropose:
    def test_all_consent(self, world: World) -> None:
        """No refusal, and nothing has changed."""
        assert world.propose() == []
        assert (world.free(), world.events) == ([2, 2, 2], [])

    def test_refusals_are_all_named(self, world: World) -> None:
        """Everybody who refuses is named, not only the first."""
        for gate in world.gates[1:]:
            commit(world.runtime, [gate.cell], Booked(1.0, 7))
            commit(world.runtime, [gate.cell], Booked(1.0, 8))
        assert [refusal.holder for refusal in world.propose()] == ["b", "c"]

    def test_holder_that_raises(self, world: World) -> None:
        """It refuses, is restarted and could be asked again now; the others are untouched."""
        (refusal,) = world.propose(broken_by="b")
        assert (refusal.holder, refusal.reason, refusal.available_at, refusal.final) == (
            "b",
            "actor failed",
            100.0,
            False,
        )
        assert [cell.incarnation for cell in world.cells] == [1, 2, 1]
        assert world.propose() == []

    def test_holder_that_is_away(self, world: World) -> None:
        """A restarting holder refuses until its restart, a stopped one for good."""
        world.runtime.suspend(world.cells[0], 130.0)
        world.runtime.stop(world.cells[2], "test")
        away, stopped = world.propose()
        assert (away.holder, away.available_at, away.final) == ("a", 130.0, False)
        assert (stopped.holder, stopped.final) == ("c", True)

    def test_mail_comes_first(self, world: World) -> None:
        """Mail that waits for a holder is handled before anybody is asked: no message is overtaken."""
        world.commit(7)
        world.commit(8)
        for cell in world.cells:
            world.runtime.suspend(cell, INF)
            world.runtime.tell(cell.actor_id, Release(7))
            world.runtime.restart(cell)
        assert world.propose() == []
        assert world.free() == [1, 1, 1]

    def test_more_mail_than_one_go(self, world: World) -> None:
        """A holder with more mail than one go of the pump refuses for now."""
        cell = world.cells[1]
        world.runtime.suspend(cell, INF)
        for number in range(100):
            world.runtime.tell("b", Release(number))
        world.runtime.restart(cell)
        (refusal,) = world.propose()
        assert (refusal.holder, refusal.reason, refusal.available_at) == ("b", "actor is busy", 100.0)
        drained(world.runtime)
        assert world.propose() == []

    def test_nothing_happens_between_two_decisions(self, world: World) -> None:
        """What the mail of a later holder sets off cannot change an earlier holder that has consented already."""
        a, _, c = world.gates
        commit(world.runtime, [a.cell], Booked(1.0, 7))

        def rob(state: GateState, message: Down, now: float) -> Turn:
            return Turn(events=(Booked(now, 9),))

        robbed = dict(GATE.decide) | {Down: rob}
        a.cell.behaviour = type(GATE)("gate", robbed, GATE.evolve, GATE.copy, GATE.weigh)
        c.cell.on_crash = world.runtime.stop
        world.runtime.monitor("a", "c")
        world.runtime.suspend(c.cell, INF)
        world.runtime.tell("c", Boom())
        world.runtime.restart(c.cell)
        assert [refusal.holder for refusal in world.propose()] == ["a", "c"]
        assert a.state.free == 0


class TestCommit:
    def test_all(self, world: World) -> None:
        """One event, published once, in every holder's state and log."""
        assert world.commit() == []
        assert world.free() == [1, 1, 1]
        assert world.events == [Booked(100.0, 1)]
        assert [cell.log.load()[1] for cell in world.cells] == [world.events] * 3

    def test_holder_that_raises(self, world: World) -> None:
        """It is named, rebuilt without the event and reported; the others have the event."""
        world.commit(7)
        broken = world.commit(8, broken_by="b")
        assert broken == [world.cells[1]]
        assert [gate.state.out for gate in world.gates] == [{7, 8}, {7}, {7, 8}]
        assert world.cells[1].incarnation == 2
        assert [type(event) for event in world.events[2:]] == [ActorCrashed, ActorRestarted]
        world.conclude(8)
        world.conclude(7)
        assert world.free() == [2, 2, 2]

    def test_readers_never_meet_a_broken_holder(self, world: World) -> None:
        """While the event is shown, the holder it broke is away: no reader can work on its half-changed state."""
        seen: list[Any] = []

        def reader(event: Any) -> None:
            if isinstance(event, Booked):
                seen.append(world.propose())

        world.runtime.readers.append(reader)
        world.commit(8, broken_by="b")
        assert [refusal.holder for refusal in seen[0]] == ["b"]

    def test_snapshot_that_fails(self, world: World) -> None:
        """A holder that cannot be copied is rebuilt; it keeps the event and is not among the broken."""
        gate = Gate(world.runtime, 20, "d")
        for number in range(8):
            commit(world.runtime, [gate.cell], Booked(1.0, number))
        gate.state.waiting = None  # type: ignore[assignment]
        assert commit(world.runtime, [gate.cell], Booked(1.0, 8)) == []
        assert (gate.cell.incarnation, gate.state.free) == (2, 11)

    def test_restart_in_the_middle(self) -> None:
        """A supervisor that restarts the siblings of a broken holder takes nothing from them."""
        world = World()
        world.when_one_fails(world.runtime.restart)
        world.commit(8, broken_by="b")
        assert [gate.state.out for gate in world.gates] == [{8}, set(), {8}]

    def test_stop_in_the_middle(self) -> None:
        """A supervisor that stops the siblings of a broken holder leaves their books closed by the ending."""
        world = World()
        world.when_one_fails(lambda cell: world.runtime.stop(cell, "all of them"))
        world.commit(8, broken_by="b")
        assert world.conclude(8) == []
        for gate in world.gates:
            again = world.runtime.spawn(gate.cell.actor_id, GATE, gate.cell.initial)
            assert again is gate.cell
        drained(world.runtime)
        assert world.free() == [2, 2, 2]
