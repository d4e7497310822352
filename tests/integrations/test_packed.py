"""Packed answers, through an SDK, the router and each HTTP client the router may use towards providers."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import openai
import pytest
from openai import AsyncOpenAI

from actorrouter import ProviderConfig, Router, open_router
from tests.integrations.packing import PACK
from tests.integrations.upstream import JSON, UNFINISHED, WORDS, completion, event, fleet
from tests.router.world import assert_idle
from tests.transport.server import CHUNKED, Peer, answer, chunk, serve

pytestmark = [pytest.mark.anyio, UNFINISHED]
CODINGS = ["gzip", "x-gzip", "deflate", "identity"]
UNKNOWN = ["br", "zstd", "gzip, gzip", "made-up"]
STREAM = b"".join([*(event({"content": word}) for word in WORDS), event({}, finish_reason="stop"), b"data: [DONE]\n\n"])


@pytest.fixture(params=["lean", "httpx2", "httpx"])
def client(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def packing(peer: Peer) -> None:
    """Packs as the message says, cuts as many bytes off as it says, and ends as if that were all."""
    while True:
        request = await peer.request()
        assert not re.search(rb"^accept-encoding:.*\b(?:br|zstd|compress)\b", request, re.MULTILINE | re.IGNORECASE)
        asked = json.loads(request.partition(b"\r\n\r\n")[2])
        coding, _, cut = asked["messages"][0]["content"].partition("/")
        if coding == "as asked":
            found = re.search(rb"^accept-encoding: (.*)\r$", request, re.MULTILINE | re.IGNORECASE)
            coding = found[1].decode() if found else "identity"
        content = PACK.get(coding, bytes)(STREAM if asked.get("stream") else completion())
        content = content[: len(content) - int(cut or 0)]
        if not asked.get("stream"):
            await peer.send(answer(content, "200 OK", JSON, f"content-encoding: {coding}", f"x-coding: {coding}"))
            continue
        kind = f"content-encoding: {coding}\r\ncontent-type: text/event-stream\r\n\r\n"
        pieces = [chunk(content[at : at + 7]) for at in range(0, len(content), 7)]
        await peer.send(CHUNKED[:-2] + kind.encode(), *pieces, b"0\r\n\r\n")


@asynccontextmanager
async def packed(client: str, **headers: str) -> AsyncIterator[Router]:
    async with serve(packing) as server:
        provider = ProviderConfig(f"http://127.0.0.1:{server.port}/v1", http_client=client, headers=headers)
        async with open_router(attrs.evolve(fleet(""), providers={"acme": provider})) as router:
            yield router
            assert_idle(router)


def asking(router: Router) -> Any:
    sdk = AsyncOpenAI(http_client=router.http_client(max_attempts=1), api_key="unused", max_retries=0)
    return sdk.chat.completions.with_raw_response.create


def ask(told: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": told}]


@pytest.mark.parametrize("coding", CODINGS)
async def test_what_is_known_arrives_unpacked(client: str, coding: str):
    """Plain and streamed, the SDK reads what was packed, and no header says that it still is."""
    async with packed(client) as router:
        raw = await asking(router)(model="m", messages=ask(coding))
        assert raw.parse().choices[0].message.content == "".join(WORDS)
        assert "content-encoding" not in raw.headers
        stream = (await asking(router)(model="m", messages=ask(coding), stream=True)).parse()
        assert "".join([each.choices[0].delta.content or "" async for each in stream]) == "".join(WORDS)
        assert "content-encoding" not in stream.response.headers


@pytest.mark.parametrize("coding", UNKNOWN)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_what_nobody_asked_for(client: str, coding: str, stream: bool):
    """A coding that cannot be undone is the SDK's own error, which says so, and never an answer."""
    async with packed(client) as router:
        with pytest.raises(openai.APIConnectionError) as caught:
            await asking(router)(model="m", messages=ask(coding), stream=stream)
    assert "cannot be decompressed" in str(caught.value.__cause__)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("cut", [1, 40])
async def test_a_packed_answer_that_is_cut(client: str, coding: str, cut: int):
    """Where the packed bytes end too early, though HTTP's own end is there, a plain answer is an error."""
    async with packed(client) as router:
        with pytest.raises(openai.APIConnectionError) as caught:
            await asking(router)(model="m", messages=ask(f"{coding}/{cut}"))
    assert "cannot be decompressed" in str(caught.value.__cause__)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_packed_stream_that_is_cut(client: str, coding: str):
    """So is a stream, wherever in its loop the caller is by then."""
    async with packed(client) as router:
        with pytest.raises(openai.APIConnectionError) as caught:
            async for _ in (await asking(router)(model="m", messages=ask(f"{coding}/40"), stream=True)).parse():
                pass
    assert "cannot be decompressed" in str(caught.value.__cause__)


@pytest.mark.parametrize(("headers", "coding"), [({}, "identity"), ({"accept-encoding": "gzip"}, "gzip")])
async def test_what_is_asked_for(client: str, headers: dict[str, str], coding: str):
    """Nothing is asked for, whatever the SDK would like, but what the provider's own headers say."""
    async with packed(client, **headers) as router:
        raw = await asking(router)(model="m", messages=ask("as asked"))
        assert raw.parse().choices[0].message.content == "".join(WORDS)
    assert raw.headers.get("x-coding") == coding
