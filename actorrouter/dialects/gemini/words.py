"""Gemini's words for what is neutral elsewhere.

Source: google-genai SDK 3.4.0, `types.py`.
"""

from __future__ import annotations

from typing import Final

from actorrouter.dialects.neutral import Finish

FINISHES: Final = {
    "STOP": Finish.STOP,
    "MAX_TOKENS": Finish.LENGTH,
    "CONTINUATION": Finish.LENGTH,
} | dict.fromkeys(
    (
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
        "MODEL_ARMOR",
    ),
    Finish.CONTENT,
)
FINISH_WORDS: Final = {
    Finish.STOP: "STOP",
    Finish.LENGTH: "MAX_TOKENS",
    Finish.TOOL_CALLS: "STOP",
    Finish.CONTENT: "SAFETY",
    Finish.PAUSE: "STOP",
}

ANY: Final = "ANY"
MODES: Final = {"AUTO": "auto", "NONE": "none", ANY: "required"}
MODE_WORDS: Final = {mode: word for word, mode in MODES.items()}

LEVELS: Final = {"MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high", "XHIGH": "xhigh"}
LEVEL_WORDS: Final = {effort: level for level, effort in LEVELS.items()}

TEMPERATURE_MAX: Final = 2
JSON_TYPE: Final = "application/json"

# What these say is what happens without them.
CONFIG_PLAIN: Final = {
    "responseModalities": (["TEXT"],),
    "responseLogprobs": (False,),
    "logprobs": (0,),
    "mediaResolution": ("MEDIA_RESOLUTION_UNSPECIFIED",),
}
KEPT_ELSEWHERE: Final = {
    "cachedContent": "a part of the conversation is with the provider that keeps it; without it the meaning changes",
}

# An error's status by its HTTP status: google.rpc.Code.
STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
CODES: Final = {name: status for status, name in STATUSES.items()} | {"FAILED_PRECONDITION": 400, "OUT_OF_RANGE": 400}
