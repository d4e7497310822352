"""A streamed message of Anthropic's, event by event, and what goes wrong in one."""

from __future__ import annotations

import json
from typing import Any

from tests.adapters.answers import SECRETS


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def delta(index: int = 0, **said: Any) -> bytes:
    return event("content_block_delta", index=index, delta=said)


USED = {"input_tokens": 25, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 100, "output_tokens": 1}
START = event("message_start", message={"id": "msg_1", "model": "claude-sonnet-5", "content": [], "usage": USED})
BLOCK = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
PING = event("ping")
HELLO = delta(type="text_delta", text="Hello")
WORLD = delta(type="text_delta", text=", wörld 漢字\u2028🙂")
BLOCK_END = event("content_block_stop", index=0)
END = event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 15})
STOP = event("message_stop")
ERROR = event("error", error={"type": "overloaded_error", "message": f"Overloaded {SECRETS[0].decode()}"})
STREAM = START + BLOCK + PING + HELLO + WORLD + BLOCK_END + END + STOP
TOOL = event("content_block_start", index=0, content_block={"type": "tool_use", "id": "t1", "name": "f", "input": {}})
