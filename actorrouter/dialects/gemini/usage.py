"""Counted tokens: what was thought stands beside what was answered, what is cached is a part of the prompt.

Source: google-genai SDK 3.4.0, `types.py`, `GenerateContentResponseUsageMetadata`.
"""

from __future__ import annotations

from typing import Any, Final

from actorrouter.dialects.documents import dig
from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Tokens

_BREAKDOWNS: Final = (
    "promptTokensDetails",
    "candidatesTokensDetails",
    "cacheTokensDetails",
    "toolUsePromptTokensDetails",
)
"""Where all is text these say nothing more than the counts."""


def read_usage(usage: Fields, losses: Losses) -> Tokens:
    """What was used: what tools of the provider's gave the model is input, too. Raises Malformed."""
    thoughts = usage.integer("thoughtsTokenCount")
    usage.skip("totalTokenCount")
    for name in _BREAKDOWNS:
        if any(dig(each, "modality") != "TEXT" for each in usage.items(name)):
            losses.add(name, usage.path(name), "counts are told as a whole elsewhere")
    tokens = Tokens(
        input=_sum(usage.integer("promptTokenCount"), usage.integer("toolUsePromptTokenCount")),
        output=_sum(usage.integer("candidatesTokenCount"), thoughts),
        cached_input=usage.integer("cachedContentTokenCount"),
        reasoning=thoughts,
    )
    usage.rest(losses)
    return tokens


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


def write_usage(tokens: Tokens, losses: Losses) -> dict[str, Any]:
    """What is not known is not said."""
    if tokens.cache_write:
        losses.add("cache_write", "usage", "gemini does not tell")
    candidates = None if tokens.output is None else max(0, tokens.output - (tokens.reasoning or 0))
    said = {
        "promptTokenCount": tokens.input,
        "candidatesTokenCount": candidates,
        "thoughtsTokenCount": tokens.reasoning,
        "cachedContentTokenCount": tokens.cached_input,
        "totalTokenCount": _sum(tokens.input, tokens.output),
    }
    return {name: count for name, count in said.items() if count is not None}
