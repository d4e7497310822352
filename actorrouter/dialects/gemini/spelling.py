"""One spelling of a document: protobuf's JSON takes fields in snake_case as well, and Google's own examples use both.

Source: protobuf's "ProtoJSON Format"; google-genai SDK 3.4.0 sends camelCase.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_UNDERSCORE: Final = re.compile(r"_([a-z0-9])")
_DEPTH_MAX: Final = 12
"""No field of ours stands deeper: contents, a part, a function's response, its parts, their data."""
_OPAQUE: Final = frozenset(
    {
        "args",
        "response",
        "parameters",
        "parametersJsonSchema",
        "responseSchema",
        "responseJsonSchema",
        "labels",
        "partMetadata",
    }
)
"""What stands in these is the caller's own."""


def camel(document: Any, depth: int = 0) -> Any:
    """The document with its fields in camelCase, as far down as there are fields of Gemini's."""
    if depth > _DEPTH_MAX:
        return document
    if isinstance(document, list):
        return [camel(each, depth + 1) for each in document]
    if not isinstance(document, Mapping):
        return document
    return {_spelled(name): _inside(_spelled(name), said, depth) for name, said in document.items()}


def _spelled(name: str) -> str:
    return _UNDERSCORE.sub(lambda found: found.group(1).upper(), name)


def _inside(name: str, said: Any, depth: int) -> Any:
    return said if name in _OPAQUE else camel(said, depth + 1)
