"""SDKs of one language served by keys of another: each SDK's words, each provider's dialect, all in between real."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic

from tests.integrations.foreign import routed
from tests.integrations.speakers import CHAT, GEMINI, MESSAGES, NAMES, ON_BOTH, RESPONSES, Speaker, told_by_user
from tests.integrations.upstream import UNFINISHED

pytestmark = [
    pytest.mark.anyio,
    UNFINISHED,
    pytest.mark.filterwarnings("ignore:FUNCTION_CALL is not a valid FinishReason"),  # aimock's own word
    pytest.mark.parametrize("adapter", ["openai", "anthropic", "gemini"]),
]
SLOW = "one two three four five six seven eight nine ten"
every_speaker = pytest.mark.parametrize(("speaker", "anyio_backend"), ON_BOTH, ids=NAMES)


@every_speaker
async def test_plain(foreign: str, speaker: Speaker, adapter: str):
    """The SDK reads the answer of any provider as its own provider's."""
    async with routed(foreign, adapter) as router:
        assert await speaker.answer(router, "plain") == "one two three"


@every_speaker
async def test_stream(foreign: str, speaker: Speaker, adapter: str):
    """Text comes as it is written, in pieces, from any provider."""
    async with routed(foreign, adapter) as router:
        texts = await speaker.texts(router, "slow")
    assert "".join(texts) == SLOW
    assert len(texts) > 3


@pytest.mark.parametrize("speaker", [CHAT, RESPONSES, MESSAGES, GEMINI], ids=lambda speaker: speaker.name)
async def test_tools(foreign: str, speaker: Speaker, adapter: str):
    """A tool is called with its arguments, and its result is told to the provider that asked for it."""
    assert speaker.tool is not None
    async with routed(foreign, adapter) as router:
        arguments, then = await speaker.tool(router)
    assert (json.loads(arguments) if isinstance(arguments, str) else arguments) == {"city": "Bern"}
    assert then == "it is sunny"


async def test_what_cannot_be_said(foreign: str, adapter: str):
    """What the key's language has no word for is a 400 that names it, until the client allows leaving it out."""
    async with routed(foreign, adapter) as router:
        asked: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": told_by_user("plain")}
        asked["extra_body"] = {"top_k": 3}
        sdk = AsyncAnthropic(http_client=router.http_client(), api_key="unused")
        if adapter == "openai":
            with pytest.raises(anthropic.BadRequestError, match="top_k"):
                await sdk.messages.create(**asked)
            sdk = AsyncAnthropic(http_client=router.http_client(losses=frozenset({"top_k"})), api_key="unused")
        assert (await sdk.messages.create(**asked)).content[0].text == "one two three"
