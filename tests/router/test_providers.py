"""Providers that are tables, the whole way: their addresses, their headers, their other paths."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from actorrouter import Call, LimitConfig, NoCapacity, ProviderConfig, RouterConfig, Shape
from tests.router.world import CALL, WRITTEN, Head, Step, but, fleet, ok, running

pytestmark = pytest.mark.anyio
MINUTE = LimitConfig("requests", 30, 60.0, Shape.SLIDING, guard_s=0.0)
DAY = LimitConfig("requests", 1000, 86400.0, Shape.SLIDING, guard_s=0.0)


def groq() -> RouterConfig:
    """One key of Groq, at Groq's own address; 30 requests a minute and 1,000 a day are declared."""
    whole: RouterConfig = fleet({"a1": ("org",)}, pools={"org": (MINUTE, DAY)})
    return but(whole, providers={"a": ProviderConfig(adapter="groq")})  # type: ignore[arg-type, return-value]


def told(**headers: str) -> list[Step]:
    """A whole answer with these headers."""
    named = {name.replace("_", "-"): said for name, said in headers.items()}
    return [WRITTEN, Head(200, {"content-type": "application/json", **named}), *ok()[3:]]


async def test_a_grant_names_the_adapter_s_own_address() -> None:
    """Nobody configured one."""
    async with running(groq()) as (router, _):
        with await router.reserve("m", {"requests": 1}) as grant:
            assert grant.base_url == "https://api.groq.com/openai/v1"


async def test_a_day_s_header_stops_for_the_day_and_not_for_the_minute() -> None:
    """Groq says that one request of the day is left: one more goes, the next waits for a day, not a minute."""
    async with running(groq()) as (router, upstream):
        upstream.scripts.extend([told(x_ratelimit_remaining_requests="1"), told(x_ratelimit_remaining_requests="0")])
        await router.send(CALL)
        await router.send(CALL)
        with pytest.raises(NoCapacity) as raised:
            await router.send(but(CALL, wait_s=3600.0))
        assert raised.value.available_in_s == pytest.approx(86400.0, rel=0.01)
        assert len(upstream.asked) == 2


async def test_a_day_s_header_leaves_the_minute_alone() -> None:
    """With 14,000 of the day left, all 30 of the minute go."""
    async with running(groq()) as (router, upstream):
        upstream.otherwise = tuple(told(x_ratelimit_remaining_requests="900"))
        started = anyio.current_time()
        for _ in range(30):
            await router.send(CALL)
        assert anyio.current_time() - started < 1.0


async def test_another_path_goes_through_and_is_counted() -> None:
    """A list of models is one request, its answer is handed on as it came."""
    async with running(groq()) as (router, upstream):
        upstream.otherwise = (WRITTEN, Head(200, {"content-type": "application/json"}), b'{"data": [ ]}')
        reply: Any = await router.send(Call("m", path="/models", method="GET"))
        assert reply.body == b'{"data": [ ]}'
        (pool,) = router.status()["pools"].values()
        assert [limit["level"] for limit in pool["limits"]] == [1, 1]
