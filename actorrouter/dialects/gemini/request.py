"""A request for content, read.

Source: google-genai SDK 3.4.0, `types.py` and `models.py` (what of it goes to the Gemini API).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actorrouter.dialects.fields import Fields
from actorrouter.dialects.gemini.calls import CallIds
from actorrouter.dialects.gemini.parts import read_parts
from actorrouter.dialects.gemini.schemas import json_schema
from actorrouter.dialects.gemini.spelling import camel
from actorrouter.dialects.gemini.words import ANY, CONFIG_PLAIN, JSON_TYPE, KEPT_ELSEWHERE, LEVELS, MODES
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Format, Loss, Message, Request, Role, Thinking, Tool, ToolChoice
from actorrouter.dialects.port import Malformed

_ROLES: Final = {"": Role.USER, "user": Role.USER, "model": Role.ASSISTANT, "function": Role.USER}


def read_request(body: Mapping[str, Any]) -> tuple[Request, tuple[Loss, ...]]:
    """What is asked for, and what nobody else can be asked. Whether it streams is said by the URL. Raises Malformed."""
    losses = Losses()
    fields = Fields(camel(body))
    fields.skip("model")
    for name, why in KEPT_ELSEWHERE.items():
        if fields.take(name) is not None:
            losses.add(name, name, why)
    config = fields.child("generationConfig") or Fields({}, "generationConfig")
    request = Request(
        messages=_read_messages(fields, losses),
        tools=_read_tools(fields, losses),
        tool_choice=_read_tool_choice(fields, losses),
        output_tokens_max=config.integer("maxOutputTokens"),
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=config.integer("topK"),  # a float in the SDK's words, whole in everybody else's
        stop=config.texts("stopSequences"),
        choices=config.integer("candidateCount"),
        seed=config.integer("seed"),
        presence_penalty=config.number("presencePenalty"),
        frequency_penalty=config.number("frequencyPenalty"),
        format=_read_format(config, losses),
        thinking=_read_thinking(config, losses),
    )
    config.rest(losses, CONFIG_PLAIN)
    fields.rest(losses)
    return request, losses.all()


def _read_messages(fields: Fields, losses: Losses) -> tuple[Message, ...]:
    ids = CallIds("")
    read: list[Message] = []
    system = fields.child("systemInstruction")
    if system is not None:
        system.skip("role")
        read.append(Message(Role.SYSTEM, tuple(read_parts(system, ids, losses))))
        system.rest(losses)
    for content in fields.needed_children("contents"):
        role = content.text("role")
        if role not in _ROLES:
            raise Malformed(content.path("role"), "user or model is expected")
        read.append(Message(_ROLES[role], tuple(read_parts(content, ids, losses))))
        content.rest(losses)
    return tuple(read)


def _read_format(config: Fields, losses: Losses) -> Format | None:
    """A schema in Gemini's own words or in JSON schema's."""
    media_type = config.text("responseMimeType")
    own, schema = config.mapping("responseSchema"), config.mapping("responseJsonSchema")
    if media_type not in {"", "text/plain", JSON_TYPE}:
        losses.add("responseMimeType", config.path("responseMimeType"), "no such format elsewhere")
    if own is not None and schema is None:
        schema = json_schema(own, config.path("responseSchema"))
    if schema is None or media_type != JSON_TYPE:
        return Format("json") if media_type == JSON_TYPE else None
    title = schema.get("title")
    return Format("schema", schema, title if isinstance(title, str) else "")


def _read_thinking(config: Fields, losses: Losses) -> Thinking | None:
    said = config.child("thinkingConfig")
    if said is None:
        return None
    level, budget = said.text("thinkingLevel").upper(), said.integer("thinkingBudget")
    if level not in {"", "THINKING_LEVEL_UNSPECIFIED", *LEVELS}:
        raise Malformed(said.path("thinkingLevel"), "no such level")
    shown = "auto" if said.flag("includeThoughts") else ""
    said.rest(losses)
    effort = LEVELS.get(level, "")
    return Thinking(effort, budget, shown) if effort or shown or budget is not None else None


# ---------------------------------------------------------------------------------------------------------------- tools


def _read_tools(fields: Fields, losses: Losses) -> tuple[Tool, ...]:
    read: list[Tool] = []
    for tool in fields.children("tools"):
        read += [_read_tool(each, losses) for each in tool.children("functionDeclarations")]
        _lose_own(tool, losses)
    return tuple(read)


def _lose_own(tool: Fields, losses: Losses) -> None:
    """Gemini's own tools: even the empty object asks for one."""
    for name in tool.names():
        losses.add(name, tool.path(name), "a tool of the provider's own")
        tool.skip(name)


def _read_tool(tool: Fields, losses: Losses) -> Tool:
    own, schema = tool.mapping("parameters"), tool.mapping("parametersJsonSchema")
    if own is not None and schema is None:
        schema = json_schema(own, tool.path("parameters"))
    made = Tool(tool.needed_text("name"), tool.text("description"), schema)
    tool.rest(losses, {"behavior": ("UNSPECIFIED", "BLOCKING")})
    return made


def _read_tool_choice(fields: Fields, losses: Losses) -> ToolChoice | None:
    config = fields.child("toolConfig")
    calling = config.child("functionCallingConfig") if config is not None else None
    made = _read_calling(calling, losses) if calling is not None else None
    if config is not None:
        config.rest(losses)
    return made


def _read_calling(calling: Fields, losses: Losses) -> ToolChoice | None:
    mode, allowed = calling.text("mode").upper(), calling.texts("allowedFunctionNames")
    calling.rest(losses, {"streamFunctionCallArguments": (False,)})
    if mode == ANY and len(allowed) == 1:
        return ToolChoice("tool", allowed[0])
    if allowed:
        losses.add("allowedFunctionNames", calling.path("allowedFunctionNames"), "all or one elsewhere")
    if mode == "VALIDATED":
        losses.add("mode", calling.path("mode"), "nothing is validated elsewhere")
        return ToolChoice("auto")
    if mode not in {"", "MODE_UNSPECIFIED", *MODES}:
        raise Malformed(calling.path("mode"), "no such mode")
    return ToolChoice(MODES[mode]) if mode in MODES else None
