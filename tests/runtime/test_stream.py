"""Who reads the events, and what readers can and cannot do to actors."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.errors import ActorDown
from actorrouter.events import DeadLettered
from actorrouter.runtime.runtime import Runtime
from actorrouter.turns import DEFER, SetTimer, Turn

from .actors_for_tests import (
    Add,
    Added,
    Do,
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


class TestReaders:
    def test_see_what_is_applied(self, runtime: Runtime) -> None:
        """A reader sees an event when state and log have it already."""
        ref = counter(runtime)
        seen: list[Any] = []
        runtime.readers.append(lambda event: seen.append((ref.cell.state.sum, len(ref.cell.log.load()[1]))))
        ref.call(Add(4))
        assert seen == [(4, 1)]

    def test_that_raises_is_dropped(self, runtime: Runtime) -> None:
        """A reader that raises is dropped and named; the turn and the other readers do not notice."""
        ref = counter(runtime)

        def faulty(event: Any) -> None:
            raise ValueError

        runtime.readers.append(faulty)
        events = recorded(runtime)
        assert ref.call(Add()) == 1
        assert ref.call(Add()) == 2
        assert len(events) == 2
        assert [failure.rpartition(".")[2] for failure in runtime.reader_failures] == ["faulty: ValueError"]

    def test_that_sends(self, runtime: Runtime) -> None:
        """What a reader tells waits for the pump; its calls are refused. No turn runs while an event is shown."""
        a, b = counter(runtime, "a"), counter(runtime, "b")
        answers: list[Any] = []

        def reader(event: Any) -> None:
            if isinstance(event, Added) and event.amount == 1:
                a.tell(Add(10))
                b.tell(Add(20))
                answers.append(b.call(Read()))

        runtime.readers.append(reader)
        events = recorded(runtime)
        a.call(Add(1))
        assert (a.cell.state.sum, b.cell.state.sum) == (1, 0)
        assert answers[0].reason == "actor is busy"
        drained(runtime)
        assert (a.cell.state.sum, b.cell.state.sum) == (11, 20)
        assert [event.amount for event in events] == [1, 10, 20]

    def test_same_order_for_all(self, runtime: Runtime) -> None:
        """An event that a reader causes is shown to every reader after the one that caused it."""
        first: list[Any] = []

        def reader(event: Any) -> None:
            first.append(type(event))
            if isinstance(event, Added):
                runtime.tell("nobody", Note())

        runtime.readers.append(reader)
        events = recorded(runtime)
        counter(runtime).call(Add())
        assert first == [type(event) for event in events] == [Added, DeadLettered]

    def test_that_stops_the_actor(self, runtime: Runtime) -> None:
        """An actor stopped while its own event is shown fails the asker whose reply it has just deferred."""
        ref = counter(runtime)
        runtime.readers.append(lambda event: runtime.stop(ref.cell, "by a reader"))
        parked = runtime.turn(ref.cell, Do(Turn(DEFER, (Added(1.0, 1),), (SetTimer("late", 200.0, Note()),))), 1)
        assert isinstance(parked.failure, ActorDown)
        assert len(runtime.timers) == 0

    def test_that_restarts_the_actor(self, runtime: Runtime) -> None:
        """An actor restarted while its own event is shown keeps the event and the deferred asker."""
        ref = counter(runtime)

        def reader(event: Any) -> None:
            if isinstance(event, Added):
                runtime.restart(ref.cell)

        runtime.readers.append(reader)
        runtime.turn(ref.cell, Do(Turn(DEFER, (Added(1.0, 1), Added(1.0, 2)))), 1)
        assert ref.cell.state.sum == 3
        assert list(ref.cell.parked or ()) == [1]
        assert not ref.cell.busy
