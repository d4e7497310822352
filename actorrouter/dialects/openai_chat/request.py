"""A chat request, read and written.

Source: openai SDK 3.54.0, `types/chat/completion_create_params.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Format, Loss, Request, Thinking, Tool, ToolChoice
from actorrouter.dialects.openai_chat.reading import read_messages
from actorrouter.dialects.openai_chat.words import PLAIN
from actorrouter.dialects.port import Malformed


def read_request(body: Mapping[str, Any]) -> tuple[Request, tuple[Loss, ...]]:
    """What is asked for, and what nobody else can be asked. Raises Malformed."""
    losses = Losses()
    fields = Fields(body)
    fields.skip("model")
    request = Request(
        messages=read_messages(fields.needed_children("messages"), losses),
        tools=_read_tools(fields, losses),
        tool_choice=_read_tool_choice(fields, losses),
        parallel_tools=fields.flag("parallel_tool_calls"),
        output_tokens_max=_read_maximum(fields, losses),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.integer("top_k"),  # OpenAI's own has none; vLLM, OpenRouter and others take it
        stop=_read_stop(fields),
        choices=fields.integer("n"),
        seed=fields.integer("seed"),
        presence_penalty=fields.number("presence_penalty"),
        frequency_penalty=fields.number("frequency_penalty"),
        format=_read_format(fields, losses),
        thinking=_read_thinking(fields),
        user=_read_user(fields, losses),
        metadata=fields.mapping("metadata"),
        stream=fields.flag("stream") or False,
        stream_usage=_read_stream_usage(fields, losses),
    )
    if fields.take("web_search_options") is not None:  # even the empty object asks for it
        losses.add("web_search_options", "web_search_options", "a tool of the provider's own")
    fields.rest(losses, PLAIN)
    return request, losses.all()


def _read_maximum(fields: Fields, losses: Losses) -> int | None:
    """`max_tokens` is the deprecated name of the same thing."""
    maximum, deprecated = fields.integer("max_completion_tokens"), fields.integer("max_tokens")
    if maximum is not None and deprecated not in (None, maximum):
        losses.add("max_tokens", "max_tokens", "max_completion_tokens says otherwise")
    return deprecated if maximum is None else maximum


def _read_user(fields: Fields, losses: Losses) -> str:
    """`safety_identifier` supersedes `user`."""
    user, identifier = fields.text("user"), fields.text("safety_identifier")
    if user and identifier and user != identifier:
        losses.add("user", "user", "safety_identifier says otherwise")
    return identifier or user


def _read_stop(fields: Fields) -> tuple[str, ...]:
    said = fields.take("stop")
    if isinstance(said, str):
        return (said,)
    return Fields({"stop": said}).texts("stop")


def _read_thinking(fields: Fields) -> Thinking | None:
    effort = fields.text("reasoning_effort")
    return Thinking(effort) if effort else None


def _read_stream_usage(fields: Fields, losses: Losses) -> bool | None:
    options = fields.child("stream_options")
    if options is None:
        return None
    asked = options.flag("include_usage")
    options.rest(losses, {"include_obfuscation": (False,)})
    return asked


def _read_format(fields: Fields, losses: Losses) -> Format | None:
    said = fields.child("response_format")
    if said is None:
        return None
    kind = said.needed_text("type")
    if kind in {"text", "json_object"}:
        said.rest(losses)
        return Format("json") if kind == "json_object" else None
    if kind != "json_schema":
        raise Malformed(said.path("type"), "no such format")
    schema = said.needed_child("json_schema")
    made = Format(
        "schema",
        schema.mapping("schema"),
        schema.needed_text("name"),
        schema.text("description"),
        schema.flag("strict"),
    )
    schema.rest(losses)
    said.rest(losses)
    return made


# ---------------------------------------------------------------------------------------------------------------- tools

_MODES: Final = frozenset({"auto", "none", "required"})


def _read_tools(fields: Fields, losses: Losses) -> tuple[Tool, ...]:
    tools = (_read_tool(tool, losses) for tool in fields.children("tools"))
    return tuple(tool for tool in tools if tool is not None)


def _read_tool(tool: Fields, losses: Losses) -> Tool | None:
    kind = tool.needed_text("type")
    if kind != "function":
        losses.add(kind, tool.where, "only functions are tools elsewhere")
        return None
    function = tool.needed_child("function")
    made = Tool(
        function.needed_text("name"),
        function.text("description"),
        function.mapping("parameters"),
        function.flag("strict"),
        tool.take("cache_control"),
    )
    function.rest(losses)
    tool.rest(losses)
    return made


def _read_tool_choice(fields: Fields, losses: Losses) -> ToolChoice | None:
    said = fields.take("tool_choice")
    if said is None:
        return None
    if isinstance(said, str):
        if said not in _MODES:
            raise Malformed("tool_choice", "auto, none, required or an object is expected")
        return ToolChoice(said)
    return _read_named_choice(Fields(said, "tool_choice"), losses)


def _read_named_choice(choice: Fields, losses: Losses) -> ToolChoice | None:
    kind = choice.needed_text("type")
    if kind == "function":
        return ToolChoice("tool", _read_name(choice, losses))
    losses.add(kind, "tool_choice", "cannot be told elsewhere")
    return ToolChoice(_allowed_mode(choice.needed_child("allowed_tools"))) if kind == "allowed_tools" else None


def _read_name(choice: Fields, losses: Losses) -> str:
    function = choice.needed_child("function")
    name = function.needed_text("name")
    function.rest(losses)
    choice.rest(losses)
    return name


def _allowed_mode(allowed: Fields) -> str:
    mode = allowed.needed_text("mode")
    if mode not in _MODES:
        raise Malformed(allowed.path("mode"), "auto or required is expected")
    return mode
