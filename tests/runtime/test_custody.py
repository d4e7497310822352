"""Who owns a reply whose asker has gone: nothing leaks and nobody is blocked, wherever the cancellation lands."""

from __future__ import annotations

import asyncio
from itertools import product
from typing import Any

import anyio
import pytest
from anyio import lowlevel

from actorrouter.runtime.cell import Status
from actorrouter.runtime.engine import TURNS_PER_YIELD
from actorrouter.values import INF

from .actors_for_tests import passes, running
from .askers import Asker
from .gate import Gate, Serve

pytestmark = pytest.mark.anyio
ASYNCIO_ONLY = pytest.mark.parametrize("anyio_backend", ["asyncio", "uvloop"], indirect=True)
TRIO_ONLY = pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)

# ------------------------------------------------------------------------------------------------ at every await point


async def idle(gate: Gate) -> Any:
    """The permit is there."""
    return None


async def taken(gate: Gate) -> Any:
    """The permit is taken, and comes back after the asker has parked."""
    permit = await gate.acquire()
    return lambda: gate.release(permit)


async def restarting(gate: Gate) -> Any:
    """The gate is between two incarnations: the letter is queued."""
    gate.runtime.suspend(gate.cell, INF)
    return lambda: gate.runtime.restart(gate.cell)


async def giving_way(gate: Gate) -> Any:
    """The ask is the one that gives way to others."""
    gate.runtime.inline = TURNS_PER_YIELD - 1


@pytest.mark.parametrize("before", [idle, taken, restarting, giving_way])
async def test_cancelled_at_every_await_point(before: Any, anyio_backend: Any) -> None:
    """An asker cancelled at any of its awaits leaves nothing behind: all permits are back, the next asker is served."""
    ways = [False, True] if anyio_backend[0] == "asyncio" else [False]
    for native in ways:
        k = 0
        while True:
            k += 1
            async with running() as runtime:
                gate = Gate(runtime)
                then = await before(gate)
                asker = Asker(gate, k, native=native)
                asker.then = then or asker.then
                await asker.run()
                await passes()
                gate.check(*asker.permits)
                for permit in asker.permits:
                    gate.release(permit)
                with anyio.fail_after(1):
                    gate.check(await gate.acquire())
            if asker.waits < k:
                break
        assert asker.permits != []
        assert k == {idle: 1, taken: 2, restarting: 2, giving_way: 2}[before]


@pytest.mark.parametrize("before", [idle, taken, restarting])
async def test_grant_and_cancellation_in_any_order(before: Any, anyio_backend: Any) -> None:
    """Whatever comes first, in whichever pass of the loop, a permit ends with its asker or back at the gate."""
    ways = [False, True] if anyio_backend[0] == "asyncio" else [False]
    for native, granted_at, cancelled_at in product(ways, range(6), range(6)):
        async with running() as runtime:
            gate = Gate(runtime)
            first = await gate.acquire()
            if before is restarting:
                runtime.suspend(gate.cell, INF)
            asker = Asker(gate, 0, native=native)
            async with anyio.create_task_group() as group:
                group.start_soon(asker.run)
                for each in range(6):
                    await lowlevel.checkpoint()
                    if each == granted_at:
                        gate.release(first)
                        if before is restarting:
                            runtime.restart(gate.cell)
                    if each == cancelled_at and (not native or hasattr(asker, "task")):
                        asker.cancel()
            await passes()
            gate.check(*asker.permits)
            assert len(asker.permits) + len(gate.undelivered) <= 1


# -------------------------------------------------------------------------------------------- what crosses on its way


async def _park(gate: Gate, native: bool) -> tuple[Asker, Any]:
    asker = Asker(gate, 0, native=native)
    task = asyncio.create_task(asker.run())
    while not gate.state.waiting:
        await lowlevel.checkpoint()
    return asker, task


@ASYNCIO_ONLY
async def test_native_cancel_after_the_answer_hands_it_back() -> None:
    """A reply delivered to a task that is then cancelled before it runs goes to `on_undelivered`, exactly once."""
    async with running() as runtime:
        gate = Gate(runtime)
        first = await gate.acquire()
        asker, task = await _park(gate, native=True)
        (waiting,) = gate.state.waiting
        gate.release(first)
        gate.check(waiting)
        asker.task.cancel()
        await task
        assert asker.task.cancelled()
        assert (asker.permits, gate.undelivered) == ([], [waiting])
        gate.check()


