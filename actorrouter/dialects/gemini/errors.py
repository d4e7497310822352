"""Errors in Google's words, as a body and inside a stream alike.

Source: google-genai SDK 3.4.0, `errors.py` and `_api_client.py`; facts: `[providers.gemini.error_body]` in
providers.toml.
"""

from __future__ import annotations

from typing import Any, Final

from actorrouter.dialects.documents import dig
from actorrouter.dialects.gemini.words import CODES, STATUSES
from actorrouter.dialects.neutral import Failed

_INFO: Final = "type.googleapis.com/google.rpc.ErrorInfo"


def error(status: int, code: str, message: str) -> dict[str, Any]:
    """An error's body: the SDK takes its exception class from `code`, the HTTP status. Our own code is its reason."""
    name = STATUSES.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
    said: dict[str, Any] = {"code": status, "message": message, "status": name}
    if code and code != name:
        said["details"] = [{"@type": _INFO, "reason": code}]
    return {"error": said}


def failure_inside(chunk: Any) -> Failed | None:
    """The error that a chunk carries, which may come in a list of one."""
    said = dig(chunk[0] if isinstance(chunk, list) and chunk else chunk, "error")
    if not said:
        return None
    if not isinstance(said, dict):
        return Failed(500, "", str(said))
    name, code = said.get("status"), said.get("code")
    word = name if isinstance(name, str) else ""
    status = code if isinstance(code, int) and 400 <= code < 600 else CODES.get(word, 500)
    return Failed(status, _reason(said) or word, str(said.get("message") or ""))


def _reason(said: dict[str, Any]) -> str:
    """The first detail's reason; Google's status is the same for many."""
    reason = dig(said, "details.0.reason")
    return reason if isinstance(reason, str) else ""
