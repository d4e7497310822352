"""Two actors to test the runtime with: a counter, and a gate that gives out permits and lets askers wait for them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
from anyio import lowlevel

from actorrouter.runtime import loops
from actorrouter.runtime.cell import Cell
from actorrouter.runtime.clock import loop_clock
from actorrouter.runtime.ref import Ref
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.transaction import conclude
from actorrouter.turns import CONSENT, DEFER, Answer, AskWithdrawn, Behaviour, Down, Turn
from actorrouter.values import Refusal, value

# ----------------------------------------------------------------------------------------------------------- a counter


@value
class Add:
    """Add, and answer the sum."""

    amount: int = 1


@value
class Read:
    """Answer the sum."""


@value
class Boom:
    """decide raises."""


@value
class Tear:
    """evolve changes half of the state, then raises; the first of its two events applies well."""


@value
class Do:
    """Answer with this turn."""

    turn: Turn


@value
class Added:
    at: float
    amount: int


@value
class Torn:
    at: float


@attrs.define
class CounterState:
    """`heard`: messages of monitors and timers."""

    sum: int = 0
    heard: list[Any] = attrs.field(factory=list)


@value
class Heard:
    at: float
    message: Any


@value
class Note:
    """Take this down."""

    text: Any = ""


def _add(state: CounterState, message: Add, now: float) -> Turn:
    return Turn(state.sum + message.amount, (Added(now, message.amount),))


def _read(state: CounterState, message: Read, now: float) -> Turn:
    return Turn(state.sum)


def _boom(state: Any, message: Boom, now: float) -> Turn:
    raise ValueError("boom")


def _tear(state: CounterState, message: Tear, now: float) -> Turn:
    return Turn("torn", (Added(now, 1000), Torn(now)))


def _do(state: CounterState, message: Do, now: float) -> Turn:
    return message.turn


def _note(state: CounterState, message: Any, now: float) -> Turn:
    return Turn(len(state.heard), (Heard(now, message),))


def _added(state: CounterState, event: Added) -> None:
    state.sum += event.amount


def _torn(state: CounterState, event: Torn) -> None:
    state.sum = -1
    raise ZeroDivisionError("torn")


def _heard(state: CounterState, event: Heard) -> None:
    state.heard.append(event.message)


COUNTER = Behaviour(
    "counter",
    {Add: _add, Read: _read, Boom: _boom, Tear: _tear, Do: _do, Note: _note, Down: _note},
    {Added: _added, Torn: _torn, Heard: _heard},
    lambda state: CounterState(state.sum, list(state.heard)),
    lambda state: len(state.heard),
    mailbox_max=8,
)

# -------------------------------------------------------------------------------------------------------------- a gate


@value
class Acquire:
    """A permit, now or when one is free. `ask_id`: the asker's, also the permit's."""

    ask_id: int


@value
class Release:
    """Give a permit back, as a message of its own. Repeats change nothing."""

    permit: int


@value
class Serve:
    """Give what is free to those who wait: after a booking ended."""


@value
class Book:
    """Reserve: part of a transaction. `broken_by`: the gate whose decide raises."""

    booking: int
    broken_by: str = ""


@value
class Close:
    """Settle: end a booking."""

    booking: int
    broken_by: str = ""


@value
class Taken:
    at: float
    permit: int


@value
class Queued:
    at: float
    ask_id: int


@value
class Freed:
    at: float
    permit: int


@value
class Left:
    at: float
    ask_id: int


@value
class Booked:
    """`broken_by`: the gate whose evolve raises."""

    at: float
    booking: int
    broken_by: str = ""


@value
class Closed:
    at: float
    booking: int
    broken_by: str = ""


@attrs.define
class GateState:
    """`out`: permits given away, by ask or booking. `waiting`: ask ids in order of arrival."""

    name: str
    capacity: int
    free: int
    out: set[int] = attrs.field(factory=set)
    waiting: OrderedDict[int, None] = attrs.field(factory=OrderedDict)


def _acquire(state: GateState, message: Acquire, now: float) -> Turn:
    if state.free and not state.waiting:
        return Turn(message.ask_id, (Taken(now, message.ask_id),))
    return Turn(DEFER, (Queued(now, message.ask_id),))


def _release(state: GateState, message: Release, now: float) -> Turn:
    if message.permit not in state.out:
        return Turn(reply="unknown")
    freed = Freed(now, message.permit)
    if not state.waiting:
        return Turn("freed", (freed,))
    first = next(iter(state.waiting))
    return Turn("passed on", (freed, Taken(now, first)), (Answer(first, first),))


def _serve(state: GateState, message: Serve, now: float) -> Turn:
    served = list(state.waiting)[: state.free]
    return Turn(len(served), tuple(Taken(now, each) for each in served), tuple(Answer(each, each) for each in served))


def _withdraw(state: GateState, message: AskWithdrawn, now: float) -> Turn:
    return Turn(events=(Left(now, message.ask_id),)) if message.ask_id in state.waiting else Turn()


def _book(state: GateState, message: Book, now: float) -> Turn:
    if message.broken_by == state.name:
        raise ValueError("decide broke")
    if state.free and not state.waiting:
        return CONSENT
    return Turn((Refusal(state.name, "full"),))


def _close(state: GateState, message: Close, now: float) -> Turn:
    if message.broken_by == state.name:
        raise ValueError("decide broke")
    return CONSENT if message.booking in state.out else Turn("unknown")


def _taken(state: GateState, event: Taken) -> None:
    state.waiting.pop(event.permit, None)
    _give(state, event.permit)


def _give(state: GateState, permit: int) -> None:
    assert state.free > 0
    assert permit not in state.out
    state.free -= 1
    state.out.add(permit)


def _freed(state: GateState, event: Freed) -> None:
    state.out.remove(event.permit)
    state.free += 1


def _queued(state: GateState, event: Queued) -> None:
    state.waiting[event.ask_id] = None


def _left(state: GateState, event: Left) -> None:
    del state.waiting[event.ask_id]


def _booked(state: GateState, event: Booked) -> None:
    _give(state, event.booking)
    _break(state, event.broken_by)


def _closed(state: GateState, event: Closed) -> None:
    state.out.remove(event.booking)
    _break(state, event.broken_by)
    state.free += 1


def _break(state: GateState, broken_by: str) -> None:
    if broken_by == state.name:
        raise ZeroDivisionError("evolve broke")


GATE = Behaviour(
    "gate",
    {
        Acquire: _acquire,
        Release: _release,
        Serve: _serve,
        AskWithdrawn: _withdraw,
        Book: _book,
        Close: _close,
        Boom: _boom,
    },
    {Taken: _taken, Queued: _queued, Freed: _freed, Left: _left, Booked: _booked, Closed: _closed},
    lambda state: GateState(state.name, state.capacity, state.free, set(state.out), OrderedDict(state.waiting)),
    lambda state: len(state.out) + len(state.waiting),
)


class Gate:
    """A gate on a runtime, as its callers see it: what comes back undelivered is released."""

    def __init__(self, runtime: Runtime, capacity: int = 1, name: str = "gate", **more: Any) -> None:
        self.runtime = runtime
        self.undelivered: list[int] = []
        self.cell: Cell = runtime.spawn(
            name, GATE, lambda: GateState(name, capacity, capacity), on_undelivered=self._take_back, **more
        )
        self.ref = Ref(runtime, self.cell)

    def _take_back(self, permit: int) -> None:
        self.undelivered.append(permit)
        self.release(permit)

    async def acquire(self, **options: Any) -> int:
        ask_id = self.runtime.new_id()
        permit = await self.ref.ask(Acquire(ask_id), ask_id=ask_id, **options)
        assert permit == ask_id
        return ask_id

    def release(self, permit: int) -> None:
        """An ending, as the router's: never refused, never lost. Then the gate is told to serve who waits."""
        now = self.runtime.clock()
        assert conclude(self.runtime, [self.cell], Close(permit), Closed(now, permit), now) == []
        if self.cell.takes_mail:
            self.runtime.tell(self.cell.actor_id, Serve())

    @property
    def state(self) -> GateState:
        state = self.cell.state
        assert isinstance(state, GateState)
        return state

    def check(self, *owned: int) -> None:
        """Permits are conserved, exactly these are out, and nobody waits who could be served."""
        state = self.state
        assert state.free + len(state.out) == state.capacity
        assert state.out == set(owned)
        assert not (state.free and state.waiting)
        assert set(self.cell.parked or ()) == set(state.waiting)


# ----------------------------------------------------------------------------------------------------------- a runtime


class HandClock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def drained(runtime: Runtime) -> None:
    """Let the pump run dry."""
    while runtime.has_mail:
        runtime.drain(64)


def counter(runtime: Runtime, name: str = "counter", **more: Any) -> Ref:
    return Ref(runtime, runtime.spawn(name, COUNTER, CounterState, **more))


def recorded(runtime: Runtime) -> list[Any]:
    """The events from now on."""
    events: list[Any] = []
    runtime.readers.append(events.append)
    return events


@asynccontextmanager
async def running() -> AsyncIterator[Runtime]:
    """A runtime whose two tasks run."""
    runtime = Runtime(loop_clock())
    async with anyio.create_task_group() as group:
        group.start_soon(loops.serve, runtime)
        await passes(3)
        yield runtime
        group.cancel_scope.cancel()


async def passes(count: int = 8) -> None:
    """Let every other task run so often."""
    for _ in range(count):
        await lowlevel.checkpoint()
