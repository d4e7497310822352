"""Errors in chat's words: as a body, and as what a stream may hold.

Source: openai SDK 3.54.0, `_client.py` and `_streaming.py`; facts: `[[providers.openai.errors]]` in providers.toml.
"""

from __future__ import annotations

from typing import Any

from actorrouter.dialects.documents import dig, listed
from actorrouter.dialects.neutral import Failed
from actorrouter.dialects.openai_chat.words import ERROR_STATUSES, error_type


def error(status: int, code: str, message: str) -> dict[str, Any]:
    """An error's body: the SDK finds its exception class by the status."""
    return {"error": {"message": message, "type": error_type(status), "param": None, "code": code or None}}


def failure_inside(chunk: Any) -> Failed | None:
    """The error that a chunk carries: on top, under `x_groq` (Groq) or in a choice (OpenRouter)."""
    said = dig(chunk, "error") or dig(chunk, "x_groq.error")
    for choice in listed(chunk, "choices"):
        said = said or dig(choice, "error")
        said = said or (dig(choice, "finish_reason") == "error" and "the provider ended with an error")
    if not said:
        return None
    if not isinstance(said, dict):
        return Failed(500, "", str(said))
    code, kind = said.get("code"), said.get("type")
    words = [word for word in (code, kind) if isinstance(word, str) and word]
    return Failed(_status(code, words), words[0] if words else "", str(said.get("message") or ""))


def _status(code: Any, words: list[str]) -> int:
    """OpenRouter's code is a status; the others' words stand for one."""
    if isinstance(code, int) and 400 <= code < 600:
        return code
    return next((ERROR_STATUSES[word] for word in words if word in ERROR_STATUSES), 500)
