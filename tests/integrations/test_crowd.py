"""Many streams at once, left at any moment."""

from __future__ import annotations

import gc
import os
import random
import tracemalloc
from typing import Any

import anyio
import pytest
from openai import AsyncOpenAI

from actorrouter import Router
from tests.integrations.upstream import UNFINISHED, Upstream, routed
from tests.router.world import at_once

pytestmark = [pytest.mark.anyio, UNFINISHED]
STREAMS = int(os.environ.get("ACTORROUTER_CROWD", "60"))
KEPT_MAX_BYTES = 2000
"""Of each stream, at the calmest moment: pools of connections and the provider's own tasks are not always as full."""


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


async def held(router: Router, sdk: AsyncOpenAI, upstream: Upstream, rng: random.Random) -> int:
    """Bytes in use after one more crowd, once the provider has forgotten what it was asked."""
    assert await crowd(router, sdk, rng) > STREAMS // 10
    assert router.status()["open"] == 0
    upstream.asked.clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def test_nothing_is_left(upstream: Upstream, monkeypatch: pytest.MonkeyPatch):
    """After crowds no reservation and no connection is left over, and more of them take no more memory."""
    monkeypatch.setattr("tests.integrations.upstream.BOUND_S", 200)
    tracemalloc.start()
    try:
        async with routed(upstream, at_once(STREAMS)) as router:
            sdk = AsyncOpenAI(http_client=router.http_client(), api_key="unused")
            rng = random.Random(7)
            _, before, *later = [await held(router, sdk, upstream, rng) for _ in range(5)]
    finally:
        tracemalloc.stop()
    assert min(later) - before < STREAMS * KEPT_MAX_BYTES
    assert await anyio.to_thread.run_sync(upstream.idle, 5)
