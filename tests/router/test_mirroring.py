"""A pool that mirrors, the whole way: headers of one answer admit those who wait."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from actorrouter import LimitConfig, PoolConfig, RouterConfig, Shape
from tests.router.world import CALL, WRITTEN, Head, Step, but, fleet, no, ok, running

pytestmark = pytest.mark.anyio
HOUR = LimitConfig("requests", 1, 3600.0, Shape.SLIDING, guard_s=0.0)


def told(remaining: int, *, slow_s: float = 0.0) -> list[Step]:
    """A whole answer that says how much remains; its body comes later."""
    headers = {"content-type": "application/json", "x-ratelimit-remaining-requests": str(remaining)}
    return [WRITTEN, Head(200, headers), slow_s, *ok()[3:]]


def mirroring(*, mirror: bool = True) -> RouterConfig:
    whole: RouterConfig = fleet({"a1": ("org",)}, pools={"org": (HOUR,)})
    return but(whole, pools={"org": PoolConfig((HOUR,), mirror=mirror)})  # type: ignore[arg-type, return-value]


async def sent_at(router: Any, upstream: Any, calls: int, wait_s: float) -> list[float]:
    """Send so many at once; when each reached the provider, from the first on."""

    async def send() -> None:
        await router.send(but(CALL, wait_s=wait_s))

    async with anyio.create_task_group() as group:
        for _ in range(calls):
            group.start_soon(send)
    first = upstream.asked[0][1]
    return [at - first for _, at in upstream.asked]


async def test_who_waits_goes_when_an_answer_says_that_more_remains() -> None:
    """One an hour is declared; the head of the first answer says 2: two more go at once, before its body is there."""
    async with running(mirroring()) as (router, upstream):
        upstream.scripts.extend([told(2, slow_s=50.0), told(1), told(0)])
        assert await sent_at(router, upstream, 3, 40.0) == pytest.approx([0.0, 0.0, 0.0], abs=0.01)


async def test_without_mirroring_what_remains_gives_nothing() -> None:
    """The default: what the provider says only ever tightens."""
    async with running(mirroring(mirror=False)) as (router, upstream):
        upstream.otherwise = tuple(told(100))
        assert await sent_at(router, upstream, 2, 4000.0) == pytest.approx([0.0, 3600.0], abs=10.0)


async def test_after_a_429_the_next_goes_when_the_provider_said() -> None:
    """Not an hour later, as declared, and not before."""
    async with running(mirroring()) as (router, upstream):
        upstream.scripts.extend([told(5), no(429, "rate_limit_exceeded", retry_after="20")])
        await router.send(CALL)
        assert await sent_at(router, upstream, 1, 60.0) == pytest.approx([0.0, 0.0, 20.0], abs=0.1)
