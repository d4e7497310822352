"""The official mistralai SDK, unmodified: `Mistral(async_client=router.http_client())`. Its async half is asyncio's
own (3.7.0 runs parts of each request by `asyncio.to_thread`), so it is tried there alone."""

from __future__ import annotations

from typing import Any

import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

from actorrouter import Router, open_router_blocking
from tests.integrations.upstream import UNFINISHED, WORDS, Upstream, fleet, routed

pytestmark = UNFINISHED


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def ask(told: str, **options) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": told}], **options}


def sdk(router: Router) -> Mistral:
    return Mistral(api_key="unused", async_client=router.http_client())


@pytest.mark.anyio
async def test_plain_and_stream(upstream: Upstream):
    """Plain answers and streams arrive; the caller's credentials do not go on."""
    async with routed(upstream) as router:
        answer = await sdk(router).chat.complete_async(**ask("plain"))
        message = answer.choices[0].message
        assert message is not None
        assert message.content == "".join(WORDS)
        async with await sdk(router).chat.stream_async(**ask("slow")) as stream:
            texts = [event.data.choices[0].delta.content or "" async for event in stream]
        assert "".join(texts) == "".join(WORDS)
    assert "unused" not in str(upstream.asked)


@pytest.mark.anyio
async def test_errors(upstream: Upstream):
    """The provider's no and the router's are the SDK's error, with the status."""
    async with routed(upstream) as router:
        for request, status in ((ask("fail 400"), 400), (ask("plain", model="none"), 404)):
            with pytest.raises(SDKError) as caught:
                await sdk(router).chat.complete_async(**request)
            assert caught.value.status_code == status


@pytest.mark.anyio
async def test_a_busy_key_is_passed_over(upstream: Upstream):
    """A 429 on the first key is answered by the second, with two requests."""
    upstream.busy = {"a"}
    async with routed(upstream) as router:
        await sdk(router).chat.complete_async(**ask("plain"))
    assert upstream.keys == ["a", "b"]


@pytest.mark.anyio
async def test_leaving_early(upstream: Upstream):
    """Leaving a stream settles at once."""
    async with routed(upstream) as router:
        async with await sdk(router).chat.stream_async(**ask("stall")) as stream:
            await anext(aiter(stream))
            assert router.status()["open"] == 1
        assert router.status()["open"] == 0


def test_synchronous(upstream: Upstream):
    """The synchronous client answers and streams."""
    with open_router_blocking(fleet(upstream.url)) as router:
        with Mistral(api_key="unused", client=router.http_client()) as mine:
            assert mine.chat.complete(**ask("plain")).usage.total_tokens == 7
            texts = [event.data.choices[0].delta.content or "" for event in mine.chat.stream(**ask("slow"))]
        assert "".join(texts) == "".join(WORDS)
        assert router.status()["open"] == 0
