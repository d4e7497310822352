"""A request for a response, read.

Source: openai SDK 3.54.0, `types/responses/response_create_params.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import (
    Format,
    Loss,
    Message,
    Request,
    Role,
    Text,
    Thinking,
    Tool,
    ToolChoice,
)
from actorrouter.dialects.openai_responses.items import read_input
from actorrouter.dialects.openai_responses.words import KEPT_ELSEWHERE, PLAIN
from actorrouter.dialects.port import Malformed


def read_request(body: Mapping[str, Any]) -> tuple[Request, tuple[Loss, ...]]:
    """What is asked for, and what nobody else can be asked. Raises Malformed."""
    losses = Losses()
    fields = Fields(body)
    fields.skip("model")
    for name, why in KEPT_ELSEWHERE.items():
        if fields.take(name) is not None:
            losses.add(name, name, why)
    text = fields.child("text") or Fields({})
    request = Request(
        messages=_read_messages(fields, losses),
        tools=_read_tools(fields, losses),
        tool_choice=_read_tool_choice(fields, losses),
        parallel_tools=fields.flag("parallel_tool_calls"),
        output_tokens_max=fields.integer("max_output_tokens"),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        format=_read_format(text, losses),
        thinking=_read_thinking(fields, losses),
        user=_read_user(fields, losses),
        metadata=fields.mapping("metadata"),
        stream=fields.flag("stream") or False,
    )
    text.rest(losses, {"verbosity": ("medium",)})
    (fields.child("stream_options") or Fields({})).rest(losses, {"include_obfuscation": (False,)})
    fields.rest(losses, PLAIN)
    return request, losses.all()


def _read_messages(fields: Fields, losses: Losses) -> tuple[Message, ...]:
    """`instructions` stand before the input."""
    instructions = fields.text("instructions")
    before = (Message(Role.SYSTEM, (Text(instructions),)),) if instructions else ()
    said = fields.take("input")
    if isinstance(said, str):
        return (*before, Message(Role.USER, (Text(said),)))
    if not isinstance(said, list):
        raise Malformed("input", "a string or a list is expected")
    return (*before, *read_input([Fields(item, f"input.{number}") for number, item in enumerate(said)], losses))


def _read_user(fields: Fields, losses: Losses) -> str:
    """`safety_identifier` supersedes `user`."""
    user, identifier = fields.text("user"), fields.text("safety_identifier")
    if user and identifier and user != identifier:
        losses.add("user", "user", "safety_identifier says otherwise")
    return identifier or user


def _read_thinking(fields: Fields, losses: Losses) -> Thinking | None:
    reasoning = fields.child("reasoning")
    if reasoning is None:
        return None
    effort, deprecated = reasoning.text("effort"), reasoning.text("generate_summary")
    shown = reasoning.text("summary") or deprecated
    reasoning.rest(losses, {"context": ("auto",), "mode": ("standard",)})
    return Thinking(effort, shown=shown) if effort or shown else None


def _read_format(text: Fields, losses: Losses) -> Format | None:
    said = text.child("format")
    if said is None:
        return None
    kind = said.needed_text("type")
    if kind == "json_schema":
        schema, name = said.mapping("schema"), said.needed_text("name")
        made: Format | None = Format("schema", schema, name, said.text("description"), said.flag("strict"))
    elif kind in {"text", "json_object"}:
        made = Format("json") if kind == "json_object" else None
    else:
        raise Malformed(said.path("type"), "no such format")
    said.rest(losses)
    return made


# ---------------------------------------------------------------------------------------------------------------- tools

_MODES: Final = frozenset({"auto", "none", "required"})
_TOOL_PLAIN: Final = {"async": (False,), "defer_loading": (False,), "allowed_callers": (["direct"],)}


def _read_tools(fields: Fields, losses: Losses) -> tuple[Tool, ...]:
    tools = (_read_tool(tool, losses) for tool in fields.children("tools"))
    return tuple(tool for tool in tools if tool is not None)


def _read_tool(tool: Fields, losses: Losses) -> Tool | None:
    kind = tool.needed_text("type")
    if kind != "function":
        losses.add(kind, tool.where, "a tool of the provider's own")
        return None
    made = Tool(tool.needed_text("name"), tool.text("description"), tool.mapping("parameters"), tool.flag("strict"))
    tool.rest(losses, _TOOL_PLAIN)
    return made


def _read_tool_choice(fields: Fields, losses: Losses) -> ToolChoice | None:
    said = fields.take("tool_choice")
    if said is None:
        return None
    if isinstance(said, str):
        if said not in _MODES:
            raise Malformed("tool_choice", "auto, none, required or an object is expected")
        return ToolChoice(said)
    choice = Fields(said, "tool_choice")
    kind = choice.needed_text("type")
    if kind == "function":
        name = choice.needed_text("name")
        choice.rest(losses)
        return ToolChoice("tool", name)
    losses.add(kind, "tool_choice", "cannot be told elsewhere")
    return ToolChoice(_allowed_mode(choice)) if kind == "allowed_tools" else None


def _allowed_mode(choice: Fields) -> str:
    mode = choice.needed_text("mode")
    if mode not in _MODES:
        raise Malformed("tool_choice.mode", "auto or required is expected")
    return mode
