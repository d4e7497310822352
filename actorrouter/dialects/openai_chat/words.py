"""OpenAI chat's words for what is neutral elsewhere.

Source: openai SDK 3.54.0, `types/chat/` and `types/shared/reasoning_effort.py`.
"""

from __future__ import annotations

from typing import Final

from actorrouter.dialects.neutral import Finish

FINISHES: Final = {
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "tool_calls": Finish.TOOL_CALLS,
    "function_call": Finish.TOOL_CALLS,
    "content_filter": Finish.CONTENT,
}
FINISH_WORDS: Final = {
    Finish.STOP: "stop",
    Finish.LENGTH: "length",
    Finish.TOOL_CALLS: "tool_calls",
    Finish.CONTENT: "content_filter",
    Finish.PAUSE: "stop",
}
STOPS_MAX: Final = 4
TEMPERATURE_MAX: Final = 2

AUDIO_TYPES: Final = {"wav": "audio/wav", "mp3": "audio/mpeg"}
AUDIO_FORMATS: Final = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}

FORMAT_NAME: Final = "answer"
"""Of a schema nobody named: a name has to be there."""

# What these say is what happens without them.
PLAIN: Final = {
    "logprobs": (False,),
    "top_logprobs": (0,),
    "store": (False,),
    "service_tier": ("auto",),
    "modalities": (["text"],),
}

ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "service_unavailable_error",
    529: "service_unavailable_error",
}
# An error inside a stream comes with its words only (facts: the rules of `openai` in providers.toml).
ERROR_STATUSES: Final = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "server_is_overloaded": 503,
    "service_unavailable_error": 503,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
}


def error_type(status: int) -> str:
    """An error's `type`."""
    return ERROR_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
