"""Requests for content as clients send them."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.dialects import GEMINI
from actorrouter.dialects.gemini import DIALECT
from actorrouter.dialects.gemini.calls import invented_id
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
    ToolChoice,
    ToolResult,
)
from actorrouter.dialects.port import Malformed

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
FIRST, SECOND, THIRD = (invented_id("", number, name) for number, name in enumerate(("f", "g", "f")))


def said(*parts: dict[str, Any], role: str = "user") -> dict[str, Any]:
    """One content."""
    return {"role": role, "parts": list(parts)}


def read(**fields: Any) -> Request:
    """A request that is read without a loss."""
    request, losses = DIALECT.read_request({"contents": [said({"text": "hi"})], **fields})
    assert losses == ()
    return request


def given(*parts: Part, role: Role = Role.USER) -> Message:
    """One turn."""
    return Message(role, parts)


def call(name: str, **rest: Any) -> dict[str, Any]:
    """A part that calls a function."""
    return {"functionCall": {"name": name, **rest}}


def result(name: str, told: Any, **rest: Any) -> dict[str, Any]:
    """A part that tells what a function gave."""
    return {"functionResponse": {"name": name, "response": told, **rest}}


CONTENTS: dict[str, tuple[list[dict[str, Any]], tuple[Message, ...]]] = {
    "turns": (
        [{"parts": [{"text": "hi"}]}, said({"text": "hello"}, role="model"), said({"text": "bye"})],
        (given(Text("hi")), given(Text("hello"), role=Role.ASSISTANT), given(Text("bye"))),
    ),
    "images, sounds and files": (
        [
            said(
                {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
                {"inlineData": {"mimeType": "application/pdf", "data": "AAAA", "displayName": "a.pdf"}},
                {"fileData": {"mimeType": "image/webp", "fileUri": "https://example.com/a"}},
                {"fileData": {"fileUri": "https://example.com/a.JPG?x=1"}},
            )
        ],
        (
            given(
                Medium("image", "image/png", "AAAA"),
                Medium("audio", "audio/wav", "AAAA"),
                Medium("file", "application/pdf", "AAAA", name="a.pdf"),
                Medium("image", "image/webp", url="https://example.com/a"),
                Medium("image", "image/jpeg", url="https://example.com/a.JPG?x=1"),
            ),
        ),
    ),
    "calls and results that name their ids, in another order": (
        [
            said(call("f", id="a", args={"x": 1}), call("f", id="b"), role="model"),
            said(result("f", {"output": "2"}, id="b"), result("f", {"output": "1"}, id="a")),
        ],
        (
            given(ToolCall("a", "f", '{"x":1}'), ToolCall("b", "f", "{}"), role=Role.ASSISTANT),
            given(ToolResult("b", (Text("2"),), "f"), ToolResult("a", (Text("1"),), "f")),
        ),
    ),
    "calls and results without ids": (
        [
            said(call("f"), call("g"), call("f"), role="model"),
            said(result("g", {"output": "G"}), result("f", {"output": "F1"}), result("f", {"output": "F2"})),
        ],
        (
            given(*map(ToolCall, (FIRST, SECOND, THIRD), "fgf", ("{}",) * 3), role=Role.ASSISTANT),
            given(
                ToolResult(SECOND, (Text("G"),), "g"),
                ToolResult(FIRST, (Text("F1"),), "f"),
                ToolResult(THIRD, (Text("F2"),), "f"),
            ),
        ),
    ),
    "results with ids of calls without": (
        [said(call("f"), role="model"), said(result("f", {"output": "1"}, id="x"))],
        (given(ToolCall(FIRST, "f", "{}"), role=Role.ASSISTANT), given(ToolResult(FIRST, (Text("1"),), "f"))),
    ),
    "what tools gave": (
        [
            said(
                result("f", {"error": "no"}, id="a"),
                result("f", {"temperature": 20}, id="b"),
                result("f", {"output": {"t": [1]}}, id="c"),
                result("f", {"output": ["x", "y"]}, id="d"),
                result("f", {}, id="e", parts=[{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]),
            )
        ],
        (
            given(
                ToolResult("a", (Text("no"),), "f", failed=True),
                ToolResult("b", (Text('{"temperature":20}'),), "f"),
                ToolResult("c", (Text('{"t":[1]}'),), "f"),
                ToolResult("d", (Text("x"), Text("y")), "f"),
                ToolResult("e", (Medium("image", "image/png", "AAAA"),), "f"),
            ),
        ),
    ),
    "thoughts and signatures": (
        [
            said(
                {"text": "Hmm", "thought": True, "thoughtSignature": "s1"},
                {"text": "So", "thoughtSignature": "s2"},
                {**call("f", id="a"), "thoughtSignature": "s3"},
                {"text": "", "thoughtSignature": "s4"},
                role="model",
            )
        ],
        (
            given(
                Reasoning("Hmm", "s1", dialect=GEMINI),
                Text("So"),
                Reasoning("", "s2", dialect=GEMINI),
                ToolCall("a", "f", "{}", "s3"),
                Reasoning("", "s4", dialect=GEMINI),
                role=Role.ASSISTANT,
            ),
        ),
    ),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_contents_are_read(name: str):
    """Every part in its turn, and every result with the call it answers."""
    contents, messages = CONTENTS[name]
    assert read(contents=contents).messages == messages


FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "numbers": (
        {
            "generationConfig": {
                "maxOutputTokens": 9,
                "temperature": 0.5,
                "topP": 1,
                "topK": 40.0,
                "candidateCount": 2,
                "seed": 7,
                "presencePenalty": 0.5,
                "frequencyPenalty": -0.5,
                "stopSequences": ["END"],
                "responseModalities": ["TEXT"],
            }
        },
        {
            "output_tokens_max": 9,
            "temperature": 0.5,
            "top_p": 1,
            "top_k": 40,
            "choices": 2,
            "seed": 7,
            "presence_penalty": 0.5,
            "frequency_penalty": -0.5,
            "stop": ("END",),
        },
    ),
    "snake_case": (
        {"generation_config": {"max_output_tokens": 9, "thinking_config": {"thinking_budget": 5}}},
        {"output_tokens_max": 9, "thinking": Thinking(budget_tokens=5)},
    ),
    "JSON": ({"generationConfig": {"responseMimeType": "application/json"}}, {"format": Format("json")}),
    "a JSON schema": (
        {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": {"title": "t", **SCHEMA}}},
        {"format": Format("schema", {"title": "t", **SCHEMA}, "t")},
    ),
    "a schema of Google's": (
        {
            "generationConfig": {
                "responseMimeType": "application/json",
                "responseSchema": {
                    "type": "OBJECT",
                    "propertyOrdering": ["type"],
                    "properties": {
                        "type": {"type": "STRING", "nullable": True},
                        "many": {"type": "ARRAY", "minItems": "1", "items": {"anyOf": [{"type": "NUMBER"}]}},
                    },
                },
            }
        },
        {
            "format": Format(
                "schema",
                {
                    "type": "object",
                    "properties": {
                        "type": {"type": ["string", "null"]},
                        "many": {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "number"}]}},
                    },
                },
            )
        },
    ),
    "tools in both words": (
        {
            "tools": [
                {
                    "functionDeclarations": [
                        {"name": "f", "description": "d", "parameters": {"type": "OBJECT"}},
                        {"name": "g", "parametersJsonSchema": SCHEMA},
                    ]
                }
            ],
            "toolConfig": {"functionCallingConfig": {"mode": "any", "allowedFunctionNames": ["g"]}},
        },
        {
            "tools": (Tool("f", "d", {"type": "object"}), Tool("g", parameters=SCHEMA)),
            "tool_choice": ToolChoice("tool", "g"),
        },
    ),
    "a mode": ({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}, {"tool_choice": ToolChoice("required")}),
    "a level": (
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH", "includeThoughts": True}}},
        {"thinking": Thinking("high", shown="auto")},
    ),
    "what the system says": (
        {"systemInstruction": {"parts": [{"text": "be"}, {"text": "kind"}]}},
        {"messages": (given(Text("be"), Text("kind"), role=Role.SYSTEM), given(Text("hi")))},
    ),
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_read(name: str):
    """In neutral words, without a loss."""
    fields, expected = FIELDS[name]
    request = read(**fields)
    assert {field: getattr(request, field) for field in expected} == expected


LOST: dict[str, dict[str, Any]] = {
    "cachedContent": {"cachedContent": "cachedContents/1"},
    "safetySettings": {"safetySettings": [{"category": "x"}]},
    "labels": {"labels": {"a": "b"}},
    "store": {"store": True},
    "googleSearch": {"tools": [{"googleSearch": {}}]},
    "codeExecution": {"tools": [{"code_execution": {}}]},
    "behavior": {"tools": [{"functionDeclarations": [{"name": "f", "behavior": "NON_BLOCKING"}]}]},
    "allowedFunctionNames": {
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["a", "b"]}}
    },
    "mode": {"toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}}},
    "retrievalConfig": {"toolConfig": {"retrievalConfig": {"languageCode": "pl"}}},
    "responseMimeType": {"generationConfig": {"responseMimeType": "text/x.enum"}},
    "responseLogprobs": {"generationConfig": {"responseLogprobs": True}},
    "speechConfig": {"generationConfig": {"speechConfig": {"voice": "x"}}},
    "executableCode": {"contents": [said({"executableCode": {"code": "1"}}, role="model")]},
    "videoMetadata": {"contents": [said({"text": "x", "videoMetadata": {"fps": 1}})]},
    "novel": {"generationConfig": {"novel": 1}},
}


@pytest.mark.parametrize("name", LOST)
def test_what_nobody_else_can_be_asked_is_a_loss(name: str):
    """By its own name."""
    _, losses = DIALECT.read_request({"contents": [], **LOST[name]})
    assert [loss.name for loss in losses] == [name]


MALFORMED: dict[str, tuple[dict[str, Any], str]] = {
    "a field in two spellings": ({"generationConfig": {"topK": 1, "top_k": 2}}, "topK"),
    "no number": ({"contents": [], "generationConfig": {"temperature": float("nan")}}, "generationConfig.temperature"),
    "a number without an end": ({"contents": [], "generationConfig": {"topP": float("inf")}}, "generationConfig.topP"),
    "no contents": ({}, "contents"),
    "contents that are a string": ({"contents": "hi"}, "contents"),
    "an unknown role": ({"contents": [{"role": "assistant"}]}, "contents.0.role"),
    "a part that is no object": ({"contents": [{"parts": ["hi"]}]}, "contents.0.parts.0"),
    "a call without a name": ({"contents": [said({"functionCall": {}})]}, "contents.0.parts.0.functionCall.name"),
    "arguments that are no object": (
        {"contents": [said(call("f", args="{}"))]},
        "contents.0.parts.0.functionCall.args",
    ),
    "an image without data": (
        {"contents": [said({"inline_data": {"mimeType": "image/png"}})]},
        "contents.0.parts.0.inlineData.data",
    ),
    "a level nobody knows": (
        {"contents": [], "generationConfig": {"thinkingConfig": {"thinkingLevel": "SOME"}}},
        "generationConfig.thinkingConfig.thinkingLevel",
    ),
    "half of a count": ({"contents": [], "generationConfig": {"topK": 1.5}}, "generationConfig.topK"),
    "a mode nobody knows": (
        {"contents": [], "toolConfig": {"functionCallingConfig": {"mode": "SOME"}}},
        "toolConfig.functionCallingConfig.mode",
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_request_says_where(name: str):
    """The dotted path of what is wrong."""
    body, where = MALFORMED[name]
    with pytest.raises(Malformed) as caught:
        DIALECT.read_request(body)
    assert caught.value.where == where


def nested(levels: int) -> dict[str, Any]:
    """A schema of arrays of arrays."""
    schema: dict[str, Any] = {"type": "STRING"}
    for _ in range(levels):
        schema = {"type": "ARRAY", "items": schema}
    return schema


@pytest.mark.parametrize("levels", [100, 5000])
def test_a_schema_deeper_than_anybody_needs_is_malformed(levels: int):
    """It does not exhaust the stack."""
    tools = [{"functionDeclarations": [{"name": "f", "parameters": nested(levels)}]}]
    with pytest.raises(Malformed, match="less deep"):
        DIALECT.read_request({"contents": [], "tools": tools})


def test_arguments_too_deep_to_be_json_are_malformed():
    """They do not exhaust the stack either."""
    with pytest.raises(Malformed, match="args"):
        DIALECT.read_request({"contents": [said(call("f", args=nested(100_000)))]})
