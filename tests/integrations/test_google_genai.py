"""The official google-genai SDK, unmodified: `HttpOptions(httpx_async_client=router.http_client())`."""

from __future__ import annotations

import pytest
from anyio.from_thread import start_blocking_portal
from google import genai
from google.genai import errors, types

from actorrouter.integrations.clients import blocking_client, client
from tests.integrations.lane import Lane, laid, opened
from tests.integrations.upstream import UNFINISHED

pytestmark = [pytest.mark.anyio, UNFINISHED]
WEATHER = types.Tool(function_declarations=[types.FunctionDeclaration(name="weather")])


def sdk(lane: Lane, flavor: str = "httpx2") -> genai.Client:
    through = client(lane, flavor, "m", {})
    return genai.Client(api_key="unused", http_options=types.HttpOptions(httpx_async_client=through))


@pytest.mark.parametrize("flavor", ["httpx2", "httpx"])
async def test_plain(foreign: str, flavor: str):
    """The answer is parsed as usual; the URL names the route; none of the caller's credentials go on."""
    async with laid(foreign) as lane:
        answer = await sdk(lane, flavor).aio.models.generate_content(model="m", contents="plain")
    assert answer.text == "one two three"
    (call,) = lane.calls
    assert (call.dialect, call.path, call.model, call.stream) == ("gemini", "", "m", False)
    assert "unused" not in str(dict(call.headers))


@pytest.mark.parametrize("flavor", ["httpx2", "httpx"])
async def test_stream(foreign: str, flavor: str):
    """Text comes as it is written."""
    async with laid(foreign) as lane:
        stream = await sdk(lane, flavor).aio.models.generate_content_stream(model="m", contents="slow")
        texts = [chunk.text or "" async for chunk in stream]
    assert len(texts) > 3
    assert "".join(texts) == "one two three four five six seven eight nine ten"
    assert lane.calls[0].stream


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_synchronous(foreign: str, backend: str):
    """The synchronous client answers and streams, with the router in a thread of its own."""
    with start_blocking_portal(backend) as portal, opened(portal, foreign) as lane:
        options = types.HttpOptions(httpx_client=blocking_client(lane, portal, "httpx2", "m", {}))
        mine = genai.Client(api_key="unused", http_options=options).models
        assert mine.generate_content(model="m", contents="plain").text == "one two three"
        assert len(list(mine.generate_content_stream(model="m", contents="slow"))) > 3


@pytest.mark.filterwarnings("ignore:FUNCTION_CALL is not a valid FinishReason")  # aimock's own word
async def test_tools(foreign: str):
    """A tool's call arrives."""
    config = types.GenerateContentConfig(
        tools=[WEATHER], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
    )
    async with laid(foreign) as lane:
        answer = await sdk(lane).aio.models.generate_content(model="m", contents="tool", config=config)
    assert [called.args for called in answer.function_calls or []] == [{"city": "Bern"}]


@pytest.mark.parametrize(
    ("told", "kind", "code"),
    [
        ("fail-400", errors.ClientError, 400),
        ("fail-429", errors.ClientError, 429),
        ("fail-500", errors.ServerError, 500),
    ],
)
async def test_errors(foreign: str, told: str, kind: type[errors.APIError], code: int):
    """The provider's no is the SDK's own class of error, after one request."""
    async with laid(foreign) as lane:
        with pytest.raises(kind) as caught:
            await sdk(lane).aio.models.generate_content(model="m", contents=told)
    assert caught.value.code == code
    assert len(lane.calls) == 1


async def test_an_unknown_model(foreign: str):
    """The router's own no is worded as Gemini's would be."""
    async with laid(foreign) as lane:
        with pytest.raises(errors.ClientError, match="routes are: m") as caught:
            await sdk(lane).aio.models.generate_content(model="none", contents="plain")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")


async def test_counting_is_passed_through(foreign: str):
    """An endpoint that is no conversation keeps its path, and goes where its model says."""
    async with laid(foreign) as lane:
        with pytest.raises(errors.APIError):  # that provider has no such endpoint under this path
            await sdk(lane).aio.models.count_tokens(model="m", contents="plain")
    (call,) = lane.calls
    assert (call.dialect, call.path, call.model) == ("", "/models/m:countTokens", "m")
