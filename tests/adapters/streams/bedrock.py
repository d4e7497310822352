"""Bedrock's streams: of the Converse API, and of a message in frames."""

from __future__ import annotations

import json
from typing import Any

from tests.adapters.answers import SECRETS
from tests.adapters.frames import chunk, event, exception

START = event("messageStart", {"role": "assistant", "p": "ab"})
HELLO = event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello"}, "p": "abc"})
WORLD = event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": ", wörld 漢字🙂"}})
BLOCK_END = event("contentBlockStop", {"contentBlockIndex": 0})
STOP = event("messageStop", {"stopReason": "end_turn"})
USED = {"inputTokens": 10, "outputTokens": 4, "totalTokens": 14, "cacheReadInputTokens": 100}
METADATA = event("metadata", {"usage": USED, "metrics": {"latencyMs": 7}})
STREAM = START + HELLO + WORLD + BLOCK_END + STOP + METADATA
LEAKS = f"slow down {SECRETS[0].decode()}"
THROTTLED = exception("throttlingException", LEAKS)


def inner(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


BEGUN = inner(
    "message_start", message={"model": "claude-sonnet-4-5", "usage": {"input_tokens": 25, "output_tokens": 1}}
)
SAID = inner("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello 漢字"})
ENDED = inner("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 15})
STOPPED = {**inner("message_stop"), "amazon-bedrock-invocationMetrics": {"inputTokenCount": 25, "outputTokenCount": 15}}
WRAPPED = b"".join([chunk(each) for each in (BEGUN, SAID, ENDED, STOPPED)])


def sse(*documents: dict[str, Any]) -> bytes:
    return b"".join([f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in documents])
