"""Neutral parts as blocks of content.

Source: anthropic SDK 2.12.0, `types/*_block_param.py` and `types/*_source_param.py`.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, Final

from actorrouter.dialects import ANTHROPIC_MESSAGES
from actorrouter.dialects.anthropic_messages.words import IMAGE_TYPES
from actorrouter.dialects.documents import decode_json
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Medium, Part, Reasoning, Text, ToolCall, ToolResult

_PDF: Final = "application/pdf"
_TEXT: Final = "text/plain"


def write_text(text: Text, where: str, losses: Losses) -> dict[str, Any] | None:
    """A block of text, or None: empty ones are refused."""
    if not text.text:
        return None
    block: dict[str, Any] = {"type": "text", "text": text.text}
    citations = own_citations(text.citations, where, losses)
    if citations:
        block["citations"] = citations
    return marked(block, text.cached, where, losses)


def own_citations(citations: Sequence[Any], where: str, losses: Losses) -> list[Any]:
    """Those that are Anthropic's own."""
    own = [each for each in citations if isinstance(each, Mapping) and str(each.get("type")).endswith("_location")]
    if len(own) < len(citations):
        losses.add("annotations", where, "another dialect's")
    return own


def marked(block: dict[str, Any], cached: Any, where: str, losses: Losses) -> dict[str, Any]:
    """The block with its cache mark, where that is Anthropic's own."""
    if isinstance(cached, Mapping) and "type" in cached:
        block["cache_control"] = cached
    elif cached is not None:
        losses.add("prompt_cache_breakpoint", where, "another dialect's mark")
    return block


def shortened(blocks: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """The text itself, where one text without marks is all there is."""
    plain = len(blocks) == 1 and blocks[0].keys() == {"type", "text"}
    return str(blocks[0]["text"]) if plain else blocks


def write_call(call: ToolCall, where: str, losses: Losses) -> dict[str, Any]:
    """A block that calls a tool."""
    if call.signature:
        losses.add("thoughtSignature", where, "only who made it can use it")
    said = decode_json(call.arguments.encode(errors="replace")) if call.arguments else {}
    if not isinstance(said, dict):
        losses.add("arguments", where, "not a JSON object")
        said = {}
    block = {"type": "tool_use", "id": call.call_id, "name": call.name, "input": said}
    return marked(block, call.cached, where, losses)


def write_result(result: ToolResult, where: str, losses: Losses) -> dict[str, Any]:
    """A block with what a tool gave. The tool's name goes unsaid: the call has it."""
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": result.call_id}
    content = write_said(result.parts, where, losses)
    if content:
        block["content"] = shortened(content)
    if result.failed:
        block["is_error"] = True
    return marked(block, result.cached, where, losses)


def write_said(parts: Sequence[Part], where: str, losses: Losses) -> list[dict[str, Any]]:
    """The texts and media among these parts."""
    written = [
        write_text(part, where, losses) if isinstance(part, Text) else write_medium(part, where, losses)
        for part in parts
        if isinstance(part, Text | Medium)
    ]
    return [block for block in written if block is not None]


def write_thought(thought: Reasoning) -> dict[str, Any]:
    """A block of thoughts; unsigned ones are for readers only."""
    if thought.hidden:
        return {"type": "redacted_thinking", "data": thought.hidden}
    return {"type": "thinking", "thinking": thought.text, "signature": thought.signature}


# ---------------------------------------------------------------------------------------------------------------- media


def write_medium(medium: Medium, where: str, losses: Losses) -> dict[str, Any] | None:
    """A block, or None when it cannot be said."""
    if medium.file_id and medium.dialect != ANTHROPIC_MESSAGES:
        losses.add("file_id", where, "another provider's file")
        return None
    if medium.detail not in {"", "auto"}:
        losses.add("detail", where, "images have one way to be seen")
    source = _write_source(medium, where, losses)
    if source is None:
        losses.add(medium.kind, where, "cannot be sent in this form")
        return None
    block: dict[str, Any] = {"type": "image" if medium.kind == "image" else "document", "source": source}
    if medium.name:
        block["title"] = medium.name
    return marked(block, medium.cached, where, losses)


def _write_source(medium: Medium, where: str, losses: Losses) -> dict[str, Any] | None:
    if medium.kind not in {"image", "file"}:
        return None
    if medium.file_id:
        return {"type": "file", "file_id": medium.file_id}
    if medium.url:
        return {"type": "url", "url": medium.url}
    media_type = medium.media_type or (_PDF if medium.name.lower().endswith(".pdf") else "")
    if medium.kind == "file" and media_type.startswith("text/"):
        return _write_document(medium, where, losses)
    allowed = IMAGE_TYPES if medium.kind == "image" else {_PDF}
    return {"type": "base64", "media_type": media_type, "data": medium.base64} if media_type in allowed else None


def _write_document(medium: Medium, where: str, losses: Losses) -> dict[str, Any] | None:
    """A text's own words: plain is the only kind there is."""
    try:
        written = b64decode(medium.base64).decode()
    except (binascii.Error, ValueError):
        return None
    if medium.media_type != _TEXT:
        losses.add("media_type", where, "a text is plain")
    return {"type": "text", "media_type": _TEXT, "data": written}
