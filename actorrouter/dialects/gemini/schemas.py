"""Gemini's own schemas (a part of OpenAPI 3.0's) as JSON schemas, which is what it takes as well.

Source: google-genai SDK 3.4.0, `types.py`, `Schema` and `Schema.json_schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actorrouter.dialects.port import Malformed

_DEPTH_MAX: Final = 64
_COUNTS: Final = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_LISTED: Final = frozenset({"anyOf", "any_of"})
_NESTED: Final = frozenset({"items", "additionalProperties"})
_OWN: Final = frozenset({"nullable", "propertyOrdering", "property_ordering", "type"})


def json_schema(schema: Mapping[str, Any], where: str, depth: int = 0) -> dict[str, Any]:
    """The same schema in JSON schema's words. Its order of properties is a hint and goes. Raises Malformed."""
    if depth > _DEPTH_MAX:
        raise Malformed(where, "a schema less deep is expected")
    kind = schema.get("type")
    made: dict[str, Any] = {}
    if isinstance(kind, str):
        made["type"] = [kind.lower(), "null"] if schema.get("nullable") is True else kind.lower()
    elif kind is not None:
        made["type"] = kind
    for name, said in schema.items():
        if name not in _OWN:
            made["anyOf" if name in _LISTED else name] = _inside(name, said, where, depth + 1)
    return made


def _inside(name: str, said: Any, where: str, depth: int) -> Any:
    if name in _COUNTS and isinstance(said, str) and said.isdecimal():  # int64 is a string in protobuf's JSON
        return int(said)
    if name in _NESTED and isinstance(said, Mapping):
        return json_schema(said, where, depth)
    if name == "properties" and isinstance(said, Mapping):
        return {each: _schema(inner, where, depth) for each, inner in said.items()}
    if name in _LISTED and isinstance(said, list):
        return [_schema(inner, where, depth) for inner in said]
    return said


def _schema(said: Any, where: str, depth: int) -> Any:
    return json_schema(said, where, depth) if isinstance(said, Mapping) else said
