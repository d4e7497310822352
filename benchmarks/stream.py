"""A stream through the router against a bare `httpx2.AsyncClient`, both in this process, on the same loopback server.

`event_cpu_us`: this process's CPU per server-sent event with 64 streams open. `first_byte_ms`: median time to the first
byte of a lone stream, by bare httpx2, by the bare lean client and through the router, which uses it; `added_ms`: what
the router adds to the lean client's. Needs a C compiler: the simulated provider is slower than what is measured.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import anyio
import httpx2

from actorrouter import Call, open_router
from actorrouter.dialects.documents import encode_json
from actorrouter.transport import connect
from actorrouter.transport.port import Timeouts
from actorrouter.values import HttpRequest
from benchmarks.fast_upstream import fast_upstream
from benchmarks.harness import finish, options, table
from benchmarks.send import BODY, config

STREAMS = 64
STREAMED = {**BODY, "model": "m", "stream": True, "stream_options": {"include_usage": True}}
Way = Callable[[], Coroutine[Any, Any, float]]
"""Reads one stream to its end; returns seconds to the first byte."""

Open = Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]]
"""Opens one stream."""


async def first_byte(opened: AbstractAsyncContextManager[AsyncIterator[bytes]]) -> float:
    """Read a stream to its end and say how long its first byte took."""
    began, first, events = time.perf_counter(), 0.0, 0
    async with opened as chunks:
        async for chunk in chunks:
            first = first or time.perf_counter() - began
            events += chunk.count(b"data:")
    assert events > 3
    return first


async def cpu_of(way: Way, events: int) -> float:
    """CPU microseconds an event, of `STREAMS` at once."""
    began = time.process_time()
    async with anyio.create_task_group() as group:
        for _ in range(STREAMS):
            group.start_soon(way)
    return (time.process_time() - began) / (STREAMS * events) * 1e6


@asynccontextmanager
async def three_ways(base_url: str) -> AsyncIterator[dict[str, Open]]:
    """How to open one stream: with httpx2, with the lean client, and through a router that uses the lean client."""
    url, body, transport = f"{base_url}/chat/completions", encode_json(STREAMED), connect("lean")
    headers = (("authorization", "Bearer sk-0"), ("content-type", "application/json"))
    unlimited = httpx2.Limits(max_connections=None, max_keepalive_connections=1024)

    @asynccontextmanager
    async def by_httpx2() -> AsyncIterator[AsyncIterator[bytes]]:
        async with client.stream("POST", url, content=body, headers=dict(headers)) as response:
            yield response.aiter_bytes()

    @asynccontextmanager
    async def by_lean() -> AsyncIterator[AsyncIterator[bytes]]:
        request = HttpRequest("POST", url, headers, body)
        async with transport.open(request, Timeouts(), lambda: None) as response:
            yield aiter(response)

    @asynccontextmanager
    async def by_router() -> AsyncIterator[AsyncIterator[bytes]]:
        async with router.stream(Call("m", BODY, stream=True)) as reply:
            yield reply

    async with (
        httpx2.AsyncClient(limits=unlimited, timeout=60) as client,
        open_router(config(base_url, 16, "lean")) as router,
    ):
        yield {"httpx2": by_httpx2, "lean": by_lean, "router": by_router}
        await transport.aclose()


async def measure(base_url: str, events: int, rounds: int) -> dict[str, float]:
    """All ways in turn, on warm connections."""
    async with three_ways(base_url) as opened:
        ways: dict[str, Way] = {name: partial(_read, open_one) for name, open_one in opened.items()}
        cpu: dict[str, list[float]] = {name: [await cpu_of(way, events)] for name, way in ways.items()}
        first: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                cpu[name].append(await cpu_of(way, events))
            for _ in range(20):
                for name, way in ways.items():
                    first[name].append(await way())
    figures = {f"{name}_cpu_us": min(took[1:]) for name, took in cpu.items()}
    return figures | {f"{name}_first_ms": statistics.median(took) * 1000 for name, took in first.items()}


async def _read(open_one: Open) -> float:
    return await first_byte(open_one())


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", events=500)
    events, rounds = (100, 2) if chosen.smoke else (chosen.events, 7)
    figures: dict[str, dict[str, float]] = {}
    with fast_upstream(16, events) as (base_url, served_by):
        if served_by != "c":
            print(json.dumps({"skipped": "no C compiler"}))
            return
        for backend in ("trio", "asyncio"):
            figures[backend] = anyio.run(measure, base_url, events, rounds, backend=backend)
    names = ("httpx2", "lean", "router")
    rows = [[b, *(f[f"{n}_cpu_us"] for n in names), *(f[f"{n}_first_ms"] for n in names)] for b, f in figures.items()]
    head = ["backend", *(f"{n} µs/event" for n in names), *(f"{n} first ms" for n in names)]
    table(f"{STREAMS} streams of {events} events; one stream to its first byte", head, rows)
    finish(
        event_cpu_us={b: {n: round(f[f"{n}_cpu_us"], 2) for n in names} for b, f in figures.items()},
        first_byte_ms={b: {n: round(f[f"{n}_first_ms"], 3) for n in names} for b, f in figures.items()},
        added_ms={b: round(f["router_first_ms"] - f["lean_first_ms"], 3) for b, f in figures.items()},
        streams=STREAMS,
        events=events,
        upstream=served_by,
    )


if __name__ == "__main__":
    main()
