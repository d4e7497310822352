"""Random programs of asks, bookings, cancellations, crashes, restarts and clock steps, against a model one can read.

A program is a list of steps, run inside one event loop; a failing one shrinks to the steps that matter.
"""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actorrouter.errors import ActorDown, ActorFailed, MailboxFull
from actorrouter.runtime.cell import Cell, Status
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.transaction import commit, conclude, propose
from actorrouter.values import INF

from .actors_for_tests import Boom, passes, running
from .backends import run_on
from .gate import Book, Booked, Close, Closed, Gate, Serve

GATES = "abc"
CAPACITY = {"a": 1, "b": 2, "c": 3}
gate = st.sampled_from(GATES)
number = st.integers(0, 9)
some_gates = st.lists(gate, min_size=1, max_size=3, unique=True).map(sorted).map("".join)
STEP = st.one_of(
    st.tuples(st.just("ask"), gate, number),
    st.tuples(st.just("ask"), gate, number),
    st.tuples(st.just("ask_with_deadline"), gate, number),
    st.tuples(st.just("give_back"), number),
    st.tuples(st.just("give_back"), number),
    st.tuples(st.just("cancel"), number),
    st.tuples(st.just("cancel"), number),
    st.tuples(st.just("grant_and_cancel"), number, number),
    st.tuples(st.just("book"), some_gates, st.sampled_from(["", "", "decide", "evolve"]), gate),
    st.tuples(st.just("close"), number, st.sampled_from(["", "", "decide", "evolve"])),
    st.tuples(st.just("crash"), gate),
    st.tuples(st.just("corrupt"), gate),
    st.tuples(st.just("suspend"), gate, number),
    st.tuples(st.just("stop"), gate),
    st.tuples(st.just("start_again"), gate),
    st.tuples(st.just("advance"), number),
    st.tuples(st.just("let_run"), number),
    st.tuples(st.just("let_run"), number),
)
PROGRAM = st.lists(STEP, max_size=40)


@attrs.define(eq=False)
class Asker:
    """One task: asks, and holds its permit until it is told to give it back."""

    at: Gate
    scope: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)
    task: Any = None
    permit: int | None = None
    failure: str = ""
    returned: bool = False

    @property
    def over(self) -> bool:
        return self.returned or (self.task is not None and self.task.done())

    async def run(self, deadline: float) -> None:
        try:
            with self.scope:
                self.permit = await self.at.acquire(deadline=deadline)
        except (ActorDown, ActorFailed, MailboxFull, TimeoutError) as failure:
            self.failure = type(failure).__name__
        finally:
            self.returned = True


@attrs.define(eq=False)
class Booking:
    """A transaction that was committed: the gates where it is open."""

    number: int
    gates: list[Gate]


