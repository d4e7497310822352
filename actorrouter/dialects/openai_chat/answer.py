"""A plain chat answer, read and written.

Source: openai SDK 3.54.0, `types/chat/chat_completion.py`.
"""

from __future__ import annotations

from typing import Any

from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Answer, Choice, Finish, Loss, Part, Text, ToolCall
from actorrouter.dialects.openai_chat.reading import read_spoken
from actorrouter.dialects.openai_chat.usage import read_usage, write_usage
from actorrouter.dialects.openai_chat.words import FINISH_WORDS, FINISHES
from actorrouter.dialects.openai_chat.writing import spoken


def read_answer(document: Any) -> tuple[Answer, tuple[Loss, ...]]:
    """Raises Malformed."""
    losses = Losses()
    fields = Fields(document)
    fields.skip("object")
    choices = [_read_choice(each, at, losses) for at, each in enumerate(fields.needed_children("choices"))]
    usage = fields.child("usage")
    answer = Answer(
        fields.text("id"),
        fields.text("model"),
        tuple(choice for _, choice in sorted(choices, key=lambda each: each[0])),
        read_usage(usage, losses) if usage is not None else None,
        fields.integer("created") or 0,
    )
    fields.rest(losses)
    return answer, losses.all()


def _read_choice(choice: Fields, number: int, losses: Losses) -> tuple[int, Choice]:
    """A choice and its index."""
    index = choice.integer("index")
    message = choice.needed_child("message")
    message.skip("role")
    parts = read_spoken(message, losses)
    calls = any(isinstance(part, ToolCall) for part in parts)
    finish = read_finish(choice, losses, calls=calls)
    stopped_by = choice.take("stop_reason")  # vLLM's: the sequence, or a token's number
    message.rest(losses)
    choice.rest(losses)
    stop_sequence = stopped_by if isinstance(stopped_by, str) else ""
    return number if index is None else index, Choice(parts, finish, stop_sequence)


def read_finish(choice: Fields, losses: Losses, *, calls: bool) -> Finish | None:
    """Why a choice ended, or None while nobody says. A call that was demanded ends with "stop" in OpenAI's words."""
    said = choice.text("finish_reason")
    if not said:
        return None
    if said not in FINISHES:
        losses.add("finish_reason", choice.path("finish_reason"), "not a known one")
    finish = FINISHES.get(said, Finish.STOP)
    return Finish.TOOL_CALLS if finish is Finish.STOP and calls else finish


# -------------------------------------------------------------------------------------------------------------- writing


def write_answer(answer: Answer) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """A plain answer's document, and what cannot be said in it."""
    losses = Losses()
    choices = [_write_choice(number, choice, losses) for number, choice in enumerate(answer.choices)]
    document: dict[str, Any] = {
        "id": answer.answer_id,
        "object": "chat.completion",
        "created": answer.created,
        "model": answer.model,
        "choices": choices,
    }
    if answer.tokens is not None:
        document["usage"] = write_usage(answer.tokens, losses)
    return document, losses.all()


def _write_choice(number: int, choice: Choice, losses: Losses) -> dict[str, Any]:
    where = f"choices.{number}"
    message = {"role": "assistant", "content": None, "refusal": None, **_write_text(choice.parts, where, losses)}
    message |= spoken(choice.parts, where, losses, history=False)
    finish = write_finish(choice.finish, choice.stop_sequence, where, losses) if choice.finish else None
    return {"index": number, "message": message, "logprobs": None, "finish_reason": finish}


def _write_text(parts: tuple[Part, ...], where: str, losses: Losses) -> dict[str, Any]:
    texts = [part for part in parts if isinstance(part, Text)]
    said: dict[str, Any] = {"content": "".join(text.text for text in texts)} if texts else {}
    annotations = [each for text in texts for each in write_citations(text.citations, where, losses)]
    if annotations:
        said["annotations"] = annotations
    return said


def write_citations(citations: tuple[Any, ...], where: str, losses: Losses) -> list[Any]:
    """Those that are chat's own."""
    own = [each for each in citations if isinstance(each, dict) and each.get("type") == "url_citation"]
    if len(own) < len(citations):
        losses.add("citations", where, "another dialect's")
    return own


def write_finish(finish: Finish, stop_sequence: str, where: str, losses: Losses) -> str:
    """Chat's word for it."""
    if finish is Finish.PAUSE:
        losses.add("pause_turn", where, "chat has no pauses")
    if stop_sequence:
        losses.add("stop_sequence", where, "chat does not tell which")
    return FINISH_WORDS[finish]
