"""What a model says, as items of a response: each part is an item of its own, streamed or not.

Source: openai SDK 3.54.0, `types/responses/response_output_item.py`.
"""

from __future__ import annotations

from typing import Any, Final

from actorrouter.dialects import OPENAI_RESPONSES
from actorrouter.dialects.kinds import kind_of
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Denial, Medium, Part, Reasoning, Text, ToolCall
from actorrouter.dialects.thoughts import lose_proof

_PREFIXES: Final = {Text: "msg", Denial: "msg", Reasoning: "rs", ToolCall: "fc", Medium: "ig"}


def item_id(part: Part, answer_id: str, index: int) -> str:
    """An item's id: its own, or one that no other item of any answer has."""
    own = part.item_id if isinstance(part, Reasoning) else ""
    return own or f"{_PREFIXES[type(part)]}_{answer_id.removeprefix('resp_')}_{index}"


def sayable(part: Part, losses: Losses) -> bool:
    """Whether there is an item for it: the only media are images that were made."""
    made = part.kind == "image" and part.base64 if isinstance(part, Medium) else type(part) in _PREFIXES
    if not made:
        losses.add(kind_of(part), "output", "a response holds none")
    return bool(made)


def write_item(part: Part, name: str, losses: Losses, status: str = "completed") -> dict[str, Any]:
    """The item called `name`. `status`: "in_progress" for one that is only begun."""
    match part:
        case Text() | Denial():
            content = [write_content(part, losses)] if status == "completed" else []
            return {"id": name, "type": "message", "status": status, "role": "assistant", "content": content}
        case ToolCall():
            return _write_call(part, name, status, losses)
        case Reasoning():
            return _write_thought(part, name, status, losses)
        case Medium():
            made = {"result": part.base64, "output_format": part.media_type.removeprefix("image/")}
            begun = {"result": None}
            said = made if status == "completed" else begun
            return {"id": name, "type": "image_generation_call", "status": status, **said}
        case other:
            raise TypeError(type(other).__name__)


def write_content(part: Text | Denial, losses: Losses) -> dict[str, Any]:
    """The content of a message."""
    if isinstance(part, Denial):
        return {"type": "refusal", "refusal": part.text}
    if part.citations:
        losses.add("citations", "output", "another dialect's")
    return {"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}


def write_summary(text: str) -> dict[str, Any]:
    """A part of a reasoning's summary."""
    return {"type": "summary_text", "text": text}


def _write_call(call: ToolCall, name: str, status: str, losses: Losses) -> dict[str, Any]:
    if call.signature:
        losses.add("thoughtSignature", "output", "only who made it can use it")
    arguments = call.arguments or ("{}" if status == "completed" else "")
    said = {"call_id": call.call_id, "name": call.name, "arguments": arguments}
    return {"id": name, "type": "function_call", "status": status, **said}


def _write_thought(thought: Reasoning, name: str, status: str, losses: Losses) -> dict[str, Any]:
    own = thought.dialect == OPENAI_RESPONSES
    lose_proof(Reasoning("", thought.signature, "" if own else thought.hidden, thought.dialect), "output", losses)
    written: dict[str, Any] = {"id": name, "type": "reasoning", "status": status}
    written["summary"] = [write_summary(thought.text)] if thought.text and status == "completed" else []
    return written | ({"encrypted_content": thought.hidden} if own and thought.hidden else {})
