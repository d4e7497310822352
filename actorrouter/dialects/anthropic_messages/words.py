"""Anthropic's words for what is neutral elsewhere.

Source: anthropic SDK 2.12.0, `types/` and `_error_classes.py`; facts: `[[providers.anthropic.errors]]`.
"""

from __future__ import annotations

from typing import Final

from actorrouter.dialects.neutral import Finish

OUTPUT_TOKENS_DEFAULT: Final = 8192
"""`max_tokens` has to be said; this is said where a caller did not: the least that
`_constants.py` bounds a model's output with."""
BUDGET_TOKENS_MIN: Final = 1024
"""`types/thinking_config_enabled_param.py`."""

FINISHES: Final = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "tool_use": Finish.TOOL_CALLS,
    "pause_turn": Finish.PAUSE,
    "refusal": Finish.CONTENT,
}
FINISH_WORDS: Final = {
    Finish.STOP: "end_turn",
    Finish.LENGTH: "max_tokens",
    Finish.TOOL_CALLS: "tool_use",
    Finish.CONTENT: "refusal",
    Finish.PAUSE: "pause_turn",
}

EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})
IMAGE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
CHOICES: Final = {"auto": "auto", "any": "required", "none": "none", "tool": "tool"}
CHOICE_WORDS: Final = {mode: word for word, mode in CHOICES.items()}

# What these say is what happens without them.
PLAIN: Final = {"service_tier": ("auto",), "speed": ("standard",)}
TOOL_PLAIN: Final = {"allowed_callers": (["direct"],), "defer_loading": (False,), "eager_input_streaming": (False,)}
CALL_PLAIN: Final = {"caller": ({"type": "direct"},)}
DOCUMENT_PLAIN: Final = {"citations": ({"enabled": False},)}

ERROR_TYPES: Final = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
# An error inside a stream comes with its type only.
ERROR_STATUSES: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
    "api_error": 500,
}


def error_type(status: int) -> str:
    """An error's `type`."""
    return ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
