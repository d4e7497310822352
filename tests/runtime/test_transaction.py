"""One step over several holders: all or nothing, endings never lost, whatever breaks on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actorrouter.errors import ActorFailed
from actorrouter.events import ActorCrashed, ActorRestarted, ActorStopped, DeadLettered
from actorrouter.runtime.cell import Cell, Status
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.transaction import commit, conclude, propose
from actorrouter.turns import Down, Turn
from actorrouter.values import INF, Refusal

from .actors_for_tests import (
    GATE,
    Book,
    Booked,
    Boom,
    Close,
    Closed,
    Freed,
    Gate,
    GateState,
    HandClock,
    Release,
    counter,
    drained,
    recorded,
)


class World:
    """Three gates and the events."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.runtime = Runtime(self.clock)
        self.gates = [Gate(self.runtime, 2, name) for name in "abc"]
        self.cells = [gate.cell for gate in self.gates]
        self.events = recorded(self.runtime)

    def when_one_fails(self, act: Callable[[Cell], Any]) -> None:
        """Its supervisor does this to all."""

        def on_crash(cell: Cell, reason: str) -> None:
            for each in self.cells:
                act(each)

        for cell in self.cells:
            cell.on_crash = on_crash

    def propose(self, booking: int = 1, broken_by: str = "") -> list[Refusal]:
        return propose(self.runtime, self.cells, Book(booking, broken_by), self.clock())

    def commit(self, booking: int = 1, broken_by: str = "") -> list[Cell]:
        return commit(self.runtime, self.cells, Booked(self.clock(), booking, broken_by))

    def conclude(self, booking: int = 1, broken_by: str = "", **more: Any) -> list[Cell]:
        now = self.clock()
        return conclude(
            self.runtime, self.cells, Close(booking, broken_by), Closed(now, booking, broken_by), now, **more
        )

    def free(self) -> list[int]:
        return [gate.state.free for gate in self.gates]

    def shown(self, kind: type) -> int:
        return sum(isinstance(event, kind) for event in self.events)


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


