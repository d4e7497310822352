"""A whole answer, read and written, and what a streamed one's chunks share with it.

Source: google-genai SDK 3.4.0, `types.py`, `GenerateContentResponse` and `Candidate`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from actorrouter.dialects.fields import Fields
from actorrouter.dialects.gemini.calls import CallIds
from actorrouter.dialects.gemini.part_writing import write_parts
from actorrouter.dialects.gemini.parts import read_parts
from actorrouter.dialects.gemini.spelling import camel
from actorrouter.dialects.gemini.usage import read_usage, write_usage
from actorrouter.dialects.gemini.words import FINISH_WORDS, FINISHES
from actorrouter.dialects.kinds import lose_others
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Answer, Choice, Denial, Finish, Loss, Medium, Reasoning, Text, ToolCall
from actorrouter.dialects.port import Malformed


def read_answer(document: Any) -> tuple[Answer, tuple[Loss, ...]]:
    """Raises Malformed."""
    losses = Losses()
    fields = Fields(camel(document))
    if not fields.has("candidates") and not fields.has("promptFeedback"):
        raise Malformed("candidates", "is missing")
    answer_id, model, created = read_head(fields)
    choices = dict(_read_candidate(candidate, answer_id, losses) for candidate in fields.children("candidates"))
    if read_blocked(fields, losses) and not choices:
        choices[0] = Choice((), Finish.CONTENT)
    usage = fields.child("usageMetadata")
    tokens = read_usage(usage, losses) if usage is not None else None
    fields.rest(losses)
    return Answer(answer_id, model, tuple(choices[index] for index in sorted(choices)), tokens, created), losses.all()


def read_head(fields: Fields) -> tuple[str, str, int]:
    """The answer's id, the model and when it was made. Raises Malformed."""
    return fields.text("responseId"), fields.text("modelVersion"), _epoch(fields, "createTime")


def _epoch(fields: Fields, name: str) -> int:
    said = fields.text(name)
    try:
        return int(datetime.fromisoformat(said).timestamp()) if said else 0
    except (ValueError, OverflowError):
        raise Malformed(fields.path(name), "a time is expected") from None


def read_blocked(fields: Fields, losses: Losses) -> bool:
    """Whether the prompt was refused, so that there are no candidates. Raises Malformed."""
    feedback = fields.child("promptFeedback")
    if feedback is None:
        return False
    blocked = feedback.text("blockReason")
    feedback.rest(losses)
    return blocked not in {"", "BLOCKED_REASON_UNSPECIFIED"}


def calls_of(answer_id: str, index: int) -> CallIds:
    """Ids for the calls of one candidate."""
    return CallIds(f"{answer_id}/{index}")


def _read_candidate(candidate: Fields, answer_id: str, losses: Losses) -> tuple[int, Choice]:
    index = candidate.integer("index") or 0
    content = candidate.child("content") or Fields({})
    parts = tuple(read_parts(content, calls_of(answer_id, index), losses))
    finish = read_finish(candidate, losses, calls=any(isinstance(part, ToolCall) for part in parts))
    rest_of(candidate, content, losses)
    return index, Choice(parts, finish)


def rest_of(candidate: Fields, content: Fields, losses: Losses) -> None:
    """What of a candidate there are no words for elsewhere."""
    content.skip("role")
    content.rest(losses)
    candidate.skip("tokenCount", "finishMessage")
    candidate.rest(losses)


def read_finish(candidate: Fields, losses: Losses, *, calls: bool) -> Finish | None:
    """Why a candidate ended, or None while nobody says. An answer that calls tools stops like any other here."""
    said = candidate.text("finishReason")
    if said in {"", "FINISH_REASON_UNSPECIFIED"}:
        return None
    if said not in FINISHES:
        losses.add("finishReason", candidate.path("finishReason"), "no such reason elsewhere")
    finish = FINISHES.get(said, Finish.STOP)
    return Finish.TOOL_CALLS if calls and finish is Finish.STOP else finish


# -------------------------------------------------------------------------------------------------------------- writing


_SPOKEN: Final = (Text, Medium, Denial, ToolCall, Reasoning)


def write_answer(answer: Answer) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """A plain answer's document, and what cannot be said in it."""
    losses = Losses()
    candidates = [_write_choice(index, choice, losses) for index, choice in enumerate(answer.choices)]
    document = {"candidates": candidates, **write_head(answer.answer_id, answer.model, answer.created)}
    if answer.tokens is not None:
        document["usageMetadata"] = write_usage(answer.tokens, losses)
    return document, losses.all()


def _write_choice(index: int, choice: Choice, losses: Losses) -> dict[str, Any]:
    where = f"choices.{index}"
    lose_others(choice.parts, _SPOKEN, where, losses)
    spoken = [part for part in choice.parts if isinstance(part, _SPOKEN)]
    parts = write_parts(spoken, {}, where, losses, history=False)
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": index}
    if choice.finish is not None:
        candidate["finishReason"] = write_finish(choice.finish, choice.stop_sequence, where, losses)
    return candidate


def write_finish(finish: Finish, stop_sequence: str, where: str, losses: Losses) -> str:
    """Gemini's word for it."""
    if finish is Finish.PAUSE:
        losses.add("pause_turn", where, "gemini has no pauses")
    if stop_sequence:
        losses.add("stop_sequence", where, "gemini does not tell which")
    return FINISH_WORDS[finish]


_YEAR_10000: Final = 253_402_300_800
"""A timestamp ends before it."""


def write_head(answer_id: str, model: str, created: int) -> dict[str, Any]:
    """Whose answer this is."""
    said = {"modelVersion": model, "responseId": answer_id}
    if 0 < created < _YEAR_10000:
        said["createTime"] = datetime.fromtimestamp(created, UTC).isoformat().replace("+00:00", "Z")
    return said
