"""What an answer of OpenAI's family says was used. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from actorrouter.adapters.profiles import UsageFields
from actorrouter.adapters.tokens import CACHED, tokens_said
from actorrouter.dialects.documents import dig
from actorrouter.values import INPUT_TOKENS, OUTPUT_TOKENS, TOKENS

_NOT_TEXT: Final = frozenset({"role", "id", "type", "call_id", "status", "encrypted_content"})


def text_bytes_of(nodes: Iterable[Any]) -> int:
    """UTF-8 bytes of everything the model wrote in these messages or output items of a plain answer."""
    total = 0
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            total += len(node.encode("utf-8", "replace"))
        elif isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            pending.extend(child for name, child in node.items() if name not in _NOT_TEXT)
    return total


def usage_said(document: Any, fields: UsageFields) -> dict[str, int]:
    """The tokens a document's usage states believably; what is not said is missing."""
    usage = _usage_of(document, fields)
    said: dict[str, int] = {}
    if usage is None:
        return said
    told = (INPUT_TOKENS, fields.input), (OUTPUT_TOKENS, fields.output), (TOKENS, fields.total), (CACHED, fields.cached)
    for name, places in told:
        tokens = _first(usage, places)
        if tokens is not None:
            said[name] = tokens
    if not fields.cached_in_input and INPUT_TOKENS in said:
        said[INPUT_TOKENS] += said.get(CACHED, 0)
    return said


def _usage_of(document: Any, fields: UsageFields) -> dict[str, Any] | None:
    for place in fields.at:
        found = dig(document, place)
        if found:
            return found if isinstance(found, dict) else None
    return None


def _first(usage: dict[str, Any], places: Iterable[str]) -> int | None:
    for place in places:
        tokens = tokens_said(usage.get(place) if "." not in place else dig(usage, place))
        if tokens is not None:
            return tokens
    return None
