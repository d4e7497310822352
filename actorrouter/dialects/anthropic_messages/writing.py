"""Neutral values as a request for a message.

Source: anthropic SDK 2.12.0, `types/message_create_params.py`.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any, Final

from actorrouter.dialects import ANTHROPIC_MESSAGES
from actorrouter.dialects.anthropic_messages.content import (
    marked,
    shortened,
    write_call,
    write_medium,
    write_result,
    write_text,
    write_thought,
)
from actorrouter.dialects.anthropic_messages.thinking import write_effort, write_thinking
from actorrouter.dialects.anthropic_messages.words import CHOICE_WORDS, OUTPUT_TOKENS_DEFAULT
from actorrouter.dialects.kinds import lose_others
from actorrouter.dialects.losses import Losses, clamped
from actorrouter.dialects.neutral import (
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
    Tool,
    ToolCall,
    ToolResult,
)
from actorrouter.dialects.thoughts import lose_thought

_SYSTEM: Final = frozenset({Role.SYSTEM, Role.DEVELOPER})


def write_request(request: Request) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """A body without its model, and what cannot be said in it."""
    losses = Losses()
    first = list(takewhile(lambda message: message.role in _SYSTEM, request.messages))
    body = {
        "max_tokens": _maximum(request),
        "messages": _write_messages(request.messages, len(first), losses),
        "system": _write_system(first, losses),
        "tools": [_write_tool(tool, losses) for tool in request.tools] or None,
        "tool_choice": _write_tool_choice(request),
        "temperature": clamped(request.temperature, 0, 1, "temperature", losses),
        "top_p": request.top_p,
        "top_k": request.top_k,
        "stop_sequences": list(request.stop) or None,
        "metadata": {"user_id": request.user} if request.user else None,
        "thinking": write_thinking(request.thinking, _maximum(request), losses),
        "output_config": _write_output(request, losses) or None,
        "stream": request.stream or None,
    }
    _lose_unsaid(request, losses)
    return {name: value for name, value in body.items() if value is not None}, losses.all()


def _maximum(request: Request) -> int:
    """Thoughts count as output: the default leaves room for both."""
    if request.output_tokens_max is not None:
        return request.output_tokens_max
    budget = request.thinking.budget_tokens if request.thinking else None
    return OUTPUT_TOKENS_DEFAULT + max(0, budget or 0)


def _lose_unsaid(request: Request, losses: Losses) -> None:
    unsaid = {
        "n": request.choices not in {None, 1},
        "seed": request.seed is not None,
        "presence_penalty": bool(request.presence_penalty),
        "frequency_penalty": bool(request.frequency_penalty),
        "metadata": bool(request.metadata),
    }
    for name, said in unsaid.items():
        if said:
            losses.add(name, name, "Anthropic has none")


def _write_output(request: Request, losses: Losses) -> dict[str, Any]:
    said = {"effort": write_effort(request.thinking, losses), "format": _write_format(request.format, losses)}
    return {name: value for name, value in said.items() if value is not None}


def _write_format(wanted: Format | None, losses: Losses) -> dict[str, Any] | None:
    """Names and descriptions go where JSON schema has them, unless the schema has its own."""
    if wanted is None:
        return None
    if wanted.kind != "schema" or wanted.schema is None:
        losses.add("response_format", "response_format", "JSON needs a schema")
        return None
    said = {"title": wanted.name, "description": wanted.description}
    schema = {name: value for name, value in said.items() if value} | dict(wanted.schema)
    if wanted.description and schema["description"] != wanted.description:
        losses.add("description", "response_format", "the schema has its own")
    return {"type": "json_schema", "schema": schema}


def _write_tool(tool: Tool, losses: Losses) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": tool.name,
        "description": tool.description or None,
        "input_schema": tool.parameters or {"type": "object", "properties": {}},
        "strict": tool.strict,
    }
    written = {name: value for name, value in said.items() if value is not None}
    return marked(written, tool.cached, "tools", losses)


def _write_tool_choice(request: Request) -> dict[str, Any] | None:
    """Whether several at once is a matter of the choice, so that one has to be made."""
    choice, parallel = request.tool_choice, request.parallel_tools
    if choice is None and (parallel is None or not request.tools):
        return None
    mode = choice.mode if choice else "auto"
    said: dict[str, Any] = {"type": CHOICE_WORDS[mode]}
    if choice and mode == "tool":
        said["name"] = choice.name
    if parallel is not None and mode != "none":
        said["disable_parallel_tool_use"] = not parallel
    return said


# ------------------------------------------------------------------------------------------------------------- messages


def _write_system(messages: list[Message], losses: Losses) -> str | list[dict[str, Any]] | None:
    blocks = [block for message in messages for block in _write_texts(message, "system", losses)]
    return shortened(blocks) if blocks else None


def _write_texts(message: Message, where: str, losses: Losses) -> list[dict[str, Any]]:
    """What the system says, which is text only."""
    if message.name:
        losses.add("name", where, "speakers have no names")
    lose_others(message.parts, (Text,), where, losses)
    written = (write_text(part, where, losses) for part in message.parts if isinstance(part, Text))
    return [block for block in written if block is not None]


def _write_messages(messages: tuple[Message, ...], start: int, losses: Losses) -> list[dict[str, Any]]:
    """Turns of one speaker become one; those with nothing to say are refused, so they are none."""
    turns: list[tuple[str, list[dict[str, Any]]]] = []
    for number, message in enumerate(messages[start:], start):
        role, blocks = _write_message(message, f"messages.{number}", losses)
        if blocks and turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        elif blocks:
            turns.append((role, blocks))
    return [{"role": role, "content": shortened(_results_first(blocks))} for role, blocks in turns]


def _write_message(message: Message, where: str, losses: Losses) -> tuple[str, list[dict[str, Any]]]:
    if message.role in _SYSTEM:
        return "system", _write_texts(message, where, losses)
    if message.name:
        losses.add("name", where, "speakers have no names")
    blocks = (_write_part(part, where, losses) for part in message.parts)
    return message.role.value, [block for block in blocks if block is not None]


def _results_first(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """They have to follow the calls they answer."""
    return sorted(blocks, key=lambda block: block["type"] != "tool_result")


def _write_part(part: Part, where: str, losses: Losses) -> dict[str, Any] | None:
    match part:
        case Text():
            return write_text(part, where, losses)
        case Medium():
            return write_medium(part, where, losses)
        case ToolCall():
            return write_call(part, where, losses)
        case ToolResult():
            return write_result(part, where, losses)
        case Denial():  # here a refusal in words is text
            return write_text(Text(part.text), where, losses)
        case Reasoning():
            return _write_own_thought(part, where, losses)


def _write_own_thought(thought: Reasoning, where: str, losses: Losses) -> dict[str, Any] | None:
    """Only what Anthropic signed or hid comes back to it: a block without a signature is refused."""
    if thought.dialect == ANTHROPIC_MESSAGES and (thought.signature or thought.hidden):
        return write_thought(thought)
    lose_thought(thought, where, losses)
    return None
