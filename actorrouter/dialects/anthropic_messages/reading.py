"""Blocks of content as neutral parts, in a request and in an answer alike.

Source: anthropic SDK 2.12.0, `types/*_block.py` and `types/*_block_param.py`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final

from actorrouter.dialects import ANTHROPIC_MESSAGES
from actorrouter.dialects.anthropic_messages.words import CALL_PLAIN, DOCUMENT_PLAIN
from actorrouter.dialects.documents import encode_json
from actorrouter.dialects.fields import Fields
from actorrouter.dialects.kinds import lose_others
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Medium, Part, Reasoning, Text, ToolCall, ToolResult
from actorrouter.dialects.port import Malformed

_MARK: Final = "cache_control"


def read_content(holder: Fields, name: str, losses: Losses) -> tuple[Part, ...]:
    """The parts of a string or a list of blocks. Raises Malformed."""
    said = holder.take(name)
    if isinstance(said, str):
        return (Text(said),) if said else ()
    if said is not None and not isinstance(said, list):
        raise Malformed(holder.path(name), "a string or a list is expected")
    where = holder.path(name)
    parts = (read_block(Fields(each, f"{where}.{number}"), losses) for number, each in enumerate(said or ()))
    return tuple(part for part in parts if part is not None)


def read_block(block: Fields, losses: Losses) -> Part | None:
    """One block, or None when nobody else could be told of it."""
    kind = block.needed_text("type")
    read = _READ.get(kind)
    if read is None:
        losses.add(kind, block.where, "no such content elsewhere")
        return None
    part = read(block, losses)
    block.rest(losses, CALL_PLAIN)
    return part


def _read_text(block: Fields, _: Losses) -> Part | None:
    text = Text(block.needed_text("text"), block.take(_MARK), tuple(block.items("citations")))
    return text if text.text else None


def _read_call(block: Fields, _: Losses) -> Part:
    said = block.mapping("input") or {}
    arguments = written_arguments(said, block.path("input"))
    return ToolCall(block.needed_text("id"), block.needed_text("name"), arguments, cached=block.take(_MARK))


def written_arguments(said: Mapping[str, Any], where: str) -> str:
    """A call's input as JSON. Raises Malformed."""
    try:
        return encode_json(said).decode()
    except (TypeError, ValueError, RecursionError):
        raise Malformed(where, "is not JSON") from None


def _read_result(block: Fields, losses: Losses) -> Part:
    parts = read_content(block, "content", losses)
    lose_others(parts, (Text, Medium), block.where, losses)
    return ToolResult(
        block.needed_text("tool_use_id"),
        tuple(part for part in parts if isinstance(part, Text | Medium)),
        failed=block.flag("is_error") or False,
        cached=block.take(_MARK),
    )


def _read_thinking(block: Fields, _: Losses) -> Part:
    signature = block.text("signature")
    return Reasoning(block.text("thinking"), signature, dialect=ANTHROPIC_MESSAGES if signature else "")


def _read_redacted(block: Fields, _: Losses) -> Part:
    return Reasoning("", hidden=block.needed_text("data"), dialect=ANTHROPIC_MESSAGES)


def _read_image(block: Fields, losses: Losses) -> Part | None:
    return _read_medium("image", "", block, losses)


def _read_document(block: Fields, losses: Losses) -> Part | None:
    medium = _read_medium("file", block.text("title"), block, losses)
    block.rest(losses, DOCUMENT_PLAIN)
    return medium


def _read_medium(kind: str, name: str, block: Fields, losses: Losses) -> Part | None:
    source = block.needed_child("source")
    cached = block.take(_MARK)
    match source.needed_text("type"):
        case "base64":
            made = Medium(kind, source.needed_text("media_type"), source.needed_text("data"), name=name, cached=cached)
        case "text":
            written = b64encode(source.needed_text("data").encode(errors="replace")).decode()
            made = Medium(kind, source.needed_text("media_type"), written, name=name, cached=cached)
        case "url":
            made = Medium(kind, url=source.needed_text("url"), name=name, cached=cached)
        case "file":
            file_id = source.needed_text("file_id")
            made = Medium(kind, file_id=file_id, name=name, cached=cached, dialect=ANTHROPIC_MESSAGES)
        case other:
            losses.add(other, source.where, "no such source elsewhere")
            return None
    source.rest(losses)
    return made


_READ: Final[Mapping[str, Callable[[Fields, Losses], Part | None]]] = {
    "text": _read_text,
    "image": _read_image,
    "document": _read_document,
    "tool_use": _read_call,
    "tool_result": _read_result,
    "thinking": _read_thinking,
    "redacted_thinking": _read_redacted,
}
