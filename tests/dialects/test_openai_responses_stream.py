"""Streamed responses: the events as OpenAI sends them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from actorrouter.dialects import OPENAI_RESPONSES
from actorrouter.dialects.framing import Event
from actorrouter.dialects.neutral import (
    Answer,
    Began,
    Choice,
    Denial,
    Ended,
    Failed,
    Finish,
    Medium,
    Part,
    Reasoning,
    Step,
    Text,
    Tokens,
    ToolCall,
)
from actorrouter.dialects.openai_responses import DIALECT
from actorrouter.dialects.port import Malformed
from tests.dialects.folding import fold

BEGAN = Began("resp_1", "gpt", 1700000000)
TOKENS = Tokens(10, 5, 2, 0, 3)
USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 15,
}


def event(kind: str, **said: Any) -> Event:
    """One event as it comes."""
    return Event(b"", json.dumps({"type": kind, "sequence_number": 0, **said}).encode(), kind.encode())


def head(status: str, **said: Any) -> dict[str, Any]:
    """A response inside an event."""
    return {"id": "resp_1", "model": "gpt", "created_at": 1700000000.0, "status": status, "output": [], **said}


CREATED = event("response.created", response=head("in_progress"))
COMPLETED = event("response.completed", response=head("completed", usage=USAGE))


def read(*events: Event) -> tuple[Answer, list[Step], set[str]]:
    """The answer and the steps that events stand for, and what is lost."""
    reader = DIALECT.stream_reader()
    steps = [step for each in (CREATED, *events) for step in reader.read(each)] + reader.close()
    return fold(steps), steps, {loss.name for loss in reader.losses}


def item(kind: str, index: int = 0, **said: Any) -> dict[str, Any]:
    """The fields of an event about an item."""
    return {"output_index": index, "item": {"type": kind, "id": f"{kind}_{index}", **said}}


TEXT = [
    event("response.output_item.added", **item("message", role="assistant", content=[], status="in_progress")),
    event("response.content_part.added", output_index=0, content_index=0, part={"type": "output_text", "text": ""}),
    event("response.output_text.delta", output_index=0, content_index=0, delta="Hel", logprobs=[], obfuscation="x"),
    event("response.output_text.delta", output_index=0, content_index=0, delta="lo", logprobs=[]),
    event("response.output_text.done", output_index=0, content_index=0, text="Hello", logprobs=[]),
    event("response.content_part.done", output_index=0, content_index=0, part={"type": "output_text", "text": "Hello"}),
    event("response.output_item.done", **item("message", role="assistant", status="completed")),
]
REASONING = [
    event("response.output_item.added", **item("reasoning", summary=[])),
    event("response.reasoning_summary_part.added", output_index=0, summary_index=0, part={"type": "summary_text"}),
    event("response.reasoning_summary_text.delta", output_index=0, summary_index=0, delta="First"),
    event("response.reasoning_summary_text.done", output_index=0, summary_index=0, text="First"),
    event("response.reasoning_summary_part.done", output_index=0, summary_index=0, part={"type": "summary_text"}),
    event("response.reasoning_summary_part.added", output_index=0, summary_index=1, part={"type": "summary_text"}),
    event("response.reasoning_summary_text.delta", output_index=0, summary_index=1, delta="then"),
    event(
        "response.output_item.done",
        **item(
            "reasoning",
            encrypted_content="gAAA",
            summary=[{"type": "summary_text", "text": "First"}, {"type": "summary_text", "text": "then"}],
        ),
    ),
]
CALLS = [
    event("response.output_item.added", **item("function_call", 0, call_id="call_a", name="f", arguments="")),
    event("response.output_item.added", **item("function_call", 1, call_id="call_b", name="g", arguments="")),
    event("response.function_call_arguments.delta", output_index=1, item_id="b", delta='{"b"'),
    event("response.function_call_arguments.delta", output_index=0, item_id="a", delta="{}"),
    event("response.function_call_arguments.delta", output_index=1, item_id="b", delta=":1}"),
    event("response.function_call_arguments.done", output_index=1, item_id="b", arguments='{"b":1}'),
    event("response.output_item.done", **item("function_call", 0, call_id="call_a", name="f", arguments="{}")),
    event("response.output_item.done", **item("function_call", 1, call_id="call_b", name="g", arguments='{"b":1}')),
]
REFUSAL = [
    event("response.content_part.added", output_index=0, content_index=0, part={"type": "refusal", "refusal": ""}),
    event("response.refusal.delta", output_index=0, content_index=0, delta="I ca"),
    event("response.refusal.done", output_index=0, content_index=0, refusal="I cannot"),
    event("response.content_part.done", output_index=0, content_index=0, part={"type": "refusal"}),
]
IMAGE = [
    event("response.output_item.added", **item("image_generation_call", status="in_progress")),
    event("response.image_generation_call.generating", output_index=0, item_id="ig"),
    event("response.output_item.done", **item("image_generation_call", result="AAAA", output_format="webp")),
]
CASES: dict[str, tuple[list[Event], tuple[Part, ...], Finish]] = {
    "text": (TEXT, (Text("Hello"),), Finish.STOP),
    "text that nobody opens": (TEXT[2:4], (Text("Hello"),), Finish.STOP),
    "text that comes whole": (TEXT[4:5], (Text("Hello"),), Finish.STOP),
    "reasoning": (
        REASONING,
        (Reasoning("First\n\nthen", "", "gAAA", OPENAI_RESPONSES, "reasoning_0"),),
        Finish.STOP,
    ),
    "parallel calls": (
        CALLS,
        (ToolCall("call_a", "f", "{}"), ToolCall("call_b", "g", '{"b":1}')),
        Finish.TOOL_CALLS,
    ),
    "arguments that come whole": (CALLS[:1] + CALLS[6:7], (ToolCall("call_a", "f", "{}"),), Finish.TOOL_CALLS),
    "text that comes with its item": (
        [event("response.output_item.done", **item("message", content=[{"type": "output_text", "text": "Hello"}]))],
        (Text("Hello"),),
        Finish.STOP,
    ),
    "a call that comes with its item": (CALLS[6:7], (ToolCall("call_a", "f", "{}"),), Finish.TOOL_CALLS),
    "items that are not numbered": (
        [*REASONING, *TEXT],
        (Reasoning("First\n\nthen", "", "gAAA", OPENAI_RESPONSES, "reasoning_0"), Text("Hello")),
        Finish.STOP,
    ),
    "a refusal": (REFUSAL, (Denial("I cannot"),), Finish.STOP),
    "an image": (IMAGE, (Medium("image", "image/webp", "AAAA"),), Finish.STOP),
}


@pytest.mark.parametrize("name", CASES)
def test_a_stream_folds_into_what_it_says(name: str):
    """Parts, finish and usage are read, without a loss."""
    events, parts, finish = CASES[name]
    answer, steps, lost = read(*events, COMPLETED)
    assert answer == Answer("resp_1", "gpt", (Choice(parts, finish),), TOKENS, 1700000000)
    assert isinstance(steps[-1], Ended)
    assert lost == set()


def test_an_incomplete_response_tells_why():
    """At the limit it ends with the length, at a filter with the content."""
    for reason, finish in (("max_output_tokens", Finish.LENGTH), ("content_filter", Finish.CONTENT)):
        end = event("response.incomplete", response=head("incomplete", incomplete_details={"reason": reason}))
        assert read(*TEXT, end)[0].choices[0].finish is finish


LOST = {
    "a tool of the provider's": (event("response.output_item.added", **item("web_search_call")), "web_search_call"),
    "an annotation": (event("response.output_text.annotation.added", annotation={}), "annotations"),
    "logprobs": (event("response.output_text.delta", delta="x", logprobs=[{"token": "x"}]), "logprobs"),
    "an event nobody knows": (event("response.novel"), "response.novel"),
    "a field of a piece nobody knows": (event("response.output_text.delta", delta="x", novel=1), "novel"),
    "sound": (event("response.audio.delta", delta="AAAA"), "response.audio.delta"),
    "a whole that is not its pieces": (
        event("response.output_text.done", output_index=5, content_index=0, text="Bye"),
        "done",
    ),
    "a field nobody knows": (event("response.completed", response=head("completed", novel=1)), "novel"),
}


@pytest.mark.parametrize("name", LOST)
def test_what_steps_cannot_tell_is_a_loss(name: str):
    """By the name it has in the stream."""
    said, lost = LOST[name]
    before = event("response.output_text.delta", output_index=5, content_index=0, delta="Hello")
    assert read(before, said)[2] == {lost}


ERRORS = {
    "a response that fails": (
        event("response.failed", response=head("failed", error={"code": "rate_limit_exceeded", "message": "slow"})),
        Failed(429, "rate_limit_exceeded", "slow"),
    ),
    "an error": (event("error", code="server_error", message="oh", param=None), Failed(500, "server_error", "oh")),
    "an error inside": (
        event("error", error={"type": "invalid_request_error", "code": None, "message": "no"}),
        Failed(400, "invalid_request_error", "no"),
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_the_last_step(name: str):
    """Whatever comes after it is not read."""
    said, failed = ERRORS[name]
    steps = read(*TEXT[:3], said, *TEXT[3:], COMPLETED)[1]
    assert steps[-1] == failed
    assert not any(isinstance(step, Ended) for step in steps)


def test_an_end_is_never_invented():
    """Bytes that stop before the response says that it is complete end nothing."""
    assert not any(isinstance(step, Ended) for step in read(*TEXT)[1])


def test_arguments_of_a_call_nobody_made_are_malformed():
    """A call's name comes with its item only."""
    with pytest.raises(Malformed, match="output_index"):
        read(event("response.function_call_arguments.delta", output_index=3, delta="{"))
