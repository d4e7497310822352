"""Asks that may not wait for ever."""

from __future__ import annotations

import anyio
import pytest
import trio

from actorrouter.values import INF

from .actors_for_tests import passes, recorded, running
from .askers import Asker
from .gate import Gate

pytestmark = pytest.mark.anyio
TRIO_ONLY = pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)


async def test_deadline_while_parked() -> None:
    """`ask` raises TimeoutError at its deadline and holds no place any more."""
    async with running() as runtime:
        gate = Gate(runtime)
        first = await gate.acquire()
        until = runtime.clock() + 0.01
        with pytest.raises(TimeoutError):
            await gate.acquire(deadline=until)
        assert runtime.clock() >= until
        gate.check(first)


async def test_deadline_while_queued() -> None:
    """A letter whose asker gave up is not served."""
    async with running() as runtime:
        gate = Gate(runtime)
        events = recorded(runtime)
        runtime.suspend(gate.cell, INF)
        with pytest.raises(TimeoutError):
            await gate.acquire(deadline=runtime.clock() + 0.01)
        runtime.restart(gate.cell)
        await passes()
        gate.check()
        assert [type(event).__name__ for event in events] == ["ActorRestarted"]


async def test_deadline_that_has_passed() -> None:
    """A deadline in the past still gives what is there at once, and parks nobody."""
    async with running() as runtime:
        gate = Gate(runtime)
        first = await gate.acquire(deadline=-1.0)
        with pytest.raises(TimeoutError):
            await gate.acquire(deadline=-1.0)
        gate.check(first)


class _JustBefore(trio.abc.Instrument):
    """Act when the deadline has struck and the asker is about to run."""

    def __init__(self, gate: Gate, permit: int, deadline: float) -> None:
        self.gate, self.permit, self.deadline = gate, permit, deadline

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        if "Asker.run" in task.name and trio.current_time() >= self.deadline:
            self.gate.release(self.permit)


@TRIO_ONLY
async def test_answer_in_the_instant_of_the_deadline() -> None:
    """An answer that comes after the deadline has struck, before the asker has run, is the asker's."""
    async with running() as runtime, anyio.create_task_group() as group:
        gate = Gate(runtime)
        first = await gate.acquire()
        until = runtime.clock() + 5.0
        trio.lowlevel.add_instrument(_JustBefore(gate, first, until))
        asker = Asker(gate, 0, native=False, deadline=until)
        group.start_soon(asker.run)
        await anyio.sleep_until(until + 1)
        gate.check(*asker.permits)
        assert len(asker.permits) == 1
