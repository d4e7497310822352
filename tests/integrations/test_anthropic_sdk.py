"""The official anthropic SDK, unmodified: `http_client=router.http_client()`."""

from __future__ import annotations

from typing import Any

import anthropic
import anyio
import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic

from actorrouter import Router, open_router_blocking
from actorrouter.events import Dispatched
from tests.integrations.foreign import fleet, routed
from tests.integrations.upstream import UNFINISHED

pytestmark = [pytest.mark.anyio, UNFINISHED]
SLOW = "one two three four five six seven eight nine ten"


def sdk(router: Router, **options) -> AsyncAnthropic:
    return AsyncAnthropic(http_client=router.http_client(), api_key="unused", **options)


def ask(told: str, **options) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": told}], **options}


async def test_plain(foreign: str):
    """The answer is parsed as usual, and its headers say which key gave it: the caller's own is not known there."""
    async with routed(foreign, "anthropic") as router:
        raw = await sdk(router).messages.with_raw_response.create(**ask("plain"))
        assert (await raw.parse()).content[0].text == "one two three"
        assert raw.headers["x-actorrouter-key"] in ("k1", "k2")
    async with AsyncAnthropic(base_url=foreign, api_key="unused") as straight:
        with pytest.raises(anthropic.AuthenticationError):
            await straight.messages.create(**ask("plain"))


async def test_stream(foreign: str):
    """Text comes as it is written, with the final message at the end."""
    async with routed(foreign, "anthropic") as router, sdk(router).messages.stream(**ask("slow")) as stream:
        texts = [text async for text in stream.text_stream]
        final = await stream.get_final_message()
    assert len(texts) > 3
    assert "".join(texts) == SLOW
    assert [block.type for block in final.content] == ["text"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_synchronous(foreign: str, backend: str):
    """The synchronous client answers, streams and is left early, with the router in a thread of its own."""
    with open_router_blocking(fleet(foreign, "anthropic"), backend=backend) as router:
        mine = Anthropic(http_client=router.http_client(), api_key="unused")
        assert mine.messages.create(**ask("plain")).content[0].text == "one two three"
        with mine.messages.stream(**ask("slow")) as stream:
            assert len(list(stream.text_stream)) > 3
        with mine.messages.stream(**ask("slow")) as stream:
            next(iter(stream))
            assert router.status()["open"] == 1
        assert router.status()["open"] == 0


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
    """The provider's no is the SDK's own class of error, and the SDK does not repeat it."""
    seen: list[object] = []
    async with routed(foreign, "anthropic", observers=[seen.append]) as router:
        with pytest.raises(kind, match="told"):
            await sdk(router).with_options(max_retries=9).messages.create(**ask(told))
    assert sum(isinstance(event, Dispatched) for event in seen) <= 4  # of the router's own


async def test_an_unknown_model(foreign: str):
    """The router's own no is worded as Anthropic's would be."""
    async with routed(foreign, "anthropic") as router:
        with pytest.raises(anthropic.NotFoundError, match="routes are: m") as caught:
            await sdk(router).messages.create(**{**ask("plain"), "model": "none"})
    assert caught.value.type == "not_found_error"


async def test_leaving_early(foreign: str):
    """Leaving a stream, or being cancelled in it, ends the call."""
    async with routed(foreign, "anthropic") as router:
        async with sdk(router).messages.stream(**ask("slow")) as stream:
            await anext(aiter(stream))
            assert router.status()["open"] == 1
        assert router.status()["open"] == 0
        with anyio.move_on_after(0.1) as scope:
            async with sdk(router).messages.stream(**ask("slow")) as stream:
                async for _ in stream:
                    pass
        assert scope.cancelled_caught
        assert router.status()["open"] == 0


async def test_a_cut_stream_never_looks_finished(foreign: str):
    """A stream that breaks raises in the middle of the caller's loop."""
    async with routed(foreign, "anthropic") as router:
        with pytest.raises(httpx2.RemoteProtocolError):
            async with sdk(router).messages.stream(**ask("cut-late")) as stream:
                await stream.get_final_message()
