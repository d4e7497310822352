"""Responses' words for what is neutral elsewhere.

Source: openai SDK 3.54.0, `types/responses/`.
"""

from __future__ import annotations

from typing import Final

from actorrouter.dialects.neutral import Finish

INCOMPLETE: Final = {"max_output_tokens": Finish.LENGTH, "content_filter": Finish.CONTENT}
INCOMPLETE_WORDS: Final = {finish: reason for reason, finish in INCOMPLETE.items()}

SUMMARIES: Final = frozenset({"auto", "concise", "detailed"})
BETWEEN_SUMMARIES: Final = "\n\n"
"""Reasoning is one text elsewhere; here its summary comes in parts."""

# What these say is what happens without them, or what a translated answer gives anyway.
PLAIN: Final = {
    "store": (False,),
    "background": (False,),
    "truncation": ("disabled",),
    "service_tier": ("auto",),
    "top_logprobs": (0,),
    "include": (["reasoning.encrypted_content"],),
}
ITEM_PLAIN: Final = {"caller": ({"type": "direct"},), "phase": ("final_answer",), "async": (False,)}

# What is with the provider that made it: without it the rest means something else.
KEPT_ELSEWHERE: Final = {
    "previous_response_id": "the conversation so far is with the provider that made it; without it the meaning changes",
    "conversation": "the conversation so far is with the provider that keeps it; without it the meaning changes",
    "prompt": "the prompt is with the provider that keeps it; without it the meaning changes",
}

# An answer repeats what was asked for.
ECHOES: Final = (
    "object",
    "completed_at",
    "error",
    "background",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
    "frequency_penalty",
    "presence_penalty",
)
