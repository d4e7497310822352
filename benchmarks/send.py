"""`router.send` against a bare `httpx2.AsyncClient`, on the same loopback server, both in this process, taking turns.

`ratio_vs_httpx2`: CPU of the bare client's call over CPU of the router's; above 1 the router with its client costs
less. `wall_ratio`: throughput through the router over the bare client's. `cpu_us`: this process's CPU a call, bare and
routed. `--client` chooses the router's client; every key has a connection pool of its own.
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
from benchmarks.fast_upstream import fast_upstream
from benchmarks.fleets import LIMITS
from benchmarks.harness import finish, options, table

BODY = {"messages": [{"role": "user", "content": "x" * 300}], "max_tokens": 64, "metadata": {"output_tokens": "16"}}


def config(base_url: str, count: int, client: str) -> RouterConfig:
    """`count` keys in one quota pool large enough never to refuse."""
    return RouterConfig(
        providers={"sim": ProviderConfig(base_url, http_client=client, timeouts=TimeoutsConfig(connect_s=60.0))},
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


async def compare(
    base_url: str, count: int, client_name: str, *, concurrency: int, calls: int, rounds: int
) -> dict[str, float]:
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
        open_router(config(base_url, count, client_name)) as router,
    ):
        await load(bare, max(2 * concurrency, 4 * count), concurrency)
        await load(routed, max(2 * concurrency, 4 * count), concurrency)
        for _ in range(rounds):
            results["bare"].append(await load(bare, calls, concurrency))
            results["routed"].append(await load(routed, calls, concurrency))
    pairs = list(zip(results["bare"], results["routed"], strict=True))
    return {
        "bare_rps": statistics.median(rps for rps, _ in results["bare"]),
        "routed_rps": statistics.median(rps for rps, _ in results["routed"]),
        "wall_ratio": statistics.median(routed[0] / bare[0] for bare, routed in pairs),
        "cpu_ratio": statistics.median(bare[1] / routed[1] for bare, routed in pairs),
        "bare_cpu_us": statistics.median(cpu for _, cpu in results["bare"]),
        "routed_cpu_us": statistics.median(cpu for _, cpu in results["routed"]),
    }


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", keys=16, client="auto")
    cells = [(1, 400), (64, 1500), (512, 2000)]
    rounds, share, backends = (1, 4, ["trio", "asyncio"]) if chosen.smoke else (5, 1, ["trio", "asyncio"])
    figures: dict[str, dict[str, dict[str, float]]] = {}
    with fast_upstream(chosen.keys) as (base_url, served_by):
        for backend in backends:
            for concurrency, calls in cells:
                measure = partial(
                    compare,
                    base_url,
                    chosen.keys,
                    chosen.client,
                    concurrency=concurrency,
                    calls=calls // share,
                    rounds=rounds,
                )
                figures.setdefault(backend, {})[str(concurrency)] = anyio.run(measure, backend=backend)
    rows = [[b, c, *f.values()] for b, by in figures.items() for c, f in by.items()]
    head = ["backend", "concurrency", "bare/s", "routed/s", "wall ratio", "cpu ratio", "bare cpu µs", "routed cpu µs"]
    table(f"router.send over {chosen.keys} keys against bare httpx2, upstream in {served_by}", head, rows)

    def told(name: str, digits: int) -> dict[str, dict[str, float]]:
        return {b: {c: round(f[name], digits) for c, f in by.items()} for b, by in figures.items()}

    finish(
        ratio_vs_httpx2=told("cpu_ratio", 2),
        wall_ratio=told("wall_ratio", 2),
        cpu_us=told("routed_cpu_us", 0),
        bare_cpu_us=told("bare_cpu_us", 0),
        keys=chosen.keys,
        client=chosen.client,
        against=f"httpx2 {httpx2.__version__}",
        upstream=served_by,
    )


if __name__ == "__main__":
    main()
