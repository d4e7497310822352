"""What kinds of parts are called where they cannot stand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Denial, Medium, Part, Reasoning, Text, ToolCall, ToolResult

_NAMES: Final = {
    Text: "text",
    ToolCall: "tool_calls",
    ToolResult: "tool_result",
    Reasoning: "reasoning_content",
    Denial: "refusal",
}


def kind_of(part: Part) -> str:
    """The name of a loss of it."""
    return part.kind if isinstance(part, Medium) else _NAMES[type(part)]


def lose_others(parts: Iterable[Part], allowed: tuple[type[Part], ...], where: str, losses: Losses) -> None:
    """Name the parts of other kinds than can stand here."""
    for part in parts:
        if not isinstance(part, allowed):
            losses.add(kind_of(part), where, "cannot stand here")
