"""Neutral values as the body of a request for a response.

Source: openai SDK 3.54.0, `types/responses/response_create_params.py` and `response_input_item_param.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from actorrouter.dialects import OPENAI_RESPONSES
from actorrouter.dialects.kinds import lose_others
from actorrouter.dialects.losses import Losses, clamped
from actorrouter.dialects.neutral import (
    OMITTED,
    Denial,
    Format,
    Loss,
    Medium,
    Message,
    Part,
    Reasoning,
    Request,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from actorrouter.dialects.openai_chat.words import FORMAT_NAME, TEMPERATURE_MAX
from actorrouter.dialects.openai_chat.writing import EFFORTS
from actorrouter.dialects.openai_responses.content import write_content
from actorrouter.dialects.openai_responses.words import SUMMARIES
from actorrouter.dialects.thoughts import lose_proof, lose_thought

# What a format may be called: types/responses/response_format_text_json_schema_config.py.
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_MAX: Final = 64
_UNSAID: Final = ("top_k", "stop", "seed", "presence_penalty", "frequency_penalty")


def write_request(request: Request) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """A body without its model, and what cannot be said in it. Who did not ask for it has nothing kept of it."""
    losses = Losses()
    instructions, messages = _instructions(request.messages)
    body: dict[str, Any] = {
        "input": [item for number, message in messages for item in _write_message(number, message, losses)],
        "store": False,
    }
    said = {
        "instructions": instructions,
        "max_output_tokens": request.output_tokens_max,
        "temperature": clamped(request.temperature, 0, TEMPERATURE_MAX, "temperature", losses),
        "top_p": request.top_p,
        "tools": [_write_tool(tool, losses) for tool in request.tools] or None,
        "tool_choice": _write_tool_choice(request.tool_choice),
        "parallel_tool_calls": request.parallel_tools,
        "text": _write_format(request.format),
        "reasoning": _write_thinking(request.thinking, losses),
        "user": request.user or None,
        "metadata": request.metadata,
        "stream": request.stream or None,
    }
    _lose_unsaid(request, losses)
    return body | {name: value for name, value in said.items() if value is not None}, losses.all()


def _lose_unsaid(request: Request, losses: Losses) -> None:
    for name in _UNSAID:
        if getattr(request, name) not in {None, ()}:
            losses.add(name, name, "responses have none")
    if request.choices not in {None, 1}:
        losses.add("n", "n", "a response is one")


def _write_tool(tool: Tool, losses: Losses) -> dict[str, Any]:
    """`strict` has to be there; who does not say it has not asked for it."""
    if tool.cached is not None:
        losses.add("cache_control", "tools", "tools carry no marks")
    written: dict[str, Any] = {"type": "function", "name": tool.name}
    if tool.description:
        written["description"] = tool.description
    return written | {"parameters": tool.parameters, "strict": bool(tool.strict)}


def _write_tool_choice(choice: ToolChoice | None) -> str | dict[str, Any] | None:
    if choice is None or choice.mode != "tool":
        return choice.mode if choice else None
    return {"type": "function", "name": choice.name}


def _write_format(wanted: Format | None) -> dict[str, Any] | None:
    if wanted is None:
        return None
    if wanted.kind == "json":
        return {"format": {"type": "json_object"}}
    said = {
        "type": "json_schema",
        "name": _NOT_IN_NAMES.sub("_", wanted.name)[:_NAME_MAX] or FORMAT_NAME,
        "description": wanted.description or None,
        "schema": wanted.schema if wanted.schema is not None else {},
        "strict": wanted.strict,
    }
    return {"format": {name: value for name, value in said.items() if value is not None}}


def _write_thinking(thinking: Thinking | None, losses: Losses) -> dict[str, str] | None:
    if thinking is None:
        return None
    said = {"effort": _effort(thinking, losses), "summary": _summary(thinking)}
    return {name: value for name, value in said.items() if value} or None


def _summary(thinking: Thinking) -> str:
    """Who is not asked for thoughts shows none; all ways to sum them up come to the same."""
    if thinking.shown in {"", OMITTED}:
        return ""
    return thinking.shown if thinking.shown in SUMMARIES else "auto"


def _effort(thinking: Thinking, losses: Losses) -> str:
    """An effort says more than a budget, but for one of 0, which is no thoughts."""
    effort, budget = thinking.effort, thinking.budget_tokens
    if budget == 0:
        if effort not in {"", "none"}:
            losses.add("effort", "thinking", "there is none without thoughts")
        return "none"
    if budget is not None and budget < 0 and not effort:
        losses.add("thinking", "thinking", "responses cannot leave it to the model")
    if budget is None or budget < 0:
        return effort
    losses.add("budget_tokens", "thinking", "told as an effort")
    return effort or next((word for most, word in EFFORTS if budget <= most), "high")


# ------------------------------------------------------------------------------------------------------------- messages


def _instructions(messages: tuple[Message, ...]) -> tuple[str | None, Iterable[tuple[int, Message]]]:
    """A first message of the system's that is one text, and the numbered others."""
    numbered = list(enumerate(messages))
    if not messages or messages[0].role is not Role.SYSTEM or len(messages[0].parts) != 1:
        return None, numbered
    only = messages[0].parts[0]
    if not isinstance(only, Text) or only.cached is not None or not only.text:
        return None, numbered
    return only.text, numbered[1:]


