"""A turn: decide, evolve, append, readers, commands; asked, called or told. Mostly without an event loop."""

from __future__ import annotations

from contextvars import ContextVar
from itertools import pairwise
from typing import Any

import anyio
import pytest
from anyio import lowlevel

from actorrouter.errors import ActorDown, ActorFailed
from actorrouter.events import DeadLettered
from actorrouter.runtime.cell import Cell, Status
from actorrouter.runtime.engine import TURNS_PER_YIELD
from actorrouter.runtime.ref import Ref
from actorrouter.runtime.runtime import Runtime
from actorrouter.turns import DEFER, NOTHING, Answer, Behaviour, CancelTimer, SetTimer, Tell, Turn
from actorrouter.values import INF, Basis, Refusal

from .actors_for_tests import (
    COUNTER,
    Add,
    Added,
    CounterState,
    Do,
    HandClock,
    Note,
    Read,
    counter,
    drained,
    passes,
    recorded,
    running,
)


@pytest.fixture
def runtime() -> Runtime:
    return Runtime(HandClock())


class TestCall:
    def test_answers_at_once(self, runtime: Runtime) -> None:
        """`call` runs the turn in the caller's task: state, log and readers know of it when it returns."""
        ref, events = counter(runtime), recorded(runtime)
        assert ref.call(Add(3)) == 3
        assert ref.cell.state.sum == 3
        assert ref.cell.log.load()[1] == events == [Added(100.0, 3)]

    def test_of_a_restarting_actor(self, runtime: Runtime) -> None:
        """It is refused, and told when the restart is planned."""
        ref = counter(runtime)
        runtime.suspend(ref.cell, 107.5)
        refusal = ref.call(Read())
        assert isinstance(refusal, Refusal)
        assert (refusal.holder, refusal.available_at, refusal.basis, refusal.final) == (
            "counter",
            107.5,
            Basis.UNKNOWN,
            False,
        )

    def test_of_a_busy_actor(self, runtime: Runtime) -> None:
        """It is refused until its mail is served, which is a matter of now, not of a settlement."""
        ref = counter(runtime)
        runtime.suspend(ref.cell, INF)
        ref.tell(Add())
        runtime.restart(ref.cell)
        refusal = ref.call(Read())
        assert (refusal.reason, refusal.available_at, refusal.final) == ("actor is busy", 100.0, False)
        drained(runtime)
        assert ref.call(Read()) == 1

    def test_of_a_stopped_actor(self, runtime: Runtime) -> None:
        """It is refused for good."""
        ref = counter(runtime)
        runtime.stop(ref.cell, "test")
        assert ref.call(Read()).final

    def test_unknown_message(self, runtime: Runtime) -> None:
        """A message the actor has no entry for is a dead letter and a final refusal, not a crash."""
        ref, events = counter(runtime), recorded(runtime)
        refusal = ref.call(CancelTimer("not a message"))
        assert refusal.final
        assert events == [DeadLettered(100.0, "counter", "CancelTimer", 1)]
        assert (ref.cell.status, ref.cell.incarnation) == (Status.RUNNING, 1)


class TestCommands:
    def test_tell_comes_after_the_turn(self, runtime: Runtime) -> None:
        """Told from a turn: handled by the pump, in order, never within the turn."""
        a, b = counter(runtime, "a"), counter(runtime, "b")
        a.call(Do(Turn("ok", commands=(Tell("b", Note(1)), Tell("b", Note(2)), Tell("a", Note(3))))))
        assert (a.cell.state.heard, b.cell.state.heard) == ([], [])
        drained(runtime)
        assert [note.text for note in b.cell.state.heard] == [1, 2]
        assert [note.text for note in a.cell.state.heard] == [3]

    def test_deep_ping_pong(self, runtime: Runtime) -> None:
        """Actors that tell each other for ever use no stack and let others in."""
        total = 0

        def pong(state: None, message: Note, now: float) -> Turn:
            nonlocal total
            total += 1
            return Turn(commands=(Tell(message.text, Note("a" if message.text == "b" else "b")),))

        behaviour = Behaviour("pong", {Note: pong}, {}, lambda state: state, lambda state: 0)
        runtime.spawn("a", behaviour, lambda: None)
        runtime.spawn("b", behaviour, lambda: None)
        other = counter(runtime)
        runtime.tell("a", Note("b"))
        runtime.suspend(other.cell, INF)
        other.tell(Add())
        runtime.restart(other.cell)
        runtime.drain(4)
        assert other.call(Read()) == 1
        runtime.drain(20_000)
        assert total > 19_000

    def test_unknown_command(self, runtime: Runtime) -> None:
        """It crashes its actor, but the reply stands and the turn's other commands are performed."""
        ref, other, events = counter(runtime), counter(runtime, "other"), recorded(runtime)
        assert ref.call(Do(Turn("reply", (Added(1.0, 5),), ("nonsense", Tell("other", Note()))))) == "reply"
        drained(runtime)
        assert (ref.cell.incarnation, ref.cell.state.sum) == (2, 5)
        assert other.cell.state.heard == [Note()]
        assert [type(event).__name__ for event in events] == ["Added", "ActorCrashed", "ActorRestarted", "Heard"]

    def test_answer_to_nobody(self, runtime: Runtime) -> None:
        """An answer whose asker is unknown is handed back."""
        back: list[Any] = []
        ref = counter(runtime, on_undelivered=back.append)
        ref.call(Do(Turn(commands=(Answer(99, "grant"),))))
        assert back == ["grant"]

    def test_deferred_call(self, runtime: Runtime) -> None:
        """Nobody can wait for the deferred reply of a call or a tell: no asker is parked."""
        ref = counter(runtime)
        assert ref.call(Do(Turn(DEFER))) is DEFER
        ref.tell(Do(Turn(DEFER)))
        assert not ref.cell.parked


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


