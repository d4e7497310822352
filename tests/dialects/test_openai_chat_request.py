"""Chat requests as clients send them: what they mean, and what nobody else can be told of them."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.dialects import OPENAI_CHAT
from actorrouter.dialects.neutral import (
    Denial,
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
from actorrouter.dialects.openai_chat import DIALECT
from actorrouter.dialects.port import Malformed

HI = {"role": "user", "content": "hi"}
PNG = "data:image/png;base64,iVBORw0KGgo="
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Wrocław"}'}}


def read(**fields: Any) -> Request:
    """A request that is read without a loss."""
    request, losses = DIALECT.read_request({"model": "m", "messages": [HI], **fields})
    assert losses == ()
    return request


def lost(body: dict[str, Any]) -> set[str]:
    """The names of what reading leaves out."""
    return {loss.name for loss in DIALECT.read_request({"model": "m", "messages": [HI], **body})[1]}


MESSAGES: dict[str, tuple[list[dict[str, Any]], tuple[Message, ...]]] = {
    "system and developer, also in mid-conversation": (
        [
            {"role": "system", "content": "be"},
            {"role": "developer", "content": "kind"},
            HI,
            {"role": "system", "content": "x"},
        ],
        (
            Message(Role.SYSTEM, (Text("be"),)),
            Message(Role.DEVELOPER, (Text("kind"),)),
            Message(Role.USER, (Text("hi"),)),
            Message(Role.SYSTEM, (Text("x"),)),
        ),
    ),
    "images by data and by address": (
        [
            {
                "role": "user",
                "name": "ann",
                "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                ],
            }
        ],
        (
            Message(
                Role.USER,
                (
                    Text("look"),
                    Medium("image", "image/png", "iVBORw0KGgo=", detail="low"),
                    Medium("image", url="https://example.com/a.png"),
                ),
                "ann",
            ),
        ),
    ),
    "files by data and by id, and a sound": (
        [
            {
                "role": "user",
                "content": [
                    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
                    {"type": "file", "file": {"file_id": "file-1"}},
                    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
                ],
            }
        ],
        (
            Message(
                Role.USER,
                (
                    Medium("file", "application/pdf", "AAAA", name="a.pdf"),
                    Medium("file", file_id="file-1", dialect=OPENAI_CHAT),
                    Medium("audio", "audio/mpeg", "AAAA"),
                ),
            ),
        ),
    ),
    "parallel calls, and their results as one turn": (
        [
            {"role": "assistant", "content": None, "tool_calls": [CALL, CALL | {"id": "call_2"}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sun"},
            {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "rain"}]},
            HI,
        ],
        (
            Message(
                Role.ASSISTANT,
                (
                    ToolCall("call_1", "weather", '{"city":"Wrocław"}'),
                    ToolCall("call_2", "weather", '{"city":"Wrocław"}'),
                ),
            ),
            Message(Role.USER, (ToolResult("call_1", (Text("sun"),)), ToolResult("call_2", (Text("rain"),)))),
            Message(Role.USER, (Text("hi"),)),
        ),
    ),
    "an assistant's thoughts, refusal and sound": (
        [
            {"role": "assistant", "content": "so", "reasoning_content": "hm"},
            {"role": "assistant", "content": None, "refusal": "no"},
            {"role": "assistant", "content": None, "audio": {"id": "audio_1"}},
        ],
        (
            Message(Role.ASSISTANT, (Reasoning("hm"), Text("so"))),
            Message(Role.ASSISTANT, (Denial("no"),)),
            Message(Role.ASSISTANT, (Medium("audio", file_id="audio_1", dialect=OPENAI_CHAT),)),
        ),
    ),
}


@pytest.mark.parametrize(("documents", "messages"), MESSAGES.values(), ids=MESSAGES)
def test_messages_are_read_and_written(documents: list[dict[str, Any]], messages: tuple[Message, ...]):
    """A conversation means what it says, and is written so that it says the same."""
    assert read(messages=documents).messages == messages
    body, losses = DIALECT.write_request(Request(messages))
    assert (losses, read(messages=body["messages"]).messages) == ((), messages)


FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "numbers": (
        {"temperature": 2, "top_p": 0.5, "seed": 7, "n": 2, "presence_penalty": 1.5, "frequency_penalty": -1},
        {"temperature": 2, "top_p": 0.5, "seed": 7, "choices": 2, "presence_penalty": 1.5, "frequency_penalty": -1},
    ),
    "a maximum": ({"max_completion_tokens": 9}, {"output_tokens_max": 9}),
    "stop sequences": ({"stop": ["a", "b"]}, {"stop": ("a", "b")}),
    "an effort": ({"reasoning_effort": "high"}, {"thinking": Thinking("high")}),
    "an object": ({"response_format": {"type": "json_object"}}, {"format": Format("json")}),
    "a schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"x": 1}, "strict": True}}},
        {"format": Format("schema", {"x": 1}, "a", strict=True)},
    ),
    "tools": (
        {
            "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"x": 1}}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "parallel_tool_calls": False,
        },
        {"tools": (Tool("f", "d", {"x": 1}),), "tool_choice": ToolChoice("tool", "f"), "parallel_tools": False},
    ),
    "who": ({"user": "u", "metadata": {"a": "b"}}, {"user": "u", "metadata": {"a": "b"}}),
    "a stream": (
        {"stream": True, "stream_options": {"include_usage": True}},
        {"stream": True, "stream_usage": True},
    ),
}


@pytest.mark.parametrize(("fields", "meaning"), FIELDS.values(), ids=FIELDS)
def test_fields_are_read_and_written(fields: dict[str, Any], meaning: dict[str, Any]):
    """What is asked for is read, and written in the same words."""
    request = Request((Message(Role.USER, (Text("hi"),)),), **meaning)
    assert read(**fields) == request
    assert DIALECT.write_request(request) == ({"messages": [HI], **fields}, ())


ALIASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the old maximum": ({"max_tokens": 9}, {"output_tokens_max": 9}),
    "one stop sequence": ({"stop": "a"}, {"stop": ("a",)}),
    "the new user": ({"safety_identifier": "u"}, {"user": "u"}),
    "what others have": ({"top_k": 4}, {"top_k": 4}),
    "nothing": ({"temperature": None, "tools": None, "stop": None, "unknown": None, "logit_bias": {}}, {}),
    "what happens anyway": ({"store": False, "logprobs": False, "service_tier": "auto", "modalities": ["text"]}, {}),
    "words": ({"response_format": {"type": "text"}}, {}),
}


@pytest.mark.parametrize(("fields", "meaning"), ALIASES.values(), ids=ALIASES)
def test_other_ways_to_say_the_same_are_read(fields: dict[str, Any], meaning: dict[str, Any]):
    """Older and other words mean the same, null and defaults mean nothing."""
    assert read(**fields) == Request((Message(Role.USER, (Text("hi"),)),), **meaning)


UNREAD: dict[str, tuple[dict[str, Any], set[str]]] = {
    "unsayable fields": (
        {"logit_bias": {"1": 2}, "logprobs": True, "store": True, "service_tier": "flex", "verbosity": "low"},
        {"logit_bias", "logprobs", "store", "service_tier", "verbosity"},
    ),
    "unknown fields": ({"brand_new": 1}, {"brand_new"}),
    "a web search": ({"web_search_options": {}}, {"web_search_options"}),
    "a sound as an answer": ({"modalities": ["text", "audio"], "audio": {"voice": "x"}}, {"modalities", "audio"}),
    "custom tools": ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, {"custom"}),
    "hosted tools": ({"tools": [{"type": "web_search"}]}, {"web_search"}),
    "functions": ({"functions": [{"name": "x"}], "function_call": "auto"}, {"functions", "function_call"}),
    "some of the tools": (
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{}]}}},
        {"allowed_tools"},
    ),
    "fields of fields": (
        {"stream_options": {"include_obfuscation": True}, "messages": [HI | {"mood": "good"}]},
        {"include_obfuscation", "mood"},
    ),
    "two maxima": ({"max_tokens": 1, "max_completion_tokens": 2}, {"max_tokens"}),
    "content of other kinds": ({"messages": [{"role": "user", "content": [{"type": "video", "x": 1}]}]}, {"video"}),
    "a function's message": ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, {"function"}),
}


@pytest.mark.parametrize(("body", "names"), UNREAD.values(), ids=UNREAD)
def test_what_nobody_else_can_be_told_is_named(body: dict[str, Any], names: set[str]):
    """A loss has the name of its field or kind of content."""
    assert lost(body) == names


BAD: dict[str, tuple[Any, str]] = {
    "not an object": ([], ""),
    "no messages": ({}, "messages"),
    "messages that are none": ({"messages": "hi"}, "messages"),
    "a message that is none": ({"messages": ["hi"]}, "messages.0"),
    "an unknown role": ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
    "content of no kind": ({"messages": [HI, {"role": "user", "content": 7}]}, "messages.1.content"),
    "a part without text": (
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        "messages.0.content.0.text",
    ),
    "an image without address": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        "messages.0.content.0.image_url.url",
    ),
    "a file without content": (
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"filename": "a"}}]}]},
        "messages.0.content.0.file",
    ),
    "arguments that are no text": (
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {}}}]}]},
        "messages.0.tool_calls.0.function.arguments",
    ),
    "a result of no call": ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.tool_call_id"),
    "a temperature in words": ({"messages": [HI], "temperature": "hot"}, "temperature"),
    "half a token": ({"messages": [HI], "max_tokens": 1.5}, "max_tokens"),
    "a true number": ({"messages": [HI], "n": True}, "n"),
    "a stop of no kind": ({"messages": [HI], "stop": [1]}, "stop.0"),
    "a choice of no kind": ({"messages": [HI], "tool_choice": "maybe"}, "tool_choice"),
    "a format of no kind": ({"messages": [HI], "response_format": {"type": "xml"}}, "response_format.type"),
    "a stream of no kind": ({"messages": [HI], "stream": "yes"}, "stream"),
    "a tool without name": (
        {"messages": [HI], "tools": [{"type": "function", "function": {}}]},
        "tools.0.function.name",
    ),
}


@pytest.mark.parametrize(("body", "where"), BAD.values(), ids=BAD)
def test_what_is_no_chat_request_is_refused_by_its_path(body: Any, where: str):
    """The path tells where, the reason holds nothing of what stands there."""
    with pytest.raises(Malformed) as refused:
        DIALECT.read_request(body)
    assert refused.value.where == where
    assert "robot" not in str(refused.value)
