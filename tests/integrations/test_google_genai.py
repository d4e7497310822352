"""The official google-genai SDK, unmodified: `HttpOptions(httpx_async_client=router.http_client())`."""

from __future__ import annotations

import pytest
from google import genai
from google.genai import errors, types

from actorrouter import Router, open_router_blocking
from actorrouter.events import Dispatched
from tests.integrations.foreign import fleet, routed
from tests.integrations.upstream import UNFINISHED

pytestmark = [pytest.mark.anyio, UNFINISHED]
SLOW = "one two three four five six seven eight nine ten"


def sdk(router: Router, flavor: str = "httpx2") -> genai.Client:
    through = router.http_client(flavor=flavor)
    return genai.Client(api_key="unused", http_options=types.HttpOptions(httpx_async_client=through))


@pytest.mark.parametrize("flavor", ["httpx2", "httpx"])
async def test_plain(foreign: str, flavor: str):
    """The answer is parsed as usual, and its headers say which key gave it: the caller's own is not known there."""
    async with routed(foreign, "gemini") as router:
        answer = await sdk(router, flavor).aio.models.generate_content(model="m", contents="plain")
    assert answer.text == "one two three"
    assert answer.sdk_http_response
    assert (answer.sdk_http_response.headers or {})["x-actorrouter-key"] in ("k1", "k2")


@pytest.mark.parametrize("flavor", ["httpx2", "httpx"])
async def test_stream(foreign: str, flavor: str):
    """Text comes as it is written."""
    async with routed(foreign, "gemini") as router:
        stream = await sdk(router, flavor).aio.models.generate_content_stream(model="m", contents="slow")
        texts = [chunk.text or "" async for chunk in stream]
    assert len(texts) > 3
    assert "".join(texts) == SLOW


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_synchronous(foreign: str, backend: str):
    """The synchronous client answers and streams, with the router in a thread of its own."""
    with open_router_blocking(fleet(foreign, "gemini"), backend=backend) as router:
        mine = genai.Client(api_key="unused", http_options=types.HttpOptions(httpx_client=router.http_client())).models
        assert mine.generate_content(model="m", contents="plain").text == "one two three"
        assert len(list(mine.generate_content_stream(model="m", contents="slow"))) > 3
        assert router.status()["open"] == 0


@pytest.mark.parametrize(
    ("told", "kind", "code"),
    [
        ("fail-400", errors.ClientError, 400),
        ("fail-429", errors.ClientError, 429),
        ("fail-500", errors.ServerError, 500),
    ],
)
async def test_errors(foreign: str, told: str, kind: type[errors.APIError], code: int):
    """The provider's no is the SDK's own class of error, after the router's sends and none of the SDK's."""
    seen: list[object] = []
    async with routed(foreign, "gemini", observers=[seen.append]) as router:
        with pytest.raises(kind) as caught:
            await sdk(router).aio.models.generate_content(model="m", contents=told)
    assert caught.value.code == code
    assert "told" in str(caught.value)
    assert sum(isinstance(event, Dispatched) for event in seen) <= 4


async def test_an_unknown_model(foreign: str):
    """The router's own no is worded as Gemini's would be."""
    async with routed(foreign, "gemini") as router:
        with pytest.raises(errors.ClientError, match="routes are: m") as caught:
            await sdk(router).aio.models.generate_content(model="none", contents="plain")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")


async def test_a_chat(foreign: str):
    """A chat of the SDK's own, which keeps what was said, goes through too, plain and streamed."""
    async with routed(foreign, "gemini") as router:
        chat = sdk(router).aio.chats.create(model="m")
        assert (await chat.send_message("plain")).text == "one two three"
        assert "".join([chunk.text or "" async for chunk in await chat.send_message_stream("slow")]) == SLOW
        assert [said.role for said in chat.get_history()][:4] == ["user", "model", "user", "model"]


async def test_a_cut_stream_never_looks_finished(foreign: str):
    """A stream that breaks raises in the middle of the caller's loop."""
    async with routed(foreign, "gemini") as router:
        with pytest.raises(Exception, match="the stream ended before the answer did"):
            async for _ in await sdk(router).aio.models.generate_content_stream(model="m", contents="cut-late"):
                pass
