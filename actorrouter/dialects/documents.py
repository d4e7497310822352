"""JSON as it goes over the wire, and the way into a document nobody vouches for. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_ESCAPING: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def encode_json(document: object) -> bytes:
    """Compact JSON in UTF-8. Raises TypeError, ValueError (NaN, circles) or RecursionError for what is not JSON."""
    try:
        return _ENCODER.encode(document).encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can only write escaped
        return _ESCAPING.encode(document).encode()


def decode_json(body: bytes) -> Any:
    """The document, or None when it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def not_json(document: object) -> str | None:
    """Why this cannot be sent as JSON, or None."""
    try:
        encode_json(document)
    except (TypeError, ValueError, RecursionError) as error:
        return f"body is not JSON: {str(error)[:100]}"
    return None


def dig(document: Any, path: str) -> Any:
    """What stands at a dotted path, or None. A segment is a key of an object or an index into a list."""
    for segment in path.split("."):
        if type(document) is dict:  # most are, and asking an ABC is slow
            document = document.get(segment)
        elif document is None:
            return None
        elif isinstance(document, Mapping):
            document = document.get(segment)
        elif isinstance(document, list) and segment.isdecimal() and int(segment) < len(document):
            document = document[int(segment)]
        else:
            return None
    return document


def listed(document: Any, name: str) -> list[Any]:
    """The list at `name` of an object, or an empty one."""
    found = document.get(name) if type(document) is dict or isinstance(document, Mapping) else None
    return found if isinstance(found, list) else []
