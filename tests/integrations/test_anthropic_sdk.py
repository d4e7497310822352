"""The official anthropic SDK, unmodified: `http_client=router.http_client()`."""

from __future__ import annotations

from typing import Any

import anthropic
import anyio
import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic
from anyio.from_thread import start_blocking_portal

from actorrouter.integrations.clients import blocking_client, client
from tests.integrations.lane import Lane, laid, opened
from tests.integrations.upstream import UNFINISHED

pytestmark = [pytest.mark.anyio, UNFINISHED]
TOOLS = [{"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]


def sdk(lane: Lane, **options) -> AsyncAnthropic:
    return AsyncAnthropic(http_client=client(lane, "httpx2", "m", {}), api_key="unused", **options)


def ask(told: str, **options) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": told}], **options}


async def test_plain(foreign: str):
    """The answer is parsed as usual; the call names its dialect and carries none of the caller's credentials."""
    async with laid(foreign) as lane:
        answer = await sdk(lane).messages.create(**ask("plain"))
    assert answer.content[0].text == "one two three"
    (call,) = lane.calls
    assert (call.dialect, call.path, call.model, call.stream) == ("anthropic-messages", "", "m", False)
    assert call.headers["anthropic-version"]
    assert "unused" not in str(dict(call.headers))


async def test_stream(foreign: str):
    """Text comes as it is written, with the final message at the end."""
    async with laid(foreign) as lane, sdk(lane).messages.stream(**ask("slow")) as stream:
        texts = [text async for text in stream.text_stream]
        final = await stream.get_final_message()
    assert len(texts) > 3
    assert "".join(texts) == "one two three four five six seven eight nine ten"
    assert [block.type for block in final.content] == ["text"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_synchronous(foreign: str, backend: str):
    """The synchronous client answers, streams and is left early, with the router in a thread of its own."""
    with start_blocking_portal(backend) as portal, opened(portal, foreign) as lane:
        mine = Anthropic(http_client=blocking_client(lane, portal, "httpx2", "m", {}), api_key="unused")
        assert mine.messages.create(**ask("plain")).content[0].text == "one two three"
        with mine.messages.stream(**ask("slow")) as stream:
            assert len(list(stream.text_stream)) > 3
        with mine.messages.stream(**ask("slow")) as stream:
            next(iter(stream))
        assert lane.open == 0


async def test_tools(foreign: str):
    """A tool's call arrives."""
    async with laid(foreign) as lane:
        answer = await sdk(lane).messages.create(**ask("tool", tools=TOOLS))
    assert [block.input for block in answer.content if block.type == "tool_use"] == [{"city": "Bern"}]


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("fail-400", anthropic.BadRequestError),
        ("fail-404", anthropic.NotFoundError),
        ("fail-429", anthropic.RateLimitError),
        ("fail-500", anthropic.InternalServerError),
    ],
)
async def test_errors(foreign: str, told: str, kind: type[Exception]):
    """The provider's no is the SDK's own class of error, after one request: the SDK does not repeat it."""
    async with laid(foreign) as lane:
        with pytest.raises(kind, match="told"):
            await sdk(lane).messages.create(**ask(told))
    assert len(lane.calls) == 1


async def test_an_unknown_model(foreign: str):
    """The router's own no is worded as Anthropic's would be."""
    async with laid(foreign) as lane:
        with pytest.raises(anthropic.NotFoundError, match="routes are: m") as caught:
            await sdk(lane).messages.create(**{**ask("plain"), "model": "none"})
    assert caught.value.type == "not_found_error"


async def test_leaving_early(foreign: str):
    """Leaving a stream, or being cancelled in it, ends the call."""
    async with laid(foreign) as lane:
        async with sdk(lane).messages.stream(**ask("slow")) as stream:
            await anext(aiter(stream))
            assert lane.open == 1
        assert lane.open == 0
        with anyio.move_on_after(0.1) as scope:
            async with sdk(lane).messages.stream(**ask("slow")) as stream:
                async for _ in stream:
                    pass
        assert scope.cancelled_caught


async def test_a_cut_stream_never_looks_finished(foreign: str):
    """A stream that breaks raises in the middle of the caller's loop."""
    async with laid(foreign) as lane:
        with pytest.raises(httpx2.RemoteProtocolError):
            async with sdk(lane).messages.stream(**ask("truncated")) as stream:
                await stream.get_final_message()


async def test_counting_is_passed_through(foreign: str):
    """An endpoint that is no conversation keeps its path, and goes where its model says."""
    async with laid(foreign) as lane:
        with pytest.raises(anthropic.NotFoundError):  # that provider counts nothing
            await sdk(lane).messages.count_tokens(model="m", messages=ask("plain")["messages"])
    (call,) = lane.calls
    assert (call.dialect, call.path, call.model) == ("", "/messages/count_tokens", "m")
