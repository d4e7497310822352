"""Error bodies of the router's own answers, as the SDKs of each dialect read them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actorrouter.dialects import ANTHROPIC_MESSAGES, GEMINI

# Types and statuses: the providers' error pages, facts of 2026-11-23.
_OPENAI: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
}
_ANTHROPIC: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "overloaded_error",
}
_GEMINI: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}


def error_body(language: str, status: int, code: str, message: str) -> dict[str, Any]:
    """An error's document in a dialect; OpenAI's where it has none of its own."""
    if language == ANTHROPIC_MESSAGES:
        return {"type": "error", "error": {"type": _ANTHROPIC.get(status, "api_error"), "message": message}}
    if language == GEMINI:
        return {"error": {"code": status, "message": message, "status": _GEMINI.get(status, "INTERNAL")}}
    kind = _OPENAI.get(status, "server_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
