"""How much to think, as Anthropic is told.

Source: anthropic SDK 2.12.0, `types/thinking_config_*_param.py` and `types/output_config_param.py`.
"""

from __future__ import annotations

from typing import Any

from actorrouter.dialects.anthropic_messages.words import BUDGET_TOKENS_MIN, EFFORTS
from actorrouter.dialects.losses import Losses, clamped
from actorrouter.dialects.neutral import OMITTED, Thinking


def write_effort(thinking: Thinking | None, losses: Losses) -> str | None:
    """`output_config.effort`."""
    if thinking is None or thinking.effort in {"", "none"}:
        return None
    if thinking.effort in EFFORTS:
        return thinking.effort
    losses.add("reasoning_effort", "thinking", "low is the least effort")
    return "low"


def write_thinking(thinking: Thinking | None, output_tokens_max: int, losses: Losses) -> dict[str, Any] | None:
    """`thinking`: an effort asks for thoughts, and the model says how many."""
    if thinking is None:
        return None
    if thinking.budget_tokens == 0 or thinking.effort == "none":
        return {"type": "disabled"}
    if thinking.budget_tokens is None or thinking.budget_tokens < 0:
        return _shown({"type": "adaptive"}, thinking)
    if output_tokens_max <= BUDGET_TOKENS_MIN:
        losses.add("budget_tokens", "thinking", "max_tokens leaves no room for it")
        return None
    budget = clamped(thinking.budget_tokens, BUDGET_TOKENS_MIN, output_tokens_max - 1, "budget_tokens", losses)
    return _shown({"type": "enabled", "budget_tokens": budget}, thinking)


def _shown(config: dict[str, Any], thinking: Thinking) -> dict[str, Any]:
    """Thoughts are left out or summed up; other dialects' ways to sum up come to the same."""
    if thinking.shown:
        config["display"] = OMITTED if thinking.shown == OMITTED else "summarized"
    return config
