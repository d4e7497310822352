"""`router.send` against a bare `httpx2.AsyncClient`, on the same loopback server, both in this process, taking turns.

`ratio_vs_httpx2`: CPU of the bare client's call over CPU of the router's; above 1 the router with its client costs
less. `wall_ratio`: throughput through the router over the bare client's. `cpu_us`: this process's CPU a call, bare and
routed. Each is the median of the rounds, the least and the most; who comes first changes. `--client` chooses the
router's client; every key has a connection pool of its own.
"""

from __future__ import annotations

import json
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
from benchmarks.harness import finish, options, spread, table, turns

BODY = {"messages": [{"role": "user", "content": "x" * 300}], "max_tokens": 64, "metadata": {"output_tokens": "16"}}

CELLS = {1: 400, 64: 1500, 512: 1024}
"""Calls of a round, by how many are under way at once."""

NAMES = ("ratio_vs_httpx2", "wall_ratio", "cpu_us", "bare_cpu_us", "rps", "bare_rps")


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
) -> dict[str, list[float]]:
    """Both ways in turn, on warm connections: each round's figures."""
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

    ways = {"bare": bare, "routed": routed}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    async with (
        httpx2.AsyncClient(limits=unlimited, timeout=60) as client,
        open_router(config(base_url, count, client_name)) as router,
    ):
        for way in ways.values():
            await load(way, max(concurrency, 4 * count), concurrency)
        for number in turns(rounds, within_s=20.0):
            for name in sorted(ways, reverse=bool(number % 2)):
                taken[name].append(await load(ways[name], calls, concurrency))
    return _figures(taken["bare"], taken["routed"])


def _figures(bare: list[tuple[float, float]], routed: list[tuple[float, float]]) -> dict[str, list[float]]:
    return {
        "ratio_vs_httpx2": [theirs[1] / ours[1] for theirs, ours in zip(bare, routed, strict=True)],
        "wall_ratio": [ours[0] / theirs[0] for theirs, ours in zip(bare, routed, strict=True)],
        "cpu_us": [cpu for _, cpu in routed],
        "bare_cpu_us": [cpu for _, cpu in bare],
        "rps": [rps for rps, _ in routed],
        "bare_rps": [rps for rps, _ in bare],
    }


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", keys=16, client="auto")
    cells, rounds = ({1: 100, 64: 256}, 2) if chosen.smoke else (CELLS, 9)
    figures: dict[str, dict[str, dict[str, list[float]]]] = {}
    with fast_upstream(chosen.keys) as (base_url, served_by):
        for backend in ("trio", "asyncio"):
            for concurrency, calls in cells.items():
                how = {"concurrency": concurrency, "calls": calls, "rounds": rounds}
                measure = partial(compare, base_url, chosen.keys, chosen.client, **how)
                taken = anyio.run(measure, backend=backend)
                figures.setdefault(backend, {})[str(concurrency)] = {n: spread(f) for n, f in taken.items()}
    rows = [
        [backend, int(concurrency), *(f[name][0] for name in NAMES), "{1:.2f}-{2:.2f}".format(*f["ratio_vs_httpx2"])]
        for backend, by in figures.items()
        for concurrency, f in by.items()
    ]
    head = ["backend", "at once", "CPU ratio", "wall ratio", "CPU µs", "bare CPU µs", "calls/s", "bare calls/s"]
    table(
        f"router.send over {chosen.keys} keys, bare httpx2, upstream in {served_by}", [*head, "CPU ratio from-to"], rows
    )
    finish(
        **{name: {b: {c: f[name] for c, f in by.items()} for b, by in figures.items()} for name in NAMES},
        keys=chosen.keys,
        client=chosen.client,
        against=f"httpx2 {httpx2.__version__}",
        upstream=served_by,
    )


if __name__ == "__main__":
    main()
