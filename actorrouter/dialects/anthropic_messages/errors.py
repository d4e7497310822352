"""Errors in Anthropic's words: as a body, and as what a stream may hold.

Source: anthropic SDK 2.12.0, `_error_classes.py` and `types/shared/error_response.py`.
"""

from __future__ import annotations

from typing import Any

from actorrouter.dialects.anthropic_messages.words import ERROR_STATUSES, error_type
from actorrouter.dialects.documents import dig
from actorrouter.dialects.neutral import Failed


def error(status: int, code: str, message: str) -> dict[str, Any]:
    """An error's body: the SDK finds its exception class by the status and `details.error_code`."""
    said: dict[str, Any] = {"type": error_type(status), "message": message}
    if code and code not in ERROR_STATUSES:
        said["details"] = {"error_code": code}
    return {"type": "error", "error": said}


def failure_of(document: Any) -> Failed:
    """What an `error` event tells."""
    kind, code, message = (dig(document, f"error.{name}") for name in ("type", "details.error_code", "message"))
    word = code if isinstance(code, str) else kind
    return Failed(ERROR_STATUSES.get(str(kind), 500), word if isinstance(word, str) else "", str(message or ""))
