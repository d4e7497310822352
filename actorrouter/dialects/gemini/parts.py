"""Parts of a content, read.

Source: google-genai SDK 3.4.0, `types.py`, `Part`, `FunctionCall` and `FunctionResponse`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from actorrouter.dialects import GEMINI
from actorrouter.dialects.documents import encode_json
from actorrouter.dialects.fields import Fields
from actorrouter.dialects.gemini.calls import CallIds
from actorrouter.dialects.gemini.media import read_data, read_file
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Medium, Part, Reasoning, Text, ToolCall, ToolResult
from actorrouter.dialects.port import Malformed


def read_parts(content: Fields, ids: CallIds, losses: Losses) -> list[Part]:
    """All a content says, in order. Raises Malformed."""
    return [made for part in content.children("parts") for made in _read_part(part, ids, losses)]


def _read_part(part: Fields, ids: CallIds, losses: Losses) -> list[Part]:
    """A signature of what is no thought and no call stands behind it, as a thought without words."""
    signature, thought = part.text("thoughtSignature"), part.flag("thought") or False
    made: list[Part] = []
    if part.has("text"):
        made = _read_text(part.text("text"), signature, thought=thought)
    else:
        kind = next((name for name in _READ if part.has(name)), "")
        if kind:
            made = [_READ[kind](part.needed_child(kind), ids, losses)]
    part.rest(losses)
    if signature and made and not isinstance(made[-1], Reasoning):
        return _signed(made, signature)
    return made


def _read_text(text: str, signature: str, *, thought: bool) -> list[Part]:
    if thought or (signature and not text):
        return [Reasoning(text, signature, dialect=GEMINI if signature else "")] if text or signature else []
    return [Text(text)] if text else []


def _signed(made: list[Part], signature: str) -> list[Part]:
    only = made[0]
    if isinstance(only, ToolCall):
        return [ToolCall(only.call_id, only.name, only.arguments, signature)]
    return [only, Reasoning("", signature, dialect=GEMINI)]


def _read_call(call: Fields, ids: CallIds, losses: Losses) -> Part:
    name, said = call.needed_text("name"), call.text("id")
    arguments = as_text(call.mapping("args") or {}, call.path("args"))
    call.rest(losses)
    return ToolCall(ids.called(said, name), name, arguments)


def as_text(document: Any, where: str) -> str:
    """A document as JSON. Raises Malformed."""
    try:
        return encode_json(document).decode()
    except (TypeError, ValueError, RecursionError):
        raise Malformed(where, "JSON is expected") from None


def _read_medium(part: Fields, ids: CallIds, losses: Losses) -> Part:
    return read_data(part, losses)


def _read_file(part: Fields, ids: CallIds, losses: Losses) -> Part:
    return read_file(part, losses)


# -------------------------------------------------------------------------------------------------------------- results


def _read_result(result: Fields, ids: CallIds, losses: Losses) -> Part:
    """`output` is what a tool gave, `error` what went wrong; without either all of `response` is the output."""
    name, said = result.text("name"), result.text("id")
    where, response = result.path("response"), result.mapping("response") or {}
    keys = [key for key in ("error", "output") if key in response]
    told = response[keys[0]] if len(response) == 1 and keys else response
    parts: list[Text | Medium] = [*_told(told, where), *_given(result, losses)]
    result.rest(losses, {"scheduling": ("SCHEDULING_UNSPECIFIED", "WHEN_IDLE"), "willContinue": (False,)})
    return ToolResult(ids.answered(said, name), tuple(parts), name, failed="error" in keys)


def _told(told: Any, where: str) -> list[Text]:
    """A text or several as they are, anything else as JSON."""
    if isinstance(told, str):
        return [Text(told)] if told else []
    if isinstance(told, list) and told and all(isinstance(each, str) for each in told):
        return [Text(each) for each in told]
    return [Text(as_text(told, where))] if told != {} else []


def _given(result: Fields, losses: Losses) -> list[Medium]:
    given: list[Medium] = []
    for part in result.children("parts"):
        data, file = part.child("inlineData"), part.child("fileData")
        if data is not None:
            given.append(read_data(data, losses))
        if file is not None:
            given.append(read_file(file, losses))
        part.rest(losses)
    return given


_READ: Final[Mapping[str, Callable[[Fields, CallIds, Losses], Part]]] = {
    "functionCall": _read_call,
    "functionResponse": _read_result,
    "inlineData": _read_medium,
    "fileData": _read_file,
}
