"""Streamed answers of Gemini: the chunks as Google sends them, and as its SDK expects them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from actorrouter.dialects import GEMINI, OPENAI_RESPONSES
from actorrouter.dialects.framing import Event
from actorrouter.dialects.gemini import DIALECT
from actorrouter.dialects.gemini.calls import invented_id
from actorrouter.dialects.neutral import (
    Answer,
    Began,
    Choice,
    Denial,
    Ended,
    Failed,
    Finish,
    Finished,
    Medium,
    Part,
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
    ToolResult,
)
from actorrouter.dialects.port import Malformed
from actorrouter.dialects.sse import SseReader
from tests.dialects.folding import fold


def chunk(*parts: dict[str, Any], finish: str = "", index: int = 0, **rest: Any) -> dict[str, Any]:
    """A chunk of one candidate."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": index}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "responseId": "r1", "modelVersion": "gemini-3", **rest}


def read(*chunks: Any) -> tuple[Answer, list[Step], set[str]]:
    """The answer and the steps that chunks stand for, and what is lost."""
    reader = DIALECT.stream_reader()
    events = [Event(b"", json.dumps(each).encode()) for each in chunks]
    steps = [step for event in events for step in reader.read(event)] + reader.close()
    return fold(steps), steps, {loss.name for loss in reader.losses}


def call(name: str) -> dict[str, Any]:
    """A part that calls a function without an id."""
    return {"functionCall": {"name": name, "args": {"x": 1}}}


