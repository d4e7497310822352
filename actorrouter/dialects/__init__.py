"""The languages of LLM APIs, and translation between them. Pure, sans-IO."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from actorrouter.dialects.port import Dialect

OPENAI_CHAT: Final = "openai-chat"
OPENAI_RESPONSES: Final = "openai-responses"
ANTHROPIC_MESSAGES: Final = "anthropic-messages"
GEMINI: Final = "gemini"
BEDROCK_CONVERSE: Final = "bedrock-converse"
"""Spoken as it is; not translated."""

NAMES: Final = (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES, GEMINI, BEDROCK_CONVERSE)
TRANSLATED: Final = (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES, GEMINI)


def find(name: str) -> Dialect:
    """The dialect called `name`, of those that are translated. KeyError."""
    if name not in TRANSLATED:
        raise KeyError(name)
    return cast("Dialect", importlib.import_module(f"{__name__}.{name.replace('-', '_')}").DIALECT)
