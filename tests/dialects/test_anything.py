"""Any JSON whatsoever is read as Responses or Gemini, or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.dialects import GEMINI, OPENAI_RESPONSES, TRANSLATED, find
from actorrouter.dialects.framing import Event
from actorrouter.dialects.neutral import Request
from actorrouter.dialects.port import Dialect, Malformed

BOTH = pytest.mark.parametrize("dialect", [find(OPENAI_RESPONSES), find(GEMINI)], ids=lambda dialect: dialect.name)
ASKED = Request((), stream=True, stream_usage=True)


FIELDS = st.sampled_from(
    [
        "args",
        "arguments",
        "annotations",
        "call_id",
        "candidates",
        "content",
        "contents",
        "created_at",
        "delta",
        "encrypted_content",
        "error",
        "fileData",
        "finishReason",
        "format",
        "functionCall",
        "functionCallingConfig",
        "functionDeclarations",
        "functionResponse",
        "generationConfig",
        "id",
        "index",
        "inlineData",
        "input",
        "input_audio",
        "item",
        "mode",
        "name",
        "output",
        "output_index",
        "parameters",
        "part",
        "parts",
        "promptFeedback",
        "reasoning",
        "response",
        "responseMimeType",
        "responseSchema",
        "role",
        "schema",
        "status",
        "summary",
        "systemInstruction",
        "text",
        "thinkingConfig",
        "thinkingLevel",
        "thought",
        "thoughtSignature",
        "toolConfig",
        "tool_choice",
        "tools",
        "type",
        "usage",
        "usageMetadata",
    ]
)
WORDS = st.sampled_from(
    [
        "user",
        "model",
        "assistant",
        "function",
        "message",
        "function_call",
        "function_call_output",
        "reasoning",
        "output_text",
        "input_image",
        "json_schema",
        "completed",
        "incomplete",
        "STOP",
        "ANY",
        "application/json",
        "response.created",
        "response.completed",
        "error",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.delta",
        "response.content_part.added",
        "response.function_call_arguments.delta",
        "response.image_generation_call",
        "image_generation_call",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | WORDS
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | st.text(max_size=3), inner, max_size=6),
    max_leaves=30,
)


@BOTH
@given(document=st.dictionaries(FIELDS, DOCUMENTS, max_size=6))
def test_any_document_is_read_or_malformed(dialect: Dialect, document: dict[str, Any]):
    """No other error comes out of reading, and what was read can be written in every dialect."""
    try:
        request, _ = dialect.read_request(document)
    except Malformed:
        pass
    else:
        for name in TRANSLATED:
            find(name).write_request(request)


@BOTH
@given(document=DOCUMENTS)
def test_any_answer_is_read_or_malformed(dialect: Dialect, document: Any):
    """No other error comes out of reading, and what was read can be written in every dialect."""
    try:
        answer, _ = dialect.read_answer(document)
    except Malformed:
        pass
    else:
        for name in TRANSLATED:
            find(name).write_answer(answer)


@BOTH
@given(several=st.lists(st.dictionaries(FIELDS, DOCUMENTS, max_size=6), max_size=5))
def test_any_events_are_read_or_malformed(dialect: Dialect, several: list[dict[str, Any]]):
    """No other error comes out of reading a stream, and what was read can be written in every dialect."""
    reader, writers = dialect.stream_reader(), [find(name).stream_writer(ASKED) for name in TRANSLATED]
    for document in several:
        try:
            steps = reader.read(Event(b"", json.dumps(document).encode()))
        except Malformed:
            return
        for step in steps:
            assert all(isinstance(writer.write(step), bytes) for writer in writers)
