"""In which order messages are handled, how often, and how many may wait."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.errors import ActorFailed, MailboxFull
from actorrouter.runtime.ref import Ref
from actorrouter.runtime.runtime import Runtime
from actorrouter.turns import DEFER, Down, Tell, Turn
from actorrouter.values import INF

from .actors_for_tests import (
    COUNTER,
    Add,
    Boom,
    CounterState,
    Do,
    HandClock,
    Note,
    Read,
    counter,
    drained,
    passes,
    running,
)

BOUND = COUNTER.mailbox_max


@pytest.fixture
def runtime() -> Runtime:
    return Runtime(HandClock())


def texts(ref: Ref) -> list[Any]:
    return [message.text if isinstance(message, Note) else message for message in ref.cell.state.heard]


STEPS = st.lists(
    st.tuples(st.sampled_from(["tell", "system", "pump", "suspend", "restart", "crash"]), st.integers(0, 2))
)


class TestOrder:
    @given(STEPS)
    def test_first_in_first_out(self, steps: list[tuple[str, int]]) -> None:
        """What one sender tells is heard in the order it was told, each at most once, through crashes and restarts."""
        runtime = Runtime(HandClock())
        ref = counter(runtime, "a", on_crash=lambda cell, reason: None)
        sent: dict[tuple[str, int], int] = {}
        for step, sender in steps:
            if step in {"tell", "system"}:
                number = sent[step, sender] = sent.get((step, sender), 0) + 1
                note = Note((step, sender, number))
                if step == "system":
                    runtime.tell("a", note)
                elif ref.cell.depth < BOUND:
                    ref.tell(note)
            elif step == "pump":
                runtime.drain(1)
            elif step == "suspend":
                runtime.suspend(ref.cell, INF)
            elif step == "restart":
                runtime.restart(ref.cell)
            elif ref.cell.depth < BOUND:
                ref.tell(Boom())
        while ref.cell.depth:
            runtime.restart(ref.cell)
            drained(runtime)
        heard = texts(ref)
        for (lane, sender), count in sent.items():
            numbers = [number for where, who, number in heard if (where, who) == (lane, sender)]
            assert numbers == sorted(set(numbers))
            if lane == "system":
                assert numbers == list(range(1, count + 1))

    def test_never_past_a_queue(self, runtime: Runtime) -> None:
        """An actor that could run a turn does not while older mail waits: the new message queues behind it."""
        ref = counter(runtime)
        runtime.suspend(ref.cell, INF)
        ref.tell(Note(1))
        runtime.restart(ref.cell)
        ref.tell(Note(2))
        assert texts(ref) == []
        drained(runtime)
        assert texts(ref) == [1, 2]

    def test_system_messages_first(self, runtime: Runtime) -> None:
        """Down, withdrawals, timers and settlements are handled before ordinary mail that came earlier."""
        ref, other = counter(runtime), counter(runtime, "other")
        runtime.monitor("counter", "other")
        runtime.suspend(ref.cell, INF)
        ref.tell(Note(1))
        runtime.stop(other.cell, "test")
        runtime.restart(ref.cell)
        drained(runtime)
        assert texts(ref) == [Down("other", "test"), 1]

    def test_fair_over_actors(self, runtime: Runtime) -> None:
        """An actor with one letter does not wait until another has worked off its many."""
        busy, quick = counter(runtime, "busy"), counter(runtime, "quick")
        for ref in (busy, quick):
            runtime.suspend(ref.cell, INF)
        for _ in range(500):
            runtime.tell("busy", Note())
        quick.tell(Note())
        runtime.restart(busy.cell)
        runtime.restart(quick.cell)
        runtime.drain(4)
        assert len(texts(quick)) == 1

    def test_self_send(self, runtime: Runtime) -> None:
        """What an actor tells itself comes after its turn; it has no bound, so it goes the way of system messages."""
        ref = counter(runtime)
        runtime.suspend(ref.cell, INF)
        ref.tell(Do(Turn(commands=(Tell("counter", Note("mine")),))))
        ref.tell(Note("waiting"))
        runtime.restart(ref.cell)
        drained(runtime)
        assert texts(ref) == ["mine", "waiting"]


class TestPoison:
    def test_is_not_delivered_again(self, runtime: Runtime) -> None:
        """A letter that crashes the actor is handled once; those behind it are served by the next incarnation."""
        ref = counter(runtime)
        runtime.suspend(ref.cell, INF)
        for message in (Add(1), Boom(), Add(2), Boom(), Add(4)):
            ref.tell(message)
        runtime.restart(ref.cell)
        drained(runtime)
        assert (ref.call(Read()), ref.cell.incarnation) == (7, 4)

    @pytest.mark.anyio
    async def test_fails_only_its_own_asker(self) -> None:
        """Who asked the poison gets ActorFailed; who stands before and behind is answered."""
        answers: dict[str, Any] = {}
        async with running() as runtime:
            ref = counter(runtime)
            runtime.suspend(ref.cell, INF)

            async def ask(name: str, message: Any) -> None:
                try:
                    answers[name] = await ref.ask(message)
                except ActorFailed as failure:
                    answers[name] = type(failure.__cause__)

            async with anyio.create_task_group() as group:
                for name, message in (("before", Add(1)), ("poison", Boom()), ("behind", Add(2))):
                    group.start_soon(ask, name, message)
                    await passes(2)
                runtime.restart(ref.cell)
        assert answers == {"before": 1, "poison": ValueError, "behind": 3}


class TestBound:
    def test_full(self, runtime: Runtime) -> None:
        """At its bound a mailbox refuses what is told; what waits is kept."""
        ref = counter(runtime)
        runtime.suspend(ref.cell, INF)
        for number in range(BOUND):
            ref.tell(Note(number))
        with pytest.raises(MailboxFull):
            ref.tell(Note("too many"))
        runtime.restart(ref.cell)
        drained(runtime)
        assert texts(ref) == list(range(BOUND))

    @pytest.mark.anyio
    async def test_full_for_asks(self) -> None:
        """An ask to a full mailbox fails at once with MailboxFull."""
        async with running() as runtime:
            ref = counter(runtime)
            runtime.suspend(ref.cell, INF)
            for number in range(BOUND):
                ref.tell(Note(number))
            with pytest.raises(MailboxFull):
                await ref.ask(Read())

    def test_never_for_the_system(self, runtime: Runtime) -> None:
        """Down, timers and what the runtime is told to tell are never refused by a full mailbox."""
        ref, other = counter(runtime), counter(runtime, "other")
        runtime.monitor("counter", "other")
        runtime.suspend(ref.cell, INF)
        for number in range(BOUND):
            ref.tell(Note(number))
        runtime.stop(other.cell, "test")
        for _ in range(100):
            runtime.tell("counter", Note("told"))
        runtime.restart(ref.cell)
        drained(runtime)
        assert len(texts(ref)) == 101 + BOUND

    @pytest.mark.anyio
    async def test_withdrawn_letters_do_not_count_for_ever(self) -> None:
        """Any number of askers may come and go at an actor that is away: its mailbox never fills up."""
        async with running() as runtime:
            ref = counter(runtime)
            runtime.suspend(ref.cell, INF)
            ref.tell(Note("kept"))
            for _ in range(50 * BOUND):
                with anyio.CancelScope() as scope:
                    runtime.soon(scope.cancel)
                    await ref.ask(Read())
            assert len(ref.cell.mailbox or ()) <= 3
            runtime.restart(ref.cell)
            await passes()
            assert texts(ref) == ["kept"]
            assert ref.cell.withdrawn == 0

    @pytest.mark.anyio
    async def test_many_withdrawn_at_once(self) -> None:
        """Clearing withdrawn letters costs a constant amount of work a cancellation, and keeps the others in order."""
        async with running() as runtime:
            ref = Ref(runtime, runtime.spawn("a", _roomy(), CounterState))
            runtime.suspend(ref.cell, INF)
            answers: list[int] = []
            scopes = [anyio.CancelScope() for _ in range(100)]

            async def ask(number: int) -> None:
                with scopes[number]:
                    await ref.ask(Add(1))
                    answers.append(number)

            async with anyio.create_task_group() as group:
                for number in range(100):
                    group.start_soon(ask, number)
                    await passes(1)
                for number in range(0, 100, 3):
                    scopes[number].cancel()
                await passes(3)
                runtime.restart(ref.cell)
            expected = [number for number in range(100) if number % 3]
            assert sorted(answers) == expected
            assert ref.call(Read()) == len(expected)
            assert ref.cell.withdrawn == 0


def _roomy() -> Any:
    return type(COUNTER)("roomy", COUNTER.decide, COUNTER.evolve, COUNTER.copy, COUNTER.weigh, 1000)


def test_deferred_reply_keeps_no_turn(runtime: Runtime) -> None:
    """While an asker waits for its deferred reply the actor goes on with its other mail."""
    ref = counter(runtime)
    runtime.turn(ref.cell, Do(Turn(DEFER)), 7)
    assert ref.call(Add()) == 1
    assert list(ref.cell.parked or ()) == [7]
