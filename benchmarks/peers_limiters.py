"""The limiters of others, each as one function that returns when the caller may send. Used as their pages show."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

Take = Callable[[], Awaitable[Any]]


def limits_moving_window(amount: int, window_s: float) -> Take:
    """`limits` has no way to wait: who is refused asks again when the window's oldest entry leaves it."""
    from limits import RateLimitItemPerSecond
    from limits.aio.storage import MemoryStorage
    from limits.aio.strategies import MovingWindowRateLimiter

    limiter, item = MovingWindowRateLimiter(MemoryStorage()), RateLimitItemPerSecond(amount, int(window_s))

    async def take() -> None:
        while not await limiter.hit(item, "k"):
            stats = await limiter.get_window_stats(item, "k")
            await asyncio.sleep(max(0.01, stats.reset_time - time.time()))

    return take


def aiolimiter(amount: int, window_s: float) -> Take:
    """A leaky bucket of the whole limit."""
    from aiolimiter import AsyncLimiter

    take: Take = AsyncLimiter(amount, window_s).acquire
    return take


def pyrate_limiter(amount: int, window_s: float) -> Take:
    """Its default bucket, in memory."""
    from pyrate_limiter import Limiter, Rate

    limiter = Limiter(Rate(amount, int(window_s * 1000)))
    return lambda: limiter.try_acquire_async("k")


LIMITERS: dict[str, Callable[[int, float], Take]] = {
    "limits moving window": limits_moving_window,
    "aiolimiter": aiolimiter,
    "pyrate-limiter": pyrate_limiter,
}
