"""What a crash changes: nothing. State comes back from snapshot and journal, open reservations included."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.errors import ActorDown, ActorFailed
from actorrouter.events import ActorCrashed, ActorRestarted
from actorrouter.runtime.cell import Status
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.transaction import commit
from actorrouter.turns import DEFER, Behaviour, Turn
from actorrouter.values import INF

from .actors_for_tests import COUNTER, Add, Added, Boom, Do, HandClock, Read, Tear, Torn, counter, drained, recorded


@pytest.fixture
def runtime() -> Runtime:
    return Runtime(HandClock())


class TestDecide:
    def test_changes_nothing(self, runtime: Runtime) -> None:
        """A decide that raises leaves state, log and readers as they were, but for news of the crash."""
        ref = counter(runtime)
        ref.call(Add(5))
        before, events = ref.cell.log.load(), recorded(runtime)
        with pytest.raises(ActorFailed, match="counter failed on Boom: ValueError") as failure:
            ref.call(Boom())
        assert isinstance(failure.value.__cause__, ValueError)
        assert ref.cell.log.load() == before
        assert ref.call(Read()) == 5
        assert events == [ActorCrashed(100.0, "counter", 1, "ValueError", "Boom"), ActorRestarted(100.0, "counter", 2)]

    def test_told(self, runtime: Runtime) -> None:
        """A crash on a told message does not reach the teller."""
        ref = counter(runtime)
        ref.tell(Boom())
        runtime.tell("counter", Boom())
        assert ref.cell.incarnation == 3

    def test_names_no_values(self, runtime: Runtime) -> None:
        """What readers and askers are told of a crash is types and places, never a message's or an error's text."""
        ref, events = counter(runtime), recorded(runtime)

        def spill(state: Any, message: Read, now: float) -> Turn:
            raise ValueError("sk-secret")

        ref.cell.behaviour = Behaviour("spilling", {Read: spill}, {}, COUNTER.copy, COUNTER.weigh)
        with pytest.raises(ActorFailed) as failure:
            ref.call(Read())
        assert "sk-secret" not in f"{events} {failure.value} {ref.cell.last_crash}"


class TestEvolve:
    def test_half_a_turn_is_no_turn(self, runtime: Runtime) -> None:
        """A turn whose second event breaks leaves nothing behind, not even its first event."""
        ref = counter(runtime)
        ref.call(Add(5))
        events = recorded(runtime)
        with pytest.raises(ActorFailed):
            ref.call(Tear())
        assert ref.call(Read()) == 5
        assert ref.cell.log.load()[1] == [Added(100.0, 5)]
        assert [type(event) for event in events] == [ActorCrashed, ActorRestarted]

    def test_no_commands(self, runtime: Runtime) -> None:
        """The commands of a turn that broke are not performed."""
        ref = counter(runtime)
        with pytest.raises(ActorFailed):
            ref.call(Do(Turn(events=(Torn(1.0),), commands=(Do(Turn()),))))
        assert not runtime.has_mail

    def test_breaks_every_time(self, runtime: Runtime) -> None:
        """A bad event cannot poison later restarts: it is not in the log."""
        ref = counter(runtime)
        for _ in range(20):
            ref.call(Add(1))
            with pytest.raises(ActorFailed):
                ref.call(Tear())
        assert (ref.call(Read()), ref.cell.incarnation) == (20, 21)

    def test_log_that_raises(self, runtime: Runtime) -> None:
        """An event that could not be taken down has not happened."""
        ref = counter(runtime)
        ref.call(Add(5))

        class Full:
            def __init__(self, log: Any) -> None:
                self.load, self.save = log.load, log.save

            def append(self, event: Any) -> bool:
                raise OSError("disk full")

        good, ref.cell.log = ref.cell.log, Full(ref.cell.log)
        with pytest.raises(ActorFailed):
            ref.call(Add(1))
        ref.cell.log = good
        assert ref.call(Read()) == 5

    def test_what_is_not_an_exception(self, runtime: Runtime) -> None:
        """An interrupt in the middle of evolve reaches the caller, is nobody's crash, and the state is whole again."""
        ref, events = counter(runtime), recorded(runtime)
        ref.call(Add(5))

        def interrupted(state: Any, event: Torn) -> None:
            state.sum = -1
            raise KeyboardInterrupt

        evolve = {**COUNTER.evolve, Torn: interrupted}
        ref.cell.behaviour = Behaviour("hit", COUNTER.decide, evolve, COUNTER.copy, COUNTER.weigh)
        with pytest.raises(KeyboardInterrupt):
            ref.call(Tear())
        assert ref.call(Read()) == 5
        assert [type(event) for event in events] == [Added]

    def test_state_that_cannot_be_copied(self, runtime: Runtime) -> None:
        """When the snapshot fails the actor is rebuilt; the reply, the event and all before it stand."""
        ref = counter(runtime)
        for _ in range(8):
            ref.call(Add(1))
        ref.cell.state.heard = None
        assert ref.call(Add(1)) == 9
        assert (ref.cell.incarnation, ref.cell.state.sum, ref.cell.state.heard) == (2, 9, [])


class TestRestart:
    def test_log_that_cannot_be_applied(self, runtime: Runtime) -> None:
        """An actor without a supervisor whose log is broken stops: nobody waits for it for ever."""
        ref = counter(runtime)
        parked = runtime.turn(ref.cell, Do(Turn(DEFER)), 5)
        ref.cell.log.append(Torn(1.0))
        with pytest.raises(ActorFailed):
            ref.call(Boom())
        assert ref.cell.status is Status.STOPPED
        assert isinstance(parked.failure, ActorDown)

    def test_supervised(self, runtime: Runtime) -> None:
        """A supervisor is told of each crash and decides; until it restarts the actor, mail waits."""
        told: list[str] = []
        ref = counter(runtime, on_crash=lambda cell, reason: told.append(reason))
        with pytest.raises(ActorFailed):
            ref.call(Boom())
        ref.tell(Add(3))
        assert (told, ref.cell.status, ref.cell.depth) == (["ValueError in Boom"], Status.RESTARTING, 1)
        ref.cell.log.append(Torn(1.0))
        assert not runtime.restart(ref.cell)
        assert ref.cell.last_crash == "ZeroDivisionError while rebuilding"
        ref.cell.log.load()[1].clear()
        assert runtime.restart(ref.cell)
        drained(runtime)
        assert ref.call(Read()) == 3

    def test_of_a_stopped_actor(self, runtime: Runtime) -> None:
        """What has stopped is not restarted by a late crash or restart."""
        ref = counter(runtime)
        runtime.stop(ref.cell, "test")
        commit(runtime, [ref.cell], Torn(1.0))
        assert ref.cell.status is Status.STOPPED
        for again in (runtime.restart, lambda cell: runtime.suspend(cell, INF)):
            with pytest.raises(AssertionError):
                again(ref.cell)

    def test_stop_of_a_restarting_actor(self, runtime: Runtime) -> None:
        """An actor that never comes back fails those who wait for it."""
        ref = counter(runtime)
        runtime.suspend(ref.cell, INF)
        parked = ref._enqueue(Read(), 1)
        runtime.stop(ref.cell, "test")
        assert isinstance(parked.failure, ActorDown)
