"""Neutral values as the body of a request for content.

Source: google-genai SDK 3.4.0, `types.py` and `models.py` (what of it goes to the Gemini API).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actorrouter.dialects.gemini.calls import names_of_calls
from actorrouter.dialects.gemini.part_writing import write_parts
from actorrouter.dialects.gemini.words import ANY, JSON_TYPE, LEVEL_WORDS, MODE_WORDS, TEMPERATURE_MAX
from actorrouter.dialects.kinds import lose_others
from actorrouter.dialects.losses import Losses, clamped
from actorrouter.dialects.neutral import OMITTED, Format, Loss, Message, Request, Role, Text, Thinking, Tool, ToolChoice


def write_request(request: Request) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """A body, and what cannot be said in it. Whether it streams is said by the URL."""
    losses = Losses()
    said = {
        "contents": _write_contents(request.messages, losses),
        "systemInstruction": _write_system(request.messages, losses),
        "tools": _write_tools(request.tools, losses),
        "toolConfig": _write_tool_choice(request.tool_choice),
        "generationConfig": _write_config(request, losses),
    }
    _lose_unsaid(request, losses)
    return {name: value for name, value in said.items() if value or name == "contents"}, losses.all()


def _lose_unsaid(request: Request, losses: Losses) -> None:
    if request.parallel_tools is False:
        losses.add("parallel_tool_calls", "parallel_tool_calls", "gemini calls as many tools as it likes")
    if request.user:
        losses.add("user", "user", "gemini takes none")
    if request.metadata:
        losses.add("metadata", "metadata", "gemini takes none")


def _write_config(request: Request, losses: Losses) -> dict[str, Any]:
    said = {
        "temperature": clamped(request.temperature, 0, TEMPERATURE_MAX, "temperature", losses),
        "topP": request.top_p,
        "topK": request.top_k,
        "maxOutputTokens": request.output_tokens_max,
        "candidateCount": request.choices,
        "stopSequences": list(request.stop) or None,
        "seed": request.seed,
        "presencePenalty": request.presence_penalty,
        "frequencyPenalty": request.frequency_penalty,
        "thinkingConfig": _write_thinking(request.thinking, losses),
        **_write_format(request.format),
    }
    return {name: value for name, value in said.items() if value is not None}


def _write_format(wanted: Format | None) -> dict[str, Any]:
    """A schema's name and description stand in the schema; every schema is kept to strictly."""
    if wanted is None:
        return {}
    if wanted.kind == "json":
        return {"responseMimeType": JSON_TYPE}
    about = {"title": wanted.name, "description": wanted.description}
    schema = {**{name: text for name, text in about.items() if text}, **(wanted.schema or {})}
    return {"responseMimeType": JSON_TYPE, "responseJsonSchema": schema}


def _write_thinking(thinking: Thinking | None, losses: Losses) -> dict[str, Any] | None:
    if thinking is None:
        return None
    said: dict[str, Any] = {"includeThoughts": True} if thinking.shown not in {"", OMITTED} else {}
    budget = 0 if thinking.effort == "none" else thinking.budget_tokens
    if budget is not None and not (budget < 0 and thinking.effort in LEVEL_WORDS):  # -1: the model's matter
        said["thinkingBudget"] = budget
    elif thinking.effort in LEVEL_WORDS:
        said["thinkingLevel"] = LEVEL_WORDS[thinking.effort]
    if thinking.effort not in {"", "none"} and "thinkingLevel" not in said:
        losses.add("effort", "thinking", "gemini has no such level, or a budget stands for it")
    return said or None


def _write_tools(tools: tuple[Tool, ...], losses: Losses) -> list[dict[str, Any]]:
    return [{"functionDeclarations": [_write_tool(tool, losses) for tool in tools]}] if tools else []


def _write_tool(tool: Tool, losses: Losses) -> dict[str, Any]:
    if tool.strict:
        losses.add("strict", "tools", "gemini promises no such thing of arguments")
    if tool.cached is not None:
        losses.add("cache_control", "tools", "tools carry no marks")
    written: dict[str, Any] = {"name": tool.name, "description": tool.description}
    return written if tool.parameters is None else {**written, "parametersJsonSchema": tool.parameters}


def _write_tool_choice(choice: ToolChoice | None) -> dict[str, Any] | None:
    if choice is None:
        return None
    calling = {"mode": MODE_WORDS.get(choice.mode, ANY)}
    named = {"allowedFunctionNames": [choice.name]} if choice.mode == "tool" else {}
    return {"functionCallingConfig": {**calling, **named}}


# ------------------------------------------------------------------------------------------------------------- contents


def _spoken(message: Message) -> bool:
    return message.role in {Role.USER, Role.ASSISTANT}


def _write_contents(messages: tuple[Message, ...], losses: Losses) -> list[dict[str, Any]]:
    """Turns of one speaker after each other are one: results have to follow their calls together."""
    names = names_of_calls(messages)
    contents: list[dict[str, Any]] = []
    for number, message in enumerate(messages):
        if _spoken(message):
            role = "model" if message.role is Role.ASSISTANT else "user"
            parts = _write_message(number, message, names, losses)
            if contents and contents[-1]["role"] == role:
                contents[-1]["parts"] += parts
            elif parts:
                contents.append({"role": role, "parts": parts})
    return contents


def _write_message(number: int, message: Message, names: Mapping[str, str], losses: Losses) -> list[dict[str, Any]]:
    where = f"messages.{number}"
    if message.name:
        losses.add("name", where, "speakers have no names")
    return write_parts(message.parts, names, where, losses, history=True)


def _write_system(messages: tuple[Message, ...], losses: Losses) -> dict[str, Any] | None:
    """All that the system says stands at the beginning, wherever it was said."""
    parts: list[dict[str, Any]] = []
    begun = False
    for number, message in enumerate(messages):
        begun = begun or _spoken(message)
        if _spoken(message):
            continue
        if begun:
            losses.add(message.role.value, f"messages.{number}", "moved to the beginning")
        lose_others(message.parts, (Text,), f"messages.{number}", losses)
        texts = [part for part in message.parts if isinstance(part, Text)]
        parts += _write_message(number, Message(message.role, tuple(texts), message.name), {}, losses)
    return {"parts": parts} if parts else None
