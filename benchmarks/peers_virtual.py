"""The callers of `accuracy` around a limiter of others: asyncio on a clock that jumps to whatever is due next.

Importing this sets the process's clock functions: only for a process that does nothing else, before the limiters are
imported.
"""

from __future__ import annotations

import asyncio
import random
import selectors
import time
from collections.abc import Callable
from typing import Any

_now = 1000.0  # small, so that its rounding is finer than the loop's resolution
_TURN_S = 1e-6
"""A turn of the loop takes time: some count on it."""
time.time = time.monotonic = time.perf_counter = lambda: _now
time.time_ns = time.monotonic_ns = time.perf_counter_ns = lambda: int(_now * 1e9)

from benchmarks import accuracy_provider as world  # noqa: E402
from benchmarks.peers_limiters import LIMITERS  # noqa: E402


class _Jumping(selectors.DefaultSelector):
    """Instead of waiting it sets the clock forward. Nothing here waits for a socket."""

    def select(self, timeout: float | None = None) -> Any:
        global _now  # noqa: PLW0603 (it stands for the system's clock)
        ready = super().select(0)
        _now += _TURN_S if ready or not timeout else max(_TURN_S, timeout)
        return ready


async def _inline(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def run(who: str, shape: str, span_s: float, *, bursty: bool) -> dict[str, float]:
    """One run of one limiter against one provider."""
    asyncio.to_thread = _inline  # a thread would take real time
    loop = asyncio.SelectorEventLoop(_Jumping())
    try:
        return loop.run_until_complete(_measure(who, shape, span_s, bursty=bursty))
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


async def _measure(who: str, shape: str, span_s: float, *, bursty: bool) -> dict[str, float]:
    rng, start = random.Random(7), _now
    provider, take = world.Provider(shape, start), LIMITERS[who](world.AMOUNT, world.WINDOW_S)

    async def caller() -> None:
        while True:
            since_s = _now - start
            if not world.is_on(since_s, bursty=bursty):
                await asyncio.sleep(world.next_on(since_s) - since_s)
            await take()
            await asyncio.sleep(world.transit_s(rng))
            served, _, _ = provider.arrive(_now)
            await asyncio.sleep(world.transit_s(rng))
            await asyncio.sleep(world.service_s(rng) if served else world.pause_s(rng))

    callers = [asyncio.ensure_future(caller()) for _ in range(world.TASKS)]
    await asyncio.wait(callers, timeout=span_s)
    for task in callers:
        task.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    return provider.figures(shape, span_s, bursty=bursty)