CASES: dict[str, tuple[list[dict[str, Any]], tuple[Part, ...], Finish]] = {
    "text in pieces": (
        [chunk({"text": "Hel"}), chunk({"text": "lo"}), chunk(finish="STOP")],
        (Text("Hello"),),
        Finish.STOP,
    ),
    "the end with the last piece": ([chunk({"text": "Hi"}, finish="MAX_TOKENS")], (Text("Hi"),), Finish.LENGTH),
    "thoughts, signed at their end, then text": (
        [
            chunk({"text": "H", "thought": True}),
            chunk({"text": "mm", "thought": True}),
            chunk({"text": "", "thought": True, "thoughtSignature": "s"}),
            chunk({"text": "Hello"}, finish="STOP"),
        ],
        (Reasoning("Hmm", "s", dialect=GEMINI), Text("Hello")),
        Finish.STOP,
    ),
    "text that is signed in an empty piece": (
        [chunk({"text": "Hello"}), chunk({"text": "", "thoughtSignature": "s"}, finish="STOP")],
        (Text("Hello"), Reasoning("", "s", dialect=GEMINI)),
        Finish.STOP,
    ),
    "calls, the end after them": (
        [
            chunk({"text": "See"}),
            chunk({**call("f"), "thoughtSignature": "s"}, call("g")),
            chunk(call("f")),
            chunk({"text": ""}, finish="STOP"),
        ],
        (
            Text("See"),
            ToolCall(invented_id("r1/0", 0, "f"), "f", '{"x":1}', "s"),
            ToolCall(invented_id("r1/0", 1, "g"), "g", '{"x":1}'),
            ToolCall(invented_id("r1/0", 2, "f"), "f", '{"x":1}'),
        ),
        Finish.TOOL_CALLS,
    ),
    "an image between texts": (
        [
            chunk({"text": "a"}),
            chunk({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}),
            chunk({"text": "b"}, finish="STOP"),
        ],
        (Text("a"), Medium("image", "image/png", "AAAA"), Text("b")),
        Finish.STOP,
    ),
    "withheld": ([{"candidates": [{"finishReason": "SAFETY"}], "responseId": "r1"}], (), Finish.CONTENT),
    "a prompt that is blocked": (
        [{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "responseId": "r1"}],
        (),
        Finish.CONTENT,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_stream_folds_into_what_it_says(name: str):
    """Pieces are put together, and a clean end ends it, without a loss."""
    chunks, parts, finish = CASES[name]
    answer, steps, lost = read(*chunks)
    assert answer.choices == (Choice(parts, finish),)
    assert (isinstance(steps[-1], Ended), lost) == (True, set())


def test_a_stream_reads_as_the_plain_answer_does():
    """Ids that are invented for its calls are the same, however it comes."""
    parts = [{"text": "See"}, call("f"), call("f")]
    plain, _ = DIALECT.read_answer(chunk(*parts, finish="STOP"))
    assert read(*(chunk(part) for part in parts), chunk(finish="STOP"))[0] == plain


def test_the_last_usage_wins():
    """Each chunk tells all of it so far."""
    usages = [
        {"promptTokenCount": 9, "totalTokenCount": 9},
        {"promptTokenCount": 9, "candidatesTokenCount": 2, "thoughtsTokenCount": 3},
    ]
    chunks = [chunk({"text": "a"}, usageMetadata=usages[0]), chunk(finish="STOP", usageMetadata=usages[1])]
    assert read(*chunks)[0].tokens == Tokens(9, 5, None, None, 3)


def test_candidates_do_not_mix():
    """Each is told by its number."""
    chunks = [chunk({"text": text}, index=index) for text, index in (("a", 0), ("b", 1), ("A", 0), ("B", 1))]
    ends = [chunk(finish="STOP", index=index) for index in (0, 1)]
    assert [choice.parts for choice in read(*chunks, *ends)[0].choices] == [(Text("aA"),), (Text("bB"),)]


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_an_end_is_never_invented(cut: int):
    """Bytes that stop before every candidate has finished end nothing."""
    chunks = [chunk({"text": "a"}), chunk({"text": "b"}, index=1), chunk(finish="STOP")]
    assert not any(isinstance(step, Ended) for step in read(*chunks[:cut])[1])
    assert not any(isinstance(step, Ended) for step in read(*chunks)[1])


ERROR = {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}
ERRORS: dict[str, tuple[Any, Failed]] = {
    "an error": ({"error": ERROR}, Failed(503, "UNAVAILABLE", "overloaded")),
    "an error in a list": ([{"error": ERROR}], Failed(503, "UNAVAILABLE", "overloaded")),
    "with a reason": (
        {"error": {**ERROR, "details": [{"reason": "no_room"}]}},
        Failed(503, "no_room", "overloaded"),
    ),
    "without a code": ({"error": {"status": "RESOURCE_EXHAUSTED"}}, Failed(429, "RESOURCE_EXHAUSTED", "")),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_the_last_step(name: str):
    """Whatever comes after it is not read."""
    said, failed = ERRORS[name]
    steps = read(chunk({"text": "a"}), said, chunk({"text": "b"}, finish="STOP"))[1]
    assert steps[-1] == failed


def test_an_error_may_come_as_bare_lines():
    """They are no event's data."""
    raw = json.dumps({"error": ERROR}, indent=2).encode() + b"\n\n"
    (event,) = SseReader().feed(raw)
    assert DIALECT.stream_reader().read(event) == [Failed(503, "UNAVAILABLE", "overloaded")]
    assert DIALECT.stream_reader().read(Event(b": ping\n\n", None)) == []


def test_data_that_is_no_answer_is_malformed():
    """It is not passed over."""
    with pytest.raises(Malformed):
        DIALECT.stream_reader().read(Event(b"", b"[DONE]"))


def test_what_steps_cannot_tell_is_a_loss():
    """By the name it has in the chunks, once."""
    grounded = chunk({"text": "a"})
    grounded["candidates"][0]["groundingMetadata"] = {"webSearchQueries": ["x"]}
    assert read(grounded, grounded, {**chunk(finish="STOP"), "novel": 1})[2] == {"groundingMetadata", "novel"}


# -------------------------------------------------------------------------------------------------------------- writing


def written(*steps: Step) -> tuple[list[dict[str, Any]], set[str]]:
    """The chunks that steps are written as, and what is lost."""
    writer = DIALECT.stream_writer(Request(()))
    events = SseReader().feed(b"".join(map(writer.write, steps)))
    return [json.loads(event.data or b"") for event in events], {loss.name for loss in writer.losses}


def test_text_goes_out_as_it_comes_and_calls_when_they_are_whole():
    """Calls stand in the order they began in; the end and the usage come with the last chunk alone."""
    steps: list[Step] = [
        Began("r1", "gemini-3"),
        PartBegan(0, 0, Reasoning("", dialect=GEMINI)),
        PartGrew(0, 0, "Hmm"),
        PartEnded(0, 0, signature="s1"),
        PartBegan(0, 1, Text("")),
        PartGrew(0, 1, "Hel"),
        PartGrew(0, 1, "lo"),
        PartEnded(0, 1),
        PartBegan(0, 2, ToolCall("a", "f", "")),
        PartBegan(0, 3, ToolCall("b", "g", "")),
        PartGrew(0, 3, '{"x":'),
        PartGrew(0, 3, "1}"),
        PartEnded(0, 3),
        PartEnded(0, 2, signature="s2"),
        Finished(0, Finish.TOOL_CALLS),
        Told(Tokens(9, 5, None, None, 3)),
        Ended(),
    ]
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 2, "thoughtsTokenCount": 3, "totalTokenCount": 14}
    assert written(*steps) == (
        [
            chunk({"text": "Hmm", "thought": True}),
            chunk({"text": "", "thought": True, "thoughtSignature": "s1"}),
            chunk({"text": "Hel"}),
            chunk({"text": "lo"}),
            chunk({"functionCall": {"id": "a", "name": "f", "args": {}}, "thoughtSignature": "s2"}),
            chunk({"functionCall": {"id": "b", "name": "g", "args": {"x": 1}}}),
            chunk(finish="STOP", usageMetadata=usage),
        ],
        set(),
    )


def test_an_error_is_written_as_googles_and_last():
    """The SDK looks for a document that begins with it."""
    writer = DIALECT.stream_writer(Request(()))
    assert writer.write(Failed(429, "", "slow down")).startswith(b'data: {"error":')
    assert writer.write(Finished(0, Finish.STOP)) + writer.write(Ended()) == b""


UNSAID: dict[str, tuple[list[Step], set[str]]] = {
    "a refusal": ([PartBegan(0, 0, Denial("")), PartGrew(0, 0, "no"), PartEnded(0, 0)], {"refusal"}),
    "another's proof": (
        [PartBegan(0, 0, Reasoning("", dialect=OPENAI_RESPONSES)), PartEnded(0, 0, hidden="h")],
        {"encrypted_content"},
    ),
    "a result": ([PartBegan(0, 0, ToolResult("a", ())), PartEnded(0, 0)], {"tool_result"}),
    "arguments that break off": (
        [PartBegan(0, 0, ToolCall("a", "f", "")), PartGrew(0, 0, '{"x'), PartEnded(0, 0)],
        {"arguments"},
    ),
    "citations": ([PartBegan(0, 0, Text("")), PartEnded(0, 0, citations=({"type": "x"},))], {"citations"}),
    "which sequence stopped it": ([Finished(0, Finish.STOP, "END")], {"stop_sequence"}),
    "a pause": ([Finished(0, Finish.PAUSE)], {"pause_turn"}),
}


@pytest.mark.parametrize("name", UNSAID)
def test_what_a_chunk_cannot_say_is_a_loss(name: str):
    """By its own name; the rest is written all the same."""
    steps, lost = UNSAID[name]
    assert written(Began("r1", "m"), *steps, Ended())[1] == lost
