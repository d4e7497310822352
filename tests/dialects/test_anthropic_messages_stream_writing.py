"""Streamed messages: steps as events."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.dialects import ANTHROPIC_MESSAGES, GEMINI
from actorrouter.dialects.anthropic_messages import DIALECT
from actorrouter.dialects.neutral import (
    Began,
    Denial,
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
from actorrouter.dialects.sse import SseReader
from tests.dialects.streamed import write_all

BEGAN = Began("i", "m")
END: list[Step] = [Finished(0, Finish.STOP), Told(Tokens(5, 2)), Ended()]


def written(*steps: Step) -> list[dict[str, Any]]:
    """What these steps are as events."""
    return write_all(DIALECT.stream_writer(Request(())), steps)


def brief(documents: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Kind of each event, and the index of its block."""
    return [(document["type"], document.get("index")) for document in documents]


def text(part: int, *pieces: str) -> list[Step]:
    """All steps of a text."""
    return [PartBegan(0, part, Text("")), *(PartGrew(0, part, piece) for piece in pieces), PartEnded(0, part)]


def test_a_stream_is_a_message_from_start_to_stop():
    """Each event has its name, and the end tells the reason and all counts."""
    stream = b"".join(map(DIALECT.stream_writer(Request(())).write, [BEGAN, *text(0, "h", "i"), *END]))
    events = SseReader().feed(stream)
    documents = written(BEGAN, *text(0, "h", "i"), *END)
    assert [event.name.decode() for event in events] == [document["type"] for document in documents]
    assert documents == [
        {
            "type": "message_start",
            "message": {
                "id": "i",
                "type": "message",
                "role": "assistant",
                "model": "m",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {"input_tokens": 0, "output_tokens": 0},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "h"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "i"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"input_tokens": 5, "output_tokens": 2},
        },
        {"type": "message_stop"},
    ]


def test_empty_texts_are_no_blocks():
    """Blocks are numbered without gaps, and calls without arguments are blocks."""
    call: list[Step] = [PartBegan(0, 1, ToolCall("a", "f", "")), PartEnded(0, 1)]
    kinds = brief(written(BEGAN, *text(0, ""), *call, *text(2, "x")))
    assert kinds[1:] == [
        ("content_block_start", 0),
        ("content_block_stop", 0),
        ("content_block_start", 1),
        ("content_block_delta", 1),
        ("content_block_stop", 1),
    ]


def test_blocks_do_not_overlap():
    """The first call streams as it grows; what comes for others waits until it has ended."""
    writer = DIALECT.stream_writer(Request(()))
    begins: list[Step] = [BEGAN, PartBegan(0, 0, ToolCall("a", "f", "")), PartBegan(0, 1, ToolCall("b", "g", ""))]
    assert brief(write_all(writer, begins)) == [("message_start", None), ("content_block_start", 0)]
    assert brief(write_all(writer, [PartGrew(0, 1, "{}"), PartGrew(0, 0, "{")])) == [("content_block_delta", 0)]
    assert brief(write_all(writer, [PartEnded(0, 1)])) == []
    assert brief(write_all(writer, [PartGrew(0, 0, "}"), PartEnded(0, 0)])) == [
        ("content_block_delta", 0),
        ("content_block_stop", 0),
        ("content_block_start", 1),
        ("content_block_delta", 1),
        ("content_block_stop", 1),
    ]


def test_a_part_left_open_ends_with_the_message():
    """Its block is closed before the message stops."""
    documents = written(BEGAN, PartBegan(0, 0, Text("")), PartGrew(0, 0, "x"), *END)
    assert brief(documents)[-3:] == [("content_block_stop", 0), ("message_delta", None), ("message_stop", None)]


def test_own_thoughts_keep_their_proof():
    """The signature comes before the block's end, hidden thoughts are blocks of their own."""
    own = Reasoning("", dialect=ANTHROPIC_MESSAGES)
    documents = written(
        PartBegan(0, 0, own),
        PartGrew(0, 0, "hm"),
        PartEnded(0, 0, "sig"),
        PartBegan(0, 1, own),
        PartEnded(0, 1, "", "x"),
    )
    assert [document.get("delta") or document.get("content_block") for document in documents] == [
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "signature_delta", "signature": "sig"},
        None,
        {"type": "redacted_thinking", "data": "x"},
        None,
    ]


def test_thoughts_that_are_not_shown_are_signed_all_the_same():
    """With `display: omitted` the signature is all there is."""
    documents = written(PartBegan(0, 0, Reasoning("", dialect=ANTHROPIC_MESSAGES)), PartEnded(0, 0, "sig"))
    assert brief(documents) == [("content_block_start", 0), ("content_block_delta", 0), ("content_block_stop", 0)]


def test_a_refusal_in_words_explains_the_end():
    """It is no block; its words come with the reason."""
    denial: list[Step] = [PartBegan(0, 0, Denial("")), PartGrew(0, 0, "n"), PartGrew(0, 0, "o"), PartEnded(0, 0)]
    [_, delta, _] = written(BEGAN, *denial, *END)
    assert (delta["delta"]["stop_reason"], delta["delta"]["stop_details"]["explanation"]) == ("refusal", "no")


def test_nothing_says_why_when_nobody_did():
    """An end without a reason is written without one."""
    assert written(BEGAN, Told(Tokens(1, 1)), Ended())[1]["delta"] == {"stop_reason": None, "stop_sequence": None}


def test_a_failure_is_the_last_event():
    """The SDK raises at it, and no end follows."""
    documents = written(BEGAN, *text(0, "x"), Failed(529, "overloaded_error", "busy"), *END)
    assert documents[-1] == {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}


def test_without_a_promised_end_none_is_written():
    """A finish is not yet the end."""
    kinds = brief(written(BEGAN, *text(0, "x"), Finished(0, Finish.STOP), Told(Tokens(1, 1))))
    assert kinds[-1] == ("content_block_stop", 0)


UNSAID: dict[str, tuple[list[Step], set[str]]] = {
    "a second choice": ([PartBegan(1, 0, Text("")), Finished(1, Finish.STOP)], {"n"}),
    "usage": ([Ended()], {"usage"}),
    "another's proof": ([PartBegan(0, 0, Reasoning("", dialect=GEMINI)), PartEnded(0, 0, "sig")], {"thoughtSignature"}),
    "a signed call": ([PartBegan(0, 0, ToolCall("a", "f", "")), PartEnded(0, 0, "sig")], {"thoughtSignature"}),
    "an image": ([PartBegan(0, 0, Medium("image")), PartEnded(0, 0)], {"image"}),
    "another's citations": (
        [PartBegan(0, 0, Text("")), PartGrew(0, 0, "x"), PartEnded(0, 0, citations=({"type": "url_citation"},))],
        {"annotations"},
    ),
}


@pytest.mark.parametrize(("steps", "names"), UNSAID.values(), ids=UNSAID)
def test_what_a_message_cannot_stream_is_named(steps: list[Step], names: set[str]):
    """A loss has the name of what is left out."""
    writer = DIALECT.stream_writer(Request(()))
    write_all(writer, [BEGAN, *steps])
    assert {loss.name for loss in writer.losses} == names
