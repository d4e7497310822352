"""Every adapter, and every kind of path, through a whole router: what arrives on a real socket, and what is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import attrs
import pytest

from actorrouter import (
    Call,
    CandidateConfig,
    ColdStart,
    KeyConfig,
    LimitConfig,
    PoolConfig,
    ProviderConfig,
    RouteConfig,
    RouterConfig,
    Secret,
    Shape,
    open_router,
)
from actorrouter.adapters import profiles
from actorrouter.config import GenericConfig, PriceConfig
from tests.router.world import assert_idle
from tests.transport.server import Peer, answer, serve

pytestmark = pytest.mark.anyio

SECRET = "sk-live-first-7f"
DIMENSIONS = ("requests", "input_tokens", "output_tokens", "tokens", "units")
CALL = Call("m", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 90})
ANSWER = {
    "choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 30, "completion_tokens": 5, "total_tokens": 35},
}
USED = {"input_tokens": 30, "output_tokens": 5, "tokens": 35}
BEARER = f"authorization: Bearer {SECRET}"


@attrs.frozen
class Case:
    """`base`: the path of the address. `line`, `header`: of the request as it arrives. `sent`: its body, where it is
    not the call's with the upstream's model. `told`: the answer, `used`: what is read of it."""

    line: str
    header: str = BEARER
    call: Call = CALL
    sent: Mapping[str, Any] | None = None
    told: Any = attrs.field(factory=lambda: ANSWER)
    used: Mapping[str, Any] = attrs.field(factory=lambda: USED)
    adapter: str = "openai"
    base: str = "/v1"
    options: Mapping[str, Any] = attrs.field(factory=dict)


def of_the_family(name: str, path: str) -> Case:
    """A chat, at the address that its table has."""
    address = urlsplit(profiles.shipped(name).base_url).path
    return Case(f"POST {path} HTTP/1.1", adapter=name, base=address or ("/v1" if name == "vllm" else ""))


FAMILY = {
    name: of_the_family(name, path)
    for name, path in {
        "openai": "/v1/chat/completions",
        "groq": "/openai/v1/chat/completions",
        "mistral": "/v1/chat/completions",
        "deepseek": "/chat/completions",
        "xai": "/v1/chat/completions",
        "openrouter": "/api/v1/chat/completions",
        "together": "/v1/chat/completions",
        "fireworks": "/inference/v1/chat/completions",
        "cohere": "/compatibility/v1/chat/completions",
        "vllm": "/v1/chat/completions",
        "ollama": "/v1/chat/completions",
        "gemini-openai": "/v1beta/openai/chat/completions",
    }.items()
}
GEMINI = {
    "candidates": [{"content": {"parts": [{"text": "hello"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 30, "candidatesTokenCount": 5},
}
CLAUDE = {
    "type": "message",
    "content": [{"type": "text", "text": "hello"}],
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 20, "output_tokens": 5},
}
CONVERSE = {"output": {"message": {"content": [{"text": "hello"}]}}, "usage": {"inputTokens": 30, "outputTokens": 5}}
CONTENTS = {"contents": [{"parts": [{"text": "hi"}]}]}
TURNS = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
EMBEDDED = {"data": [{"embedding": [0.1]}], "usage": {"prompt_tokens": 30, "total_tokens": 30}}
GIVEN = {"input_tokens": 30, "output_tokens": 0, "tokens": 30}
AZURE_KEY, GOOGLE_KEY = f"api-key: {SECRET}", f"x-goog-api-key: {SECRET}"
AWS = {"region": "us-east-1"}

PATHS = {
    "responses": Case(
        "POST /v1/responses HTTP/1.1",
        call=Call("m", {"input": "hi", "max_output_tokens": 90}, path="/responses"),
        told={"output": [], "usage": {"input_tokens": 30, "output_tokens": 5}},
    ),
    "embeddings": Case(
        "POST /v1/embeddings HTTP/1.1", call=Call("m", {"input": "hi"}, path="/embeddings"), told=EMBEDDED, used=GIVEN
    ),
    "models": Case(
        "GET /v1/models?limit=2 HTTP/1.1",
        call=Call("m", path="/models?limit=2", method="GET"),
        sent={},
        told={"data": []},
        used={},
    ),
    "any other path, with units": Case(
        "POST /v1/images/generations HTTP/1.1",
        call=Call("m", {"prompt": "a cat", "n": 2}, path="/images/generations", units={"units": 2}),
        sent={"prompt": "a cat", "n": 2},
        told={"created": 1, "data": [{"url": "x"}]},
        used={},
    ),
    "azure": Case(
        "POST /openai/deployments/up%3A0/chat/completions?api-version=2024-10-21 HTTP/1.1",
        AZURE_KEY,
        adapter="azure",
        base="",
    ),
    "azure version 1": Case("POST /openai/v1/chat/completions HTTP/1.1", AZURE_KEY, adapter="azure", base="/openai/v1"),
    "azure with a token": Case(
        "POST /openai/v1/embeddings HTTP/1.1",
        call=Call("m", {"input": "hi"}, path="/embeddings"),
        told=EMBEDDED,
        used=GIVEN,
        adapter="azure",
        base="/openai/v1",
        options={"options": {"auth": "entra"}},
    ),
    "anthropic": Case("POST /v1/messages HTTP/1.1", f"x-api-key: {SECRET}", told=CLAUDE, adapter="anthropic", base=""),
    "anthropic count_tokens": Case(
        "POST /v1/messages/count_tokens HTTP/1.1",
        f"x-api-key: {SECRET}",
        Call("m", {"messages": []}, path="/v1/messages/count_tokens"),
        told={"input_tokens": 30},
        used={},
        adapter="anthropic",
        base="",
    ),
    "gemini": Case(
        "POST /v1beta/models/up%3A0:generateContent HTTP/1.1",
        GOOGLE_KEY,
        Call("m", CONTENTS),
        sent=CONTENTS,
        told=GEMINI,
        adapter="gemini",
        base="/v1beta",
    ),
    "gemini embedContent": Case(
        "POST /v1beta/models/up%3A0:embedContent HTTP/1.1",
        GOOGLE_KEY,
        Call("m", {"content": {"parts": [{"text": "hi"}]}}, path="/models/{model}:embedContent"),
        sent={"content": {"parts": [{"text": "hi"}]}},
        told={"embedding": {"values": [0.1]}, "usageMetadata": {"promptTokenCount": 30}},
        used=GIVEN,
        adapter="gemini",
        base="/v1beta",
    ),
    "bedrock": Case(
        "POST /model/up%3A0/converse HTTP/1.1",
        call=Call("m", TURNS),
        sent=TURNS,
        told=CONVERSE,
        adapter="bedrock",
        base="",
        options={"options": AWS},
    ),
    "bedrock, signed": Case(
        "POST /model/up%3A0/converse HTTP/1.1",
        "authorization: AWS4-HMAC-SHA256 Credential=sk-live-first-7f/",
        call=Call("m", TURNS),
        sent=TURNS,
        told=CONVERSE,
        adapter="bedrock",
        base="",
        options={"options": {**AWS, "auth": "sigv4"}},
    ),
    "generic": Case(
        "POST /v1/parse HTTP/1.1",
        f"x-token: Token {SECRET}",
        Call("m", {"pages": [1, 2]}),
        told={"used": {"pages": 2}},
        used={"units": 2},
        adapter="generic",
        options={
            "generic": GenericConfig(
                path="/parse",
                secret_in="header:x-token",
                secret_format="Token {secret}",
                units={"units": "pages"},
                usage={"units": "used.pages"},
            )
        },
    ),
}
CASES = {**{f"{name} chat": case for name, case in FAMILY.items()}, **PATHS}


def fleet(case: Case, port: int) -> RouterConfig:
    """One key, which draws on a limit of each dimension."""
    url = f"http://127.0.0.1:{port}{case.base}"
    limits = tuple(LimitConfig(name, 10_000, 60.0, Shape.SLIDING) for name in DIMENSIONS)
    candidate = CandidateConfig("p", "up:0", price=PriceConfig(free=True))
    return RouterConfig(
        providers={"p": ProviderConfig(url, case.adapter, default_output_tokens=90, **case.options)},
        pools={"org": PoolConfig(limits)},
        keys={"k": KeyConfig("p", Secret(SECRET), ("org",))},
        routes={"m": RouteConfig((candidate,), wait_s=0.1)},
        cold_start=ColdStart.EMPTY,
    )


async def exchanged(case: Case, *headers: str) -> tuple[bytes, Any, dict[str, Mapping[str, Any]]]:
    """The request as it arrived, the reply, and the limits afterwards."""
    asked: list[bytes] = []

    async def script(peer: Peer) -> None:
        asked.append(await peer.request())
        await peer.send(answer(json.dumps(case.told).encode(), "200 OK", "content-type: application/json", *headers))
        await peer.gone()

    with anyio.fail_after(10):
        async with serve(script) as server, open_router(fleet(case, server.port)) as router:
            reply = await router.send(case.call)
            limits = {limit["dimension"]: limit for limit in router.status()["pools"]["pool:p:org"]["limits"]}
            assert_idle(router)
    return asked[0], reply, limits


@pytest.mark.parametrize("name", list(CASES))
async def test_a_request_arrives_and_its_answer_is_read(name: str) -> None:
    """Line, credential and body as the provider wants them; the answer as it came, its usage in the limits."""
    case = CASES[name]
    if "sigv4" in str(case.options):
        pytest.importorskip("botocore")
    asked, reply, limits = await exchanged(case)
    head, _, body = asked.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == case.line
    assert [line for line in lines if line.lower().startswith(case.header.lower())]
    assert sum(SECRET in line for line in lines) == 1
    assert json.loads(body or b"{}") == (case.sent if case.sent is not None else {**case.call.body, "model": "up:0"})
    assert reply.json() == case.told
    assert reply.usage.amounts == case.used
    assert limits["requests"]["level"] == 1
    assert limits["units"]["level"] == (2 if "units" in str(case.call.units) or case.adapter == "generic" else 0)


async def test_a_table_of_one_s_own(tmp_path: Path) -> None:
    """Its place for the secret, its path, its words for usage."""
    table = tmp_path / "own.toml"
    table.write_text(
        'like = "groq"\nchat_path = "/talk"\nsecret_header = "x-token"\nsecret_format = "{secret}"\n'
        'usage = { at = ["stats"], input = ["in"], output = ["out"] }\n',
        encoding="utf-8",
    )
    told = {"choices": ANSWER["choices"], "stats": {"in": 30, "out": 5}}
    case = Case("POST /v1/talk HTTP/1.1", told=told, adapter=f"file:{table}")
    asked, reply, _ = await exchanged(case)
    assert asked.startswith(b"POST /v1/talk HTTP/1.1\r\n")
    assert f"x-token: {SECRET}\r\n".encode() in asked
    assert reply.usage.amounts == USED


@pytest.mark.parametrize(
    ("name", "header", "dimension"),
    [
        ("openai chat", "x-ratelimit-limit-tokens: 1500", "tokens"),
        ("groq chat", "x-ratelimit-remaining-tokens: 1500", "tokens"),
        ("mistral chat", "x-ratelimitbysize-remaining-minute: 1500", "tokens"),
        ("fireworks chat", "x-ratelimit-remaining-tokens-prompt: 1500", "input_tokens"),
        ("azure", "x-ratelimit-remaining-requests: 1500", "requests"),
        ("azure version 1", "x-ratelimit-limit-tokens: 1500", "tokens"),
        ("anthropic", "anthropic-ratelimit-output-tokens-remaining: 2000", "output_tokens"),
        ("anthropic count_tokens", "anthropic-ratelimit-requests-remaining: 1500", "requests"),
    ],
)
async def test_less_in_the_headers_is_believed(name: str, header: str, dimension: str) -> None:
    """Of the dimension and the window that they speak of; Anthropic's tokens less half of what they are rounded to."""
    _, _, limits = await exchanged(CASES[name], header)
    assert {each for each, limit in limits.items() if limit["free"] < 1600} == {dimension}


@pytest.mark.parametrize("name", ["groq chat", "together chat", "anthropic", "gemini", "bedrock", "generic"])
async def test_a_header_of_another_window_changes_nothing(name: str) -> None:
    """A day's requests of Groq's, seconds of Together's, or headers of somebody else's."""
    headers = ("x-ratelimit-limit-requests: 5", "x-ratelimit-limit: 5", "anthropic-fast-output-tokens-limit: 5")
    _, _, limits = await exchanged(CASES[name], *headers)
    assert min(limit["free"] for limit in limits.values()) > 9000
