"""Chat requests as providers are sent them: what chat cannot say is named."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.dialects import ANTHROPIC_MESSAGES
from actorrouter.dialects.neutral import (
    Format,
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
    ToolResult,
)
from actorrouter.dialects.openai_chat import DIALECT

EPHEMERAL = {"type": "ephemeral"}

UNSAID: dict[str, tuple[Request, set[str], dict[str, Any]]] = {
    "a hot temperature is the hottest": (Request((), temperature=3), {"temperature"}, {"temperature": 2}),
    "top_k": (Request((), top_k=4), {"top_k"}, {}),
    "more stop sequences than four": (Request((), stop=tuple("abcde")), {"stop"}, {"stop": list("abcd")}),
    "a budget is an effort": (
        Request((), thinking=Thinking("", 5000)),
        {"budget_tokens"},
        {"reasoning_effort": "medium"},
    ),
    "no thoughts": (Request((), thinking=Thinking("", 0)), set(), {"reasoning_effort": "none"}),
    "as many thoughts as the model likes": (
        Request((), thinking=Thinking("", -1, "summarized")),
        {"thinking", "display"},
        {},
    ),
    "an effort without thoughts": (Request((), thinking=Thinking("high", 0)), {"effort"}, {"reasoning_effort": "none"}),
    "marked tools": (
        Request((), tools=(Tool("f", cached=EPHEMERAL),)),
        {"cache_control"},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
    ),
    "an unnamed schema is given a name": (
        Request((), format=Format("schema", {"x": 1})),
        set(),
        {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"x": 1}}}},
    ),
}


@pytest.mark.parametrize(("request_", "names", "written"), UNSAID.values(), ids=UNSAID)
def test_what_chat_cannot_say_is_named(request_: Request, names: set[str], written: dict[str, Any]):
    """What comes nearest is written, and the loss has a name."""
    body, losses = DIALECT.write_request(request_)
    assert ({loss.name for loss in losses}, body) == (names, {"messages": []} | written)


PARTS: dict[str, tuple[Role, Part, set[str]]] = {
    "another provider's file": (Role.USER, Medium("file", file_id="f", dialect=ANTHROPIC_MESSAGES), {"file_id"}),
    "a file by address": (Role.USER, Medium("file", url="https://example.com/a.pdf"), {"file"}),
    "a sound of another format": (Role.USER, Medium("audio", "audio/ogg", "AAAA"), {"audio"}),
    "an image of the system's": (Role.SYSTEM, Medium("image", url="https://example.com/a.png"), {"image"}),
    "an image of an assistant's": (Role.ASSISTANT, Medium("image", url="https://example.com/a.png"), {"image"}),
    "another's mark": (Role.USER, Text("x", EPHEMERAL), {"cache_control"}),
    "a failed result": (Role.USER, ToolResult("1", (Text("x"),), failed=True), {"is_error"}),
    "an image as a result": (Role.USER, ToolResult("1", (Medium("image", "image/png", "AAAA"),)), {"image"}),
    "signed thoughts": (
        Role.ASSISTANT,
        Reasoning("x", "sig", "", ANTHROPIC_MESSAGES),
        {"thinking", "thinking_signature"},
    ),
    "hidden thoughts": (Role.ASSISTANT, Reasoning("", "", "data", ANTHROPIC_MESSAGES), {"redacted_thinking"}),
    "citations": (Role.ASSISTANT, Text("x", citations=({"type": "page_location"},)), {"citations"}),
    "a user's call": (Role.USER, ToolCall("1", "f", ""), {"tool_calls"}),
    "an assistant's result": (Role.ASSISTANT, ToolResult("1", ()), {"tool_result"}),
    "a signed call": (Role.ASSISTANT, ToolCall("1", "f", "", "sig"), {"thoughtSignature"}),
}


@pytest.mark.parametrize(("role", "part", "names"), PARTS.values(), ids=PARTS)
def test_content_that_chat_cannot_hold_is_named(role: Role, part: Part, names: set[str]):
    """Each kind of content has its own name, and what is written can be read again."""
    body, losses = DIALECT.write_request(Request((Message(role, (part,)),)))
    assert {loss.name for loss in losses} == names
    assert DIALECT.read_request(body)[1] == ()


def test_an_own_cache_mark_comes_back():
    """OpenAI's mark is read and written as it is."""
    mark = {"mode": "explicit"}
    document = {"role": "user", "content": [{"type": "text", "text": "x", "prompt_cache_breakpoint": mark}]}
    request, _ = DIALECT.read_request({"messages": [document]})
    assert request.messages[0].parts == (Text("x", mark),)
    assert DIALECT.write_request(request)[0]["messages"] == [document]


def test_only_a_stream_has_options():
    """OpenAI refuses them elsewhere."""
    assert "stream_options" not in DIALECT.write_request(Request((), stream_usage=True))[0]


def test_results_come_before_what_the_user_says_next():
    """A result has to follow its call."""
    said = Message(Role.USER, (Text("go on"), ToolResult("1", (Text("x"),))))
    roles = [message["role"] for message in DIALECT.write_request(Request((said,)))[0]["messages"]]
    assert roles == ["tool", "user"]


def test_a_call_without_arguments_has_an_empty_object():
    """Clients parse arguments as JSON."""
    said = Message(Role.ASSISTANT, (ToolCall("1", "f", ""),))
    written = DIALECT.write_request(Request((said,)))[0]["messages"][0]
    assert written["tool_calls"][0]["function"]["arguments"] == "{}"
