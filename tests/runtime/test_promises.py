"""What actors promise, one test a promise. The other files of this folder prove each in depth."""

from __future__ import annotations

from random import Random
from typing import Any

import anyio
import pytest

from actorrouter.actors import quota
from actorrouter.actors.limits import window
from actorrouter.actors.recovery import Recovery
from actorrouter.config import Charge, LimitConfig, RecoveryConfig, Shape
from actorrouter.errors import ActorDown, ActorFailed, MailboxFull
from actorrouter.events import ActorRestarted, ActorStopped, Granted, Settled, SupervisorGaveUp
from actorrouter.messages import Reserve, Settle
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.transaction import commit, conclude, propose
from actorrouter.supervisor.specs import ActorSpec, Backoff, Intensity, SupervisorSpec
from actorrouter.supervisor.tree import Supervisor
from actorrouter.turns import CancelTimer, Down, SetTimer, Tell, Turn
from actorrouter.values import INF, OutcomeClass, Refusal, Scope

from .actors_for_tests import (
    COUNTER,
    Add,
    Added,
    Boom,
    CounterState,
    Do,
    HandClock,
    Note,
    Read,
    Tear,
    counter,
    drained,
    passes,
    recorded,
    running,
)
from .gate import Book, Booked, Close, Closed, Gate


@pytest.fixture
def runtime() -> Runtime:
    return Runtime(HandClock())


@pytest.mark.anyio
async def test_at_most_once() -> None:
    """A message is handled once or not at all, never again after a crash. An ask ends in exactly one way: with its
    reply, ActorFailed, ActorDown, MailboxFull, at its deadline, or by cancellation."""
    ends: list[str] = []
    async with running() as runtime:
        ref, events = counter(runtime), recorded(runtime)

        async def ask(message: Any, deadline: float = INF) -> None:
            try:
                ends.append(str(await ref.ask(message, deadline=deadline)))
            except anyio.get_cancelled_exc_class():
                ends.append("cancelled")
                raise
            except (ActorFailed, ActorDown, MailboxFull, TimeoutError) as failure:
                ends.append(type(failure).__name__)

        async with anyio.create_task_group() as group:
            runtime.suspend(ref.cell, INF)
            for message in (Add(1), Boom(), Tear(), Add(2)):
                group.start_soon(ask, message)
                await passes(2)
            await ask(Add(100), runtime.clock())
            with anyio.CancelScope() as scope:
                runtime.soon(scope.cancel)
                await ask(Add(1000))
            for _ in range(COUNTER.mailbox_max - ref.cell.depth):
                ref.tell(Read())
            await ask(Read())
            runtime.restart(ref.cell)
        runtime.stop(ref.cell, "test")
        await ask(Add(10_000))
        assert [event.amount for event in events if isinstance(event, Added)] == [1, 2]
    assert sorted(ends) == sorted(
        ["1", "ActorFailed", "ActorFailed", "3", "TimeoutError", "cancelled", "MailboxFull", "ActorDown"]
    )


def test_first_in_first_out_per_sender(runtime: Runtime) -> None:
    """Between one sender and one receiver order is kept; system messages go first; between senders nothing is
    promised."""
    ref = counter(runtime)
    runtime.suspend(ref.cell, INF)
    for number in range(4):
        ref.tell(Note(number))
    runtime.monitor("counter", "nobody")
    runtime.restart(ref.cell)
    drained(runtime)
    assert ref.cell.state.heard == [Down("nobody", "not running"), *map(Note, range(4))]


def test_one_turn_at_a_time(runtime: Runtime) -> None:
    """Turns of an actor never overlap: nothing it sends, nothing a reader sends, runs within one."""
    ref = counter(runtime)
    depth: list[int] = []

    def watch(event: Any) -> None:
        depth.append(len(ref.cell.state.heard))
        if len(depth) < 3:
            ref.tell(Note("from a reader"))
            assert isinstance(ref.call(Read()), Refusal)

    runtime.readers.append(watch)
    ref.call(Do(Turn(events=(Added(1.0, 1),), commands=(Tell("counter", Note("from itself")),))))
    assert (depth, ref.cell.state.heard) == ([0], [])
    drained(runtime)
    assert len(ref.cell.state.heard) == 3


@pytest.mark.anyio
async def test_a_cancelled_asker_holds_nothing() -> None:
    """Cancelled while it waits, its place is free; cancelled when the grant is on its way, the grant is handed back.
    What was granted before a crash is settled after it, in whatever incarnation."""
    async with running() as runtime, anyio.create_task_group() as group:
        gate = Gate(runtime)
        permit = await gate.acquire()
        with anyio.CancelScope() as scope:
            runtime.soon(scope.cancel)
            await gate.acquire()
        gate.check(permit)
        group.start_soon(gate.acquire)
        await passes()
        group.cancel_scope.cancel()
        gate.release(permit)
    gate.check(*(() if gate.undelivered else gate.state.out))
    with pytest.raises(ActorFailed):
        gate.ref.call(Boom())
    for each in set(gate.state.out):
        gate.release(each)
    gate.check()


