"""Streamed chat answers: chunks as steps."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.dialects.framing import Event
from actorrouter.dialects.neutral import (
    Began,
    Choice,
    Denial,
    Ended,
    Failed,
    Finish,
    Finished,
    PartBegan,
    PartEnded,
    PartGrew,
    Reasoning,
    Text,
    Tokens,
    Told,
    ToolCall,
)
from actorrouter.dialects.openai_chat import DIALECT
from actorrouter.dialects.port import Malformed
from tests.dialects.folding import fold
from tests.dialects.streamed import event, read_all

DONE = event("[DONE]")
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **fields: Any) -> Event:
    """One chunk; without a delta one without choices."""
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}]
    head = {"id": "i", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
    return event(head | {"usage": None, "obfuscation": "xyz"} | fields)


def call(index: int | None, arguments: str, call_id: str | None = None, name: str | None = None) -> dict[str, Any]:
    """A delta with a piece of one call."""
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]}


def test_text_is_steps_from_begin_to_end():
    """The role says nothing, the usage chunk tells tokens, `[DONE]` is the end."""
    events = [chunk({"role": "assistant", "content": ""}), chunk({"content": "h"}), chunk({"content": "i"})]
    events += [chunk({}, "stop"), chunk(usage=USAGE), DONE]
    assert read_all(DIALECT.stream_reader(), events) == [
        Began("i", "m", 1),
        PartBegan(0, 0, Text("")),
        PartGrew(0, 0, "h"),
        PartGrew(0, 0, "i"),
        PartEnded(0, 0),
        Finished(0, Finish.STOP),
        Told(Tokens(5, 2)),
        Ended(),
    ]


CALLS = (ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", "{}"))
STREAMS: dict[str, tuple[list[dict[str, Any]], Choice]] = {
    "thoughts, then text": (
        [{"reasoning_content": "h"}, {"reasoning_content": "m"}, {"content": "so"}],
        Choice((Reasoning("hm"), Text("so")), Finish.STOP),
    ),
    "thoughts said twice": ([{"reasoning_content": "hm", "reasoning": "hm"}], Choice((Reasoning("hm"),), Finish.STOP)),
    "a refusal": ([{"refusal": "n"}, {"refusal": "o"}], Choice((Denial("no"),), Finish.STOP)),
    "parallel calls, mixed": (
        [call(0, "", "a", "f"), call(1, "{", "b", "g"), call(0, '{"x"'), call(1, "}"), call(0, ":1}")],
        Choice(CALLS, Finish.TOOL_CALLS),
    ),
    "calls without index": (
        [call(None, '{"x"', "a", "f"), call(None, ":1}"), call(None, "{}", "b", "g")],
        Choice(CALLS, Finish.TOOL_CALLS),
    ),
    "calls that share an index": (
        [call(0, '{"x":1}', "a", "f"), call(0, "{}", "b", "g")],
        Choice(CALLS, Finish.TOOL_CALLS),
    ),
    "an id with every piece": (
        [call(0, "{", "a", "f"), call(0, "}", "a", "f")],
        Choice((ToolCall("a", "f", "{}"),), Finish.TOOL_CALLS),
    ),
    "citations": (
        [{"content": "x"}, {"annotations": [{"type": "url_citation"}]}],
        Choice((Text("x", None, ({"type": "url_citation"},)),), Finish.STOP),
    ),
    "spoken words": (
        [{"audio": {"id": "1", "transcript": "h"}}, {"audio": {"transcript": "i"}}],
        Choice((Text("hi"),), Finish.STOP),
    ),
}


@pytest.mark.parametrize(("deltas", "choice"), STREAMS.values(), ids=STREAMS)
def test_deltas_fold_into_the_choice(deltas: list[dict[str, Any]], choice: Choice):
    """Pieces of one part stay together, and in order."""
    events = [*map(chunk, deltas), chunk({}, "stop"), DONE]
    assert fold(read_all(DIALECT.stream_reader(), events)).choices == (choice,)


ENDS: dict[str, tuple[list[Event], bool]] = {
    "a mark": ([chunk({"content": "x"}), DONE], True),
    "a clean end after every choice": ([chunk({"content": "x"}, "stop"), chunk({}, "stop", 1)], True),
    "a choice that is open": ([chunk({"content": "x"}, "stop"), chunk({"content": "x"}, None, 1)], False),
    "an open text": ([chunk({"content": "x"})], False),
    "nothing": ([], False),
}


@pytest.mark.parametrize(("events", "ended"), ENDS.values(), ids=ENDS)
def test_only_a_promised_end_is_one(events: list[Event], ended: bool):
    """No end is made up for an answer that broke off."""
    assert (Ended() in read_all(DIALECT.stream_reader(), events)) is ended


ERRORS: dict[str, tuple[Event, Failed]] = {
    "openai": (
        event({"error": {"message": "slow", "type": "rate_limit_error", "code": "rate_limit_exceeded"}}),
        Failed(429, "rate_limit_exceeded", "slow"),
    ),
    "openrouter": (event({"error": {"message": "bad", "code": 502}, "choices": []}), Failed(502, "", "bad")),
    "openrouter's end": (chunk({}, "error"), Failed(500, "", "the provider ended with an error")),
    "groq": (event({"id": "i", "choices": [], "x_groq": {"error": "over"}}), Failed(500, "", "over")),
    "an event of that name": (
        event({"message": "bad", "type": "server_error"}, "error"),
        Failed(500, "server_error", "bad"),
    ),
}


@pytest.mark.parametrize(("bad", "failed"), ERRORS.values(), ids=ERRORS)
def test_an_error_ends_the_stream(bad: Event, failed: Failed):
    """Nothing is read after it."""
    steps = read_all(DIALECT.stream_reader(), [chunk({"content": "x"}), bad, chunk({"content": "y"}, "stop"), DONE])
    assert steps[-1] == failed
    assert PartGrew(0, 0, "y") not in steps


def test_a_chunk_about_the_prompt_only_begins_nothing():
    """Azure's first has neither id nor model."""
    first = event({"id": "", "model": "", "created": 0, "choices": [], "prompt_filter_results": []})
    steps = read_all(DIALECT.stream_reader(), [first, chunk({"content": "x"}, "stop"), DONE])
    assert steps[0] == Began("i", "m", 1)


def test_nothing_is_read_after_the_end():
    """A second mark and late chunks are no steps."""
    reader = DIALECT.stream_reader()
    read_all(reader, [chunk({"content": "x"}, "stop"), DONE])
    assert read_all(reader, [chunk({"content": "y"}), DONE]) == []


def test_what_nobody_else_can_be_told_is_named_once():
    """Each name once, however many chunks say it."""
    reader = DIALECT.stream_reader()
    odd = chunk({"content": "x", "mood": 1}, system_fingerprint="fp")
    read_all(reader, [odd, odd, Event(b": ping\n\n", None), DONE])
    assert [loss.name for loss in reader.losses] == ["mood", "system_fingerprint"]


@pytest.mark.parametrize(
    ("bad", "where"),
    [
        (event("nonsense"), ""),
        (event({"choices": 7}), "choices"),
        (chunk({"content": 7}), "choices.0.delta.content"),
        (chunk(call(0, "{}")), "choices.0.delta.tool_calls.0.function.name"),
    ],
)
def test_what_is_no_chunk_is_refused_by_its_path(bad: Event, where: str):
    """The path tells where."""
    with pytest.raises(Malformed) as refused:
        DIALECT.stream_reader().read(bad)
    assert refused.value.where == where
