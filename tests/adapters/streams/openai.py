"""A streamed chat answer, event by event, as OpenAI and its kin send it."""

from __future__ import annotations

import json
from typing import Any

DONE = b"data: [DONE]\n\n"
PING = b": OPENROUTER PROCESSING\n\n"
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


def event(**chunk: Any) -> bytes:
    """One event, spaced as Python writes JSON."""
    return b"data: " + json.dumps({"object": "chat.completion.chunk", **chunk}).encode() + b"\n\n"


def delta(finish: str | None = None, index: int = 0, **said: Any) -> bytes:
    """One choice's delta; every chunk carries `usage: null`, as with include_usage."""
    return event(choices=[{"index": index, "delta": said, "finish_reason": finish}], usage=None)


ROLE = delta(role="assistant", content="")
HELLO = delta(content="hello wo")
WORLD = delta(content="rld!")
STOP = delta(finish="stop")
TOTAL = event(choices=[], usage=USAGE)
ERROR = event(error={"message": "sk-abcdefgh overloaded", "code": "slow_down"})