_SPOKEN: Final = (Text, Medium, Denial, ToolCall, Reasoning)
_GIVEN: Final = (Text, Medium, ToolResult)


def _write_message(number: int, message: Message, losses: Losses) -> list[dict[str, Any]]:
    where = f"messages.{number}"
    if message.name:
        losses.add("name", where, "speakers have no names")
    spoken = message.role is Role.ASSISTANT
    write, allowed = (_write_spoken, _SPOKEN) if spoken else (_write_given, _GIVEN)
    lose_others(message.parts, allowed, where, losses)
    sayable = [part for part in message.parts if isinstance(part, allowed)]
    runs = [(kind, list(run)) for kind, run in groupby(sayable, _kind)]
    return [item for kind, run in runs for item in write(kind, run, message.role, where, losses)]


def _kind(part: Part) -> type[Part]:
    """Texts, media and refusals share a message; everything else is an item of its own."""
    return Text if isinstance(part, Text | Medium | Denial) else type(part)


def _write_given(kind: type[Part], run: Sequence[Any], role: Role, where: str, losses: Losses) -> list[dict[str, Any]]:
    if kind is ToolResult:
        return [_write_result(result, where, losses) for result in run]
    content = write_content(run, where, losses)
    return [{"type": "message", "role": role.value, "content": content}]


def _write_result(result: ToolResult, where: str, losses: Losses) -> dict[str, Any]:
    """The tool's name goes unsaid: the call has it."""
    if result.failed:
        losses.add("is_error", where, "an output does not tell results from errors")
    if result.cached is not None:
        losses.add("cache_control", where, "an output carries no mark")
    output = write_content(result.parts, where, losses)
    return {"type": "function_call_output", "call_id": result.call_id, "output": output}


def _write_spoken(kind: type[Part], run: Sequence[Any], role: Role, where: str, losses: Losses) -> list[dict[str, Any]]:
    if kind is Reasoning:
        written = [_write_thought(thought, where, losses) for thought in run]
        return [item for item in written if item is not None]
    if kind is ToolCall:
        return [_write_call(call, where, losses) for call in run]
    contents = [_write_said(part, where, losses) for part in run]
    return [{"type": "message", "role": "assistant", "content": content} for content in contents if content]


def _write_said(part: Text | Medium | Denial, where: str, losses: Losses) -> str | list[dict[str, Any]]:
    """A message's content: only one that is a string needs no id of the provider's own."""
    if isinstance(part, Medium):
        losses.add(part.kind, where, "an assistant said only text")
        return []
    if isinstance(part, Denial):
        return [{"type": "refusal", "refusal": part.text}]
    if part.citations:
        losses.add("citations", where, "a request carries none")
    if part.cached is not None:
        losses.add("cache_control", where, "an answer's text carries no mark")
    return part.text


def _write_call(call: ToolCall, where: str, losses: Losses) -> dict[str, Any]:
    if call.signature:
        losses.add("thoughtSignature", where, "only who made it can use it")
    if call.cached is not None:
        losses.add("cache_control", where, "a call carries no mark")
    arguments = call.arguments or "{}"
    return {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": arguments}


def _write_thought(thought: Reasoning, where: str, losses: Losses) -> dict[str, Any] | None:
    """Only encrypted content can be given back: an item's id alone means one that the provider kept."""
    if thought.dialect != OPENAI_RESPONSES or not thought.hidden:
        lose_thought(thought, where, losses)
        return None
    lose_proof(Reasoning("", thought.signature), where, losses)
    summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
    item_id = {"id": thought.item_id} if thought.item_id else {}
    return {"type": "reasoning", **item_id, "summary": summary, "encrypted_content": thought.hidden}
