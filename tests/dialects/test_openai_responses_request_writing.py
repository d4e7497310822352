"""Requests for a response as providers are sent them."""

from __future__ import annotations

import pytest

from actorrouter.dialects import ANTHROPIC_MESSAGES, GEMINI, OPENAI_RESPONSES
from actorrouter.dialects.neutral import (
    Format,
    Medium,
    Message,
    Reasoning,
    Request,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from actorrouter.dialects.openai_responses import DIALECT
from tests.dialects.test_openai_responses_request import PNG, SCHEMA, given


def test_a_conversation_is_written_as_items():
    """Each call and each result is an item of its own, and nothing is kept of it."""
    messages = (
        given(Text("hi"), Medium("image", "image/png", "iVBORw0KGgo=")),
        given(Text("see"), ToolCall("a", "f", ""), role=Role.ASSISTANT),
        given(ToolResult("a", (Text("42"),)), Text("so?")),
    )
    body, losses = DIALECT.write_request(Request(messages))
    assert losses == ()
    assert body == {
        "input": [
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "hi"},
                    {"type": "input_image", "image_url": PNG, "detail": "auto"},
                ],
            },
            {"type": "message", "role": "assistant", "content": "see"},
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": "42"},
            {"type": "message", "role": "user", "content": "so?"},
        ],
        "store": False,
    }


def test_own_thoughts_go_back_as_they_came():
    """With their encrypted content and their id."""
    thought = Reasoning("Hmm", hidden="gAAA", dialect=OPENAI_RESPONSES, item_id="rs_1")
    body, losses = DIALECT.write_request(Request((given(thought, role=Role.ASSISTANT),)))
    assert losses == ()
    assert body["input"] == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hmm"}],
            "encrypted_content": "gAAA",
        }
    ]


def test_a_formats_name_is_one_that_openai_takes():
    """A title may be anything elsewhere, and may be missing."""
    for name, written in (("My answer!", "My_answer_"), ("", "answer"), ("x" * 99, "x" * 64)):
        body, losses = DIALECT.write_request(Request((), format=Format("schema", SCHEMA, name)))
        assert (body["text"]["format"]["name"], losses) == (written, ())


THOUGHT = {
    "a budget that stands for an effort": (Thinking(budget_tokens=1024), {"effort": "low"}, {"budget_tokens"}),
    "no thoughts": (Thinking(budget_tokens=0), {"effort": "none"}, set()),
    "as many as the model likes": (Thinking(budget_tokens=-1), None, {"thinking"}),
    "an effort, and as many as the model likes": (Thinking("low", -1), {"effort": "low"}, set()),
    "an effort and no thoughts": (Thinking("low", 0), {"effort": "none"}, {"effort"}),
    "an effort and a budget": (Thinking("high", 5), {"effort": "high"}, {"budget_tokens"}),
    "a summary": (Thinking("low", shown="detailed"), {"effort": "low", "summary": "detailed"}, set()),
    "thoughts that are left out": (Thinking("low", shown="omitted"), {"effort": "low"}, set()),
    "another way to sum them up": (
        Thinking("low", shown="summarized"),
        {"effort": "low", "summary": "auto"},
        set(),
    ),
}


@pytest.mark.parametrize("name", THOUGHT)
def test_how_much_to_think_is_an_effort(name: str):
    """A budget becomes the nearest one, and that is a loss."""
    thinking, reasoning, lost = THOUGHT[name]
    body, losses = DIALECT.write_request(Request((given(Text("hi")),), thinking=thinking))
    assert (body.get("reasoning"), {loss.name for loss in losses}) == (reasoning, lost)


UNSAID: dict[str, Request] = {
    "stop": Request((), stop=("END",)),
    "top_k": Request((), top_k=3),
    "seed": Request((), seed=3),
    "presence_penalty": Request((), presence_penalty=1),
    "frequency_penalty": Request((), frequency_penalty=1),
    "n": Request((), choices=2),
    "temperature": Request((), temperature=3),
    "name": Request((Message(Role.USER, (Text("hi"),), "ann"),)),
    "audio": Request((given(Medium("audio", "audio/wav", "AAAA")),)),
    "file_id": Request((given(Medium("file", file_id="f", dialect=ANTHROPIC_MESSAGES)),)),
    "media_type": Request((given(Medium("file", "application/pdf", url="https://example.com/a")),)),
    "is_error": Request((given(ToolResult("a", (Text("no"),), failed=True)),)),
    "cache_control": Request((given(Text("hi", {"type": "ephemeral"})),)),
    "citations": Request((given(Text("hi", citations=({"type": "x"},)), role=Role.ASSISTANT),)),
    "thoughtSignature": Request((given(ToolCall("a", "f", "{}", "sig"), role=Role.ASSISTANT),)),
    "tool_calls": Request((given(ToolCall("a", "f", "{}")),)),
    "tool_result": Request((given(ToolResult("a", ()), role=Role.ASSISTANT),)),
    "image": Request((given(Medium("image", "image/png", "AAAA"), role=Role.ASSISTANT),)),
    "thought": Request((given(Reasoning("Hmm", "", "h", GEMINI), role=Role.ASSISTANT),)),
}


@pytest.mark.parametrize("name", UNSAID)
def test_what_a_request_cannot_say_is_a_loss(name: str):
    """By name, among others where there are several."""
    assert name in {loss.name for loss in DIALECT.write_request(UNSAID[name])[1]}
