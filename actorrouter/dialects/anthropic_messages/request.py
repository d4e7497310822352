"""A request for a message, read.

Source: anthropic SDK 2.12.0, `types/message_create_params.py`. It no longer names `temperature`, `top_p` and `top_k`,
which older models take.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actorrouter.dialects.anthropic_messages.reading import read_content
from actorrouter.dialects.anthropic_messages.words import CHOICES, PLAIN, TOOL_PLAIN
from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Format, Loss, Message, Request, Role, Thinking, Tool, ToolChoice
from actorrouter.dialects.port import Malformed

_ROLES: Final = {"system": Role.SYSTEM, "user": Role.USER, "assistant": Role.ASSISTANT}


def read_request(body: Mapping[str, Any]) -> tuple[Request, tuple[Loss, ...]]:
    """What is asked for, and what nobody else can be asked. Raises Malformed."""
    losses = Losses()
    fields = Fields(body)
    fields.skip("model")
    choice, parallel = _read_tool_choice(fields, losses)
    output = fields.child("output_config") or Fields({}, "output_config")
    stream = fields.flag("stream") or False
    request = Request(
        messages=(*_read_system(fields, losses), *_read_messages(fields, losses)),
        tools=_read_tools(fields, losses),
        tool_choice=choice,
        parallel_tools=parallel,
        output_tokens_max=fields.integer("max_tokens"),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.integer("top_k"),
        stop=fields.texts("stop_sequences"),
        format=_read_format(output, losses),
        thinking=_read_thinking(fields, output.text("effort"), losses),
        user=_read_user(fields, losses),
        stream=stream,
        stream_usage=True if stream else None,  # it always comes
    )
    output.rest(losses)
    fields.rest(losses, PLAIN)
    return request, losses.all()


def _read_system(fields: Fields, losses: Losses) -> tuple[Message, ...]:
    parts = read_content(fields, "system", losses)
    return (Message(Role.SYSTEM, parts),) if parts else ()


def _read_messages(fields: Fields, losses: Losses) -> list[Message]:
    messages = []
    for message in fields.needed_children("messages"):
        role = message.needed_text("role")
        if role not in _ROLES:
            raise Malformed(message.path("role"), "no such role")
        messages.append(Message(_ROLES[role], read_content(message, "content", losses)))
        message.rest(losses)
    return messages


def _read_user(fields: Fields, losses: Losses) -> str:
    metadata = fields.child("metadata")
    if metadata is None:
        return ""
    user = metadata.text("user_id")
    metadata.rest(losses)
    return user


def _read_format(output: Fields, losses: Losses) -> Format | None:
    said = output.child("format")
    if said is None:
        return None
    if said.needed_text("type") != "json_schema":
        raise Malformed(said.path("type"), "no such format")
    made = Format("schema", said.mapping("schema"), strict=True)
    said.rest(losses)
    return made


def _read_thinking(fields: Fields, effort: str, losses: Losses) -> Thinking | None:
    said = fields.child("thinking")
    if said is None:
        return Thinking(effort) if effort else None
    kind = said.needed_text("type")
    if kind not in _BUDGETS:
        raise Malformed(said.path("type"), "no such thinking")
    if kind == "between_tools":
        losses.add(kind, said.where, "thoughts are off or on elsewhere")
    budget = said.integer("budget_tokens") if kind == "enabled" else _BUDGETS[kind]
    thinking = Thinking(effort, budget, said.text("display"))
    said.rest(losses)
    return thinking


_BUDGETS: Final = {"enabled": None, "disabled": 0, "adaptive": -1, "between_tools": 0}


# ---------------------------------------------------------------------------------------------------------------- tools


def _read_tools(fields: Fields, losses: Losses) -> tuple[Tool, ...]:
    tools = (_read_tool(tool, losses) for tool in fields.children("tools"))
    return tuple(tool for tool in tools if tool is not None)


def _read_tool(tool: Fields, losses: Losses) -> Tool | None:
    kind = tool.text("type") or "custom"
    if kind != "custom":
        losses.add(kind, tool.where, "a tool of the provider's own")
        return None
    made = Tool(
        tool.needed_text("name"),
        tool.text("description"),
        tool.mapping("input_schema"),
        tool.flag("strict"),
        tool.take("cache_control"),
    )
    tool.rest(losses, TOOL_PLAIN)
    return made


def _read_tool_choice(fields: Fields, losses: Losses) -> tuple[ToolChoice | None, bool | None]:
    """Which tool, and whether several at once."""
    said = fields.child("tool_choice")
    if said is None:
        return None, None
    kind = said.needed_text("type")
    if kind not in CHOICES:
        raise Malformed(said.path("type"), "no such choice")
    name = said.needed_text("name") if kind == "tool" else ""
    alone = said.flag("disable_parallel_tool_use")
    said.rest(losses)
    return ToolChoice(CHOICES[kind], name), None if alone is None else not alone
