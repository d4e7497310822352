"""How many tokens a call may use, and how many it did, in any dialect; counts bytes where nobody says. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from actorrouter.values import INPUT_TOKENS, OUTPUT_TOKENS, TOKENS, Usage

BYTES_PER_TOKEN: Final = 4
"""Bytes of JSON text per token: +1 % for English, -20 % for Chinese (measured against o200k)."""

IMAGE_TOKENS: Final = 1536
"""An embedded image of any size. The tile rule's most is 85 + 170 * 8 = 1,445 (OpenAI vision guide)."""

MEDIA_BYTES_PER_TOKEN: Final = 64
"""Any other embedded medium, by its decoded bytes. Guessed high: audio is about 1,600."""

TOKENS_MAX: Final = 100_000_000
"""A provider that reports more is not believed."""

# A JSON string that is nothing but base64: the value of an image's or file's URL, or of an audio part's `data`.
_MEDIUM: Final = re.compile(
    rb'"(?:url|image_url|file_data)":"data:(?P<image>image/)?[^",]*;base64,(?P<payload>[^"]*)"'
    rb'|"data":"(?P<audio>[A-Za-z0-9+/=]{64,})"'
)

CACHED: Final = "cached"
"""Name, beside the dimensions, of the input tokens a provider had cached; a part of the input."""


def input_tokens(body: bytes) -> int:
    """Tokens of a compact JSON body: its text at 4 bytes a token, rounded up, and its embedded media by rule."""
    text_bytes = len(body)
    media = 0
    for found in _MEDIUM.finditer(body):
        payload = len(found["payload"] or found["audio"] or b"")
        text_bytes -= payload
        media += IMAGE_TOKENS if found["image"] else _up(payload * 3 // 4, MEDIA_BYTES_PER_TOKEN)
    return _up(text_bytes, BYTES_PER_TOKEN) + media


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
