"""Many askers, cancelled by chance: 100 seeds of each way."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import anyio
import pytest
from anyio import lowlevel

from .actors_for_tests import passes, running
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
