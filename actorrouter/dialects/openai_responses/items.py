"""Items: what a conversation and an answer are made of here, read as neutral parts.

Source: openai SDK 3.54.0, `types/responses/response_input_item_param.py`, `response_output_item.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count, groupby
from typing import Final

from actorrouter.dialects import OPENAI_RESPONSES
from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Denial, Medium, Message, Part, Reasoning, Role, Text, ToolCall, ToolResult
from actorrouter.dialects.openai_responses.content import read_content
from actorrouter.dialects.openai_responses.words import BETWEEN_SUMMARIES, ITEM_PLAIN, KEPT_ELSEWHERE
from actorrouter.dialects.port import Malformed

_ROLES: Final = {role.value: role for role in Role}


def read_input(items: list[Fields], losses: Losses) -> tuple[Message, ...]:
    """A request's conversation: what an assistant said, and what tools gave, is one turn each. Raises Malformed."""
    read = (_read_message(item, losses) for item in items)
    turns = groupby((message for message in read if message is not None), _turn())
    return tuple(_joined(list(turn)) for _, turn in turns)


def _turn() -> Callable[[Message], tuple[Role, int]]:
    """What is equal for messages of one turn that follow each other: all that others say stands alone."""
    alone = count(1)

    def turn(message: Message) -> tuple[Role, int]:
        given = message.role is Role.USER and all(isinstance(part, ToolResult) for part in message.parts)
        return message.role, 0 if given or message.role is Role.ASSISTANT else next(alone)

    return turn


def _joined(turn: list[Message]) -> Message:
    return Message(turn[0].role, tuple(part for message in turn for part in message.parts))


def _read_message(item: Fields, losses: Losses) -> Message | None:
    kind = item.text("type") or ("message" if item.has("role") else "item_reference")
    item.skip("status")
    if kind == "message":
        return _read_said(item, losses)
    if kind == "function_call_output":
        return _read_result(item, losses)
    parts = read_item(kind, item, losses)
    return Message(Role.ASSISTANT, parts) if parts else None


def _read_said(item: Fields, losses: Losses) -> Message:
    role = item.needed_text("role")
    if role not in _ROLES:
        raise Malformed(item.path("role"), "no such role")
    parts = _read_content(item, losses)
    if role != Role.ASSISTANT:
        parts = tuple(Text(part.text) if isinstance(part, Denial) else part for part in parts)
    item.skip("id")
    item.rest(losses, ITEM_PLAIN)
    return Message(_ROLES[role], parts)


def _read_content(item: Fields, losses: Losses) -> tuple[Text | Medium | Denial, ...]:
    return read_content(item, "content", losses)


def _read_result(item: Fields, losses: Losses) -> Message:
    said = read_content(item, "output", losses)
    parts = tuple(Text(part.text) if isinstance(part, Denial) else part for part in said)
    result = ToolResult(item.needed_text("call_id"), parts, item.text("name"))
    item.skip("id")
    item.rest(losses, ITEM_PLAIN)
    return Message(Role.USER, (result,))


# ------------------------------------------------------------------------------------------------- what a model can say


def tellable(kind: str, where: str, losses: Losses) -> bool:
    """Whether there are words elsewhere for items of this kind; a loss if there are none."""
    if kind not in _READ:
        losses.add(kind, where, KEPT_ELSEWHERE.get(kind, "only the provider that made it understands it"))
    return kind in _READ


def read_item(kind: str, item: Fields, losses: Losses) -> tuple[Part, ...]:
    """What an item says, if there are words for it elsewhere. Raises Malformed."""
    if not tellable(kind, item.where, losses):
        return ()
    parts = _READ[kind](item, losses)
    item.skip("id", "status", "role")
    item.rest(losses, ITEM_PLAIN)
    return parts


def _read_call(item: Fields, losses: Losses) -> tuple[Part, ...]:
    return (ToolCall(item.needed_text("call_id"), item.needed_text("name"), item.text("arguments")),)


def _read_reasoning(item: Fields, losses: Losses) -> tuple[Part, ...]:
    """Its summary, or where there is none what was thought itself."""
    summary = [_read_thought(part, losses) for part in item.children("summary")]
    thought = [_read_thought(part, losses) for part in item.children("content")]
    if summary and thought:
        losses.add("content", item.path("content"), "the summary stands for it")
    hidden, item_id = item.text("encrypted_content"), item.text("id")
    dialect = OPENAI_RESPONSES if hidden else ""
    text = BETWEEN_SUMMARIES.join(summary or thought)
    return (Reasoning(text, hidden=hidden, dialect=dialect, item_id=item_id),)


def _read_thought(part: Fields, losses: Losses) -> str:
    text = part.needed_text("text")
    part.skip("type")
    part.rest(losses)
    return text


def _read_image(item: Fields, losses: Losses) -> tuple[Part, ...]:
    made, kind = item.text("result"), item.text("output_format")
    if not made:
        losses.add("image_generation_call", item.where, "no image was made")
        return ()
    return (Medium("image", f"image/{kind or 'png'}", made),)


_READ: Final[Mapping[str, Callable[[Fields, Losses], tuple[Part, ...]]]] = {
    "message": _read_content,
    "function_call": _read_call,
    "reasoning": _read_reasoning,
    "image_generation_call": _read_image,
}
