"""Requests for a response as clients send them."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.dialects import OPENAI_RESPONSES
from actorrouter.dialects.neutral import (
    Denial,
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
    ToolChoice,
    ToolResult,
)
from actorrouter.dialects.openai_responses import DIALECT
from actorrouter.dialects.port import Malformed

PNG = "data:image/png;base64,iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {}}
MARK = {"mode": "explicit"}


def read(**fields: Any) -> Request:
    """A request that is read without a loss."""
    request, losses = DIALECT.read_request({"model": "m", "input": "hi", **fields})
    assert losses == ()
    return request


def given(*parts: Part, role: Role = Role.USER) -> Message:
    """One turn."""
    return Message(role, parts)


INPUTS: dict[str, tuple[Any, tuple[Message, ...]]] = {
    "a string": ("hi", (given(Text("hi")),)),
    "messages without a type": (
        [
            {"role": "developer", "content": "be kind"},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hello"},
            {"role": "system", "content": [{"type": "input_text", "text": "now"}]},
        ],
        (
            given(Text("be kind"), role=Role.DEVELOPER),
            given(Text("hi")),
            given(Text("hello"), role=Role.ASSISTANT),
            given(Text("now"), role=Role.SYSTEM),
        ),
    ),
    "images, files and sounds": (
        [
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "look", "prompt_cache_breakpoint": MARK},
                    {"type": "input_image", "image_url": PNG, "detail": "high"},
                    {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto"},
                    {"type": "input_image", "file_id": "file_1", "detail": "auto"},
                    {"type": "input_file", "file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"},
                    {"type": "input_file", "file_url": "https://example.com/a.pdf"},
                    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                ],
            }
        ],
        (
            given(
                Text("look", MARK),
                Medium("image", "image/png", "iVBORw0KGgo=", detail="high"),
                Medium("image", url="https://example.com/a.png"),
                Medium("image", file_id="file_1", dialect=OPENAI_RESPONSES),
                Medium("file", "application/pdf", "AAAA", name="a.pdf"),
                Medium("file", url="https://example.com/a.pdf"),
                Medium("audio", "audio/wav", "AAAA"),
            ),
        ),
    ),
    "an answer's items and what the tools gave": (
        [
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "Hmm"}],
                "encrypted_content": "gAAA",
            },
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Let me see", "annotations": []}],
            },
            {"type": "function_call", "id": "fc_1", "call_id": "a", "name": "f", "arguments": "{}", "status": "x"},
            {"type": "function_call", "call_id": "b", "name": "g", "arguments": '{"x":1}'},
            {"type": "function_call_output", "call_id": "a", "output": "42"},
            {
                "type": "function_call_output",
                "call_id": "b",
                "output": [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": PNG}],
            },
            {"role": "user", "content": "and?"},
        ],
        (
            given(
                Reasoning("Hmm", hidden="gAAA", dialect=OPENAI_RESPONSES, item_id="rs_1"),
                Text("Let me see"),
                ToolCall("a", "f", "{}"),
                ToolCall("b", "g", '{"x":1}'),
                role=Role.ASSISTANT,
            ),
            given(
                ToolResult("a", (Text("42"),)),
                ToolResult("b", (Text("see"), Medium("image", "image/png", "iVBORw0KGgo="))),
            ),
            given(Text("and?")),
        ),
    ),
    "a refusal": (
        [{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}],
        (given(Denial("no"), role=Role.ASSISTANT),),
    ),
}


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_is_read(name: str):
    """Every item becomes a part of a turn, in order."""
    said, messages = INPUTS[name]
    assert read(input=said).messages == messages


FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "numbers": (
        {"max_output_tokens": 9, "temperature": 0.5, "top_p": 1},
        {"output_tokens_max": 9, "temperature": 0.5, "top_p": 1},
    ),
    "tools": (
        {
            "tools": [{"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True}],
            "tool_choice": {"type": "function", "name": "f"},
            "parallel_tool_calls": False,
        },
        {
            "tools": (Tool("f", "d", SCHEMA, strict=True),),
            "tool_choice": ToolChoice("tool", "f"),
            "parallel_tools": False,
        },
    ),
    "a mode of choice": ({"tool_choice": "required"}, {"tool_choice": ToolChoice("required")}),
    "a schema": (
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
        {"format": Format("schema", SCHEMA, "n", strict=True)},
    ),
    "any JSON": ({"text": {"format": {"type": "json_object"}}}, {"format": Format("json")}),
    "text as ever": ({"text": {"format": {"type": "text"}, "verbosity": "medium"}}, {"format": None}),
    "reasoning": (
        {"reasoning": {"effort": "high", "summary": "auto"}},
        {"thinking": Thinking("high", shown="auto")},
    ),
    "who asks": ({"user": "u", "metadata": {"a": "b"}}, {"user": "u", "metadata": {"a": "b"}}),
    "a stream": ({"stream": True, "stream_options": {"include_obfuscation": False}}, {"stream": True}),
    "what changes nothing": (
        {"store": False, "background": False, "truncation": "disabled", "include": ["reasoning.encrypted_content"]},
        {},
    ),
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_read(name: str):
    """In neutral words, without a loss."""
    fields, expected = FIELDS[name]
    request = read(**fields)
    assert {field: getattr(request, field) for field in expected} == expected


def test_instructions_come_first():
    """They are what the system says, and are written as such again."""
    request = read(instructions="be kind")
    assert request.messages == (given(Text("be kind"), role=Role.SYSTEM), given(Text("hi")))
    assert DIALECT.write_request(request)[0]["instructions"] == "be kind"


LOST: dict[str, dict[str, Any]] = {
    "previous_response_id": {"previous_response_id": "resp_1"},
    "conversation": {"conversation": {"id": "c"}},
    "prompt": {"prompt": {"id": "p"}},
    "store": {"store": True},
    "background": {"background": True},
    "truncation": {"truncation": "auto"},
    "include": {"include": ["message.output_text.logprobs"]},
    "top_logprobs": {"top_logprobs": 3},
    "service_tier": {"service_tier": "flex"},
    "verbosity": {"text": {"verbosity": "low"}},
    "web_search": {"tools": [{"type": "web_search"}]},
    "file_search": {"tool_choice": {"type": "file_search"}},
    "item_reference": {"input": [{"type": "item_reference", "id": "msg_1"}]},
    "computer_call_output": {"input": [{"type": "computer_call_output", "call_id": "a", "output": {}}]},
    "content": {
        "input": [
            {
                "type": "reasoning",
                "id": "r",
                "summary": [{"type": "summary_text", "text": "a"}],
                "content": [{"type": "reasoning_text", "text": "b"}],
            }
        ]
    },
    "novel": {"novel": 1},
}


@pytest.mark.parametrize("name", LOST)
def test_what_nobody_else_can_be_asked_is_a_loss(name: str):
    """By its own name."""
    _, losses = DIALECT.read_request({"input": "hi", **LOST[name]})
    assert [loss.name for loss in losses] == [name]


def test_a_conversation_kept_by_the_provider_is_more_than_a_loss():
    """Why says that the meaning changes, so that nobody allows it lightly."""
    (loss,) = DIALECT.read_request({"input": "hi", "previous_response_id": "resp_1"})[1]
    assert "meaning" in loss.why


MALFORMED: dict[str, tuple[dict[str, Any], str]] = {
    "no input": ({}, "input"),
    "a number for an input": ({"input": 3}, "input"),
    "an unknown role": ({"input": [{"role": "narrator", "content": "x"}]}, "input.0.role"),
    "a message without content": ({"input": [{"role": "user"}]}, "input.0.content"),
    "content that is no object": ({"input": [{"role": "user", "content": [1]}]}, "input.0.content.0"),
    "a call without id": ({"input": [{"type": "function_call", "name": "f"}]}, "input.0.call_id"),
    "an image from nowhere": (
        {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
        "input.0.content.0",
    ),
    "a tool without a name": ({"input": "", "tools": [{"type": "function"}]}, "tools.0.name"),
    "an unknown format": ({"input": "", "text": {"format": {"type": "xml"}}}, "text.format.type"),
    "text for a number": ({"input": "", "temperature": "hot"}, "temperature"),
    "an unknown choice": ({"input": "", "tool_choice": "some"}, "tool_choice"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_request_says_where(name: str):
    """The dotted path of what is wrong."""
    body, where = MALFORMED[name]
    with pytest.raises(Malformed) as caught:
        DIALECT.read_request(body)
    assert caught.value.where == where
