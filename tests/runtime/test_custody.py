"""Who owns a reply whose asker has gone: nothing leaks and nobody is blocked, wherever the cancellation lands."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from itertools import product
from random import Random
from typing import Any

import anyio
import pytest
import trio
from anyio import lowlevel

from actorrouter.errors import ActorDown, ActorFailed
from actorrouter.runtime.cell import Status
from actorrouter.runtime.engine import TURNS_PER_YIELD
from actorrouter.values import INF

from .actors_for_tests import Boom, Gate, Serve, passes, recorded, running

pytestmark = pytest.mark.anyio
ASYNCIO_ONLY = pytest.mark.parametrize("anyio_backend", ["asyncio", "uvloop"], indirect=True)
TRIO_ONLY = pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)

# ------------------------------------------------------------------------------------------------ at every await point


@types.coroutine
def stepping(steps: Coroutine[Any, Any, Any], on_yield: Callable[[int], None]) -> Generator[Any, Any, Any]:
    """Run a coroutine; say before its k-th wait that it is about to wait."""
    result: Any = None
    error: BaseException | None = None
    count = 0
    while True:
        try:
            trap = steps.send(result) if error is None else steps.throw(error)
        except StopIteration as done:
            return done.value
        count += 1
        on_yield(count)
        result, error = None, None
        try:
            result = yield trap
        except BaseException as thrown:
            error = thrown


class Asker:
    """One ask in a task of its own, cancelled as it is about to wait for the k-th time."""

    def __init__(self, gate: Gate, cancel_at: int, *, native: bool, deadline: float = INF) -> None:
        self.gate, self.cancel_at, self.native, self.deadline = gate, cancel_at, native, deadline
        self.waits = 0
        self.permits: list[int] = []
        self.then: Callable[[], Any] = lambda: None
        """Happens after the first wait."""
        self.scope = anyio.CancelScope()

    def _about_to_wait(self, count: int) -> None:
        self.waits = count
        if count == 1:
            self.gate.runtime.soon(self.then)
        if count == self.cancel_at:
            self.cancel()

    def cancel(self) -> None:
        if self.native:
            self.task.cancel()
        else:
            self.scope.cancel()

    async def _ask(self) -> None:
        with self.scope:
            permit = await stepping(self.gate.acquire(deadline=self.deadline), self._about_to_wait)
            self.permits.append(permit)

    async def run(self) -> None:
        if not self.native:
            await self._ask()
            return
        self.task = asyncio.create_task(self._ask())
        await asyncio.wait([self.task])


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


async def test_withdrawn_while_the_actor_restarts() -> None:
    """A parked asker that goes while its actor restarts is withdrawn as the first thing after the restart."""
    async with running() as runtime, anyio.create_task_group() as group:
        gate = Gate(runtime)
        first = await gate.acquire()
        asker = Asker(gate, 0, native=False)
        group.start_soon(asker.run)
        await passes()
        runtime.suspend(gate.cell, INF)
        asker.scope.cancel()
        await passes()
        assert len(gate.state.waiting) == 1
        runtime.restart(gate.cell)
        gate.release(first)
        await passes()
        gate.check()
        assert gate.undelivered == []


async def test_parked_askers_survive_a_restart() -> None:
    """Who waited before a crash is served after it, in the same order."""
    async with running() as runtime, anyio.create_task_group() as group:
        gate = Gate(runtime)
        first = await gate.acquire()
        askers = [Asker(gate, 0, native=False) for _ in range(3)]
        for asker in askers:
            group.start_soon(asker.run)
            await passes(2)
        gate.state.waiting.clear()
        gate.state.free = 7
        with pytest.raises(ActorFailed):
            gate.ref.call(Boom())
        assert len(gate.state.waiting) == 3
        gate.release(first)
        for count in range(1, 4):
            await passes()
            assert [len(asker.permits) for asker in askers] == [1] * count + [0] * (3 - count)
            gate.release(askers[count - 1].permits[0])
        gate.check()


async def test_stop_fails_everybody() -> None:
    """Parked and queued askers of an actor that stops fail with ActorDown, each with an error of its own."""
    failures: list[ActorDown] = []
    async with running() as runtime, anyio.create_task_group() as group:
        gate = Gate(runtime)
        await gate.acquire()

        async def ask() -> None:
            try:
                await gate.acquire()
            except ActorDown as failure:
                failures.append(failure)

        group.start_soon(ask)
        group.start_soon(ask)
        await passes()
        runtime.suspend(gate.cell, INF)
        group.start_soon(ask)
        await passes()
        runtime.stop(gate.cell, "test")
    assert len({id(failure) for failure in failures}) == 3


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


# ----------------------------------------------------------------------------------------------------------- deadlines


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


# ---------------------------------------------------------------------------------------------------------- by chance

_CAPACITY, _WORKERS, _SEEDS = 8, 60, 100


async def _crowd(gate: Gate, rng: Random, native: bool) -> int:
    """Workers that take, hold and return; two of three are cancelled in some pass. Answers how many got a permit."""
    granted = 0
    scopes = [anyio.CancelScope() for _ in range(_WORKERS)]

    async def work(number: int) -> None:
        nonlocal granted
        with scopes[number]:
            await passes(rng.randrange(6))
            permit = await gate.acquire()
            try:
                granted += 1
                await passes(rng.randrange(4))
            finally:
                gate.release(permit)

    plan = [[i for i in range(_WORKERS) if rng.random() < 0.06] for _ in range(20)]
    tasks: list[Any] = []
    async with anyio.create_task_group() as group:
        for number in range(_WORKERS):
            if native:
                tasks.append(asyncio.create_task(work(number)))
            else:
                group.start_soon(work, number)
        for doomed in plan:
            for number in doomed:
                if native:
                    tasks[number].cancel()
                else:
                    scopes[number].cancel()
            await lowlevel.checkpoint()
        if native:
            await asyncio.wait(tasks)
    return granted


@pytest.mark.parametrize("native", [False, True], ids=["scopes", "native"])
async def test_a_crowd_leaks_nothing(native: bool, anyio_backend: Any) -> None:
    """100 seeds of workers cancelled in random passes: every permit is back, and work was done."""
    if native and anyio_backend[0] != "asyncio":
        pytest.skip("tasks are cancelled natively on asyncio only")
    async with running() as runtime:
        for seed in range(_SEEDS):
            gate = Gate(runtime, _CAPACITY, f"gate {seed}")
            granted = await _crowd(gate, Random(seed), native)
            await passes(2)
            assert (gate.state.free, len(gate.state.waiting)) == (_CAPACITY, 0), f"seed {seed}"
            assert granted > _CAPACITY, f"seed {seed}"


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
