"""Amazon Bedrock behind the SDKs of others: its frames arrive as the server-sent events they wrap."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from actorrouter import ProviderConfig, open_router
from tests.adapters.frames import chunk as framed
from tests.integrations.upstream import UNFINISHED, fleet
from tests.transport.server import CHUNKED, Peer, chunk, serve

pytestmark = [pytest.mark.anyio, UNFINISHED]
FRAMES = CHUNKED[:-2] + b"content-type: application/vnd.amazon.eventstream\r\n\r\n"
MESSAGE: dict[str, Any] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": [],
    "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 1},
}  # fmt: skip
EVENTS = (
    {"type": "message_start", "message": MESSAGE},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "one "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "two"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
)


async def framing(peer: Peer) -> None:
    while True:
        await peer.request()
        await peer.send(FRAMES, *(chunk(framed(event)) for event in EVENTS), b"0\r\n\r\n")


async def test_frames_arrive_as_events():
    """Anthropic's SDK and OpenAI's read the stream, and its headers name what it has become."""
    async with serve(framing) as server:
        provider = ProviderConfig(f"http://127.0.0.1:{server.port}", adapter="bedrock")
        async with open_router(attrs.evolve(fleet(""), providers={"acme": provider})) as router:
            client = router.http_client()
            asked: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 5}
            messages = AsyncAnthropic(http_client=client, api_key="unused").messages
            raw = await messages.with_raw_response.create(**asked, stream=True)
            assert raw.headers["content-type"] == "text/event-stream"
            events = [event async for event in await raw.parse()]
            assert [event.delta.text for event in events if event.type == "content_block_delta"] == ["one ", "two"]
            stream = await AsyncOpenAI(http_client=client, api_key="unused").chat.completions.create(
                **asked, stream=True
            )
            assert "".join([each.choices[0].delta.content or "" async for each in stream]) == "one two"
            assert stream.response.headers["content-type"] == "text/event-stream"
