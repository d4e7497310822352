"""What a message says was used. Pure.

Source: anthropic SDK 2.12.0 `types/usage.py`, `types/message_delta_usage.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from actorrouter.adapters.cached_usage import WRITTEN, side_by_side, tokens_told
from actorrouter.adapters.openai_usage import text_bytes_of
from actorrouter.adapters.tokens import CACHED, text_tokens
from actorrouter.values import INPUT_TOKENS, OUTPUT_TOKENS, Usage

_NAMES: Final = {
    INPUT_TOKENS: "input_tokens",
    OUTPUT_TOKENS: "output_tokens",
    WRITTEN: "cache_creation_input_tokens",
    CACHED: "cache_read_input_tokens",
}
_READS_COUNT: Final = "claude-3-5-haiku"
"""The one model whose cache reads are charged to the input limit (rate-limits page)."""


def usage_said(usage: object) -> dict[str, int]:
    """The tokens a `usage` object states believably, by our names."""
    return tokens_told(usage, _NAMES)


def settled(said: Mapping[str, int], model: object, counted_input: int, counted_output: int) -> Usage:
    """The usage to settle. `model`: as the answer names it."""
    reads_count = isinstance(model, str) and model.startswith(_READS_COUNT)
    return side_by_side(said, counted_input, counted_output, reads_count=reads_count)


def message_used(
    document: Mapping[str, Any],
    counted_input: Callable[[], int],
    settle: Callable[[Mapping[str, int], object, int, int], Usage] = settled,
) -> Usage | str:
    """What a whole message used, or why the document is none."""
    content = document.get("content")
    if not isinstance(content, list):
        return "the answer has no content"
    said = usage_said(document.get("usage"))
    given = 0 if INPUT_TOKENS in said else counted_input()
    written = 0 if OUTPUT_TOKENS in said else text_tokens(text_bytes_of([{"message": content}]))
    return settle(said, document.get("model"), given, written)
