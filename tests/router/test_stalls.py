"""Streams that stay alive and say nothing; and that each time-out is told in words of its own."""

from __future__ import annotations

import anyio
import pytest

from actorrouter import StreamInterrupted
from actorrouter.config import TimeoutsConfig
from tests.router.world import (
    CALL,
    DONE,
    SSE,
    STREAM,
    WRITTEN,
    Head,
    Step,
    assert_idle,
    but,
    event,
    fleet,
    ok,
    running,
    word,
    words,
)

pytestmark = pytest.mark.anyio

PING = b": OPENROUTER PROCESSING\n\n"
STALLING = {"timeouts": TimeoutsConfig(stall_s=30.0)}


def pings(count: int) -> list[Step]:
    return [step for _ in range(count) for step in (5.0, PING)]


async def test_pings_before_content_are_bounded():
    """A stream that only pings is given up after `stall_s`, and another send answers unseen (P10)."""
    async with running(fleet(provider=STALLING)) as (router, upstream):
        upstream.scripts.extend([[WRITTEN, SSE, *pings(1000)], words(2)])
        async with router.stream(STREAM) as reply:
            assert anyio.current_time() == pytest.approx(30, abs=1)
            assert (await reply.read()).count(b"word ") == 2
        assert "timeout: stalled, no content for 30 s" in reply.attempts[0].outcome.message


async def test_pings_after_content_are_bounded():
    """After content the caller is told, in words that no other time-out has."""
    async with running(fleet(provider=STALLING)) as (router, upstream):
        upstream.scripts.append([WRITTEN, SSE, word(), *pings(1000)])
        with pytest.raises(StreamInterrupted, match="timeout: stalled, no content for 30 s"):
            await router.send(STREAM)
        assert anyio.current_time() == pytest.approx(30, abs=1)


async def test_content_starts_the_time_anew():
    """A slow stream that gives content in time is none that stalls, however long it takes."""
    async with running(fleet(provider=STALLING)) as (router, upstream):
        slow = [step for _ in range(6) for step in (*pings(5), word())]
        upstream.scripts.append([WRITTEN, SSE, *slow, *words(0)[2:]])
        assert (await router.send(STREAM)).attempts[-1].outcome.outcome == "succeeded"
        assert anyio.current_time() > 140


async def test_a_slow_caller_is_no_stall():
    """What the caller does between two pieces is not the provider's silence."""
    async with running(fleet(provider=STALLING)) as (router, upstream):
        upstream.scripts.append(words(3))
        async with router.stream(STREAM) as reply:
            async for _ in reply:
                await anyio.sleep(100)
            assert reply.usage.amounts["output_tokens"] == 3


async def test_a_plain_answer_is_bounded_by_its_deadline():
    """A plain answer has content at its end only: blank lines keep it, its deadline ends it, in other words."""
    async with running(fleet(provider=STALLING)) as (router, upstream):
        upstream.scripts.append([WRITTEN, Head(), *[step for _ in range(20) for step in (5.0, b"\n")], ok()[-1]])
        assert (await router.send(CALL)).json()["choices"]
        upstream.scripts.append([WRITTEN, Head(), *[step for _ in range(20) for step in (5.0, b"\n")]])
        with pytest.raises(StreamInterrupted, match="deadline passed") as caught:
            await router.send(but(CALL, deadline_s=50))
        assert "stalled" not in str(caught.value)


@pytest.mark.parametrize("after", [[1000.0], [step for _ in range(1000) for step in (0.3, b": ping\n\n")]])
async def test_what_comes_after_the_end_is_not_waited_for(after: list[Step]):
    """A provider that keeps the connection open after its answer keeps neither the caller nor the key for longer than
    a second."""
    async with running(fleet(provider=STALLING)) as (router, upstream):
        upstream.scripts.append([*words(3), *after])
        reply = await router.send(STREAM)
        assert reply.body.endswith(DONE)
        assert anyio.current_time() == pytest.approx(1, abs=0.01)
        assert_idle(router)


async def test_an_error_ends_a_stream_that_stays_open():
    """Before content another send answers, after it the caller is told, both without waiting for the connection."""
    error = event({"error": {"message": "busy", "code": "503"}})
    async with running(fleet(provider=STALLING)) as (router, upstream):
        upstream.scripts.extend([[WRITTEN, SSE, error, 1000.0], words(3)])
        assert len((await router.send(STREAM)).attempts) == 2
        upstream.scripts.append([*words(3, end=[error]), 1000.0])
        with pytest.raises(StreamInterrupted):
            await router.send(STREAM)
        assert anyio.current_time() < 4
        assert_idle(router)
