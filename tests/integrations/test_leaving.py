"""Streams left in every way a caller can leave them, through each SDK: settled, and the provider sees the caller go."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from actorrouter import Router
from tests.integrations.speakers import CHAT, GEMINI, MESSAGES, MISTRAL, Speaker, first
from tests.integrations.upstream import UNFINISHED, WORDS, Upstream, routed

pytestmark = [
    pytest.mark.anyio,
    UNFINISHED,
]
SPEAKERS = (CHAT, MESSAGES, GEMINI, MISTRAL)  # responses come in the same class of stream as chats
through_each_sdk = pytest.mark.parametrize(
    ("speaker", "anyio_backend"),
    [pytest.param(speaker, each, id=f"{speaker.name}-{each}") for speaker in SPEAKERS for each in speaker.backends],
)


async def settled(router: Router) -> None:
    """Wait for Python to collect what was dropped, and for the event loop to finish it: a second is plenty for that."""
    with anyio.fail_after(1):
        while router.status()["open"]:
            await anyio.sleep(0.005)
            gc.collect()


async def break_off(router: Router, speaker: Speaker) -> None:
    async for piece in await speaker.stream(router, "stall"):
        if speaker.text(piece):
            break


async def drop_unread(router: Router, speaker: Speaker) -> None:
    await speaker.stream(router, "stall")


async def raise_inside(router: Router, speaker: Speaker) -> None:
    with pytest.raises(KeyError):  # noqa: PT012 -- leaving the loop is what is tested
        async for piece in await speaker.stream(router, "stall"):
            if speaker.text(piece):
                raise KeyError


@through_each_sdk
@pytest.mark.parametrize("leave", [break_off, drop_unread, raise_inside])
async def test_dropped(upstream: Upstream, speaker: Speaker, leave: Callable[..., Awaitable[Any]]):
    """Nobody closes it: what Python collects is settled and hung up on, with no turn of the caller's own."""
    async with routed(upstream) as router:
        await leave(router, speaker)
        await settled(router)
        sent = bool(upstream.asked)  # google-genai sends nothing before it is asked for the first piece
        assert await anyio.to_thread.run_sync(upstream.hung_up.wait, 5 if sent else 0) == sent


@through_each_sdk
async def test_closed(upstream: Upstream, speaker: Speaker):
    """What is closed is settled when `close` returns."""
    async with routed(upstream) as router:
        stream = await speaker.stream(router, "stall")
        assert await first(stream, speaker) == WORDS[0]
        assert router.status()["open"] == 1
        await _close(stream)
        if speaker is GEMINI:  # a generator, which leaves those inside it to the event loop
            await settled(router)
        assert router.status()["open"] == 0
        assert await anyio.to_thread.run_sync(upstream.hung_up.wait, 5)


@through_each_sdk
async def test_cancelled(upstream: Upstream, speaker: Speaker):
    """A cancelled caller leaves nothing open once the stream is collected."""
    async with routed(upstream) as router:
        with anyio.move_on_after(0.3) as scope:
            await first(await speaker.stream(router, "stall"), speaker)
            async for _ in await speaker.stream(router, "stall"):
                pass
        assert scope.cancelled_caught
        await settled(router)


async def _close(stream: Any) -> None:
    """Each SDK's own word for it."""
    for name in ("close", "aclose"):
        if hasattr(stream, name):
            await getattr(stream, name)()
            return
    await stream.__aexit__(None, None, None)
