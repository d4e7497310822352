"""A turn: decide, evolve, append, readers, commands; asked, called or told. Mostly without an event loop."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.events import DeadLettered
from actorrouter.runtime.cell import Status
from actorrouter.runtime.runtime import Runtime
from actorrouter.turns import DEFER, Answer, Behaviour, CancelTimer, Tell, Turn
from actorrouter.values import INF, Basis, Refusal

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
