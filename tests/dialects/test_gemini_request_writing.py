"""Requests for content as Google is sent them."""

from __future__ import annotations

import pytest

from actorrouter.dialects import ANTHROPIC_MESSAGES, GEMINI, OPENAI_CHAT
from actorrouter.dialects.gemini import DIALECT
from actorrouter.dialects.neutral import (
    Denial,
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
from tests.dialects.test_gemini_request import SCHEMA, call, given, result, said


def test_a_conversation_is_written_as_contents():
    """Turns of one speaker are one content, results know their calls' names, and the schema is JSON's."""
    messages = (
        given(Text("be kind"), role=Role.SYSTEM),
        given(Text("hi")),
        given(Text("see"), ToolCall("a", "f", '{"x":1}'), role=Role.ASSISTANT),
        given(ToolResult("a", (Text("no"), Medium("image", "image/png", "AAAA")), failed=True)),
        given(Text("so?")),
    )
    body, losses = DIALECT.write_request(Request(messages, (Tool("f", "d", SCHEMA),), ToolChoice("tool", "f")))
    assert losses == ()
    picture = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    assert body == {
        "systemInstruction": {"parts": [{"text": "be kind"}]},
        "contents": [
            said({"text": "hi"}),
            said({"text": "see"}, call("f", id="a", args={"x": 1}), role="model"),
            said(result("f", {"error": "no"}, id="a", parts=[picture]), {"text": "so?"}),
        ],
        "tools": [{"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": SCHEMA}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    }


def test_own_signatures_go_back_where_they_stood():
    """On the thought, on the text and on the call."""
    parts = (
        Reasoning("Hmm", "s1", dialect=GEMINI),
        Text("So"),
        Reasoning("", "s2", dialect=GEMINI),
        ToolCall("a", "f", "", "s3"),
    )
    body, losses = DIALECT.write_request(Request((given(*parts, role=Role.ASSISTANT),)))
    assert losses == ()
    assert body["contents"][0]["parts"] == [
        {"text": "Hmm", "thought": True, "thoughtSignature": "s1"},
        {"text": "So", "thoughtSignature": "s2"},
        {**call("f", id="a", args={}), "thoughtSignature": "s3"},
    ]


def test_what_the_system_says_later_moves_to_the_beginning():
    """It is said with the system's authority still, and that it moved is a loss."""
    messages = (given(Text("be"), role=Role.SYSTEM), given(Text("hi")), given(Text("kind"), role=Role.DEVELOPER))
    body, losses = DIALECT.write_request(Request(messages))
    assert body["systemInstruction"] == {"parts": [{"text": "be"}, {"text": "kind"}]}
    assert [(loss.name, loss.where) for loss in losses] == [("developer", "messages.2")]


THOUGHT = {
    "an effort": (Thinking("xhigh"), {"thinkingLevel": "XHIGH"}, set()),
    "none": (Thinking("none"), {"thinkingBudget": 0}, set()),
    "a budget": (Thinking(budget_tokens=-1, shown="auto"), {"includeThoughts": True, "thinkingBudget": -1}, set()),
    "thoughts that are left out": (Thinking("low", shown="omitted"), {"thinkingLevel": "LOW"}, set()),
    "an effort, and as many as the model likes": (Thinking("low", -1), {"thinkingLevel": "LOW"}, set()),
    "both": (Thinking("high", 99), {"thinkingBudget": 99}, {"effort"}),
    "an effort nobody has": (Thinking("max"), None, {"effort"}),
}


@pytest.mark.parametrize("name", THOUGHT)
def test_how_much_to_think_is_a_level_or_a_budget(name: str):
    """Never both: a budget says more."""
    thinking, written, lost = THOUGHT[name]
    body, losses = DIALECT.write_request(Request((), thinking=thinking))
    assert body.get("generationConfig", {}).get("thinkingConfig") == written
    assert {loss.name for loss in losses} == lost


UNSAID: dict[str, Request] = {
    "parallel_tool_calls": Request((), parallel_tools=False),
    "user": Request((), user="u"),
    "metadata": Request((), metadata={"a": "b"}),
    "strict": Request((), tools=(Tool("f", strict=True),)),
    "temperature": Request((), temperature=3),
    "name": Request((Message(Role.USER, (Text("hi"),), "ann"),)),
    "file_id": Request((given(Medium("file", file_id="f", dialect=OPENAI_CHAT)),)),
    "detail": Request((given(Medium("image", "image/png", "AAAA", detail="high")),)),
    "cache_control": Request((given(Text("hi", {"type": "ephemeral"})),)),
    "refusal": Request((given(Denial("no"), role=Role.ASSISTANT),)),
    "image": Request((given(Medium("image", "image/png", "AAAA"), role=Role.SYSTEM),)),
    "arguments": Request((given(ToolCall("a", "f", "{"), role=Role.ASSISTANT),)),
    "thinking_signature": Request((given(Reasoning("", "s", dialect=ANTHROPIC_MESSAGES), role=Role.ASSISTANT),)),
}


@pytest.mark.parametrize("name", UNSAID)
def test_what_a_request_cannot_say_is_a_loss(name: str):
    """By its own name."""
    assert [loss.name for loss in DIALECT.write_request(UNSAID[name])[1]] == [name]
