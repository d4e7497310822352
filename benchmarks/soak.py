"""Cost must not grow with run time: many requests through one router, CPU µs a request and memory, batch by batch.

Virtual time, 10 ms a request: reserve, sent, settle over circuit, two pools of every window shape, key and
budget; one in 20 is forgotten by its caller, so that leases expire and are charged. `--requests 10000000` are
28 hours of it, and a quarter of an hour of ours. `--minutes N`: also so many real minutes of `router.send`
over loopback. `growth`: the median of the last quarter of the batches over the second quarter's (the first warms
up: what is forgotten is kept for a late settlement while a window can count it: up to 400,000 requests).
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import trio.testing

from actorrouter import (
    BudgetConfig,
    Call,
    CandidateConfig,
    ColdStart,
    KeyConfig,
    LimitConfig,
    PoolConfig,
    ProviderConfig,
    RouteConfig,
    Router,
    RouterConfig,
    Secret,
    Shape,
    open_router,
)
from actorrouter.router.demand import Demand
from actorrouter.router.grants import Grant
from benchmarks.fleets import PRICE
from benchmarks.harness import finish, options, table
from benchmarks.send import BODY, config, load
from benchmarks.upstream import keys, upstream

STEP_S = 0.01
FORGOTTEN = 20
LIMITS = (
    LimitConfig("requests", 10**8, shape=Shape.SLIDING),
    LimitConfig("tokens", 10**10, shape=Shape.BUCKET),
    LimitConfig("requests", 10**9, 3600.0, shape=Shape.FIXED),
    LimitConfig("tokens", 10**12, shape=Shape.CALENDAR, every="hour"),
    LimitConfig("concurrency", 10**6),
)
OWN = (LimitConfig("requests", 10**8), LimitConfig("cost", Decimal(10**8), shape=Shape.SLIDING))
FLEET = RouterConfig(
    providers={"sim": ProviderConfig("http://127.0.0.1:1")},
    pools={"org": PoolConfig(LIMITS)},
    keys={f"k{number}": KeyConfig("sim", Secret(f"sk-bench-{number}"), ("org",), OWN) for number in range(16)},
    routes={"bench": RouteConfig((CandidateConfig("sim", "m", price=PRICE),))},
    budgets={"all": BudgetConfig(Decimal(10**9))},
    cold_start=ColdStart.EMPTY,
)
AMOUNTS = {"requests": 1, "concurrency": 1, "tokens": 1000, "input_tokens": 500, "output_tokens": 500}
USED = {"tokens": 700, "input_tokens": 500, "output_tokens": 200}


def memory_mb() -> float:
    """What this process has in memory now; where that cannot be read, the most it had."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


async def virtual(clock: trio.testing.MockClock, requests: int, batches: int) -> list[dict[str, float]]:
    """Microseconds a request and memory of each batch."""
    told: list[dict[str, float]] = []
    async with open_router(FLEET, wall=lambda: 1_700_000_000.0 + clock.current_time()) as router:
        await anyio.lowlevel.checkpoint()
        for batch in range(batches):
            took = await _batch(router, clock, requests // batches)
            told.append({"us": took / (requests // batches) * 1e6, "rss_mb": memory_mb()})
            if batch % max(1, batches // 10) == 0:
                print(f"  {batch + 1}/{batches}: {told[-1]['us']:.1f} µs, {told[-1]['rss_mb']:.1f} MB", file=sys.stderr)
    return told


async def _batch(router: Router, clock: trio.testing.MockClock, requests: int) -> float:
    route, call = router.fleet.routes["bench"], Call("bench")
    start = time.process_time()
    for number in range(1, requests + 1):
        grant = router.admission.attempt(Demand(route, call, (), AMOUNTS))
        assert isinstance(grant, Grant)
        grant.sent()
        clock.jump(STEP_S)
        if number % FORGOTTEN:
            grant.settle(USED)
        del grant
        if not number % 64:  # timers: leases, the clock
            await anyio.lowlevel.checkpoint()
    return time.process_time() - start


async def real(base_url: str, minutes: float, batch_calls: int) -> list[dict[str, float]]:
    """Calls a second, CPU a call and memory of each batch, for so many minutes."""
    told: list[dict[str, float]] = []
    async with open_router(config(base_url, 16, "auto")) as router:
        await load(partial(router.send, Call("m", BODY)), 200, 64)
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            rps, cpu_us = await load(partial(router.send, Call("m", BODY)), batch_calls, 64)
            told.append({"us": cpu_us, "rss_mb": memory_mb(), "rps": rps})
    return told


def judged(told: list[dict[str, float]], per_batch: int) -> dict[str, Any]:
    """What came of it: from the second quarter to the last."""
    quarter = max(1, len(told) // 4)
    early, late = told[quarter : 2 * quarter] or told[:1], told[-quarter:]
    apart = max(1, (len(told) - 2 * quarter) * per_batch)
    grown_mb = statistics.median(b["rss_mb"] for b in late) - statistics.median(b["rss_mb"] for b in early)
    return {
        "requests": len(told) * per_batch,
        "us_first": round(told[0]["us"], 2),
        "us_median": round(statistics.median(b["us"] for b in told), 2),
        "us_last": round(told[-1]["us"], 2),
        "growth": round(statistics.median(b["us"] for b in late) / statistics.median(b["us"] for b in early), 3),
        "slope_us_per_million": round(_slope([b["us"] for b in told]) / per_batch * 1e6, 4),
        "rss_first_mb": round(told[0]["rss_mb"], 1),
        "rss_last_mb": round(told[-1]["rss_mb"], 1),
        "rss_bytes_per_request": round(grown_mb * 1e6 / apart, 3),
    }


def _slope(ys: list[float]) -> float:
    """Of the straight line through (0, y0), (1, y1), …"""
    return statistics.linear_regression(range(len(ys)), ys).slope if len(ys) > 1 else 0.0


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", requests=1_600_000, batches=40, minutes=0.0)
    requests, batches = (50_000, 10) if chosen.smoke else (chosen.requests, chosen.batches)
    clock = trio.testing.MockClock()
    told = anyio.run(virtual, clock, requests, batches, backend="trio", backend_options={"clock": clock})
    results = {"virtual": judged(told, requests // batches)}
    if chosen.minutes and not chosen.smoke:
        with upstream(keys(16)) as provider:
            live = anyio.run(real, provider.base_url, chosen.minutes, 5000, backend="trio")
        results["loopback"] = judged(live, 5000)
        results["loopback"]["rps_median"] = round(statistics.median(b["rps"] for b in live))
    shown = told[:: max(1, batches // 10)]
    table("by batch", ["µs a request", "MB"], [[b["us"], b["rss_mb"]] for b in shown])
    head = list(results["virtual"])
    table("in all", ["run", *head], [[who, *(f[name] for name in head)] for who, f in results.items()])
    finish(**results, minutes=chosen.minutes, virtual_s=requests * STEP_S)


if __name__ == "__main__":
    main()