class TestConclude:
    def test_all(self, world: World) -> None:
        """Every holder that has the reservation gives it up; the event is published once."""
        world.commit()
        assert world.conclude() == []
        assert (world.free(), world.shown(Closed)) == ([2, 2, 2], 1)

    def test_repeated(self, world: World) -> None:
        """A repeated ending changes nothing and publishes nothing."""
        world.commit()
        world.conclude()
        assert world.conclude() == []
        assert (world.free(), world.shown(Closed)) == ([2, 2, 2], 1)

    def test_restarting_holder(self, world: World) -> None:
        """It takes the ending as the first thing after its restart; the event is still published only once."""
        world.commit()
        world.runtime.suspend(world.cells[1], INF)
        assert world.conclude() == []
        assert (world.gates[0].state.free, world.gates[1].state.free) == (2, 1)
        world.runtime.restart(world.cells[1])
        drained(world.runtime)
        assert (world.free(), world.shown(Closed)) == ([2, 2, 2], 1)

    def test_all_are_restarting(self, world: World) -> None:
        """The ending is published when it happens, even if every holder takes it later."""
        world.commit()
        for cell in world.cells:
            world.runtime.suspend(cell, INF)
        world.conclude()
        assert world.shown(Closed) == 1
        for cell in world.cells:
            world.runtime.restart(cell)
        drained(world.runtime)
        assert (world.free(), world.shown(Closed)) == ([2, 2, 2], 1)

    def test_in_order(self, world: World) -> None:
        """Endings for one holder are applied in the order they were given, also around a restart."""
        gate = world.gates[0]
        order: list[int] = []
        evolve = dict(GATE.evolve) | {Closed: lambda state, event: order.append(event.booking)}
        gate.cell.behaviour = type(GATE)("gate", GATE.decide, evolve, GATE.copy, GATE.weigh)
        for number in (1, 2):
            commit(world.runtime, [gate.cell], Booked(1.0, number))
        world.runtime.suspend(gate.cell, INF)
        conclude(world.runtime, [gate.cell], Close(1), Closed(1.0, 1), 1.0)
        world.runtime.restart(gate.cell)
        conclude(world.runtime, [gate.cell], Close(2), Closed(1.0, 2), 1.0)
        drained(world.runtime)
        assert order == [1, 2]

    def test_not_refused_by_a_full_mailbox(self, world: World) -> None:
        """Ordinary mail that waits for a holder holds up no ending."""
        world.commit()
        cell = world.cells[0]
        world.runtime.suspend(cell, INF)
        for number in range(GATE.mailbox_max):
            world.gates[0].ref.tell(Release(number + 100))
        world.runtime.restart(cell)
        assert world.conclude() == []
        assert world.free() == [2, 2, 2]

    def test_stopped_holder(self, world: World) -> None:
        """For a stopped holder it is a dead letter, kept until the holder is started again: then its books close."""
        world.commit()
        world.runtime.stop(world.cells[1], "test")
        assert world.conclude() == []
        assert (world.shown(DeadLettered), world.gates[1].state.free) == (1, 1)
        world.runtime.spawn("b", GATE, world.cells[1].initial)
        drained(world.runtime)
        assert (world.free(), world.shown(Closed)) == ([2, 2, 2], 1)

    def test_stopped_while_it_waits(self, world: World) -> None:
        """An ending that waits for a restart which never comes is kept likewise, and counted as a dead letter."""
        world.commit()
        world.runtime.suspend(world.cells[1], INF)
        world.conclude()
        world.runtime.stop(world.cells[1], "test")
        assert [event.message for event in world.events if isinstance(event, DeadLettered)] == ["Close"]
        world.runtime.spawn("b", GATE, world.cells[1].initial)
        drained(world.runtime)
        assert world.free() == [2, 2, 2]

    def test_removed_holder(self, world: World) -> None:
        """For a removed holder it is a dead letter and no more."""
        world.commit()
        world.runtime.remove(world.cells[1], "test")
        assert world.conclude() == []
        assert world.shown(DeadLettered) == 1
        assert world.cells[1].system is None
        assert world.gates[0].state.free == 2

    @pytest.mark.parametrize("where", ["decide", "evolve"])
    def test_holder_that_raises(self, world: World, where: str) -> None:
        """It is named and rebuilt, with the reservation still open: a later ending closes it. The others are closed."""
        world.commit()
        if where == "decide":
            broken = world.conclude(broken_by="b")
        else:
            now = world.clock()
            broken = conclude(world.runtime, world.cells, Close(1), Closed(now, 1, "b"), now)
        assert broken == [world.cells[1]]
        assert (world.free(), world.cells[1].incarnation) == ([2, 1, 2], 2)
        assert conclude(world.runtime, broken, Close(1), Closed(1.0, 1), 1.0) == []
        assert world.free() == [2, 2, 2]

    @pytest.mark.parametrize("where", ["decide", "evolve"])
    def test_holder_that_raises_later(self, world: World, where: str) -> None:
        """A holder that breaks on an ending it took after its restart is told to `on_broken`: it is never lost."""
        later: list[Cell] = []
        world.commit()
        world.runtime.suspend(world.cells[1], INF)
        if where == "decide":
            assert world.conclude(broken_by="b", on_broken=later.append) == []
        else:
            now = world.clock()
            ending = Closed(now, 1, "b")
            assert conclude(world.runtime, world.cells, Close(1), ending, now, on_broken=later.append) == []
        world.runtime.restart(world.cells[1])
        drained(world.runtime)
        assert later == [world.cells[1]]
        assert world.free() == [2, 1, 2]
        assert world.cells[1].status is Status.RUNNING

    def test_crash_that_stops_everybody(self) -> None:
        """If one holder's crash makes the supervisor stop all, the others have taken the ending before."""
        world = World()
        world.when_one_fails(lambda cell: world.runtime.stop(cell, "all of them"))
        world.commit()
        assert world.conclude(broken_by="b") == [world.cells[1]]
        assert world.free() == [2, 1, 2]
        assert world.shown(ActorStopped) == 3


def test_conclude_while_an_event_is_shown(world: World) -> None:
    """An ending given by a reader reaches the holder whose event is being shown after its turn, and is shown later."""
    world.commit(1)
    world.commit(2)
    left: list[Any] = []

    def reader(event: Any) -> None:
        if isinstance(event, Freed):
            world.conclude(1)
            left.append(world.free())

    world.runtime.readers.append(reader)
    world.runtime.tell("b", Release(2))
    assert left == [[1, 1, 1]]
    drained(world.runtime)
    assert world.free() == [1, 2, 1]
    assert [type(event) for event in world.events[2:]] == [Freed, Closed]


def test_refusal_of_a_call_in_a_transaction(world: World) -> None:
    """Another actor's crash between two transactions is not seen by either."""
    other = counter(world.runtime)
    assert world.propose(1) == []
    world.commit(1)
    with pytest.raises(ActorFailed):
        other.call(Boom())
    assert world.propose(2) == []
