"""Those who wait while their actor restarts, stops or is started again."""

from __future__ import annotations

import anyio
import pytest

from actorrouter.errors import ActorDown, ActorFailed
from actorrouter.values import INF

from .actors_for_tests import Boom, passes, running
from .askers import Asker
from .gate import GATE, Gate

pytestmark = pytest.mark.anyio


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


async def test_started_again_without_them() -> None:
    """Those who failed when their actor stopped, or left before, have no place in the line when it is started again."""
    async with running() as runtime, anyio.create_task_group() as group:
        gate = Gate(runtime)
        first = await gate.acquire()

        async def ask() -> None:
            with pytest.raises(ActorDown):
                await gate.acquire()

        group.start_soon(ask)
        leaver = Asker(gate, 0, native=False)
        group.start_soon(leaver.run)
        await passes()
        runtime.suspend(gate.cell, INF)
        leaver.scope.cancel()
        await passes()
        runtime.stop(gate.cell, "test")
        assert len(gate.state.waiting) == 2
        runtime.spawn("gate", GATE, gate.cell.initial)
        await passes()
        gate.check(first)
        assert gate.state.waiting == {}
