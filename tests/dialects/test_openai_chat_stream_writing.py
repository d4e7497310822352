"""Streamed chat answers: steps as chunks."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.dialects import ANTHROPIC_MESSAGES
from actorrouter.dialects.neutral import (
    Began,
    Ended,
    Failed,
    Finish,
    Finished,
    Medium,
    PartBegan,
    PartEnded,
    PartGrew,
    Reasoning,
    Request,
    Step,
    Text,
    Tokens,
    Told,
    ToolCall,
)
from actorrouter.dialects.openai_chat import DIALECT
from tests.dialects.streamed import write_all

ASKED = Request((), stream=True, stream_usage=True)
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}


def deltas(documents: list[Any]) -> list[Any]:
    """Every choice's index, delta and finish."""
    return [
        (choice["index"], choice["delta"], choice["finish_reason"])
        for document in documents
        if document != "[DONE]"
        for choice in document["choices"]
    ]


def test_a_stream_begins_with_the_role_and_ends_with_the_mark():
    """The order is OpenAI's: role, text, finish, usage, mark."""
    steps: list[Step] = [Began("i", "m", 1), PartBegan(0, 0, Text("")), PartGrew(0, 0, "hi"), PartEnded(0, 0)]
    steps += [Finished(0, Finish.STOP), Told(Tokens(5, 2)), Ended()]
    written = write_all(DIALECT.stream_writer(ASKED), steps)
    assert deltas(written) == [
        (0, {"role": "assistant", "content": ""}, None),
        (0, {"content": "hi"}, None),
        (0, {}, "stop"),
    ]
    assert [each["usage"] for each in written[:-1]] == [None, None, None, USAGE]
    assert written[-1] == "[DONE]"


def test_usage_is_told_only_to_who_asked():
    """No chunk without choices surprises the others."""
    steps: list[Step] = [Began("i", "m"), Told(Tokens(5, 2)), Finished(0, Finish.STOP), Ended()]
    written = write_all(DIALECT.stream_writer(Request((), stream=True)), steps)
    assert all(each["choices"] and "usage" not in each for each in written[:-1])


def test_calls_have_an_index_of_their_own_and_their_id_once():
    """Text before them does not count, and a call without arguments has an empty object."""
    steps: list[Step] = [Began("i", "m"), PartBegan(0, 0, Text("")), PartGrew(0, 0, "x"), PartEnded(0, 0)]
    steps += [PartBegan(0, 1, ToolCall("a", "f", "")), PartBegan(0, 2, ToolCall("b", "g", ""))]
    steps += [
        PartGrew(0, 1, "{"),
        PartEnded(0, 2),
        PartGrew(0, 1, "}"),
        PartEnded(0, 1),
        Finished(0, Finish.TOOL_CALLS),
    ]
    calls = [
        delta["tool_calls"][0]
        for _, delta, _ in deltas(write_all(DIALECT.stream_writer(ASKED), steps))
        if "tool_calls" in delta
    ]
    assert [each["index"] for each in calls] == [0, 1, 0, 1, 0]
    assert [each.get("id") for each in calls] == ["a", "b", None, None, None]
    assert [each["function"]["arguments"] for each in calls] == ["", "", "{", "{}", "}"]


def test_a_failure_is_the_last_event():
    """The SDK raises at it, and no mark follows."""
    written = write_all(DIALECT.stream_writer(ASKED), [Began("i", "m"), Failed(429, "slow_down", "wait"), Ended()])
    assert written[1:] == [
        {"error": {"message": "wait", "type": "rate_limit_error", "param": None, "code": "slow_down"}}
    ]


UNSAID: dict[str, tuple[list[Step], set[str]]] = {
    "signed thoughts": (
        [PartBegan(0, 0, Reasoning("", dialect=ANTHROPIC_MESSAGES)), PartEnded(0, 0, "sig")],
        {"thinking_signature"},
    ),
    "a signed call": ([PartBegan(0, 0, ToolCall("1", "f", "")), PartEnded(0, 0, "sig")], {"thoughtSignature"}),
    "an image": ([PartBegan(0, 0, Medium("image")), PartEnded(0, 0)], {"image"}),
    "another's citations": (
        [PartBegan(0, 0, Text("")), PartEnded(0, 0, citations=({"type": "page_location"},))],
        {"citations"},
    ),
    "a pause at a sequence": ([Finished(0, Finish.PAUSE, "###")], {"pause_turn", "stop_sequence"}),
}


@pytest.mark.parametrize(("steps", "names"), UNSAID.values(), ids=UNSAID)
def test_what_chat_cannot_stream_is_named(steps: list[Step], names: set[str]):
    """A loss has the name of what is left out."""
    writer = DIALECT.stream_writer(ASKED)
    write_all(writer, [Began("i", "m"), *steps])
    assert {loss.name for loss in writer.losses} == names


def test_own_citations_come_with_the_end_of_the_text():
    """As a delta, as OpenAI's search models send them."""
    cited = ({"type": "url_citation"},)
    steps: list[Step] = [Began("i", "m"), PartBegan(0, 0, Text("")), PartEnded(0, 0, citations=cited)]
    assert deltas(write_all(DIALECT.stream_writer(ASKED), steps))[-1] == (0, {"annotations": list(cited)}, None)
