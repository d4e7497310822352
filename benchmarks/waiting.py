"""Time to admit under a full waiting room: one place, and 100, 1,000 or 10,000 calls that wait for it.

Each call that is admitted gives the place back at once, so the room empties as fast as it can. `grant_us`: from one
grant to the next: settle, choose who is next, reserve for it, wake it. `parked_us`: entering the full room.
`free_us`: reserve and settle with nobody waiting, for comparison. `wakes`: how often tasks that wait ran for each
grant: 1 is the grant itself, more would be a herd. `growth`: `grant_us` of the fullest room over the emptiest.
"""

from __future__ import annotations

import gc
import statistics
import time
from functools import partial

import anyio
import trio

from actorrouter import (
    CandidateConfig,
    ColdStart,
    KeyConfig,
    LimitConfig,
    ProviderConfig,
    RouteConfig,
    Router,
    RouterConfig,
    Secret,
    open_router,
)
from benchmarks.harness import finish, options, percentile, table, turns

HOUR_S = 3600.0
CONFIG = RouterConfig(
    providers={"sim": ProviderConfig("http://127.0.0.1:1")},
    keys={"k": KeyConfig("sim", Secret("sk-bench-0"), limits=(LimitConfig("concurrency", 1),))},
    routes={"bench": RouteConfig((CandidateConfig("sim", "m"),), wait_s=HOUR_S, waiting_max=100_000)},
    cold_start=ColdStart.EMPTY,
    lease_s=HOUR_S,
)


class Wakes(trio.abc.Instrument):
    """Counts the steps of tasks by a name."""

    def __init__(self) -> None:
        self.steps = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """See trio."""
        self.steps += task.name == "caller"


async def empty_room(router: Router, waiting: int, tenants: int, wakes: Wakes | None = None) -> tuple[float, float]:
    """Microseconds of each entry into the room, and of each grant when it empties."""
    served = 0
    done = anyio.Event()

    async def caller(number: int) -> None:
        nonlocal served
        grant = await router.reserve("bench", {}, tenant=f"t{number % tenants}", wait_s=HOUR_S)
        served += 1
        if served == waiting:
            done.set()
        grant.settle()

    holder = await router.reserve("bench", {})
    tickets = router.fleet.routes["bench"].cell.state.tickets
    async with anyio.create_task_group() as group:
        start = time.perf_counter()
        for number in range(waiting):
            group.start_soon(caller, number, name="caller")
        while len(tickets) < waiting:
            await anyio.lowlevel.checkpoint()
        parked = time.perf_counter() - start
        if wakes is not None:
            wakes.steps = 0
            trio.lowlevel.add_instrument(wakes)
        start = time.perf_counter()
        holder.settle()
        await done.wait()
        took = time.perf_counter() - start
    if wakes is not None:
        trio.lowlevel.remove_instrument(wakes)
    return parked / waiting * 1e6, took / waiting * 1e6


async def free(router: Router, rounds: int) -> float:
    """Microseconds of reserve and settle when nobody waits."""
    start = time.perf_counter()
    for _ in range(rounds):
        (await router.reserve("bench", {})).settle()
    return (time.perf_counter() - start) / rounds * 1e6


async def measure(waiting: int, tenants: int, rounds: int) -> dict[str, float]:
    """The best and the median of several rounds; each in a router that has done it once before."""
    parked, granted, wakes = [], [], Wakes()
    async with open_router(CONFIG) as router:
        await empty_room(router, min(waiting, 1000), tenants)
        await free(router, 200)
        gc.collect()
        gc.freeze()
        for _ in turns(rounds, within_s=6.0):
            entered, left = await empty_room(router, waiting, tenants)
            parked.append(entered)
            granted.append(left)
        unhindered = await free(router, 2000)
        gc.unfreeze()
        figures = {
            "grant_us": min(granted),
            "grant_median_us": statistics.median(granted),
            "grant_worst_us": percentile(granted, 1.0),
            "parked_us": min(parked),
            "free_us": unhindered,
        }
        if trio.lowlevel.in_trio_run():
            await empty_room(router, waiting, tenants, wakes)
            figures["wakes"] = wakes.steps / waiting
    return figures


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "")
    sizes, rounds, backends = [100, 1000, 10_000], 5, ["trio", "asyncio"]
    if chosen.smoke:
        sizes, rounds, backends = [100, 1000], 2, ["trio"]
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for backend in backends:
        for tenants in (1, 50):
            for waiting in sizes:
                # a small room more often: its rounds are short
                work = partial(measure, waiting, tenants, rounds * max(1, 1000 // waiting))
                cell = f"{tenants} tenants" if tenants > 1 else "1 tenant"
                figures.setdefault(f"{backend}, {cell}", {})[str(waiting)] = anyio.run(work, backend=backend)
    rows = [
        [who, waiting, *(f.get(name, "") for name in ("grant_us", "grant_median_us", "parked_us", "free_us", "wakes"))]
        for who, by in figures.items()
        for waiting, f in by.items()
    ]
    head = ["backend", "waiting", "grant µs", "median", "to park µs", "nobody waiting µs", "wakes per grant"]
    table("one grant while so many wait", head, rows)
    finish(
        grant_us={who: {n: round(f["grant_us"], 2) for n, f in by.items()} for who, by in figures.items()},
        growth={
            who: round(by[str(sizes[-1])]["grant_us"] / by[str(sizes[0])]["grant_us"], 3) for who, by in figures.items()
        },
        wakes={who: max(f["wakes"] for f in by.values()) for who, by in figures.items() if who.startswith("trio")},
        waiting_max=sizes[-1],
        cases=figures,
    )


if __name__ == "__main__":
    main()
