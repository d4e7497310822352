"""An actor that gives out permits and lets askers wait for them; alone, or as the holder of a transaction."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import attrs

from actorrouter.runtime.cell import Cell
from actorrouter.runtime.ref import Ref
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.transaction import conclude
from actorrouter.turns import CONSENT, DEFER, Answer, AskWithdrawn, Behaviour, Turn
from actorrouter.values import Refusal, value

from .actors_for_tests import Boom


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


def _boom(state: GateState, message: Boom, now: float) -> Turn:
    raise ValueError("boom")


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
