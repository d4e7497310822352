"""Counted tokens: what is cached is a part of the prompt, what is reasoned a part of the completion.

Source: openai SDK 3.54.0, `types/completion_usage.py`.
"""

from __future__ import annotations

from typing import Any, Final

from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Tokens

_ZERO: Final = (0,)
_INPUT_PLAIN: Final = dict.fromkeys(("audio_tokens", "image_tokens"), _ZERO)
_OUTPUT_PLAIN: Final = dict.fromkeys(
    ("audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"), _ZERO
)


def read_usage(usage: Fields, losses: Losses) -> Tokens:
    """What was used. Raises Malformed."""
    prompt = usage.child("prompt_tokens_details") or Fields({})
    completion = usage.child("completion_tokens_details") or Fields({})
    usage.skip("total_tokens")
    tokens = Tokens(
        input=usage.integer("prompt_tokens"),
        output=usage.integer("completion_tokens"),
        cached_input=prompt.integer("cached_tokens"),
        cache_write=prompt.integer("cache_write_tokens"),
        reasoning=completion.integer("reasoning_tokens"),
    )
    prompt.skip("text_tokens")
    completion.skip("text_tokens")
    prompt.rest(losses, _INPUT_PLAIN)
    completion.rest(losses, _OUTPUT_PLAIN)
    usage.rest(losses)
    return tokens


def write_usage(tokens: Tokens, losses: Losses) -> dict[str, Any]:
    """Counts have to be there: what is not known is 0, and a loss."""
    if tokens.input is None or tokens.output is None:
        losses.add("usage", "usage", "counts that are not known are written as 0")
    said, answered = tokens.input or 0, tokens.output or 0
    usage: dict[str, Any] = {"prompt_tokens": said, "completion_tokens": answered, "total_tokens": said + answered}
    prompt = _said(cached_tokens=tokens.cached_input, cache_write_tokens=tokens.cache_write)
    completion = _said(reasoning_tokens=tokens.reasoning)
    if prompt:
        usage["prompt_tokens_details"] = prompt
    if completion:
        usage["completion_tokens_details"] = completion
    return usage


def _said(**counts: int | None) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count is not None}
