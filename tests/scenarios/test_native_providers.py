"""Anthropic, Gemini and Bedrock through a whole router, over real sockets on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from actorrouter import (
    Call,
    CandidateConfig,
    ColdStart,
    KeyConfig,
    LimitConfig,
    NotSent,
    PoolConfig,
    ProviderConfig,
    Refused,
    RouteConfig,
    Router,
    RouterConfig,
    Secret,
    Shape,
    StreamInterrupted,
    open_router,
)
from actorrouter.config import PriceConfig, TimeoutsConfig
from actorrouter.router.reply import Reply
from actorrouter.values import OutcomeClass
from tests.adapters.frames import exception
from tests.adapters.streams import anthropic as claude
from tests.adapters.streams import bedrock, gemini
from tests.router.world import assert_idle
from tests.transport.server import Peer, Script, answer, chunk, serve

pytestmark = pytest.mark.anyio

KEYS = {"one": "sk-live-first-7f", "two": "sk-live-second-9c"}
OPTIONS: Mapping[str, Mapping[str, str]] = {"bedrock": {"region": "us-east-1"}}
LIMITS = tuple(LimitConfig(name, 10_000, 60.0, Shape.SLIDING) for name in ("input_tokens", "output_tokens", "tokens"))
TYPES = {
    "anthropic": "text/event-stream",
    "gemini": "text/event-stream",
    "bedrock": "application/vnd.amazon.eventstream",
}
MESSAGES: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 90}
CALLS = {
    "anthropic": Call("m", MESSAGES),
    "gemini": Call("m", {"contents": [{"parts": [{"text": "hi"}]}]}),
    "bedrock": Call("m", {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}),
}
PLAIN: dict[str, dict[str, Any]] = {
    "anthropic": {
        "type": "message",
        "content": [{"type": "text", "text": "hello"}],
        "usage": {"input_tokens": 30, "cache_read_input_tokens": 400, "output_tokens": 5},
    },
    "gemini": {
        "candidates": [{"content": {"parts": [{"text": "hello"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 430, "candidatesTokenCount": 5},
    },
    "bedrock": {
        "output": {"message": {"content": [{"text": "hello"}]}},
        "usage": {"inputTokens": 30, "cacheReadInputTokens": 400, "outputTokens": 5},
    },
}
STREAMS = {"anthropic": claude.STREAM, "gemini": gemini.STREAM, "bedrock": bedrock.STREAM}
CHARGED = {"anthropic": (30, 5, 35), "gemini": (430, 90, 435), "bedrock": (30, 25, 55)}
"""What the limits hold after a plain answer. Gemini takes nothing back of the output that was reserved."""


def fleet(kind: str, url: str) -> RouterConfig:
    timeouts = TimeoutsConfig(connect_s=2, write_s=2, first_byte_s=2, idle_s=2)
    options = OPTIONS.get(kind, {})
    provider = ProviderConfig(url, kind, timeouts=timeouts, options=options, default_output_tokens=90)
    candidates = tuple(CandidateConfig("p", "up:0", keys=(key,), price=PriceConfig(free=True)) for key in KEYS)
    return RouterConfig(
        providers={"p": provider},
        pools={"org": PoolConfig(LIMITS)},
        keys={key: KeyConfig("p", Secret(secret), ("org",)) for key, secret in KEYS.items()},
        routes={"m": RouteConfig(candidates, policy="ordered", wait_s=0.1)},
        cold_start=ColdStart.EMPTY,
    )


def scripted(*answers: bytes, asked: list[bytes]) -> Script:
    """One answer after the other, whatever connection a request comes on."""
    left = list(answers)

    async def script(peer: Peer) -> None:
        while True:
            asked.append(await peer.request())
            await peer.send(left.pop(0))

    return script


def document(said: Any, status: str = "200 OK", *headers: str) -> bytes:
    return answer(json.dumps(said).encode(), status, "content-type: application/json", *headers)


def streamed(kind: str, *pieces: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {TYPES[kind]}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    return head + b"".join(map(chunk, pieces)) + b"0\r\n\r\n"


@asynccontextmanager
async def facing(kind: str, *answers: bytes) -> AsyncIterator[tuple[Router, list[bytes]]]:
    """A router, and the requests its provider has received. At the end nothing may be open."""
    asked: list[bytes] = []
    with anyio.fail_after(10):
        async with (
            serve(scripted(*answers, asked=asked)) as server,
            open_router(fleet(kind, f"http://127.0.0.1:{server.port}")) as router,
        ):
            yield router, asked
            assert_idle(router)


def levels(router: Router) -> tuple[float, ...]:
    """What each limit counts as used."""
    return tuple(float(limit["level"]) for limit in router.status()["pools"]["pool:p:org"]["limits"])


def streaming(kind: str, **options: Any) -> Call:
    return Call("m", CALLS[kind].body, stream=True, **options)


async def collect(reply: Reply, received: bytearray) -> None:
    async for piece in reply:
        received += piece


@pytest.mark.parametrize("kind", list(CALLS))
async def test_a_plain_answer(kind: str) -> None:
    """The body as it came, and the limits charged as the provider charges them."""
    async with facing(kind, document(PLAIN[kind])) as (router, asked):
        reply = await router.send(CALLS[kind])
        assert reply.json() == PLAIN[kind]
        assert reply.usage.amounts["input_tokens"] == 430
        assert levels(router) == pytest.approx(CHARGED[kind], rel=0.01)
        assert KEYS["one"].encode() in asked[0]


@pytest.mark.parametrize("kind", list(CALLS))
@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_a_streamed_answer(kind: str, size: int) -> None:
    """The same bytes in any pieces."""
    stream = STREAMS[kind]
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    async with facing(kind, streamed(kind, *pieces)) as (router, _):
        async with router.stream(streaming(kind)) as reply:
            assert await reply.read() == stream
        assert reply.usage.amounts["output_tokens"] in (15, 6, 4)


@pytest.mark.parametrize(
    ("kind", "early"),
    [
        ("anthropic", claude.START + claude.ERROR),
        ("gemini", gemini.EMPTY + gemini.LISTED),
        ("bedrock", bedrock.START + exception("internalServerException", "no")),
    ],
)
async def test_an_error_before_content_is_invisible(kind: str, early: bytes) -> None:
    """Another key answers in its place, and the caller sees that answer alone."""
    async with facing(kind, streamed(kind, early), streamed(kind, STREAMS[kind])) as (router, asked):
        async with router.stream(streaming(kind)) as reply:
            assert await reply.read() == STREAMS[kind]
        assert len(asked) == len(reply.attempts) == 2


@pytest.mark.parametrize(
    ("kind", "begun", "error"),
    [
        ("anthropic", claude.START + claude.HELLO, claude.ERROR),
        ("gemini", gemini.HELLO, gemini.RAW),
        ("bedrock", bedrock.START + bedrock.HELLO, bedrock.THROTTLED),
    ],
)
async def test_an_error_after_content_interrupts(kind: str, begun: bytes, error: bytes) -> None:
    """A truncated answer never looks finished; what was delivered is known."""
    async with facing(kind, streamed(kind, begun, error)) as (router, _):
        async with router.stream(streaming(kind)) as reply:
            received = bytearray()
            with pytest.raises(StreamInterrupted) as caught:
                await collect(reply, received)
        assert received.startswith(begun)
        assert caught.value.delivered_bytes == len(received)


@pytest.mark.parametrize(
    ("kind", "spent"),
    [
        (
            "anthropic",
            document(
                {
                    "type": "error",
                    "error": {"type": "rate_limit_error", "details": {"error_code": "enforced_spend_limit_reached"}},
                },
                "429 No",
            ),
        ),
        ("gemini", document([json.loads(gemini.DAY.removeprefix(b"data: "))], "429 No")),
        ("bedrock", document({"message": "no"}, "400 No", "x-amzn-errortype: ServiceQuotaExceededException")),
    ],
)
async def test_a_spent_quota_is_the_pools(kind: str, spent: bytes) -> None:
    """No other key that draws on it is asked, now or by the next call, whatever delay of a second the answer named."""
    async with facing(kind, spent) as (router, asked):
        with pytest.raises((Refused, NotSent)):
            await router.send(CALLS[kind])
        with pytest.raises(NotSent):
            await router.send(CALLS[kind])
        assert len(asked) == 1


async def test_a_message_over_bedrock_is_seen_in_its_own_dialect() -> None:
    """Frames on the wire, server-sent events for the caller."""
    call = Call("m", MESSAGES, stream=True, dialect="anthropic-messages")
    async with facing("bedrock", streamed("bedrock", bedrock.WRAPPED)) as (router, asked):
        async with router.stream(call) as reply:
            assert await reply.read() == bedrock.sse(bedrock.BEGUN, bedrock.SAID, bedrock.ENDED, bedrock.STOPPED)
        assert asked[0].startswith(b"POST /model/up%3A0/invoke-with-response-stream HTTP/1.1\r\n")
        assert json.loads(asked[0].partition(b"\r\n\r\n")[2])["anthropic_version"] == "bedrock-2023-05-31"


async def test_what_no_dialect_covers_passes_through() -> None:
    """A file's bytes, with the caller's method and headers and the key's own credential."""
    call = Call(
        "m", path="/v1/files/f/content?x=1", method="GET", headers={"x-api-key": "theirs", "anthropic-beta": "files"}
    )
    async with facing("anthropic", answer(b"\x00\xff")) as (router, asked):
        reply = await router.send(call)
        assert (reply.body, reply.attempts[0].outcome.outcome) == (b"\x00\xff", OutcomeClass.SUCCEEDED)
        assert asked[0].startswith(b"GET /v1/files/f/content?x=1 HTTP/1.1\r\n")
        assert b"anthropic-beta: files\r\n" in asked[0]
        assert b"theirs" not in asked[0]
        assert levels(router) == (0, 0, 0)
