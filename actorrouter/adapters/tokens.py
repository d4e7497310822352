"""How many tokens a call may use, and how many it did, in any dialect; counts bytes where nobody says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from actorrouter.adapters.media import media
from actorrouter.values import INPUT_TOKENS, OUTPUT_TOKENS, TOKENS, Usage

BYTES_PER_TOKEN: Final = 4
"""Bytes of JSON text per token: +1 % for English, -20 % for Chinese (measured against o200k)."""

TOKENS_MAX: Final = 100_000_000
"""A provider that reports more is not believed."""

CACHED: Final = "cached"
"""Name, beside the dimensions, of the input tokens a provider had cached; a part of the input."""


def input_tokens(body: bytes) -> int:
    """Tokens of a compact JSON body: its text at 4 bytes a token, rounded up, and its media by rule."""
    media_bytes, media_tokens = media(body)
    return _up(len(body) - media_bytes, BYTES_PER_TOKEN) + media_tokens


def text_tokens(text_bytes: int) -> int:
    """Tokens of output text counted here."""
    return min(_up(text_bytes, BYTES_PER_TOKEN), TOKENS_MAX)


def _up(amount: int, unit: int) -> int:
    return -(-amount // unit)


def tokens_said(said: object) -> int | None:
    """A whole number of tokens. Booleans, floats, strings, negative and absurd numbers say nothing."""
    return said if type(said) is int and 0 <= said <= TOKENS_MAX else None


def usage_of(said: Mapping[str, int], counted_input: int, counted_output: int) -> Usage:
    """The usage to settle: what was said, and what was counted here for what was not."""
    given = said.get(INPUT_TOKENS, counted_input)
    written = said.get(OUTPUT_TOKENS, counted_output)
    return Usage(
        {INPUT_TOKENS: given, OUTPUT_TOKENS: written, TOKENS: max(given + written, said.get(TOKENS, 0))},
        cached_input_tokens=min(said.get(CACHED, 0), given),
        estimated=INPUT_TOKENS not in said or OUTPUT_TOKENS not in said,
    )
