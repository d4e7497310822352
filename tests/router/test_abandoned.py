"""Streams that nobody leaves: dropped, broken out of, collected on another thread, outliving the router."""

from __future__ import annotations

import gc
import threading
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from actorrouter import Router
from actorrouter.values import OutcomeClass
from tests.router.world import STREAM, Upstream, assert_idle, at_once, fleet, requests, running, words

pytestmark = pytest.mark.anyio

CONFIG = fleet({"a1": ("p",)}, pools={"p": (requests(10, 1000), at_once(1))}, lease_s=20.0)


async def begin(router: Router, upstream: Upstream) -> list[Any]:
    """A stream that has given its first word; in a list, so that whoever empties it drops it."""
    upstream.scripts.append(words(50, pause_s=1.0))
    journey = router.stream(STREAM)
    reply = await journey.__aenter__()
    await anext(reply)
    return [journey, reply]


async def ended(router: Router, upstream: Upstream, seen: list[Any]) -> None:
    """It was settled at once as its caller's doing, with what was seen, and its connection is closed."""
    await anyio.sleep(0.001)
    status = router.status()
    assert (status["abandoned_streams"], status["open"], upstream.live) == (1, 0, 0)
    (settled,) = [event for event in seen if type(event).__name__ == "Settled"]
    assert settled.outcome is OutcomeClass.CANCELLED
    assert 0 < settled.usage["output_tokens"] < 50
    assert [event for event in seen if type(event).__name__ == "Expired"] == []
    assert_idle(router)


async def test_dropped() -> None:
    """A stream that is dropped half read is ended as soon as the loop runs."""
    seen: list[Any] = []
    async with running(CONFIG, observers=[seen.append]) as (router, upstream):
        stream = await begin(router, upstream)
        assert router.status()["abandoned_streams"] == 0
        stream.clear()
        await ended(router, upstream, seen)


async def test_collected_in_a_cycle() -> None:
    """One that only the collector finds is ended when it does."""
    seen: list[Any] = []
    async with running(CONFIG, observers=[seen.append]) as (router, upstream):
        stream = await begin(router, upstream)
        stream.append(stream)
        del stream
        gc.collect()
        await ended(router, upstream, seen)


async def test_dropped_on_another_thread() -> None:
    """The last reference may go anywhere: the router's own thread ends it."""
    seen: list[Any] = []
    threads: list[int] = []
    note = [seen.append, lambda _: threads.append(threading.get_ident())]
    async with running(CONFIG, observers=note) as (router, upstream):
        stream = await begin(router, upstream)
        stream.append(stream)
        elsewhere = threading.Thread(target=stream.clear)
        elsewhere.start()
        elsewhere.join()
        await ended(router, upstream, seen)
        assert set(threads) == {threading.get_ident()}


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # trio tells of generators that nobody closes
async def test_break_in_a_generator_of_others() -> None:
    """A wrapper that is broken out of and never closed: the loop closes it, which leaves the stream properly."""
    seen: list[Any] = []

    async def wrapped(router: Router) -> AsyncIterator[bytes]:
        async with router.stream(STREAM) as reply:
            async for chunk in reply:
                yield chunk

    async with running(CONFIG, observers=[seen.append]) as (router, upstream):
        upstream.scripts.append(words(50, pause_s=1.0))
        async for _ in wrapped(router):
            break
        gc.collect()
        await anyio.sleep(0.001)
        assert router.status()["open"] == upstream.live == 0
        assert router.status()["abandoned_streams"] == 0
        assert [event for event in seen if type(event).__name__ == "Settled"]


async def test_one_that_was_left_is_not_abandoned() -> None:
    """Left early, read to its end or failed: what is dropped after that is not counted."""
    async with running(CONFIG) as (router, upstream):
        for script in (words(3), words(3, end=[])):
            upstream.scripts.append(script)
            try:
                async with router.stream(STREAM) as reply:
                    await reply.read()
            except Exception:  # noqa: S110 - the broken one
                pass
        upstream.scripts.append(words(3))
        async with router.stream(STREAM) as reply:
            await anext(reply)
        del reply
        router.stream(STREAM)  # never entered
        gc.collect()
        await anyio.sleep(0.001)
        assert router.status()["abandoned_streams"] == 0


async def test_dropped_after_the_router_stopped() -> None:
    """A stream that outlives its router may be dropped at any time: nothing is raised, nothing is settled twice."""
    seen: list[Any] = []
    upstream = Upstream()
    async with anyio.create_task_group() as group:
        router = Router(CONFIG, observers=[seen.append])
        await group.start(router.serve)
        router.fleet.keys["a1"].transport = upstream
        stream = await begin(router, upstream)
        router.stop()
    count = len(seen)
    stream.clear()
    await anyio.sleep(0.001)
    assert len(seen) == count
