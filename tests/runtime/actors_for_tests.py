"""A counter to test the runtime with, and runtimes to test it on. Its fellow is in `gate`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
from anyio import lowlevel

from actorrouter.runtime import loops
from actorrouter.runtime.clock import loop_clock
from actorrouter.runtime.ref import Ref
from actorrouter.runtime.runtime import Runtime
from actorrouter.turns import Behaviour, Down, Turn
from actorrouter.values import value

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
