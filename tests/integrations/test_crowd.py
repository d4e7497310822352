"""Many streams at once, left at any moment."""

from __future__ import annotations

import gc
import os
import random
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import httpx2
import openai
import pytest
from openai import AsyncOpenAI

import actorrouter
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
STREAMS = int(os.environ.get("ACTORROUTER_CROWD", "1000"))
FEW = 60
BYTES_MAX = 4_000
"""Of a stream, after it, for its place in the bounded books of decisions and limits; while it runs it has 50,000."""
OURS = [tracemalloc.Filter(True, f"{Path(room.__file__ or '').parent}/*") for room in (actorrouter, httpx2, openai)]
KEPT_FOR_A_REQUEST = (Journey, Reply, Exchange, Grant, Body, Asked, Call, httpx2.Request, httpx2.Response)


async def crowd(router: Router, sdk: AsyncOpenAI, streams: int) -> int:
    """So many streams; each is read to its end, left early or cancelled. How many ended well."""
    whole = 0
    rng = random.Random(7)

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
        for _ in range(streams):
            tasks.start_soon(one, rng.choice([rng.random() * 0.5, 30]), rng.choice([1, 2, 99]))
    return whole


async def alive() -> Counter[str]:
    """What there is of a request's things, by their class."""
    for _ in range(3):  # generators of the client's are finished by the event loop, one in the other
        gc.collect()
        await anyio.sleep(0.01)
    return Counter(type(each).__name__ for each in gc.get_objects() if type(each) in KEPT_FOR_A_REQUEST)


async def test_nothing_is_left(upstream: Upstream):
    """After a thousand streams no reservation, no connection and none of the objects that a request needs is left."""
    async with routed(upstream, at_once(STREAMS)) as router:
        sdk = AsyncOpenAI(http_client=router.http_client(), api_key="unused")
        before = await alive()
        assert await crowd(router, sdk, STREAMS) > STREAMS // 10
        assert router.status()["open"] == 0
        assert await alive() == before
    assert await anyio.to_thread.run_sync(upstream.idle, 5)


async def test_memory_is_given_back(upstream: Upstream):
    """What one crowd after another leaves allocated, in the router, the client and the SDK, does not grow."""
    async with routed(upstream, at_once(FEW)) as router:
        sdk = AsyncOpenAI(http_client=router.http_client(), api_key="unused")
        await crowd(router, sdk, FEW)
        tracemalloc.start()
        try:
            kept = [await _kept_bytes(router, sdk) for _ in range(3)]
        finally:
            tracemalloc.stop()
    assert kept[2] - min(kept[:2]) < FEW * BYTES_MAX


async def _kept_bytes(router: Router, sdk: AsyncOpenAI) -> int:
    await crowd(router, sdk, FEW)
    await alive()
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(OURS).traces)
