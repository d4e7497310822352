"""Healthy traffic with everything that happens in real life: no checker complains. And the book's own good order."""

from __future__ import annotations

from typing import Any

import anyio
import attrs
import pytest

from actorrouter import ColdStart, LimitConfig, NoCapacity, Shape
from actorrouter.config import RestartConfig
from actorrouter.events import Granted
from actorrouter.messages import Peek
from tests.observe.laws.traffic import Traffic
from tests.observe.laws.world import Wall, broken, fleet, one_pool, watched

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)
async def test_no_law_is_broken_by_hours_of_trouble(seed: int) -> None:
    """Crashes, cancellations, lost owners, late settlements, clock steps, keys that come and go: every law holds."""
    wall = Wall()
    async with watched(fleet(cold=(ColdStart.EMPTY, ColdStart.FULL)[seed % 2]), wall=wall, seed=seed) as (router, laws):
        traffic = Traffic(router, laws, wall, seed)
        await traffic.run(callers=12, calls=25)
        laws.close()
        assert not laws.violations, f"seed {seed}:\n{laws}"
        assert traffic.granted > 20
        assert traffic.refused > 20
        assert not router.runtime.reader_failures


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_no_law_is_broken_in_real_time() -> None:
    """The same on asyncio, with windows fifty times shorter."""
    unit, wall = 0.02, Wall()
    async with watched(fleet(unit), wall=wall) as (router, laws):
        traffic: Any = Traffic(router, laws, wall, 1, unit)
        await traffic.run(callers=12, calls=10)
        laws.close()
        assert not laws.violations, str(laws)
        assert traffic.granted > 30


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)
async def test_no_law_is_broken_when_providers_are_quarantined_and_revived(seed: int) -> None:
    """What ends while its actors are stopped is taken when they run again."""
    wall = Wall()
    config = attrs.evolve(fleet(), restart=RestartConfig(5, 10.0, 50, 0.05, 1.0))
    async with watched(config, wall=wall, seed=seed) as (router, laws), anyio.create_task_group() as group:
        group.start_soon(quarantine_in_turn, router, laws)
        await Traffic(router, laws, wall, seed).run(callers=12, calls=25, new_keys=False)
        laws.close()
        assert not laws.violations, f"seed {seed}:\n{laws}"
        assert router.runtime.dead_letters > 0


async def quarantine_in_turn(router: Any, laws: Any) -> None:
    """Crash one pool of a provider until its supervisors give up, then revive it; so with each provider."""
    for provider, pool in (("one", "bucket"), ("two", "paid"), ("one", "fixed")):
        await anyio.sleep(8)
        cell = router.runtime.cells[f"pool:{provider}:{pool}"]
        while not router.tree.quarantined(provider):
            if cell.status == "running":
                router.runtime.crash(cell, RuntimeError("again"), Peek())
            await anyio.sleep(0.06)
        laws.check()
        await anyio.sleep(25)
        router.revive(provider)
        laws.check()


async def test_a_book_that_is_dropped_says_so() -> None:
    """Silence of a checker that does not run is not taken for health."""
    async with watched(one_pool()) as (router, laws):
        router.runtime.readers.remove(laws.read)
        laws.check()
        assert broken(laws) == {0}


async def test_a_fault_of_the_checkers_is_found_and_does_not_reach_the_router(monkeypatch: pytest.MonkeyPatch) -> None:
    """The router goes on, the reader stays, the book says what failed."""
    async with watched(one_pool(LimitConfig("requests", 5, 60, Shape.SLIDING))) as (router, laws):
        monkeypatch.setattr(laws.bookings, "granted", lambda *_: 1 / 0)
        with await router.reserve("m", {}) as grant:
            grant.settle()
        laws.check()
        assert broken(laws) >= {0}
        assert not router.runtime.reader_failures


async def test_what_is_found_is_bounded_and_counted() -> None:
    """However much goes wrong, the book keeps the first and counts the rest."""
    async with watched(one_pool(LimitConfig("requests", 5, 60, Shape.SLIDING))) as (router, laws):
        now = router.clock()
        for _ in range(500):
            laws.read(Granted(now, 7, "k0", "u", "m", {"requests": 9}, now + 60, ("pool:p:shared",), 1))
        laws.check()
        assert len(laws.violations) == 200
        assert laws.violated > 900
        assert str(laws).endswith("more")


@pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)
async def test_use_by_an_earlier_process_is_assumed_for_one_window() -> None:
    """After a cold start nothing is granted before the windows have passed, and the book agrees when it is."""
    declared = [
        LimitConfig("requests", 4, 10, Shape.SLIDING),
        LimitConfig("requests", 9, 12, Shape.BUCKET, burst=5),
        LimitConfig("tokens", 90, 10, Shape.FIXED),
        LimitConfig("tokens", 700, 60),
    ]
    async with watched(one_pool(*declared, cold_start=ColdStart.FULL)) as (router, laws):
        with pytest.raises(NoCapacity):
            await router.reserve("m", {"tokens": 1}, wait_s=0)
        for _ in range(8):
            with await router.reserve("m", {"tokens": 20}, wait_s=60) as grant:
                grant.sent()
                await anyio.sleep(0.01)
        laws.close()
        assert anyio.current_time() > 10
        assert not laws.violations, str(laws)
