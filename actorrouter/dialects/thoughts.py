"""What becomes of a model's thoughts with whom they did not come from: proofs are worth nothing there."""

from __future__ import annotations

from typing import Final

from actorrouter.dialects import ANTHROPIC_MESSAGES, GEMINI, OPENAI_RESPONSES
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Reasoning

_WHY: Final = "only who made it can use it"
_TEXT: Final = {ANTHROPIC_MESSAGES: "thinking", OPENAI_RESPONSES: "reasoning", GEMINI: "thought"}
_SIGNATURE: Final = {ANTHROPIC_MESSAGES: "thinking_signature", GEMINI: "thoughtSignature"}
_HIDDEN: Final = {ANTHROPIC_MESSAGES: "redacted_thinking", OPENAI_RESPONSES: "encrypted_content"}


def lose_proof(thought: Reasoning, where: str, losses: Losses) -> None:
    """Its signature and its hidden content are left out."""
    if thought.signature:
        losses.add(_SIGNATURE.get(thought.dialect, "signature"), where, _WHY)
    if thought.hidden:
        losses.add(_HIDDEN.get(thought.dialect, "hidden"), where, _WHY)


def lose_thought(thought: Reasoning, where: str, losses: Losses) -> None:
    """All of it is left out."""
    lose_proof(thought, where, losses)
    if thought.text:
        losses.add(_TEXT.get(thought.dialect, "reasoning_content"), where, "thoughts go back to whom they came from")
