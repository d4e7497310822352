"""How fast streams come through the router, beside its own client alone and `httpx2.AsyncClient`, taking turns.

`bytes_per_s`: of 64 streams at once, read to their ends. `ratio_vs_lean`, `ratio_vs_httpx2`: the router's over theirs,
the median of the rounds and how far the middle half of them spreads. `first_ms`: median time to the first byte of a
lone stream; `added_ms`: the router's over its client's; `crowd_added_ms`: the same with 64 streams opened at once,
where it holds the work for the 63 others; `busy_added_ms`: the same of a stream that is opened while 63 others are
open and give an event each 40 ms; `busy_cpu_ms`: this process's CPU for each such stream, whole. Needs a C compiler:
the simulated provider is slower than what is measured.
"""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

import anyio

from benchmarks.fast_upstream import fast_upstream
from benchmarks.harness import finish, options, percentile, table
from benchmarks.stream import STREAMS, Open, three_ways

WAYS = ("httpx2", "lean", "router")
LONE = 30
EVENTS_BUSY, PAUSE_MS = 25, 40


async def one(open_one: Open) -> tuple[float, int]:
    """Read a stream to its end: seconds to its first byte, and its bytes."""
    began, first, total = time.perf_counter(), 0.0, 0
    async with open_one() as chunks:
        async for chunk in chunks:
            first = first or time.perf_counter() - began
            total += len(chunk)
    return first, total


async def crowd(open_one: Open) -> tuple[float, float]:
    """Bytes a second of `STREAMS` at once, and the median time to their first bytes."""
    ended: list[tuple[float, int]] = []

    async def read() -> None:
        ended.append(await one(open_one))

    began = time.perf_counter()
    async with anyio.create_task_group() as group:
        for _ in range(STREAMS):
            group.start_soon(read)
    took = time.perf_counter() - began
    return sum(total for _, total in ended) / took, statistics.median(first for first, _ in ended)


async def busy(open_one: Open, seconds: float) -> tuple[float, float]:
    """Of streams that are opened one after the other while the others flow: the median time to the first byte, and
    CPU seconds each."""
    firsts: list[float] = []
    life_s = EVENTS_BUSY * PAUSE_MS / 1000

    async def read_on(number: int) -> None:
        await anyio.sleep(life_s * number / STREAMS)
        while time.perf_counter() < until:
            firsts.append((await one(open_one))[0])

    until, cpu = time.perf_counter() + life_s + seconds, time.process_time()
    async with anyio.create_task_group() as group:
        for number in range(STREAMS):
            group.start_soon(read_on, number)
    return statistics.median(firsts), (time.process_time() - cpu) / len(firsts)


async def measure_busy(base_url: str, rounds: int) -> dict[str, dict[str, list[float]]]:
    """All ways in turn, on warm connections: milliseconds."""
    told: dict[str, dict[str, list[float]]] = {name: {"first": [], "cpu": []} for name in WAYS}
    async with three_ways(base_url) as opened:
        for turn in range(rounds + 1):
            for name in (*WAYS[turn % len(WAYS) :], *WAYS[: turn % len(WAYS)]):
                first, cpu = await busy(opened[name], 1.0)
                if turn:  # the first one warms up
                    told[name]["first"].append(first * 1000)
                    told[name]["cpu"].append(cpu * 1000)
    return told


