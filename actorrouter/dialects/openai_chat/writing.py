"""Neutral values as a chat request's body.

Source: openai SDK 3.54.0, `types/chat/completion_create_params.py` and `chat_completion_*_message_param.py`.
"""

from __future__ import annotations

from typing import Any, Final

from actorrouter.dialects import OPENAI_CHAT
from actorrouter.dialects.kinds import lose_others
from actorrouter.dialects.losses import Losses, clamped
from actorrouter.dialects.neutral import (
    OMITTED,
    Denial,
    Format,
    Loss,
    Medium,
    Message,
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
from actorrouter.dialects.openai_chat.content import only_texts, write_content
from actorrouter.dialects.openai_chat.words import FORMAT_NAME, STOPS_MAX, TEMPERATURE_MAX
from actorrouter.dialects.thoughts import lose_proof, lose_thought

EFFORTS: Final = ((2048, "low"), (8192, "medium"))
"""The effort that stands for a budget of thoughts up to so many tokens; "high" for more. Our own reckoning."""


def write_request(request: Request) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """A body without its model, and what cannot be said in it."""
    losses = Losses()
    body: dict[str, Any] = {"messages": _write_messages(request, losses)}
    said = {
        "max_completion_tokens": request.output_tokens_max,
        "temperature": clamped(request.temperature, 0, TEMPERATURE_MAX, "temperature", losses),
        "top_p": request.top_p,
        "n": request.choices,
        "seed": request.seed,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
        "stop": _write_stop(request.stop, losses),
        "tools": [_write_tool(tool, losses) for tool in request.tools] or None,
        "tool_choice": _write_tool_choice(request.tool_choice),
        "parallel_tool_calls": request.parallel_tools,
        "response_format": _write_format(request.format),
        "reasoning_effort": _write_effort(request.thinking, losses),
        "user": request.user or None,
        "metadata": request.metadata,
        "stream": request.stream or None,
        "stream_options": _write_stream_options(request),
    }
    if request.top_k is not None:
        losses.add("top_k", "top_k", "chat has none")
    return body | {name: value for name, value in said.items() if value is not None}, losses.all()


def _write_stream_options(request: Request) -> dict[str, bool] | None:
    """Refused where nothing is streamed."""
    if not request.stream or request.stream_usage is None:
        return None
    return {"include_usage": request.stream_usage}


def _write_stop(stop: tuple[str, ...], losses: Losses) -> list[str] | None:
    if len(stop) > STOPS_MAX:
        losses.add("stop", "stop", f"at most {STOPS_MAX} can be said")
    return list(stop[:STOPS_MAX]) or None


def _write_tool(tool: Tool, losses: Losses) -> dict[str, Any]:
    if tool.cached is not None:
        losses.add("cache_control", "tools", "tools carry no marks")
    said = {
        "name": tool.name,
        "description": tool.description or None,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }
    return {"type": "function", "function": {name: value for name, value in said.items() if value is not None}}


def _write_tool_choice(choice: ToolChoice | None) -> str | dict[str, Any] | None:
    if choice is None:
        return None
    if choice.mode != "tool":
        return choice.mode
    return {"type": "function", "function": {"name": choice.name}}


def _write_format(wanted: Format | None) -> dict[str, Any] | None:
    if wanted is None or wanted.kind == "json":
        return {"type": "json_object"} if wanted else None
    said = {
        "name": wanted.name or FORMAT_NAME,
        "description": wanted.description or None,
        "schema": wanted.schema,
        "strict": wanted.strict,
    }
    return {"type": "json_schema", "json_schema": {name: value for name, value in said.items() if value is not None}}


def _write_effort(thinking: Thinking | None, losses: Losses) -> str | None:
    if thinking is None:
        return None
    if thinking.shown not in {"", OMITTED}:
        losses.add("display", "thinking", "chat shows thoughts or does not")
    if thinking.budget_tokens == 0:
        if thinking.effort not in {"", "none"}:
            losses.add("effort", "thinking", "there is none without thoughts")
        return "none"
    if thinking.effort:
        return thinking.effort
    return _effort_for(thinking.budget_tokens, losses)


def _effort_for(budget_tokens: int | None, losses: Losses) -> str | None:
    if budget_tokens is None:
        return None
    if budget_tokens < 0:
        losses.add("thinking", "thinking", "chat cannot leave it to the model")
        return None
    losses.add("budget_tokens", "thinking", "told as an effort")
    return next((effort for most, effort in EFFORTS if budget_tokens <= most), "high")


# ------------------------------------------------------------------------------------------------------------- messages


def _write_messages(request: Request, losses: Losses) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = []
    for number, message in enumerate(request.messages):
        where = f"messages.{number}"
        if message.role is Role.ASSISTANT:
            written.append(_named(_write_spoken(message, where, losses), message))
        elif message.role is Role.USER:
            written += _write_users(message, where, losses)
        else:
            content = write_content(only_texts(message.parts, where, losses), where, losses)
            written.append(_named({"role": message.role.value, "content": content}, message))
    return written


def _named(written: dict[str, Any], message: Message) -> dict[str, Any]:
    return written | {"name": message.name} if message.name else written


def _write_users(message: Message, where: str, losses: Losses) -> list[dict[str, Any]]:
    """Results first: they have to follow the calls they answer."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    rest = [part for part in message.parts if isinstance(part, Text | Medium)]
    lose_others(message.parts, (ToolResult, Text, Medium), where, losses)
    written = [_write_result(result, where, losses) for result in results]
    if rest or not results:
        written.append(_named({"role": "user", "content": write_content(rest, where, losses)}, message))
    return written


def _write_result(result: ToolResult, where: str, losses: Losses) -> dict[str, Any]:
    """The tool's name goes unsaid: the call has it."""
    if result.failed:
        losses.add("is_error", where, "chat does not tell results from errors")
    if result.cached is not None:
        losses.add("cache_control", where, "a result carries no mark")
    content = write_content(only_texts(result.parts, where, losses), where, losses)
    return {"role": "tool", "tool_call_id": result.call_id, "content": content}


def _write_spoken(message: Message, where: str, losses: Losses) -> dict[str, Any]:
    said = spoken(message.parts, where, losses, history=True)
    texts = [part for part in message.parts if isinstance(part, Text)]
    if any(text.citations for text in texts):
        losses.add("citations", where, "a request carries none")
    sounds = [part.file_id for part in message.parts if isinstance(part, Medium) and _own_sound(part)]
    if sounds:
        said["audio"] = {"id": sounds[-1]}
    content = write_content(texts, where, losses) if texts or not said else None
    return {"role": "assistant", "content": content, **said}


def _own_sound(part: Medium) -> bool:
    return part.kind == "audio" and part.dialect == OPENAI_CHAT


def spoken(parts: tuple[Any, ...], where: str, losses: Losses, *, history: bool) -> dict[str, Any]:
    """What an assistant says besides its content. `history`: it goes back to a model."""
    thoughts = [part for part in parts if isinstance(part, Reasoning)]
    text = "".join(_thought(thought, where, losses, history=history) for thought in thoughts)
    denial = "".join(part.text for part in parts if isinstance(part, Denial))
    calls = [_write_call(part, where, losses) for part in parts if isinstance(part, ToolCall)]
    others = [part for part in parts if not (isinstance(part, Medium) and _own_sound(part))]
    lose_others(others, (Text, Reasoning, Denial, ToolCall), where, losses)
    said = {"reasoning_content": text, "refusal": denial, "tool_calls": calls}
    return {name: value for name, value in said.items() if value}


def _thought(thought: Reasoning, where: str, losses: Losses, *, history: bool) -> str:
    if not history:
        lose_proof(thought, where, losses)
        return thought.text
    if thought.dialect:
        lose_thought(thought, where, losses)
        return ""
    return thought.text


def _write_call(call: ToolCall, where: str, losses: Losses) -> dict[str, Any]:
    if call.signature:
        losses.add("thoughtSignature", where, "only who made it can use it")
    if call.cached is not None:
        losses.add("cache_control", where, "a call carries no mark")
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.call_id, "type": "function", "function": function}
