"""What a chat answer says was used. Pure."""

from __future__ import annotations

from typing import Any, Final

from actorrouter.adapters.tokens import CACHED, tokens_said
from actorrouter.dialects.documents import dig
from actorrouter.values import INPUT_TOKENS, OUTPUT_TOKENS, TOKENS

_NOT_TEXT: Final = frozenset({"role", "id", "type"})


def text_bytes_of(choices: list[Any]) -> int:
    """UTF-8 bytes of everything the model wrote in the choices of a plain answer."""
    total = 0
    pending: list[Any] = [dig(choice, "message") for choice in choices]
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            total += len(node.encode("utf-8", "replace"))
        elif isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            pending.extend(child for name, child in node.items() if name not in _NOT_TEXT)
    return total


def usage_said(document: Any) -> dict[str, int]:
    """The tokens a document's `usage` states believably; what is not said is missing.

    Groq puts it under `x_groq` in streams (groq 1.7.0).
    """
    usage = dig(document, "usage") or dig(document, "x_groq.usage")
    if not isinstance(usage, dict):
        return {}
    said = {
        INPUT_TOKENS: tokens_said(usage.get("prompt_tokens")),
        OUTPUT_TOKENS: tokens_said(usage.get("completion_tokens")),
        TOKENS: tokens_said(usage.get("total_tokens")),
        CACHED: tokens_said(dig(usage.get("prompt_tokens_details"), "cached_tokens")),
    }
    if said[CACHED] is None:
        said[CACHED] = tokens_said(usage.get("prompt_cache_hit_tokens"))  # DeepSeek
    return {dimension: tokens for dimension, tokens in said.items() if tokens is not None}
