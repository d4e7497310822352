"""Streamed messages: events as steps."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.dialects import ANTHROPIC_MESSAGES
from actorrouter.dialects.anthropic_messages import DIALECT
from actorrouter.dialects.framing import Event
from actorrouter.dialects.neutral import (
    Began,
    Denial,
    Ended,
    Failed,
    Finish,
    Finished,
    Part,
    PartBegan,
    PartEnded,
    PartGrew,
    Reasoning,
    Text,
    Tokens,
    Told,
    ToolCall,
)
from actorrouter.dialects.port import Malformed
from tests.dialects.folding import fold
from tests.dialects.streamed import event, read_all

STOP = event({"type": "message_stop"}, "message_stop")
PING = event({"type": "ping"}, "ping")


def named(kind: str, **fields: Any) -> Event:
    """One event of this kind."""
    return event({"type": kind, **fields}, kind)


def start(**usage: int) -> Event:
    """The first event."""
    head = {"id": "i", "type": "message", "role": "assistant", "model": "m", "content": []}
    counts = {"input_tokens": 10, "output_tokens": 1} | usage
    return named("message_start", message=head | {"stop_reason": None, "stop_sequence": None, "usage": counts})


def block(index: int, what: dict[str, Any], *deltas: dict[str, Any]) -> list[Event]:
    """All events of one block."""
    pieces = [named("content_block_delta", index=index, delta=delta) for delta in deltas]
    stop = named("content_block_stop", index=index)
    return [named("content_block_start", index=index, content_block=what), *pieces, stop]


def delta(reason: str, output_tokens: int = 5, **fields: Any) -> Event:
    """The event with the end's reason and all counts so far."""
    said = {"stop_reason": reason, "stop_sequence": None} | fields
    return named("message_delta", delta=said, usage={"output_tokens": output_tokens})


TEXT = {"type": "text", "text": ""}
CALL = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
THINKING = {"type": "thinking", "thinking": "", "signature": ""}


def text(*pieces: str) -> list[dict[str, Any]]:
    """Deltas of text."""
    return [{"type": "text_delta", "text": piece} for piece in pieces]


