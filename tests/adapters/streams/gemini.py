"""A streamed answer of Gemini's, chunk by chunk, and what goes wrong in one."""

from __future__ import annotations

import json
from typing import Any

from tests.adapters.answers import SECRETS


def event(**chunk: Any) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n"


def says(text: str, finish: str | None = None, given: int = 9, written: int = 0, index: int = 0) -> bytes:
    candidate: dict[str, Any] = {
        "content": {"parts": [{"text": text}] if text else [], "role": "model"},
        "index": index,
    }
    if finish:
        candidate["finishReason"] = finish
    used = {"promptTokenCount": given, "candidatesTokenCount": written, "totalTokenCount": given + written}
    return event(candidates=[candidate], usageMetadata=used, modelVersion="gemini-3-flash")


EMPTY = says("")
HELLO = says("Hello", written=2)
WORLD = says(", wörld 漢字\u2028🙂", written=5)
STOP = says("", "STOP", written=6)
STREAM = HELLO + WORLD + STOP
FAILURE = {"error": {"code": 503, "message": f"overloaded {SECRETS[1].decode()}", "status": "UNAVAILABLE"}}
RAW = json.dumps(FAILURE, indent=2).encode()
LISTED = json.dumps([FAILURE], indent=2).encode()
TOLD = event(**FAILURE)
DAY = event(
    error={
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "message": "quota",
        "details": [{"violations": [{"quotaId": "RequestsPerDay"}]}, {"retryDelay": "1s"}],
    }
)