@ASYNCIO_ONLY
async def test_what_is_handed_back_serves_the_next() -> None:
    """A permit handed back goes to who waits behind, in the same pass."""
    async with running() as runtime:
        gate = Gate(runtime)
        first = await gate.acquire()
        gone, gone_task = await _park(gate, native=True)
        async with anyio.create_task_group() as group:
            second = Asker(gate, 0, native=False)
            group.start_soon(second.run)
            await passes(3)
            gate.release(first)
            gone.task.cancel()
        await gone_task
        gate.check(*second.permits)
        assert len(second.permits) == 1


@ASYNCIO_ONLY
async def test_scope_cancel_after_the_answer_keeps_it() -> None:
    """anyio does not cancel a task whose reply is there: the asker gets it."""
    async with running() as runtime:
        gate = Gate(runtime)
        first = await gate.acquire()
        asker, task = await _park(gate, native=False)
        gate.release(first)
        asker.scope.cancel()
        await task
        gate.check(*asker.permits)
        assert (len(asker.permits), gate.undelivered) == (1, [])


@TRIO_ONLY
async def test_trio_keeps_what_was_delivered() -> None:
    """On trio an answer that came before the cancellation is the asker's; nothing is handed back."""
    async with running() as runtime, anyio.create_task_group() as group:
        gate = Gate(runtime)
        first = await gate.acquire()
        asker = Asker(gate, 0, native=False)
        group.start_soon(asker.run)
        await passes()
        gate.release(first)
        asker.scope.cancel()
        await passes()
        gate.check(*asker.permits)
        assert (len(asker.permits), gate.undelivered) == (1, [])


@TRIO_ONLY
async def test_trio_hands_back_what_came_too_late() -> None:
    """An answer that comes after the cancellation, before the asker has run, is handed back exactly once."""
    async with running() as runtime, anyio.create_task_group() as group:
        gate = Gate(runtime)
        first = await gate.acquire()
        asker = Asker(gate, 0, native=False)
        group.start_soon(asker.run)
        await passes()
        (waiting,) = gate.state.waiting
        asker.scope.cancel()
        gate.release(first)
        await passes()
        gate.check()
        assert (asker.permits, gate.undelivered) == ([], [waiting])


async def test_withdrawn_while_parked() -> None:
    """An asker cancelled while it waits frees its place: who stood behind it is next."""
    async with running() as runtime, anyio.create_task_group() as group:
        gate = Gate(runtime)
        first = await gate.acquire()
        askers = [Asker(gate, 0, native=False) for _ in range(3)]
        for asker in askers:
            group.start_soon(asker.run)
            await passes(2)
        askers[0].scope.cancel()
        askers[1].scope.cancel()
        await passes()
        assert len(gate.state.waiting) == 1
        gate.release(first)
        await passes()
        assert [len(asker.permits) for asker in askers] == [0, 0, 1]
        gate.check(*askers[2].permits)


async def test_on_undelivered_that_raises() -> None:
    """A hook that fails does not take the place of the asker's cancellation; the reply is a dead letter."""
    async with running() as runtime, anyio.create_task_group() as group:
        gate = Gate(runtime)

        def fail(reply: Any) -> None:
            raise ValueError(reply)

        gate.cell.on_undelivered = fail
        first = await gate.acquire()
        asker = Asker(gate, 0, native=False)
        group.start_soon(asker.run)
        await passes()
        (waiting,) = gate.state.waiting
        parked = (gate.cell.parked or {})[waiting]
        parked.withdrawn = True  # as if it had gone a moment ago
        gate.release(first)
        assert runtime.dead_letters == 1
        assert gate.cell.status is Status.RUNNING
        group.cancel_scope.cancel()


async def test_served_after_a_booking() -> None:
    """What becomes free outside a turn goes to who waits when the gate is told."""
    async with running() as runtime, anyio.create_task_group() as group:
        gate = Gate(runtime)
        first = await gate.acquire()
        asker = Asker(gate, 0, native=False)
        group.start_soon(asker.run)
        await passes()
        gate.state.out.remove(first)
        gate.state.free += 1
        assert gate.ref.call(Serve()) == 1
        await passes()
        gate.check(*asker.permits)
