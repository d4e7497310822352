"""Counted tokens: what is cached is a part of the input, what is reasoned a part of the output.

Source: openai SDK 3.54.0, `types/responses/response_usage.py`.
"""

from __future__ import annotations

from typing import Any

from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Tokens


def read_usage(usage: Fields, losses: Losses) -> Tokens:
    """What was used. Raises Malformed."""
    said = usage.child("input_tokens_details") or Fields({})
    answered = usage.child("output_tokens_details") or Fields({})
    usage.skip("total_tokens")
    tokens = Tokens(
        input=usage.integer("input_tokens"),
        output=usage.integer("output_tokens"),
        cached_input=said.integer("cached_tokens"),
        cache_write=said.integer("cache_write_tokens"),
        reasoning=answered.integer("reasoning_tokens"),
    )
    said.rest(losses)
    answered.rest(losses)
    usage.rest(losses)
    return tokens


def write_usage(tokens: Tokens, losses: Losses) -> dict[str, Any]:
    """All counts have to be there: a part that is not known is 0, a whole that is not known is a loss, too."""
    if tokens.input is None or tokens.output is None:
        losses.add("usage", "usage", "counts that are not known are written as 0")
    said, answered = tokens.input or 0, tokens.output or 0
    cached = {"cached_tokens": tokens.cached_input or 0, "cache_write_tokens": tokens.cache_write or 0}
    return {
        "input_tokens": said,
        "input_tokens_details": cached,
        "output_tokens": answered,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning or 0},
        "total_tokens": said + answered,
    }