class World:
    """The program's state. The model: `askers` hold permits, `bookings` are open; nothing else is out."""

    def __init__(self, runtime: Runtime, group: Any, native: bool) -> None:
        self.runtime, self.group, self.native = runtime, group, native
        self.gates = {name: Gate(runtime, CAPACITY[name], name) for name in GATES}
        self.cells = {name: each.cell for name, each in self.gates.items()}
        self.askers: list[Asker] = []
        self.bookings: list[Booking] = []

    # ------------------------------------------------------------------------------------------------------ the model

    def owned(self, at: Gate) -> set[int]:
        """Whose permits are out at this gate, as their owners see it."""
        held = {asker.permit for asker in self.askers if asker.at is at and asker.permit is not None}
        return held | {booking.number for booking in self.bookings if at in booking.gates}

    def check_books(self) -> None:
        """After every step: permits are conserved at every gate whose state is whole."""
        for at in self.gates.values():
            if at.cell.status is not Status.RESTARTING:
                state = at.state
                assert state.free + len(state.out) == state.capacity
                assert state.free >= 0
                assert set(at.cell.parked or ()) <= set(state.waiting)

    def check_owners(self) -> None:
        """When nothing is under way: out is what is owned, and nobody waits who could be served."""
        for at in self.gates.values():
            if at.cell.status is Status.RUNNING and not at.cell.depth:
                at.check(*self.owned(at))

    # -------------------------------------------------------------------------------------------------------- the steps

    async def ask(self, name: str, _: int, deadline: float = INF) -> None:
        asker = Asker(self.gates[name])
        self.askers.append(asker)
        if self.native:
            asker.task = asyncio.create_task(asker.run(deadline))
        else:
            self.group.start_soon(asker.run, deadline)

    async def ask_with_deadline(self, name: str, seconds: int) -> None:
        await self.ask(name, 0, self.runtime.clock() + seconds)

    async def give_back(self, which: int) -> None:
        owners = [asker for asker in self.askers if asker.permit is not None]
        if owners:
            asker = owners[which % len(owners)]
            assert asker.permit is not None
            asker.at.release(asker.permit)
            asker.permit = None

    def _cancel(self, asker: Asker) -> None:
        if asker.task is not None:
            asker.task.cancel()
        else:
            asker.scope.cancel()

    async def cancel(self, which: int) -> None:
        waiting = [asker for asker in self.askers if not asker.over]
        if waiting:
            self._cancel(waiting[which % len(waiting)])

    async def grant_and_cancel(self, which: int, victim: int) -> None:
        """The grant is on its way when the cancellation comes."""
        await self.give_back(which)
        await self.cancel(victim)

    async def book(self, names: str, where: str, breaks: str) -> None:
        gates = [self.gates[name] for name in names]
        cells = [each.cell for each in gates]
        now, booking = self.runtime.clock(), self.runtime.new_id()
        refusals = propose(self.runtime, cells, Book(booking, breaks if where == "decide" else ""), now)
        away = {each.cell.actor_id for each in gates if each.cell.status is not Status.RUNNING}
        full = {each.cell.actor_id for each in gates if each.state.free == 0 or each.state.waiting}
        broken = {breaks} & set(names) if where == "decide" else set()
        assert {refusal.holder for refusal in refusals} >= (away | (full - broken))
        if not refusals:
            dropped = commit(self.runtime, cells, Booked(now, booking, breaks if where == "evolve" else ""))
            assert [cell.actor_id for cell in dropped] == [
                name for name in names if where == "evolve" and name == breaks
            ]
            self.bookings.append(Booking(booking, [each for each in gates if each.cell not in dropped]))

    async def close(self, which: int, where: str) -> None:
        if not self.bookings:
            return
        booking = self.bookings.pop(which % len(self.bookings))
        breaks = booking.gates[0].cell.actor_id if where and booking.gates else ""

        def still_open(cell: Cell) -> None:
            self.bookings.append(Booking(booking.number, [self.gates[cell.actor_id]]))

        message = Close(booking.number, breaks if where == "decide" else "")
        event = Closed(self.runtime.clock(), booking.number, breaks if where == "evolve" else "")
        cells = [each.cell for each in booking.gates]
        for cell in conclude(self.runtime, cells, message, event, event.at, on_broken=still_open):
            still_open(cell)
        self.serve_all()

    def serve_all(self) -> None:
        """A booking's end is no turn: the gates are told to serve who waits, as the router does."""
        for at in self.gates.values():
            if at.cell.status is not Status.STOPPED:
                self.runtime.tell(at.cell.actor_id, Serve())

    async def crash(self, name: str) -> None:
        self.gates[name].ref.tell(Boom())

    async def corrupt(self, name: str) -> None:
        """The state is broken by a bug; the next turn fails on it and it is rebuilt."""
        at = self.gates[name]
        if at.cell.status is Status.RUNNING:
            at.cell.state = None
            self.runtime.crash(at.cell, ValueError("corrupted"), "state")

    async def suspend(self, name: str, seconds: int) -> None:
        cell = self.cells[name]
        if cell.status is Status.STOPPED:
            return
        until = self.runtime.clock() + seconds
        self.runtime.suspend(cell, until)
        self.runtime.timers.set(("restart", name), until, lambda: self.restart(cell))

    def restart(self, cell: Cell) -> None:
        if cell.status is Status.RESTARTING:
            assert self.runtime.restart(cell)

    async def stop(self, name: str) -> None:
        self.runtime.stop(self.cells[name], "told to")

    async def start_again(self, name: str) -> None:
        """Who waited has failed, and their places are given up."""
        at = self.gates[name]
        if at.cell.status is Status.STOPPED:
            self.runtime.spawn(name, at.cell.behaviour, at.cell.initial, on_undelivered=at._take_back)
            self.runtime.tell(name, Serve())

    async def advance(self, seconds: int) -> None:
        await anyio.sleep(seconds)

    async def let_run(self, count: int) -> None:
        await passes(count)
        if count > 7:
            self.check_owners()

    # ---------------------------------------------------------------------------------------------------------- the end

    async def finish(self) -> None:
        """Everybody comes back and gives back: all permits are there and nobody waits any more."""
        await anyio.sleep(20)
        for name, cell in self.cells.items():
            await self.start_again(name)
            self.restart(cell)
        await passes(20)
        self.serve_all()
        await passes(20)
        self.check_owners()
        while any(asker.permit is not None for asker in self.askers) or self.bookings:
            await self.give_back(0)
            await self.close(0, "")
            await passes(10)
            self.check_owners()
        assert all(asker.over for asker in self.askers)
        for at in self.gates.values():
            at.check()
            assert not at.cell.depth


async def play(program: list[Any], native: bool) -> None:
    async with running() as runtime, anyio.create_task_group() as group:
        world = World(runtime, group, native)
        for step in program:
            await getattr(world, step[0])(*step[1:])
            world.check_books()
        await world.finish()


WAYS = [("trio", False), ("asyncio", False), ("asyncio", True)]


@pytest.mark.parametrize(("loop", "native"), WAYS, ids=["trio", "asyncio-scopes", "asyncio-native"])
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(program=PROGRAM)
def test_permits_are_conserved(loop: str, native: bool, program: list[Any]) -> None:
    """Whatever happens in whatever order: permits are conserved after every step, what is out is owned by somebody who
    knows it, and at the end nobody waits who could be served."""
    run_on(loop, lambda: play(program, native))
