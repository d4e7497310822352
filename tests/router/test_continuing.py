"""Streams that break: invisibly before content, told or continued after it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from actorrouter import InvalidCall, StreamInterrupted
from actorrouter.observe.laws import LawBook
from actorrouter.transport.port import Reached
from actorrouter.values import OutcomeClass
from tests.router.world import (
    DONE,
    SSE,
    STREAM,
    WRITTEN,
    Step,
    assert_idle,
    but,
    event,
    fault,
    fleet,
    no,
    requests,
    running,
    word,
    words,
)

pytestmark = pytest.mark.anyio

GO_ON = but(STREAM, continue_stream=True)
IN_GEMINI = {"dialect": "gemini", "body": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}}
BREAK = fault("read", Reached.YES)
POOLS: dict[str, Any] = {"p": (requests(10_000, 1e7),), "q": (requests(100, 1e7),)}
TWO = fleet({"a1": ("p",), "a2": ("q",)}, pools=POOLS)
RECORDED = b"".join(
    [
        b": OPENROUTER PROCESSING\n\n",
        event({"id": "c1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}),
        word("Hello "),
        word("wörld"),
        word("", "stop"),
        DONE,
    ]
)


def text_of(stream: bytes) -> str:
    events = [line[6:] for line in stream.split(b"\n\n") if line.startswith(b"data: {")]
    return "".join(c["delta"].get("content") or "" for e in events for c in json.loads(e).get("choices", ()))


async def test_broken_at_every_byte() -> None:
    """A recorded stream cut after each of its bytes: before the first content another send answers and the caller
    cannot tell; after it the caller is told what had been delivered; after the end nothing is wrong."""
    first = RECORDED.index(b"\n\n", RECORDED.index(b"Hello")) + 2
    async with running(TWO) as (router, upstream):
        for cut in range(1, len(RECORDED)):
            router.fleet.providers["a"].retries.balance = 10.0
            upstream.scripts.extend([[WRITTEN, SSE, RECORDED[:cut], BREAK], [WRITTEN, SSE, RECORDED]])
            if cut < first:
                assert (await router.send(STREAM)).attempts[-1].outcome.outcome is OutcomeClass.SUCCEEDED
                assert not upstream.scripts
            elif b"[DONE]" not in RECORDED[:cut]:
                with pytest.raises(StreamInterrupted) as caught:
                    await router.send(but(STREAM, max_attempts=1))
                whole = RECORDED[: RECORDED.rindex(b"\n\n", 0, cut) + 2]
                assert caught.value.delivered_bytes == len(whole)
                upstream.scripts.clear()
            upstream.scripts.clear()


async def test_continued_at_every_event() -> None:
    """With `continue_stream`, broken after any event: one stream, all its text once, one end; both are charged."""
    for kept in range(1, 6):
        async with running(TWO) as (router, upstream):
            laws = LawBook(router)
            first: list[Step] = [WRITTEN, SSE, *[word(f"{n} ") for n in range(kept)], BREAK]
            rest = [WRITTEN, SSE, *[word(f"{n} ") for n in range(kept, 6)], *words(0)[2:]]
            upstream.scripts.extend([first, rest])
            async with router.stream(GO_ON) as reply:
                got = await reply.read()
            laws.answered(reply, GO_ON)
            assert text_of(got) == "0 1 2 3 4 5 "
            assert got.count(b"[DONE]") == 1
            assert reply.continued == 1
            assert upstream.bodies[1]["messages"][-1] == {
                "role": "assistant",
                "content": "".join(f"{n} " for n in range(kept)),
            }
            broken, good = reply.attempts
            assert (broken.outcome.outcome, good.outcome.outcome) == (OutcomeClass.BROKEN, OutcomeClass.SUCCEEDED)
            assert broken.outcome.usage is not None
            assert broken.outcome.usage.estimated
            laws.close()
            assert not laws.violations, str(laws)


async def test_an_error_event_is_not_seen_when_another_goes_on() -> None:
    """An error inside the stream is kept back; it is handed on only if nobody continues."""
    error = event({"error": {"message": "overloaded", "code": "503"}})
    async with running(TWO) as (router, upstream):
        upstream.scripts.extend([[WRITTEN, SSE, word("a "), error], [WRITTEN, SSE, word("b"), *words(0)[2:]]])
        async with router.stream(GO_ON) as reply:
            got = await reply.read()
        assert text_of(got) == "a b"
        assert b"overloaded" not in got
        upstream.scripts.append([WRITTEN, SSE, word("a "), error])
        got = b""
        with pytest.raises(StreamInterrupted, match="overloaded"):  # noqa: PT012 -- what came is wanted too
            async with router.stream(but(GO_ON, max_attempts=1)) as reply:
                async for chunk in reply:
                    got += chunk
        assert got.endswith(error)


async def test_continued_more_than_once_within_bounds() -> None:
    """Each break is a send more; `max_attempts` ends it, and what was delivered is told with its text."""
    async with running(TWO) as (router, upstream):
        upstream.otherwise = (WRITTEN, SSE, word("x "), BREAK)
        with pytest.raises(StreamInterrupted, match="not continued: 4 sends, the most allowed") as caught:
            await router.send(GO_ON)
        assert caught.value.delivered_text == "x x x x "
        assert len(upstream.asked) == 4
        assert_idle(router)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (event({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0}]}}]}), "a tool call had begun"),
        (word("b", "stop"), "the answer had finished"),
        (event({"error": {"message": "bad", "code": "400"}}), "bad"),
    ],
)
async def test_what_is_not_continued(script: bytes, why: str) -> None:
    """Tool calls in part, a finished answer and a fault of the request end the stream, in words that say so."""
    async with running(TWO) as (router, upstream):
        upstream.scripts.append([WRITTEN, SSE, word("a"), script, BREAK])
        with pytest.raises(StreamInterrupted, match=why) as caught:
            await router.send(GO_ON)
        assert caught.value.delivered_text is not None
        assert len(upstream.asked) == 1


@pytest.mark.parametrize("changes", [{"path": "/responses"}, {"path": "/completions"}, IN_GEMINI])
async def test_what_could_not_be_continued_is_refused(changes: Any) -> None:
    """Whoever asks for it where it cannot be had is told so at once, and nothing is sent."""
    async with running(TWO) as (router, upstream):
        with pytest.raises(InvalidCall, match=r"continue_stream: a stream .* cannot be continued"):
            await router.send(but(GO_ON, **changes))
        assert upstream.asked == []


async def test_nobody_left_to_continue() -> None:
    """When no other send can be had, the error is of the stream, and why nobody went on is part of it."""
    async with running(fleet(["a1"], provider={"retry_ratio": 0.0, "retry_reserve": 0.0})) as (router, upstream):
        upstream.scripts.append([WRITTEN, SSE, word("a"), BREAK])
        with pytest.raises(StreamInterrupted, match="not continued: retry budget"):
            await router.send(GO_ON)
    async with running(TWO) as (router, upstream):
        upstream.scripts.extend([[WRITTEN, SSE, word("a"), BREAK], no(400, "bad")])
        with pytest.raises(StreamInterrupted, match="not continued") as caught:
            await router.send(GO_ON)
        assert caught.value.delivered_bytes > 0
        assert len(caught.value.attempts) == 2


async def test_left_while_continued() -> None:
    """A caller that leaves in the second part leaves nothing behind."""
    async with running(TWO) as (router, upstream):
        upstream.scripts.extend([[WRITTEN, SSE, word("a"), BREAK], words(30, pause_s=1.0)])
        async with router.stream(GO_ON) as reply:
            await anext(reply)
            await anext(reply)
            assert reply.continued == 1
        assert_idle(router)
