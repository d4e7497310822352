"""Plain responses, read and written."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.dialects import ANTHROPIC_MESSAGES, OPENAI_RESPONSES
from actorrouter.dialects.neutral import (
    Answer,
    Choice,
    Denial,
    Finish,
    Medium,
    Part,
    Reasoning,
    Text,
    Tokens,
    ToolCall,
    ToolResult,
)
from actorrouter.dialects.openai_responses import DIALECT
from actorrouter.dialects.port import Malformed


def message(*content: dict[str, Any]) -> dict[str, Any]:
    """An item that says something."""
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": list(content)}


def response(*output: dict[str, Any], status: str = "completed", **said: Any) -> dict[str, Any]:
    """A document as OpenAI sends it, echoes of the request included."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000000.0,
        "model": "gpt",
        "status": status,
        "error": None,
        "instructions": "be kind",
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tools": [],
        "tool_choice": "auto",
        "reasoning": {"effort": "medium", "summary": None},
        "output": list(output),
        **said,
    }


TEXT = {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
CALL = {"type": "function_call", "id": "fc", "call_id": "a", "name": "f", "arguments": "{}", "status": "completed"}
THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
    "encrypted_content": "gAAA",
}

READ: dict[str, tuple[dict[str, Any], tuple[Part, ...], Finish]] = {
    "text": (response(message(TEXT)), (Text("Hello"),), Finish.STOP),
    "text and a call": (response(message(TEXT), CALL), (Text("Hello"), ToolCall("a", "f", "{}")), Finish.TOOL_CALLS),
    "thoughts": (
        response(THOUGHT, message(TEXT)),
        (Reasoning("a\n\nb", "", "gAAA", OPENAI_RESPONSES, "rs_1"), Text("Hello")),
        Finish.STOP,
    ),
    "thoughts themselves": (
        response({"type": "reasoning", "id": "r", "summary": [], "content": [{"type": "reasoning_text", "text": "x"}]}),
        (Reasoning("x", item_id="r"),),
        Finish.STOP,
    ),
    "a refusal": (response(message({"type": "refusal", "refusal": "no"})), (Denial("no"),), Finish.STOP),
    "an image": (
        response({"type": "image_generation_call", "id": "ig", "status": "completed", "result": "AAAA"}),
        (Medium("image", "image/png", "AAAA"),),
        Finish.STOP,
    ),
    "cut at the limit": (
        response(message(TEXT), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        (Text("Hello"),),
        Finish.LENGTH,
    ),
    "filtered": (
        response(status="incomplete", incomplete_details={"reason": "content_filter"}),
        (),
        Finish.CONTENT,
    ),
    "without a status": (response(message(TEXT), status=""), (Text("Hello"),), Finish.STOP),
}


@pytest.mark.parametrize("name", READ)
def test_a_response_is_read(name: str):
    """What it says and why it ended, without a loss."""
    document, parts, finish = READ[name]
    assert DIALECT.read_answer(document) == (Answer("resp_1", "gpt", (Choice(parts, finish),), None, 1700000000), ())


def test_usage_is_read_and_written():
    """What is cached is a part of the input, what is reasoned a part of the output."""
    usage = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 17,
    }
    answer, losses = DIALECT.read_answer(response(usage=usage))
    assert (answer.tokens, losses) == (Tokens(10, 7, 4, 1, 5), ())
    assert DIALECT.write_answer(answer)[0]["usage"] == usage


LOST: dict[str, dict[str, Any]] = {
    "annotations": response(message({**TEXT, "annotations": [{"type": "url_citation"}]})),
    "logprobs": response(message({**TEXT, "logprobs": [{"token": "x"}]})),
    "web_search_call": response({"type": "web_search_call", "id": "ws", "status": "completed"}),
    "phase": response({**message(TEXT), "phase": "commentary"}),
    "image_generation_call": response({"type": "image_generation_call", "id": "ig", "result": None}),
    "incomplete_details": response(status="incomplete", incomplete_details={"reason": "steered"}),
    "moderation": response(moderation={"input": {}}),
}


@pytest.mark.parametrize("name", LOST)
def test_what_has_no_words_elsewhere_is_a_loss(name: str):
    """By its own name."""
    assert [loss.name for loss in DIALECT.read_answer(LOST[name])[1]] == [name]


MALFORMED: dict[str, tuple[Any, str]] = {
    "no object": ([], ""),
    "an error": ({"error": {"message": "no"}}, "output"),
    "a response that failed": (response(status="failed", error={"code": "server_error"}), "status"),
    "one that is not done": (response(status="in_progress"), "status"),
    "an item without a type": (response({}), "output.0.type"),
    "a time that never comes": (response(created_at=float("inf")), "created_at"),
    "a count that is none": (response(usage={"input_tokens": "many"}), "usage.input_tokens"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_answer_says_where(name: str):
    """The dotted path of what is wrong."""
    document, where = MALFORMED[name]
    with pytest.raises(Malformed) as caught:
        DIALECT.read_answer(document)
    assert caught.value.where == where


def test_items_have_ids_that_no_other_answer_has():
    """They are made of the answer's own and the item's place."""
    parts = (Reasoning("Hmm"), Text("Hello"), ToolCall("a", "f", ""))
    document, losses = DIALECT.write_answer(Answer("resp_7", "m", (Choice(parts, Finish.TOOL_CALLS),)))
    assert [item["id"] for item in document["output"]] == ["rs_7_0", "msg_7_1", "fc_7_2"]
    assert (document["status"], document["output"][2]["arguments"], losses) == ("completed", "{}", ())


UNSAID: dict[str, tuple[Choice, ...]] = {
    "choices": (Choice(()), Choice((Text("x"),))),
    "stop_sequence": (Choice((), Finish.STOP, "END"),),
    "pause_turn": (Choice((), Finish.PAUSE),),
    "citations": (Choice((Text("x", citations=({},)),)),),
    "tool_result": (Choice((ToolResult("a", ()),)),),
    "audio": (Choice((Medium("audio", "audio/wav", "AAAA"),)),),
    "thoughtSignature": (Choice((ToolCall("a", "f", "{}", "sig"),)),),
    "thinking_signature": (Choice((Reasoning("Hmm", "sig", dialect=ANTHROPIC_MESSAGES),)),),
}


@pytest.mark.parametrize("name", UNSAID)
def test_what_a_response_cannot_say_is_a_loss(name: str):
    """By its own name."""
    assert [loss.name for loss in DIALECT.write_answer(Answer("a", "m", UNSAID[name]))[1]] == [name]


def test_an_error_has_openais_shape():
    """The SDK takes the class from the status and the fields from `error`."""
    assert DIALECT.error(429, "rate_limit_exceeded", "slow down") == {
        "error": {"message": "slow down", "type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"}
    }
