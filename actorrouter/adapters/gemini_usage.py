"""What Gemini's answers say was used. Pure.

Source: google-genai SDK 3.4.0 `types.GenerateContentResponseUsageMetadata`: the prompt holds what was cached, thoughts
stand beside the candidates, results of tools beside the prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actorrouter.adapters.tokens import CACHED, tokens_said
from actorrouter.dialects.documents import dig
from actorrouter.values import INPUT_TOKENS, OUTPUT_TOKENS, TOKENS

_SUMS: Final = {
    INPUT_TOKENS: ("promptTokenCount", "toolUsePromptTokenCount"),
    OUTPUT_TOKENS: ("candidatesTokenCount", "thoughtsTokenCount"),
    CACHED: ("cachedContentTokenCount",),
    TOKENS: ("totalTokenCount",),
}


def usage_said(document: Any) -> dict[str, int]:
    """The tokens `usageMetadata` states believably; what is not said is missing."""
    usage = dig(document, "usageMetadata")
    if not isinstance(usage, Mapping):
        return {}
    told = {name: [tokens_said(usage.get(part)) for part in parts] for name, parts in _SUMS.items()}
    return {
        name: sum(said for said in parts if said is not None)
        for name, parts in told.items()
        if any(said is not None for said in parts)
    }