def of_busy(told: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    """The figures, and what the router adds to its client's, of the same rounds."""
    added = {
        what: statistics.median(a - b for a, b in zip(told["router"][what], told["lean"][what], strict=True))
        for what in ("first", "cpu")
    }
    medians = {what: {name: statistics.median(told[name][what]) for name in WAYS} for what in ("first", "cpu")}
    return {
        "busy_first_ms": medians["first"],
        "busy_added_ms": added["first"],
        "busy_cpu_ms": medians["cpu"],
        "busy_added_cpu_ms": added["cpu"],
    }


async def measure(base_url: str, rounds: int) -> dict[str, Any]:
    """All ways in turn, on warm connections."""
    rate: dict[str, list[float]] = {name: [] for name in WAYS}
    crowded: dict[str, list[float]] = {name: [] for name in WAYS}
    lone: dict[str, list[float]] = {name: [] for name in WAYS}
    async with three_ways(base_url) as opened:
        for name in WAYS:
            await crowd(opened[name])
        for turn in range(rounds):
            for name in (*WAYS[turn % len(WAYS) :], *WAYS[: turn % len(WAYS)]):  # nobody always comes after the same
                bytes_per_s, first = await crowd(opened[name])
                rate[name].append(bytes_per_s)
                crowded[name].append(first * 1000)
            for _ in range(LONE):
                for name in WAYS:
                    lone[name].append((await one(opened[name]))[0] * 1000)
    told: dict[str, Any] = {name: statistics.median(rate[name]) for name in WAYS}
    told["first_ms"] = {name: statistics.median(lone[name]) for name in WAYS}
    told["crowd_first_ms"] = {name: statistics.median(crowded[name]) for name in WAYS}
    told["crowd_added_ms"] = statistics.median(a - b for a, b in zip(crowded["router"], crowded["lean"], strict=True))
    for other in ("lean", "httpx2"):
        ratios = [mine / theirs for mine, theirs in zip(rate["router"], rate[other], strict=True)]
        told[f"ratio_vs_{other}"] = statistics.median(ratios)
        told[f"spread_vs_{other}"] = percentile(ratios, 0.75) - percentile(ratios, 0.25)
    return told


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", events=300)
    events, rounds, busy_rounds = (60, 3, 1) if chosen.smoke else (chosen.events, 15, 5)
    figures: dict[str, dict[str, Any]] = {}
    with fast_upstream(16, events) as (base_url, served_by):
        if served_by != "c":
            print(json.dumps({"skipped": "no C compiler"}))
            return
        for backend in ("trio", "asyncio"):
            figures[backend] = anyio.run(measure, base_url, rounds, backend=backend)
    with fast_upstream(16, EVENTS_BUSY, PAUSE_MS) as (base_url, _):
        for backend in figures:
            figures[backend] |= of_busy(anyio.run(measure_busy, base_url, busy_rounds, backend=backend))
    head = ["backend", *(f"{name} MB/s" for name in WAYS), "vs lean", "±", "vs httpx2", "±", *(f"{n} ms" for n in WAYS)]
    compared = ("ratio_vs_lean", "spread_vs_lean", "ratio_vs_httpx2", "spread_vs_httpx2")
    rows = [
        [b, *(f[n] / 1e6 for n in WAYS), *(f[n] for n in compared), *(f["first_ms"][n] for n in WAYS)]
        for b, f in figures.items()
    ]
    table(f"{STREAMS} streams of {events} events at once; a lone stream's first byte", head, rows)
    rows = [
        [b, *(f["busy_first_ms"][n] for n in WAYS), f["busy_added_ms"], *(f["busy_cpu_ms"][n] for n in WAYS)]
        for b, f in figures.items()
    ]
    head = ["backend", *(f"{name} ms" for name in WAYS), "added ms", *(f"{name} CPU ms" for name in WAYS)]
    table(f"a stream opened while {STREAMS - 1} others flow: its first byte, its CPU", head, rows)
    finish(
        bytes_per_s={b: {name: round(told[name]) for name in WAYS} for b, told in figures.items()},
        **{name: {b: round(told[name], 3) for b, told in figures.items()} for name in compared},
        first_ms={b: {n: round(ms, 3) for n, ms in told["first_ms"].items()} for b, told in figures.items()},
        crowd_first_ms={b: {n: round(ms, 1) for n, ms in f["crowd_first_ms"].items()} for b, f in figures.items()},
        added_ms={b: round(told["first_ms"]["router"] - told["first_ms"]["lean"], 3) for b, told in figures.items()},
        crowd_added_ms={b: round(told["crowd_added_ms"], 3) for b, told in figures.items()},
        **{
            name: {b: {n: round(ms, 3) for n, ms in f[name].items()} for b, f in figures.items()}
            for name in ("busy_first_ms", "busy_cpu_ms")
        },
        **{name: {b: round(f[name], 3) for b, f in figures.items()} for name in ("busy_added_ms", "busy_added_cpu_ms")},
        streams=STREAMS,
        events=events,
        rounds=rounds,
        upstream=served_by,
    )


if __name__ == "__main__":
    main()