_REQUEST: ContextVar[str] = ContextVar("request", default="unset")


@pytest.mark.anyio
class TestAsk:
    async def test_stopped_actor_fails_promptly(self) -> None:
        """An ask to a stopped actor raises ActorDown without waiting."""
        async with running() as runtime:
            ref = counter(runtime)
            runtime.stop(ref.cell, "test")
            with pytest.raises(ActorDown):
                await ref.ask(Read())

    async def test_failed_turn(self) -> None:
        """The asker of a turn that raises gets ActorFailed with the cause."""
        async with running() as runtime:
            ref = counter(runtime)
            with pytest.raises(ActorFailed) as failure:
                await ref.ask(Do(Turn(events=(NOTHING,))))
            assert isinstance(failure.value.__cause__, KeyError)

    async def test_a_loop_of_asks_gives_way(self) -> None:
        """A task that does nothing but ask lets the others run once in 64 asks."""
        async with running() as runtime, anyio.create_task_group() as group:
            ref = counter(runtime)
            beats = 0

            async def heart() -> None:
                nonlocal beats
                while True:
                    beats += 1
                    await lowlevel.checkpoint()

            group.start_soon(heart)
            await passes(2)
            before = beats
            for _ in range(10 * TURNS_PER_YIELD):
                await ref.ask(Read())
            assert 9 <= beats - before <= 22
            group.cancel_scope.cancel()

    async def test_the_pump_gives_way(self) -> None:
        """Any amount of queued mail is served 64 at a time; others run in between."""
        async with running() as runtime, anyio.create_task_group() as group:
            ref = counter(runtime)
            runtime.suspend(ref.cell, INF)
            for _ in range(10 * TURNS_PER_YIELD):
                runtime.tell("counter", Note())
            counts: list[int] = []

            async def heart() -> None:
                while ref.cell.depth:
                    counts.append(ref.cell.depth)
                    await lowlevel.checkpoint()

            group.start_soon(heart)
            runtime.restart(ref.cell)
            await passes(20)
            assert len(counts) >= 8
            assert max(a - b for a, b in pairwise(counts)) <= 2 * TURNS_PER_YIELD

    async def test_context_travels_with_queued_mail(self) -> None:
        """A turn that waited sees the context variables of its sender, not of whoever runs it."""
        seen: list[str] = []

        def note(state: None, message: Note, now: float) -> Turn:
            seen.append(_REQUEST.get())
            return NOTHING

        async with running() as runtime:
            cell: Cell = runtime.spawn("a", Behaviour("a", {Note: note}, {}, lambda s: s, lambda s: 0), lambda: None)
            ref = Ref(runtime, cell)

            async def send(name: str, how: Any) -> None:
                _REQUEST.set(name)
                await how()

            async def tell() -> None:
                ref.tell(Note())

            async with anyio.create_task_group() as group:
                group.start_soon(send, "inline", tell)
                await passes(2)
                runtime.suspend(cell, INF)
                group.start_soon(send, "told", tell)
                group.start_soon(send, "asked", lambda: ref.ask(Note()))
                await passes(2)
                runtime.restart(cell)
            await passes(2)
            assert (seen[0], sorted(seen[1:])) == ("inline", ["asked", "told"])
            assert _REQUEST.get() == "unset"
