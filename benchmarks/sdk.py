"""OpenAI's SDK through the router against the same SDK alone, on one loopback server, both in this process, in turns.

`ratio`: calls a second, plain or streamed, through the router over the SDK alone, the median of the rounds;
`spread`: how wide their middle half is. `added_us`: CPU a call that the router adds, below nought where its own HTTP
client saves more than it costs. Needs a C compiler and the openai SDK, which the project itself does not.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx2

from actorrouter import open_router
from benchmarks.fast_upstream import fast_upstream
from benchmarks.harness import finish, options, percentile, table
from benchmarks.send import config, load

ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x" * 300}], "max_tokens": 64}
CELLS = (("plain", 1), ("plain", 64), ("stream", 1), ("stream", 64))

One = Callable[[], Awaitable[None]]
"""One call of the SDK, read to its end."""


def calls_of(sdk: Any) -> dict[str, One]:
    """A plain and a streamed call of this client."""

    async def plain() -> None:
        answer = await sdk.chat.completions.create(**ASKED)
        assert answer.usage.total_tokens

    async def streamed() -> None:
        words = 0
        async for chunk in await sdk.chat.completions.create(**ASKED, stream=True):
            words += len(chunk.choices)
        assert words > 3

    return {"plain": plain, "stream": streamed}


async def measure(base_url: str, calls: dict[str, int], rounds: int) -> dict[str, dict[str, float]]:
    """Both ways in turn, on warm connections."""
    from openai import AsyncOpenAI

    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=1024)
    async with (
        httpx2.AsyncClient(limits=limits, timeout=60) as client,
        open_router(config(base_url, 16, "lean")) as router,
        router.http_client() as through,
    ):
        bare, routed = (
            calls_of(AsyncOpenAI(api_key="sk-0", base_url=base_url, http_client=each, max_retries=0))
            for each in (client, through)
        )
        figures: dict[str, dict[str, float]] = {}
        for kind, concurrency in CELLS:
            taken = [
                (await load(bare[kind], calls[kind], concurrency), await load(routed[kind], calls[kind], concurrency))
                for _ in range(rounds + 1)  # the first warms
            ]
            figures[f"{kind} x {concurrency}"] = _told(taken[1:])
    return figures


def _told(taken: list[tuple[tuple[float, float], tuple[float, float]]]) -> dict[str, float]:
    ratios = [routed[0] / bare[0] for bare, routed in taken]
    return {
        "bare_per_s": statistics.median(bare[0] for bare, _ in taken),
        "routed_per_s": statistics.median(routed[0] for _, routed in taken),
        "ratio": statistics.median(ratios),
        "spread": percentile(ratios, 0.75) - percentile(ratios, 0.25),
        "added_us": statistics.median(routed[1] - bare[1] for bare, routed in taken),
    }


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", events=64)
    if importlib.util.find_spec("openai") is None:
        print(json.dumps({"skipped": "no openai SDK"}))
        return
    calls, rounds = ({"plain": 64, "stream": 16}, 1) if chosen.smoke else ({"plain": 400, "stream": 100}, 9)
    figures: dict[str, dict[str, dict[str, float]]] = {}
    with fast_upstream(16, chosen.events) as (base_url, served_by):
        if served_by != "c":
            print(json.dumps({"skipped": "no C compiler"}))
            return
        for backend in ("trio", "asyncio"):
            figures[backend] = anyio.run(measure, base_url, calls, rounds, backend=backend)
    names = ("bare_per_s", "routed_per_s", "ratio", "spread", "added_us")
    rows = [[b, cell, *(f[name] for name in names)] for b, cells in figures.items() for cell, f in cells.items()]
    table(
        f"openai SDK; streams of {chosen.events} events",
        ["backend", "calls", "alone/s", "routed/s", "ratio", "±", "added µs"],
        rows,
    )
    finish(
        **{n: {b: {c: round(f[n], 3) for c, f in cells.items()} for b, cells in figures.items()} for n in names},
        events=chosen.events,
        rounds=rounds,
        upstream=served_by,
    )


if __name__ == "__main__":
    main()