def test_a_failed_turn_leaves_nothing(runtime: Runtime) -> None:
    """A turn that raises publishes nothing and journals nothing; its state is not used again. State after a restart
    comes from snapshot and journal alone."""
    ref = counter(runtime)
    ref.call(Add(5))
    events = recorded(runtime)
    broken = ref.cell.state
    with pytest.raises(ActorFailed):
        ref.call(Tear())
    assert not any(isinstance(event, Added) for event in events)
    assert broken.sum == -1
    assert ref.cell.state is not broken
    assert ref.cell.state == CounterState(5)


def test_supervision(runtime: Runtime) -> None:
    """Children start in order and stop in reverse; more restarts than allowed stop all of them and are told above; a
    monitor hears exactly one Down, and none of a restart."""
    watcher, events = counter(runtime, "watcher"), recorded(runtime)
    started: list[str] = []

    def begin(name: str) -> CounterState:
        started.append(name)
        return CounterState()

    def child(name: str) -> ActorSpec:
        return ActorSpec(name, behaviour=COUNTER, initial=lambda: begin(name), backoff=Backoff(0, 0, 0))

    fatal: list[str] = []
    spec = SupervisorSpec("top", tuple(map(child, "abc")), intensity=Intensity(2, 10.0))
    tree = Supervisor(runtime, spec, rng=Random(1), on_fatal=fatal.append)
    tree.start()
    assert started == ["a", "b", "c"]
    runtime.monitor("watcher", "b")
    for _ in range(2):
        runtime.tell("b", Boom())
    assert watcher.cell.state.heard == []
    runtime.tell("b", Boom())
    assert [event.actor for event in events if isinstance(event, ActorStopped)] == ["c", "b", "a"]
    assert [type(event) for event in events].count(SupervisorGaveUp) == 1
    assert len(fatal) == 1
    assert [message.actor for message in watcher.cell.state.heard] == ["b"]


def test_timers(runtime: Runtime) -> None:
    """A timer belongs to an actor and a key: it survives a restart and ends with the actor; a cancelled or replaced
    one never fires late; all time comes from one clock."""
    ref = counter(runtime)
    for commands in (
        (SetTimer("a", 110.0, Note("old")), SetTimer("b", 110.0, Note("b"))),
        (SetTimer("a", 120.0, Note("a")), CancelTimer("b"), SetTimer("c", 200.0, Note("c"))),
    ):
        ref.call(Do(Turn(commands=commands)))
    with pytest.raises(ActorFailed):
        ref.call(Boom())
    for now in (115.0, 125.0):
        while (due := runtime.timers.take_due(now)) is not None:
            due()
    assert ref.cell.state.heard == [Note("a")]
    runtime.stop(ref.cell, "test")
    assert (len(runtime.timers), runtime.timers.next_at()) == (0, INF)


def test_unknown_outcomes_are_charged(runtime: Runtime) -> None:
    """A request that was written and never answered is charged as if it had been carried out."""
    terms = window(LimitConfig("requests", 10, 60.0, Shape.SLIDING, charge=Charge.ACTUAL), Charge.ACTUAL, 0.0)
    cell = runtime.spawn("pool", quota.BEHAVIOUR, lambda: quota.PoolState("pool", (terms,), Recovery(RecoveryConfig())))
    amounts = {"requests": 4}
    assert propose(runtime, [cell], Reserve(1, amounts, "model", 160.0), 100.0) == []
    commit(runtime, [cell], Granted(100.0, 1, "key", "model", "route", amounts, 160.0, ("pool",)))
    unknown = Settle(1, OutcomeClass.UNKNOWN, Scope.PROVIDER, {})
    event = Settled(100.0, 1, "key", ("pool",), unknown.outcome, unknown.scope, {}, {})
    assert conclude(runtime, [cell], unknown, event, 100.0) == []
    (books,) = cell.state.windows
    assert (books.held, books.level(100.0)) == (0, 4)


def test_all_or_nothing(runtime: Runtime) -> None:
    """A transaction over several actors happens for all or for none; its ending reaches each exactly once, also through
    a restart."""
    gates = [Gate(runtime, 1, name) for name in "ab"]
    cells = [gate.cell for gate in gates]
    assert propose(runtime, cells, Book(1, broken_by="b"), 100.0) != []
    assert [gate.state.free for gate in gates] == [1, 1]
    assert propose(runtime, cells, Book(1), 100.0) == []
    assert commit(runtime, cells, Booked(100.0, 1)) == []
    events = recorded(runtime)
    runtime.suspend(cells[1], INF)
    conclude(runtime, cells, Close(1), Closed(100.0, 1), 100.0)
    runtime.restart(cells[1])
    drained(runtime)
    conclude(runtime, cells, Close(1), Closed(100.0, 1), 100.0)
    for gate in gates:
        gate.check()
    assert [type(event) for event in events] == [Closed, ActorRestarted]
