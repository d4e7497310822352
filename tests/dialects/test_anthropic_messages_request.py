"""Requests for a message as clients send them: what they mean, and what nobody else can be told of them."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.dialects import ANTHROPIC_MESSAGES
from actorrouter.dialects.anthropic_messages import DIALECT
from actorrouter.dialects.neutral import (
    Format,
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
from actorrouter.dialects.port import Malformed

HI = {"role": "user", "content": "hi"}
SAID = Message(Role.USER, (Text("hi"),))
EPHEMERAL = {"type": "ephemeral", "ttl": "5m"}
PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}


def read(**fields: Any) -> Request:
    """A request that is read without a loss."""
    request, losses = DIALECT.read_request({"model": "m", "max_tokens": 9, "messages": [HI], **fields})
    assert losses == ()
    return request


def user(*blocks: dict[str, Any]) -> list[dict[str, Any]]:
    """What a user says in blocks."""
    return [{"role": "user", "content": list(blocks)}]


def test_the_system_speaks_first_and_may_speak_again():
    """Above the messages, and among them."""
    request = read(system="be kind", messages=[HI, {"role": "system", "content": "now"}])
    assert request.messages == (Message(Role.SYSTEM, (Text("be kind"),)), SAID, Message(Role.SYSTEM, (Text("now"),)))


MESSAGES: dict[str, tuple[list[dict[str, Any]], tuple[Message, ...]]] = {
    "marked text": (
        user({"type": "text", "text": "x", "cache_control": EPHEMERAL}),
        (Message(Role.USER, (Text("x", EPHEMERAL),)),),
    ),
    "images": (
        user(
            {"type": "image", "source": PNG},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        ),
        (
            Message(
                Role.USER,
                (
                    Medium("image", "image/png", "iVBORw0KGgo="),
                    Medium("image", url="https://example.com/a.png"),
                    Medium("image", file_id="file_1", dialect=ANTHROPIC_MESSAGES),
                ),
            ),
        ),
    ),
    "documents": (
        user(
            {"type": "document", "title": "a.pdf", "source": PDF},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "zażółć"}},
            {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
        ),
        (
            Message(
                Role.USER,
                (
                    Medium("file", "application/pdf", "AAAA", name="a.pdf"),
                    Medium("file", "text/plain", "emHFvMOzxYLEhw=="),
                    Medium("file", url="https://example.com/a.pdf"),
                ),
            ),
        ),
    ),
    "calls and results": (
        [
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "sig"},
                    {"type": "redacted_thinking", "data": "xyz"},
                    {"type": "text", "text": "let me see"},
                    {"type": "tool_use", "id": "a", "name": "f", "input": {"x": "ü"}},
                    {"type": "tool_use", "id": "b", "name": "g", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "a", "content": "sun"},
                    {
                        "type": "tool_result",
                        "tool_use_id": "b",
                        "content": [{"type": "text", "text": "x"}, {"type": "image", "source": PNG}],
                        "is_error": True,
                    },
                    {"type": "text", "text": "go on"},
                ],
            },
        ],
        (
            Message(
                Role.ASSISTANT,
                (
                    Reasoning("hm", "sig", "", ANTHROPIC_MESSAGES),
                    Reasoning("", "", "xyz", ANTHROPIC_MESSAGES),
                    Text("let me see"),
                    ToolCall("a", "f", '{"x":"ü"}'),
                    ToolCall("b", "g", "{}"),
                ),
            ),
            Message(
                Role.USER,
                (
                    ToolResult("a", (Text("sun"),)),
                    ToolResult("b", (Text("x"), Medium("image", "image/png", "iVBORw0KGgo=")), failed=True),
                    Text("go on"),
                ),
            ),
        ),
    ),
}


@pytest.mark.parametrize(("documents", "messages"), MESSAGES.values(), ids=MESSAGES)
def test_messages_are_read_and_written(documents: list[dict[str, Any]], messages: tuple[Message, ...]):
    """A conversation means what it says, and is written in the same words."""
    assert read(messages=documents).messages == messages
    body, losses = DIALECT.write_request(Request(messages))
    assert (losses, body["messages"]) == ((), documents)


TOOL = {"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True}
FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "numbers": ({"temperature": 1, "top_p": 0.5, "top_k": 4}, {"temperature": 1, "top_p": 0.5, "top_k": 4}),
    "stop sequences": ({"stop_sequences": ["a", "b"]}, {"stop": ("a", "b")}),
    "who": ({"metadata": {"user_id": "u"}}, {"user": "u"}),
    "a schema": (
        {"output_config": {"format": {"type": "json_schema", "schema": {"x": 1}}}},
        {"format": Format("schema", {"x": 1}, strict=True)},
    ),
    "a budget": (
        {"max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"}},
        {"output_tokens_max": 4096, "thinking": Thinking("", 2000, "omitted")},
    ),
    "no thoughts": ({"thinking": {"type": "disabled"}}, {"thinking": Thinking("", 0)}),
    "an effort": (
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
        {"thinking": Thinking("max", -1)},
    ),
    "tools": (
        {"tools": [TOOL], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
        {
            "tools": (Tool("f", "d", {"type": "object"}, strict=True),),
            "tool_choice": ToolChoice("required"),
            "parallel_tools": False,
        },
    ),
    "one of the tools": (
        {"tools": [TOOL | {"cache_control": EPHEMERAL}], "tool_choice": {"type": "tool", "name": "f"}},
        {
            "tools": (Tool("f", "d", {"type": "object"}, strict=True, cached=EPHEMERAL),),
            "tool_choice": ToolChoice("tool", "f"),
        },
    ),
    "a stream": ({"stream": True}, {"stream": True, "stream_usage": True}),
}


@pytest.mark.parametrize(("fields", "meaning"), FIELDS.values(), ids=FIELDS)
def test_fields_are_read_and_written(fields: dict[str, Any], meaning: dict[str, Any]):
    """What is asked for is read, and written in the same words."""
    request = Request((SAID,), **{"output_tokens_max": 9, **meaning})
    assert read(**fields) == request
    assert DIALECT.write_request(request) == ({"messages": [HI], "max_tokens": 9, **fields}, ())


@pytest.mark.parametrize(
    "fields",
    [
        {"service_tier": "auto", "speed": "standard", "container": None},
        {"tools": [], "stop_sequences": [], "metadata": {}, "stream": False},
        {"messages": user({"type": "text", "text": "hi", "citations": None})},
    ],
)
def test_what_happens_anyway_means_nothing(fields: dict[str, Any]):
    """Null, empty and defaults are no losses."""
    assert read(**fields) == Request((SAID,), output_tokens_max=9)


def test_an_effort_alone_is_an_effort():
    """Whether to think is left to the model's default."""
    assert read(output_config={"effort": "low"}).thinking == Thinking("low")


