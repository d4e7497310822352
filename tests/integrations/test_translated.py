"""SDKs of one language served by keys of another: each SDK's words, each provider's dialect, all in between real."""

from __future__ import annotations

import json

import pytest

from tests.integrations.foreign import routed
from tests.integrations.speakers import CHAT, GEMINI, MESSAGES, NAMES, ON_BOTH, RESPONSES, Speaker
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