def json_of(*pieces: str) -> list[dict[str, Any]]:
    """Deltas of a call's input."""
    return [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


def test_text_is_steps_from_begin_to_end():
    """Pings are none; counts are cumulative, so the last replaces what came before."""
    events = [start(cache_read_input_tokens=90), PING, *block(0, TEXT, *text("h", "i")), delta("end_turn"), STOP]
    assert read_all(DIALECT.stream_reader(), events) == [
        Began("i", "m", tokens=Tokens(100, None, 90)),
        PartBegan(0, 0, Text("")),
        PartGrew(0, 0, "h"),
        PartGrew(0, 0, "i"),
        PartEnded(0, 0),
        Finished(0, Finish.STOP),
        Told(Tokens(100, 5, 90)),
        Ended(),
    ]


CITED = {"type": "page_location"}
BLOCKS: dict[str, tuple[list[Event], tuple[Part, ...]]] = {
    "a call in pieces": (
        block(0, CALL, *json_of("", '{"x"', "", ":1}")),
        (ToolCall("a", "f", '{"x":1}'),),
    ),
    "a call without arguments": (block(0, CALL, *json_of("")), (ToolCall("a", "f", ""),)),
    "a call with all its input": (block(0, CALL | {"input": {"x": 1}}), (ToolCall("a", "f", '{"x":1}'),)),
    "signed thoughts": (
        block(
            0,
            THINKING,
            {"type": "thinking_delta", "thinking": "hm"},
            {"type": "signature_delta", "signature": "sig"},
        ),
        (Reasoning("hm", "sig", "", ANTHROPIC_MESSAGES),),
    ),
    "hidden thoughts": (
        block(0, {"type": "redacted_thinking", "data": "xyz"}),
        (Reasoning("", "", "xyz", ANTHROPIC_MESSAGES),),
    ),
    "cited text": (
        block(0, TEXT, *text("hi"), {"type": "citations_delta", "citation": CITED}),
        (Text("hi", None, (CITED,)),),
    ),
    "text that starts with words": (block(0, TEXT | {"text": "h"}, *text("i")), (Text("hi"),)),
    "a search between": (
        [
            *block(0, TEXT, *text("a")),
            *block(1, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, *json_of("{}")),
            *block(2, TEXT, *text("b")),
        ],
        (Text("a"), Text("b")),
    ),
    "a block that stays open": (block(0, TEXT, *text("a"))[:-1], (Text("a"),)),
}


@pytest.mark.parametrize(("events", "parts"), BLOCKS.values(), ids=BLOCKS)
def test_blocks_fold_into_parts(events: list[Event], parts: tuple[Part, ...]):
    """Each block is a part, and parts are numbered without gaps."""
    steps = read_all(DIALECT.stream_reader(), [start(), *events, delta("end_turn"), STOP])
    assert fold(steps).choices[0].parts == parts
    assert [step.part for step in steps if isinstance(step, PartBegan)] == list(range(len(parts)))


ENDS: dict[str, tuple[Event, list[Any]]] = {
    "a sequence": (delta("stop_sequence", stop_sequence="###"), [Finished(0, Finish.STOP, "###")]),
    "a full window": (delta("model_context_window_exceeded"), [Finished(0, Finish.LENGTH)]),
    "a refusal in words": (
        delta("refusal", stop_details={"type": "refusal", "category": None, "explanation": "no"}),
        [PartBegan(0, 0, Denial("")), PartGrew(0, 0, "no"), PartEnded(0, 0), Finished(0, Finish.CONTENT)],
    ),
}


@pytest.mark.parametrize(("end", "steps"), ENDS.values(), ids=ENDS)
def test_why_it_ended_is_told(end: Event, steps: list[Any]):
    """Its reason and what explains it come before the end."""
    assert read_all(DIALECT.stream_reader(), [start(), end, STOP])[1:-2] == steps


def test_only_message_stop_is_an_end():
    """A reason to stop is not yet one."""
    assert Ended() not in read_all(DIALECT.stream_reader(), [start(), *block(0, TEXT), delta("end_turn")])


ERRORS: dict[str, tuple[Event, Failed]] = {
    "overloaded": (
        named("error", error={"type": "overloaded_error", "message": "busy"}),
        Failed(529, "overloaded_error", "busy"),
    ),
    "with a code": (
        named(
            "error",
            error={"type": "rate_limit_error", "message": "x", "details": {"error_code": "ramp_limit_exceeded"}},
        ),
        Failed(429, "ramp_limit_exceeded", "x"),
    ),
    "no JSON": (event("oops", "error"), Failed(500, "", "")),
}


@pytest.mark.parametrize(("bad", "failed"), ERRORS.values(), ids=ERRORS)
def test_an_error_ends_the_stream(bad: Event, failed: Failed):
    """Nothing is read after it."""
    assert read_all(DIALECT.stream_reader(), [start(), bad, delta("end_turn"), STOP])[1:] == [failed]


def test_what_nobody_else_can_be_told_is_named_once():
    """Kinds of events, blocks and pieces, and fields, known or not."""
    reader = DIALECT.stream_reader()
    odd = block(0, {"type": "container_upload", "file_id": "f"}, {"type": "x"})
    new = block(1, TEXT, {"type": "brand_new"})
    read_all(reader, [start(), *odd, *new, *odd, named("novelty"), delta("end_turn", container={"id": "c"}), STOP])
    assert [loss.name for loss in reader.losses] == ["container_upload", "brand_new", "novelty", "container"]


@pytest.mark.parametrize(
    ("bad", "where"),
    [
        (event("nonsense"), ""),
        (event({}), "type"),
        (named("message_start"), "message"),
        (named("content_block_delta", index=0, delta={"type": "text_delta", "text": "x"}), "index"),
        (named("content_block_start", index=0, content_block={"type": "tool_use"}), "content_block.id"),
    ],
)
def test_what_is_no_event_is_refused_by_its_path(bad: Event, where: str):
    """The path tells where."""
    with pytest.raises(Malformed) as refused:
        DIALECT.stream_reader().read(bad)
    assert refused.value.where == where
