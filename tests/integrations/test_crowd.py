"""Many streams at once, left at any moment."""

from __future__ import annotations

import gc
import os
import random
from collections import Counter
from typing import Any

import anyio
import httpx2
import pytest
from openai import AsyncOpenAI

from actorrouter import Call, Router
from actorrouter.integrations.port import Asked
from actorrouter.integrations.sender import Body
from actorrouter.router.exchange import Exchange
from actorrouter.router.grants import Grant
from actorrouter.router.journey import Journey
from actorrouter.router.reply import Reply
from tests.integrations.upstream import UNFINISHED, Upstream, routed
from tests.router.world import at_once

pytestmark = [pytest.mark.anyio, UNFINISHED]
STREAMS = int(os.environ.get("ACTORROUTER_CROWD", "200"))
KEPT_FOR_A_REQUEST = (Journey, Reply, Exchange, Grant, Body, Asked, Call, httpx2.Request, httpx2.Response)


async def crowd(router: Router, sdk: AsyncOpenAI, rng: random.Random) -> int:
    """So many streams; each is read to its end, left early or cancelled. How many ended well."""
    whole = 0

    async def one(patience_s: float, chunks: int) -> None:
        nonlocal whole
        with anyio.move_on_after(patience_s):
            request: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "slow"}], "stream": True}
            async with await sdk.chat.completions.create(**request) as stream:
                async for _ in stream:
                    chunks -= 1
                    if chunks == 0:
                        return
                whole += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(STREAMS):
            tasks.start_soon(one, rng.choice([rng.random() * 0.5, 30]), rng.choice([1, 2, 99]))
    return whole


async def alive() -> Counter[str]:
    """What there is of a request's things, by their class."""
    for _ in range(3):  # generators of the client's are finished by the event loop, one in the other
        gc.collect()
        await anyio.sleep(0.01)
    return Counter(type(each).__name__ for each in gc.get_objects() if type(each) in KEPT_FOR_A_REQUEST)


async def test_nothing_is_left(upstream: Upstream, monkeypatch: pytest.MonkeyPatch):
    """After crowds no reservation, no connection and none of the objects that a request needs is left over."""
    monkeypatch.setattr("tests.integrations.upstream.BOUND_S", 200)
    async with routed(upstream, at_once(STREAMS)) as router:
        sdk = AsyncOpenAI(http_client=router.http_client(), api_key="unused")
        rng = random.Random(7)
        before = await alive()
        for _ in range(2):
            assert await crowd(router, sdk, rng) > STREAMS // 10
            assert router.status()["open"] == 0
        assert await alive() == before
    assert await anyio.to_thread.run_sync(upstream.idle, 5)
