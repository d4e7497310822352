"""The openai SDK through a router to a provider that nobody here wrote."""

from __future__ import annotations

from typing import Any

import anyio
import openai
import pytest
from openai import AsyncOpenAI

from actorrouter import Router
from tests.integrations.foreign import SECRETS, routed
from tests.integrations.upstream import UNFINISHED

pytestmark = [pytest.mark.anyio, UNFINISHED]
SLOW = "one two three four five six seven eight nine ten"


def sdk(router: Router) -> AsyncOpenAI:
    return AsyncOpenAI(http_client=router.http_client(), api_key="unused")


def ask(told: str, **options) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": told}], **options}


async def test_plain_and_stream(foreign: str):
    """It, too, rejects keys it does not know, so the secret was the key's own."""
    async with routed(foreign) as router:
        create = sdk(router).chat.completions.create
        raw = await sdk(router).chat.completions.with_raw_response.create(**ask("plain"))
        assert raw.parse().choices[0].message.content == "one two three"
        assert raw.headers["x-actorrouter-key"] in ("k1", "k2")
        texts = [chunk.choices[0].delta.content or "" async for chunk in await create(**ask("slow", stream=True))]
        assert "".join(texts) == SLOW
        assert len(texts) > 3
    async with AsyncOpenAI(base_url=f"{foreign}/v1", api_key="unused") as straight:
        with pytest.raises(openai.AuthenticationError):
            await straight.chat.completions.create(**ask("plain"))
    assert "unused" not in SECRETS


async def test_tools(foreign: str):
    """A tool's call arrives."""
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    async with routed(foreign) as router:
        answer = await sdk(router).chat.completions.create(**ask("tool", tools=[tool]))
    assert [call.function.name for call in answer.choices[0].message.tool_calls] == ["weather"]


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("fail-400", openai.BadRequestError),
        ("fail-404", openai.NotFoundError),
        ("fail-429", openai.RateLimitError),
        ("fail-500", openai.InternalServerError),
    ],
)
async def test_errors(foreign: str, told: str, kind: type[Exception]):
    """Its no is the SDK's own class of error."""
    async with routed(foreign) as router:
        with pytest.raises(kind, match="told"):
            await sdk(router).chat.completions.create(**ask(told))


async def test_ends(foreign: str):
    """A stream that it cuts off raises; one that the caller leaves is settled."""
    async with routed(foreign) as router:
        create = sdk(router).chat.completions.create
        with pytest.raises(openai.APIConnectionError):
            async for _ in await create(**ask("truncated", stream=True)):
                pass
        with anyio.move_on_after(0.1):
            async for _ in await create(**ask("slow", stream=True)):
                pass
        assert router.status()["open"] == 0
