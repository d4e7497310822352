"""Counted tokens: cached input stands beside the rest of it, not in it.

Source: anthropic SDK 2.12.0, `types/usage.py` and `types/message_delta_usage.py`.
"""

from __future__ import annotations

from typing import Any, Final

from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Tokens

_WRITTEN: Final = "cache_creation_input_tokens"
_CACHED: Final = "cache_read_input_tokens"
_COUNTS: Final = ("input_tokens", _WRITTEN, _CACHED, "output_tokens")
_NO_SERVERS: Final = {"server_tool_use": ({"web_fetch_requests": 0, "web_search_requests": 0},)}


def read_counts(usage: Fields, losses: Losses) -> dict[str, int]:
    """The counts that are said. Raises Malformed."""
    said = {name: usage.integer(name) for name in _COUNTS}
    details = usage.child("output_tokens_details")
    if details is not None:
        said["thinking_tokens"] = details.integer("thinking_tokens")
        details.rest(losses)
    usage.skip("cache_creation")  # the same sum, by how long it is kept
    usage.rest(losses, _NO_SERVERS)
    return {name: count for name, count in said.items() if count is not None}


def tokens_of(counts: dict[str, int]) -> Tokens:
    """What these counts come to."""
    told = any(name in counts for name in ("input_tokens", _WRITTEN, _CACHED))
    whole = counts.get("input_tokens", 0) + counts.get(_WRITTEN, 0) + counts.get(_CACHED, 0)
    return Tokens(
        input=whole if told else None,
        output=counts.get("output_tokens"),
        cached_input=counts.get(_CACHED),
        cache_write=counts.get(_WRITTEN),
        reasoning=counts.get("thinking_tokens"),
    )


def write_usage(tokens: Tokens | None, losses: Losses) -> dict[str, Any]:
    """Counts have to be there: what is not known is 0, and a loss."""
    if tokens is None or tokens.input is None or tokens.output is None:
        losses.add("usage", "usage", "counts that are not known are written as 0")
    return counted(tokens or Tokens())


def counted(tokens: Tokens) -> dict[str, Any]:
    """Counts, 0 where none is known."""
    beside = (tokens.cached_input or 0) + (tokens.cache_write or 0)
    side = {_CACHED: tokens.cached_input, _WRITTEN: tokens.cache_write}
    usage: dict[str, Any] = {
        "input_tokens": max(0, (tokens.input or 0) - beside),
        "output_tokens": tokens.output or 0,
        **{name: count for name, count in side.items() if count is not None},
    }
    if tokens.reasoning is not None:
        usage["output_tokens_details"] = {"thinking_tokens": tokens.reasoning}
    return usage
