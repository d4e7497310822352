"""`router.send` against the bare HTTP client it uses, on the same loopback server, both in this process, taking turns.

`ratio` is throughput through the router over throughput of the bare client. Above 1 the router is faster: every key has
a connection pool of its own, and a pool costs more the more connections it holds. `cpu_us`: this process's CPU a call.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import httpx2

from actorrouter import (
    Call,
    CandidateConfig,
    ColdStart,
    KeyConfig,
    PoolConfig,
    ProviderConfig,
    RouteConfig,
    RouterConfig,
    Secret,
    open_router,
)
from actorrouter.config import TimeoutsConfig
from benchmarks.fleets import LIMITS
from benchmarks.harness import finish, options, table
from benchmarks.upstream import keys, upstream

BODY = {"messages": [{"role": "user", "content": "x" * 300}], "max_tokens": 64, "metadata": {"output_tokens": "16"}}


def config(base_url: str, count: int) -> RouterConfig:
    """`count` keys in one quota pool large enough never to refuse."""
    return RouterConfig(
        providers={"sim": ProviderConfig(base_url, http_client="httpx2", timeouts=TimeoutsConfig(connect_s=60.0))},
        pools={"org": PoolConfig(LIMITS)},
        keys={f"k{i}": KeyConfig("sim", Secret(f"sk-{i}"), ("org",)) for i in range(count)},
        routes={"m": RouteConfig((CandidateConfig("sim", "m"),), waiting_max=10_000)},
        cold_start=ColdStart.EMPTY,
    )


async def load(one: Callable[[], Awaitable[Any]], calls: int, concurrency: int) -> tuple[float, float]:
    """Calls a second, and CPU microseconds a call, of `concurrency` loops."""
    left = calls

    async def loop() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await one()

    wall, cpu = time.perf_counter(), time.process_time()
    async with anyio.create_task_group() as group:
        for _ in range(concurrency):
            group.start_soon(loop)
    took = time.perf_counter() - wall
    return calls / took, (time.process_time() - cpu) / calls * 1e6


async def compare(base_url: str, count: int, concurrency: int, calls: int, rounds: int) -> dict[str, float]:
    """Both ways in turn, on warm connections; medians."""
    unlimited = httpx2.Limits(max_connections=None, max_keepalive_connections=1024)
    body = json.dumps({**BODY, "model": "m"}).encode()
    headers = {"authorization": "Bearer sk-0", "content-type": "application/json"}
    call = Call("m", BODY)

    async def bare() -> None:
        answer = await client.post(f"{base_url}/chat/completions", content=body, headers=headers)
        assert answer.json()["usage"]

    async def routed() -> None:
        answer = await router.send(call)
        assert answer.json()["usage"]

    results: dict[str, list[tuple[float, float]]] = {"bare": [], "routed": []}
    async with (
        httpx2.AsyncClient(limits=unlimited, timeout=60) as client,
        open_router(config(base_url, count)) as router,
    ):
        await load(bare, max(2 * concurrency, 4 * count), concurrency)
        await load(routed, max(2 * concurrency, 4 * count), concurrency)
        for _ in range(rounds):
            results["bare"].append(await load(bare, calls, concurrency))
            results["routed"].append(await load(routed, calls, concurrency))
    pairs = zip(results["bare"], results["routed"], strict=True)
    return {
        "bare_rps": statistics.median(rps for rps, _ in results["bare"]),
        "routed_rps": statistics.median(rps for rps, _ in results["routed"]),
        "ratio": statistics.median(routed[0] / bare[0] for bare, routed in pairs),
        "bare_cpu_us": statistics.median(cpu for _, cpu in results["bare"]),
        "routed_cpu_us": statistics.median(cpu for _, cpu in results["routed"]),
    }


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", keys=16)
    cells = [(1, 400), (64, 1500), (512, 2000)]
    rounds, backends = (1, ["trio"]) if chosen.smoke else (5, ["trio", "asyncio"])
    figures: dict[str, dict[str, dict[str, float]]] = {}
    with upstream(keys(chosen.keys)) as provider:
        for backend in backends:
            for concurrency, calls in cells:
                measure = partial(
                    compare, provider.base_url, chosen.keys, concurrency, calls // (4 if chosen.smoke else 1), rounds
                )
                figures.setdefault(backend, {})[str(concurrency)] = anyio.run(measure, backend=backend)
    rows = [[b, c, *f.values()] for b, by in figures.items() for c, f in by.items()]
    head = ["backend", "concurrency", "bare/s", "routed/s", "ratio", "bare cpu µs", "routed cpu µs"]
    table(f"router.send over {chosen.keys} keys against the bare client", head, rows)
    finish(
        ratio={b: {c: round(f["ratio"], 3) for c, f in by.items()} for b, by in figures.items()},
        cpu_us={
            b: {c: [round(f["bare_cpu_us"]), round(f["routed_cpu_us"])] for c, f in by.items()}
            for b, by in figures.items()
        },
        keys=chosen.keys,
        client=f"httpx2 {httpx2.__version__}",
    )


if __name__ == "__main__":
    main()
