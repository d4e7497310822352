"""How long the event loop stands still at 100,000 keys: callers that reserve and settle, and a watcher that only counts
how long it waited for its next turn.

`frozen`: after `router.freeze()`, as `actorrouter serve` does; `collected`: the garbage collector as Python sets it.
Every second key has a day's quota, so that each pass of the clock has 50,000 actors to tell. `wall` is what a caller
feels; `cpu` leaves out what other processes took of the processor. `collections`: how many of each generation there
were meanwhile and the longest, in processor time: what of the longest pauses is the collector's.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import anyio
import attrs
from anyio.lowlevel import checkpoint

from actorrouter import Call, LimitConfig, PoolConfig, Router, RouterConfig, Shape, open_router
from actorrouter.router.demand import Demand
from actorrouter.router.grants import Grant
from actorrouter.values import REQUESTS, TOKENS
from benchmarks.fleets import LIMITS, fleet
from benchmarks.harness import finish, options, percentile, table

CALLERS = 8
DAY = (*LIMITS, LimitConfig("requests", 10**9, shape=Shape.CALENDAR, every="day"))


def config(keys: int) -> RouterConfig:
    """One pool a key; every second one has a calendar limit."""
    made = fleet(keys, per_pool=1)
    pools = {name: PoolConfig(DAY if number % 2 else LIMITS) for number, name in enumerate(made.pools)}
    return attrs.evolve(made, pools=pools)


async def caller(router: Router, until: float) -> None:
    """Reserve and settle, giving way after each."""
    route = router.fleet.routes["bench"]
    while time.perf_counter() < until:
        grant = router.admission.attempt(Demand(route, Call("bench"), (), {REQUESTS: 1, TOKENS: 9}))
        assert isinstance(grant, Grant)
        grant.settle()
        await checkpoint()


async def watcher(until: float) -> dict[str, list[float]]:
    """Milliseconds from each turn to the next, what the callers did meanwhile included."""
    for _ in range(100):
        await checkpoint()
    gaps: dict[str, list[float]] = {"wall": [], "cpu": []}
    last, last_cpu = time.perf_counter(), time.thread_time()
    while last < until or not gaps["wall"]:
        await checkpoint()
        now, cpu = time.perf_counter(), time.thread_time()
        gaps["wall"].append(1000 * (now - last))
        gaps["cpu"].append(1000 * (cpu - last_cpu))
        last, last_cpu = now, cpu
    return gaps


class Collections:
    """Milliseconds of processor time that the garbage collector took, by generation."""

    def __init__(self) -> None:
        self.taken: dict[int, list[float]] = {0: [], 1: [], 2: []}
        self._began = 0.0

    def __call__(self, phase: str, about: dict[str, int]) -> None:
        """What `gc.callbacks` asks for."""
        if phase == "start":
            self._began = time.thread_time()
        else:
            self.taken[about["generation"]].append(1000 * (time.thread_time() - self._began))


@contextmanager
def collections() -> Iterator[dict[int, list[float]]]:
    """Watch the collector within the block."""
    watching = Collections()
    gc.callbacks.append(watching)
    try:
        yield watching.taken
    finally:
        gc.callbacks.remove(watching)


async def measure(keys: int, seconds: float, *, frozen: bool) -> tuple[dict[str, list[float]], dict[int, list[float]]]:
    """The gaps of one run, a pass of the clock in its middle; and what the collector took."""
    async with open_router(config(keys)) as router:
        threshold = gc.get_threshold()
        if frozen:
            router.freeze()
        until = time.perf_counter() + seconds
        with collections() as taken:
            async with anyio.create_task_group() as group:
                for _ in range(CALLERS):
                    group.start_soon(caller, router, until)
                router.runtime.timers.set(("router", "clock"), router.clock() + seconds / 2, router.wall_clock.read)
                gaps = await watcher(until)
        gc.unfreeze()
        gc.set_threshold(*threshold)
    return gaps, taken


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", keys=100_000, seconds=30.0, backend="trio")
    keys, seconds = (2000, 1.0) if chosen.smoke else (chosen.keys, chosen.seconds)
    shares = {"p50": 0.5, "p99": 0.99, "p99.99": 0.9999, "max": 1.0}
    told, collected = {}, {}
    for name in ("frozen", "collected"):
        found, taken = anyio.run(partial(measure, keys, seconds, frozen=name == "frozen"), backend=chosen.backend)
        collected[name] = {str(g): {"count": len(ms), "longest_ms": max(ms, default=0.0)} for g, ms in taken.items()}
        for clock, gaps in found.items():
            figures = {each: percentile(gaps, share) for each, share in shares.items()}
            told[f"{name}, {clock}"] = {"turns": len(gaps), **figures}
    table(
        f"from one turn of the loop to the next, {keys} keys, {CALLERS} callers (ms)",
        ["collector", "turns", *shares],
        [[name, *figures.values()] for name, figures in told.items()],
    )
    rows = [
        [name, int(generation), *by.values()] for name, each in collected.items() for generation, by in each.items()
    ]
    table("collections", ["collector", "generation", "count", "longest, CPU ms"], rows)
    finish(
        keys=keys,
        collections=collected,
        **{name: {k: round(v, 3) for k, v in figures.items()} for name, figures in told.items()},
    )


if __name__ == "__main__":
    main()
