"""Neutral parts as those of a content.

Source: google-genai SDK 3.4.0, `types.py`, `Part`, `FunctionCall` and `FunctionResponse`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from actorrouter.dialects import GEMINI
from actorrouter.dialects.documents import decode_json
from actorrouter.dialects.gemini.media import write_medium
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Denial, Medium, Part, Reasoning, Text, ToolCall, ToolResult
from actorrouter.dialects.thoughts import lose_proof, lose_thought


def write_parts(
    parts: Iterable[Part], names: Mapping[str, str], where: str, losses: Losses, *, history: bool
) -> list[dict[str, Any]]:
    """A content's parts. `names`: of calls, by id. `history`: they go back to a model."""
    written: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, Reasoning):
            _add_thought(written, part, where, losses, history=history)
        else:
            made = _write_part(part, names, where, losses)
            written += [made] if made is not None else []
    return written


def _write_part(
    part: Text | Medium | ToolCall | ToolResult | Denial, names: Mapping[str, str], where: str, losses: Losses
) -> dict[str, Any] | None:
    match part:
        case Medium():
            return write_medium(part, where, losses)
        case ToolCall():
            return write_call(part, where, losses)
        case ToolResult():
            return _write_result(part, names, where, losses)
        case Denial():
            losses.add("refusal", where, "written as text")
        case Text(cached=cached, citations=citations):
            if citations:
                losses.add("citations", where, "another dialect's")
            if cached is not None:
                losses.add("cache_control", where, "parts carry no marks")
    return {"text": part.text}


def write_call(call: ToolCall, where: str, losses: Losses) -> dict[str, Any]:
    """A call, whose arguments are an object here."""
    if call.cached is not None:
        losses.add("cache_control", where, "parts carry no marks")
    arguments = decode_json(call.arguments.encode(errors="surrogatepass")) if call.arguments else {}
    if not isinstance(arguments, dict):
        losses.add("arguments", where, "no JSON object; told as the text they are")
        arguments = {"arguments": call.arguments}
    made: dict[str, Any] = {"functionCall": {"id": call.call_id, "name": call.name, "args": arguments}}
    return {**made, "thoughtSignature": call.signature} if call.signature else made


def _write_result(result: ToolResult, names: Mapping[str, str], where: str, losses: Losses) -> dict[str, Any]:
    """Texts first: media stand apart from what a tool says."""
    if result.cached is not None:
        losses.add("cache_control", where, "parts carry no marks")
    texts = [part.text for part in result.parts if isinstance(part, Text)]
    told = texts if len(texts) > 1 else "".join(texts)
    said: dict[str, Any] = {
        "id": result.call_id,
        "name": result.name or names.get(result.call_id) or result.call_id,
        "response": {"error" if result.failed else "output": told},
    }
    given = [write_medium(part, where, losses) for part in result.parts if isinstance(part, Medium)]
    written = [each for each in given if each is not None]
    return {"functionResponse": {**said, "parts": written} if written else said}


def _add_thought(
    written: list[dict[str, Any]], thought: Reasoning, where: str, losses: Losses, *, history: bool
) -> None:
    """Thoughts of others are shown, and go back to nobody else. A signature alone signs what it follows."""
    own = thought.dialect == GEMINI
    if history and thought.dialect and not own:
        lose_thought(thought, where, losses)
        return
    signature = thought.signature if own else ""
    lose_proof(Reasoning("", "" if own else thought.signature, thought.hidden, thought.dialect), where, losses)
    if thought.text:
        written.append(thought_part(thought.text, signature))
    elif signature and written and "text" in written[-1] and "thought" not in written[-1]:
        written[-1]["thoughtSignature"] = signature
    elif signature:
        written.append({"text": "", "thoughtSignature": signature})


def thought_part(text: str, signature: str) -> dict[str, Any]:
    """A part that is thought."""
    made: dict[str, Any] = {"text": text, "thought": True}
    return {**made, "thoughtSignature": signature} if signature else made
