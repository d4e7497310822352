"""Usage of providers that tell new, cache-written and cache-read input side by side. Pure.

Anthropic and Bedrock: all three are input and are billed, at prices of their own; reads are not charged to the limits
(facts: limits.md A1 and the paragraph under A4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actorrouter.adapters.tokens import CACHED, tokens_said, usage_of
from actorrouter.values import INPUT_TOKENS, OUTPUT_TOKENS, TOKENS, Usage

WRITTEN: Final = "cache_written"
"""Name, beside the dimensions, of the input tokens a provider put into its cache."""


def tokens_told(usage: object, names: Mapping[str, str]) -> dict[str, int]:
    """What a usage object states believably, by our names; `names` has the provider's for each."""
    if not isinstance(usage, Mapping):
        return {}
    told = {ours: tokens_said(usage.get(theirs)) for ours, theirs in names.items()}
    return {ours: tokens for ours, tokens in told.items() if tokens is not None}


def side_by_side(
    said: Mapping[str, int],
    counted_input: int,
    counted_output: int,
    *,
    reads_count: bool = False,
    burndown: float = 1,
) -> Usage:
    """All of the input was used, so all of it has a price; the limits are charged without what was read from a cache,
    and `burndown` times the output. `counted_*`: for what is not said."""
    whole: dict[str, Any] = dict(said)
    if INPUT_TOKENS in said:
        whole[INPUT_TOKENS] += said.get(WRITTEN, 0) + said.get(CACHED, 0)
    used = usage_of(whole, counted_input, counted_output)
    given = used.amounts[INPUT_TOKENS] - (0 if reads_count else used.cached_input_tokens)
    written = used.amounts[OUTPUT_TOKENS] * burndown
    charged = {INPUT_TOKENS: given, OUTPUT_TOKENS: written, TOKENS: given + written}
    differing = {name: tokens for name, tokens in charged.items() if tokens != used.amounts[name]}
    return Usage(used.amounts, used.cached_input_tokens, used.estimated, differing)