UNREAD: dict[str, tuple[dict[str, Any], set[str]]] = {
    "unsayable fields": (
        {"service_tier": "standard_only", "container": "c", "inference_geo": "us", "cache_control": EPHEMERAL},
        {"service_tier", "container", "inference_geo", "cache_control"},
    ),
    "unknown fields": ({"brand_new": 1, "output_config": {"newer": 1}}, {"brand_new", "newer"}),
    "hosted tools": ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, {"web_search_20250305"}),
    "how a tool is called": (
        {"tools": [TOOL | {"type": "custom", "defer_loading": True, "allowed_callers": ["direct"]}]},
        {"defer_loading"},
    ),
    "what hosted tools gave": (
        {"messages": user({"type": "web_search_tool_result", "tool_use_id": "x", "content": []})},
        {"web_search_tool_result"},
    ),
    "thoughts in a result": (
        {
            "messages": user(
                {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "thinking", "thinking": "hm"}]}
            )
        },
        {"reasoning_content"},
    ),
    "content as a document": (
        {"messages": user({"type": "document", "source": {"type": "content", "content": "x"}, "context": "c"})},
        {"content", "context"},
    ),
    "a document to cite": (
        {"messages": user({"type": "document", "source": PDF, "citations": {"enabled": True}})},
        {"citations"},
    ),
    "thoughts between tools": ({"thinking": {"type": "between_tools"}}, {"between_tools"}),
    "a call by another": (
        {
            "messages": [
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}, "caller": {"type": "x"}}],
                }
            ]
        },
        {"caller"},
    ),
}


@pytest.mark.parametrize(("fields", "names"), UNREAD.values(), ids=UNREAD)
def test_what_nobody_else_can_be_told_is_named(fields: dict[str, Any], names: set[str]):
    """A loss has the name of its field or kind of content."""
    _, losses = DIALECT.read_request({"model": "m", "max_tokens": 9, "messages": [HI], **fields})
    assert {loss.name for loss in losses} == names


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no messages": ({"messages": None}, "messages"),
    "an unknown role": ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
    "content of no kind": ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
    "a block of no kind": ({"messages": user({"text": "x"})}, "messages.0.content.0.type"),
    "an image without source": ({"messages": user({"type": "image"})}, "messages.0.content.0.source"),
    "a result of no call": (
        {"messages": user({"type": "tool_result", "content": "x"})},
        "messages.0.content.0.tool_use_id",
    ),
    "input that is none": (
        {"messages": user({"type": "tool_use", "id": "a", "name": "f", "input": "{}"})},
        "messages.0.content.0.input",
    ),
    "input that is no JSON": (
        {"messages": user({"type": "tool_use", "id": "a", "name": "f", "input": {"x": float("nan")}})},
        "messages.0.content.0.input",
    ),
    "half a token": ({"max_tokens": 1.5}, "max_tokens"),
    "a choice of no kind": ({"tool_choice": {"type": "maybe"}}, "tool_choice.type"),
    "thinking of no kind": ({"thinking": {"type": "hard"}}, "thinking.type"),
    "a format of no kind": ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
    "a tool without name": ({"tools": [{"input_schema": {}}]}, "tools.0.name"),
}


@pytest.mark.parametrize(("fields", "where"), BAD.values(), ids=BAD)
def test_what_is_no_request_is_refused_by_its_path(fields: dict[str, Any], where: str):
    """The path tells where."""
    with pytest.raises(Malformed) as refused:
        DIALECT.read_request({"max_tokens": 9, "messages": [HI], **fields})
    assert refused.value.where == where
