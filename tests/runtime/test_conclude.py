"""Endings of a transaction: applied to each holder exactly once, now or when it can."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.errors import ActorFailed
from actorrouter.events import ActorStopped, DeadLettered
from actorrouter.runtime.cell import Cell, Status
from actorrouter.runtime.transaction import commit, conclude
from actorrouter.values import INF

from .actors_for_tests import Boom, counter, drained
from .gate import GATE, Booked, Close, Closed, Freed, Release
from .holders import World


@pytest.fixture
def world() -> World:
    return World()


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
