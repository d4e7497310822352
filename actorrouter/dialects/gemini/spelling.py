"""One spelling of a document: protobuf's JSON takes fields in snake_case as well, and Google's own examples use both.

Source: protobuf's "ProtoJSON Format"; google-genai SDK 3.4.0 sends camelCase.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from actorrouter.dialects.port import Malformed

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


_LEAVES: Final = frozenset({str, int, float, bool, type(None)})


def camel(document: Any, depth: int = 0) -> Any:
    """The document with its fields in camelCase, as far down as there are fields of Gemini's.

    Raises Malformed for a field that is said in both spellings."""
    if depth > _DEPTH_MAX or type(document) in _LEAVES:
        return document
    if isinstance(document, list):
        return [camel(each, depth + 1) for each in document]
    if type(document) is not dict and not isinstance(document, Mapping):  # most are, and asking an ABC is slow
        return document
    made: dict[str, Any] = {}
    for name, said in document.items():
        spelled = _spelled(name, document)
        made[spelled] = said if type(said) in _LEAVES or spelled in _OPAQUE else camel(said, depth + 1)
    return made


def _spelled(name: str, document: Mapping[str, Any]) -> str:
    if not isinstance(name, str) or "_" not in name:
        return name
    spelled = _UNDERSCORE.sub(lambda found: found.group(1).upper(), name)
    if spelled != name and spelled in document:
        raise Malformed(spelled, "is said in two spellings")
    return spelled
