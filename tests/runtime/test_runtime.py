"""The lives of actors: started, stopped, started again, removed; and who hears of their end."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.errors import ActorFailed
from actorrouter.events import DeadLettered
from actorrouter.runtime.ref import Ref
from actorrouter.runtime.runtime import Runtime
from actorrouter.turns import Down
from actorrouter.values import INF

from .actors_for_tests import (
    COUNTER,
    Add,
    Boom,
    CounterState,
    HandClock,
    Note,
    Read,
    counter,
    drained,
    recorded,
)


@pytest.fixture
def runtime() -> Runtime:
    return Runtime(HandClock())


class TestLife:
    def test_refs_hold_good_after_a_stop(self, runtime: Runtime) -> None:
        """An actor that is started again after a stop has its books and its refs; its incarnation counts on."""
        ref, events = counter(runtime), recorded(runtime)
        ref.call(Add(5))
        runtime.stop(ref.cell, "test")
        again = runtime.spawn("counter", COUNTER, CounterState)
        assert ref.call(Read()) == 5
        assert (again, again.incarnation) == (ref.cell, 2)
        assert [type(event).__name__ for event in events] == ["Added", "ActorStopped", "ActorRestarted"]

    def test_spawn_twice(self, runtime: Runtime) -> None:
        """An id that is in use is refused."""
        counter(runtime)
        with pytest.raises(ValueError, match="already running"):
            counter(runtime)

    def test_remove_forgets(self, runtime: Runtime) -> None:
        """A removed actor's log is gone: who gets its id starts anew. Removing the old cell again touches nobody."""
        old = counter(runtime)
        old.call(Add(5))
        runtime.remove(old.cell, "test")
        new = counter(runtime)
        runtime.remove(old.cell, "again")
        assert runtime.cells == {"counter": new.cell}
        assert new.call(Read()) == 0

    def test_spawn_that_fails(self, runtime: Runtime) -> None:
        """An error of `initial` goes to whoever starts the actor; nothing is left of the attempt."""
        with pytest.raises(ZeroDivisionError):
            runtime.spawn("broken", COUNTER, lambda: 1 / 0)
        assert runtime.cells == {}

    def test_mail_of_a_stopped_actor(self, runtime: Runtime) -> None:
        """What waited, and what comes later, are dead letters, each counted once."""
        ref, events = counter(runtime), recorded(runtime)
        runtime.suspend(ref.cell, INF)
        ref.tell(Add())
        runtime.tell("counter", Note())
        runtime.stop(ref.cell, "test")
        ref.tell(Read())
        runtime.tell("counter", Read())
        drained(runtime)
        assert [event.message for event in events if isinstance(event, DeadLettered)] == ["Note", "Add", "Read", "Read"]
        assert runtime.dead_letters == 4


def texts(ref: Ref) -> list[Any]:
    return [message.text if isinstance(message, Note) else message for message in ref.cell.state.heard]


class TestMonitors:
    def test_one_down(self, runtime: Runtime) -> None:
        """A monitor hears of the end exactly once, however often it asked, and not of restarts."""
        ref, other = counter(runtime), counter(runtime, "other")
        runtime.monitor("counter", "other")
        runtime.monitor("counter", "other")
        with pytest.raises(ActorFailed):
            other.call(Boom())
        assert texts(ref) == []
        runtime.stop(other.cell, "test")
        runtime.stop(other.cell, "again")
        assert texts(ref) == [Down("other", "test")]

    def test_none_after_demonitor(self, runtime: Runtime) -> None:
        """After demonitor no Down arrives, not even one that waits in the mailbox already."""
        ref, other, third = counter(runtime), counter(runtime, "other"), counter(runtime, "third")
        for target in ("other", "third"):
            runtime.monitor("counter", target)
        runtime.suspend(ref.cell, INF)
        runtime.stop(other.cell, "test")
        runtime.stop(third.cell, "test")
        runtime.demonitor("counter", "other")
        runtime.restart(ref.cell)
        drained(runtime)
        assert texts(ref) == [Down("third", "test")]

    def test_of_what_has_stopped(self, runtime: Runtime) -> None:
        """Monitoring what is not there any more, or never was, tells so at once."""
        ref, other = counter(runtime), counter(runtime, "other")
        runtime.stop(other.cell, "test")
        runtime.monitor("counter", "other")
        runtime.monitor("counter", "nobody")
        assert texts(ref) == [Down("other", "not running"), Down("nobody", "not running")]

    def test_of_a_new_life(self, runtime: Runtime) -> None:
        """A monitor belongs to one life: who wants to hear of the next end asks again."""
        ref, other = counter(runtime), counter(runtime, "other")
        runtime.monitor("counter", "other")
        runtime.stop(other.cell, "first")
        runtime.spawn("other", COUNTER, CounterState)
        runtime.stop(other.cell, "second")
        assert texts(ref) == [Down("other", "first")]

    def test_watcher_that_is_gone(self, runtime: Runtime) -> None:
        """A Down for a watcher that has stopped is a dead letter."""
        ref, other = counter(runtime), counter(runtime, "other")
        runtime.monitor("counter", "other")
        runtime.stop(ref.cell, "test")
        runtime.stop(other.cell, "test")
        assert runtime.dead_letters == 1
