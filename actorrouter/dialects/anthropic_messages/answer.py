"""A message as a plain answer, read and written.

Source: anthropic SDK 2.12.0, `types/message.py` and `types/refusal_stop_details.py`.
"""

from __future__ import annotations

from typing import Any

from actorrouter.dialects import ANTHROPIC_MESSAGES
from actorrouter.dialects.anthropic_messages.content import write_call, write_text, write_thought
from actorrouter.dialects.anthropic_messages.reading import read_content
from actorrouter.dialects.anthropic_messages.usage import read_counts, tokens_of, write_usage
from actorrouter.dialects.anthropic_messages.words import FINISH_WORDS, FINISHES
from actorrouter.dialects.fields import Fields
from actorrouter.dialects.kinds import kind_of
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import (
    Answer,
    Choice,
    Denial,
    Finish,
    Loss,
    Medium,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from actorrouter.dialects.thoughts import lose_proof


def read_answer(document: Any) -> tuple[Answer, tuple[Loss, ...]]:
    """Raises Malformed."""
    losses = Losses()
    message = Fields(document)
    message.skip("type", "role")
    parts = read_content(message, "content", losses)
    usage = message.child("usage")
    finish, stop_sequence, denial = read_stop(message, losses)
    answer = Answer(
        message.text("id"),
        message.text("model"),
        (Choice((*parts, Denial(denial)) if denial else parts, finish, stop_sequence),),
        tokens_of(read_counts(usage, losses)) if usage is not None else None,
    )
    message.rest(losses)
    return answer, losses.all()


def read_stop(holder: Fields, losses: Losses) -> tuple[Finish | None, str, str]:
    """Why an answer ended, the sequence that ended it, and a refusal's explanation."""
    reason, sequence = holder.text("stop_reason"), holder.text("stop_sequence")
    details = holder.child("stop_details")
    explanation = ""
    if details is not None:
        details.skip("type")
        explanation = details.text("explanation")
        details.rest(losses)
    if reason and reason not in FINISHES:
        losses.add("stop_reason", holder.path("stop_reason"), "not a known one")
    return FINISHES.get(reason, Finish.STOP) if reason else None, sequence, explanation


# -------------------------------------------------------------------------------------------------------------- writing


def write_answer(answer: Answer) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """A message, and what cannot be said in it. There is no place for when it was made."""
    losses = Losses()
    if len(answer.choices) > 1:
        losses.add("n", "choices.1", "one answer is all there is")
    choice = answer.choices[0] if answer.choices else Choice(())
    blocks = (_write_part(part, losses) for part in choice.parts)
    message = new_message(answer.answer_id, answer.model)
    message["content"] = [block for block in blocks if block is not None]
    denial = "".join(part.text for part in choice.parts if isinstance(part, Denial))
    message |= write_stop(choice.finish, choice.stop_sequence, denial)
    return message | {"usage": write_usage(answer.tokens, losses)}, losses.all()


def new_message(answer_id: str, model: str) -> dict[str, Any]:
    """A message that says nothing yet."""
    return {
        "id": answer_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def write_stop(finish: Finish | None, stop_sequence: str, denial: str) -> dict[str, Any]:
    """Why it ended; a refusal in words is its explanation."""
    if denial:
        details = {"type": "refusal", "category": None, "explanation": denial}
        return {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}
    if stop_sequence and finish is Finish.STOP:
        return {"stop_reason": "stop_sequence", "stop_sequence": stop_sequence}
    return {"stop_reason": FINISH_WORDS[finish] if finish else None, "stop_sequence": None}


def _write_part(part: Part, losses: Losses) -> dict[str, Any] | None:
    match part:
        case Text():
            return write_text(part, "content", losses)
        case ToolCall():
            return write_call(part, "content", losses)
        case Reasoning():
            return _write_shown(part, losses)
        case Medium() | ToolResult():
            losses.add(kind_of(part), "content", "not in an answer")
            return None
        case Denial():
            return None


def _write_shown(thought: Reasoning, losses: Losses) -> dict[str, Any] | None:
    """Another's thoughts can be read, but prove nothing."""
    if thought.dialect == ANTHROPIC_MESSAGES:
        return write_thought(thought)
    lose_proof(thought, "content", losses)
    return write_thought(Reasoning(thought.text)) if thought.text else None
