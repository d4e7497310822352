"""A burst against four small keys: everything served, nothing rejected, no slower than the capacity allows.

Four keys with a token bucket each (20,000 tokens a minute, burst 20,000); 200 calls of 1,000 tokens at once, then 72
of the 80 that fit at once. The provider refills continuously and keeps its own books. Whoever waits for a 429 to learn
that a key is full serves 80 to 124 of 200.
"""

from __future__ import annotations

import time
from typing import Any

import anyio

from actorrouter import (
    Call,
    CandidateConfig,
    ColdStart,
    KeyConfig,
    LimitConfig,
    ProviderConfig,
    RouteConfig,
    RouterConfig,
    RouterError,
    Secret,
    Shape,
    open_router,
)
from actorrouter.adapters.openai import OpenAI
from benchmarks.harness import finish, options, table
from benchmarks.upstream import Upstream, keys, upstream

KEYS, AMOUNT, SIZE = 4, 20_000, 1_000


def config(base_url: str, window_s: float) -> RouterConfig:
    """Four keys, each with its own bucket of tokens."""
    limit = LimitConfig("tokens", AMOUNT, window_s, Shape.BUCKET, burst=AMOUNT)
    return RouterConfig(
        providers={"sim": ProviderConfig(base_url)},
        keys={f"k{i}": KeyConfig("sim", Secret(f"sk-{i}"), limits=(limit,)) for i in range(KEYS)},
        routes={"m": RouteConfig((CandidateConfig("sim", "sim"),), wait_s=600.0)},
        cold_start=ColdStart.EMPTY,
    )


def call_of(base_url: str, size: int) -> Call:
    """A call that reserves exactly `size` tokens, and that the provider counts alike."""
    adapter = OpenAI("sim", ProviderConfig(base_url))
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": "x" * 200}],
        "metadata": {"input_tokens": "000", "output_tokens": "5"},
        "max_tokens": 100,
    }
    estimate = int(adapter.estimate(Call("m", body))["input_tokens"])
    body["metadata"]["input_tokens"] = f"{estimate:03d}"
    body["max_tokens"] = size - estimate
    return Call("m", body)


async def run(provider: Upstream, window_s: float, calls: int) -> dict[str, float]:
    """All calls at once; how many were served, how many 429s the provider gave, how long it took."""
    served = 0

    async def one(call: Call) -> None:
        nonlocal served
        try:
            await router.send(call)
            served += 1
        except RouterError as error:
            print(f"  not served: {error}")

    call = call_of(provider.base_url, SIZE)
    async with open_router(config(provider.base_url, window_s)) as router:
        started = time.perf_counter()
        async with anyio.create_task_group() as group:
            for _ in range(calls):
                group.start_soon(one, call)
        took = time.perf_counter() - started
    books = provider.books()
    ideal = max(0.0, (calls * SIZE - KEYS * AMOUNT) / (KEYS * AMOUNT / window_s))
    return {
        "calls": calls,
        "served": served,
        "provider_429": books["rejected"]["limit"],
        "violations": len(books["violations"]),
        "seconds": round(took, 2),
        "ideal_seconds": round(ideal, 2),
    }


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", backend="trio", window_s=60.0)
    window_s = 6.0 if chosen.smoke else chosen.window_s
    limits = [{"dimension": "tokens", "amount": AMOUNT, "window_s": window_s, "shape": "bucket", "burst": AMOUNT}]
    figures = []
    with upstream(keys(KEYS, limits)) as provider:
        for calls in (200, 72):
            provider.reset()
            figures.append(anyio.run(run, provider, window_s, calls, backend=chosen.backend))
    table(
        f"a burst on {KEYS} keys of {AMOUNT} tokens in {window_s:g} s",
        list(figures[0]),
        [list(f.values()) for f in figures],
    )
    finish(window_s=window_s, cases=figures)


if __name__ == "__main__":
    main()
