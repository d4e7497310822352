"""Many askers, cancelled by chance: 100 seeds of each way."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import anyio
import pytest
from anyio import lowlevel

from .actors_for_tests import passes, running
from .backends import BACKENDS
from .gate import Gate

pytestmark = pytest.mark.anyio


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


async def test_a_crowd_leaks_nothing() -> None:
    """100 seeds of workers whose cancel scopes end in random passes: every permit is back, and work was done."""
    await _hundred_crowds(native=False)


@pytest.mark.parametrize("anyio_backend", [name for name in BACKENDS if name != "trio"], indirect=True)
async def test_a_crowd_of_cancelled_tasks_leaks_nothing() -> None:
    """The same when the tasks themselves are cancelled, which only asyncio's loops can do."""
    await _hundred_crowds(native=True)


async def _hundred_crowds(*, native: bool) -> None:
    async with running() as runtime:
        for seed in range(_SEEDS):
            gate = Gate(runtime, _CAPACITY, f"gate {seed}")
            granted = await _crowd(gate, Random(seed), native)
            await passes(2)
            assert (gate.state.free, len(gate.state.waiting)) == (_CAPACITY, 0), f"seed {seed}"
            assert granted > _CAPACITY, f"seed {seed}"
