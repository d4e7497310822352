"""A whole response, read and written.

Source: openai SDK 3.54.0, `types/responses/response.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Answer, Choice, Finish, Loss, Part, ToolCall
from actorrouter.dialects.openai_responses.items import read_item
from actorrouter.dialects.openai_responses.output import item_id, sayable, write_item
from actorrouter.dialects.openai_responses.usage import read_usage, write_usage
from actorrouter.dialects.openai_responses.words import ECHOES, INCOMPLETE, INCOMPLETE_WORDS
from actorrouter.dialects.port import Malformed


def read_answer(document: Any) -> tuple[Answer, tuple[Loss, ...]]:
    """Raises Malformed."""
    losses = Losses()
    fields = Fields(document)
    parts = [part for item in fields.needed_children("output") for part in _read_output(item, losses)]
    finish = read_finish(fields, losses, calls=any(isinstance(part, ToolCall) for part in parts))
    usage = fields.child("usage")
    answer = Answer(
        fields.text("id"),
        fields.text("model"),
        (Choice(tuple(parts), finish),),
        read_usage(usage, losses) if usage is not None else None,
        read_created(fields),
    )
    fields.skip(*ECHOES)
    fields.rest(losses)
    return answer, losses.all()


def read_created(response: Fields) -> int:
    """When it began, in whole seconds. Raises Malformed."""
    return int(response.number("created_at") or 0)


def _read_output(item: Fields, losses: Losses) -> tuple[Part, ...]:
    return read_item(item.needed_text("type"), item, losses)


def read_finish(response: Fields, losses: Losses, *, calls: bool) -> Finish:
    """Why a response ended. Raises Malformed for one that has not, or has failed."""
    status = response.text("status") or "completed"
    details = response.child("incomplete_details") or Fields({})
    reason = details.text("reason")
    details.rest(losses)
    if status == "incomplete":
        if reason not in INCOMPLETE:
            losses.add("incomplete_details", response.path("incomplete_details"), "no such reason elsewhere")
        return INCOMPLETE.get(reason, Finish.LENGTH)
    if status != "completed":
        raise Malformed(response.path("status"), "a response that is completed or incomplete is expected")
    return Finish.TOOL_CALLS if calls else Finish.STOP


# -------------------------------------------------------------------------------------------------------------- writing

_DEFAULTS: Final[Mapping[str, Any]] = {
    "error": None,
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}


def write_answer(answer: Answer) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """A response's document, and what cannot be said in it."""
    losses = Losses()
    if len(answer.choices) > 1:
        losses.add("choices", "choices.1", "a response is one")
    choice = answer.choices[0] if answer.choices else Choice(())
    parts = [part for part in choice.parts if sayable(part, losses)]
    output = [write_item(part, item_id(part, answer.answer_id, index), losses) for index, part in enumerate(parts)]
    return write_response(answer, choice.finish, choice.stop_sequence, output, losses), losses.all()


def write_response(
    answer: Answer, finish: Finish | None, stop_sequence: str, output: Sequence[Any], losses: Losses
) -> dict[str, Any]:
    """A response that has ended: `answer` says whose, `output` what."""
    if stop_sequence:
        losses.add("stop_sequence", "choices.0", "a response does not tell which")
    if finish is Finish.PAUSE:
        losses.add("pause_turn", "choices.0", "responses have no pauses")
    reason = INCOMPLETE_WORDS.get(finish) if finish else None
    document = response_head(answer, "incomplete" if reason else "completed")
    document["incomplete_details"] = {"reason": reason} if reason else None
    document["output"] = list(output)
    document["usage"] = write_usage(answer.tokens, losses) if answer.tokens is not None else None
    return document


def response_head(answer: Answer, status: str) -> dict[str, Any]:
    """A response before anything was said."""
    return {
        "id": answer.answer_id,
        "object": "response",
        "created_at": answer.created,
        "status": status,
        "incomplete_details": None,
        "model": answer.model,
        "output": [],
        "usage": None,
        **_DEFAULTS,
    }
