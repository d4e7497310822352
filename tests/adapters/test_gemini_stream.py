"""Streamed content."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters import build
from actorrouter.config import ProviderConfig
from actorrouter.values import Call, Outcome, OutcomeClass
from tests.adapters.answers import SECRETS, WALL, run, same_at_any_chunking, truncated
from tests.adapters.streams.gemini import DAY, EMPTY, HELLO, LISTED, RAW, STOP, STREAM, TOLD, WORLD, event, says

ADAPTER = build("g", ProviderConfig("", "gemini"))
CALL = Call("m", {"contents": []}, stream=True)
HEADERS = {"content-type": "text/event-stream"}


def stream(*chunks: bytes, complete: bool = True, call: Call = CALL) -> tuple[bytes, Outcome, bytes]:
    return run(ADAPTER, call, *chunks, headers=HEADERS, complete=complete)


def test_original_bytes_go_through_and_the_last_usage_counts() -> None:
    """There is no end mark: the reason to finish and a clean end of the bytes are the end."""
    handed, outcome, rest = stream(STREAM)
    assert (handed + rest, outcome.outcome) == (STREAM, OutcomeClass.SUCCEEDED)
    assert outcome.usage is not None
    assert outcome.usage.amounts == {"input_tokens": 9, "output_tokens": 6, "tokens": 15}


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_lines_may_end_either_way(line_end: bytes) -> None:
    """Nothing is lost of the last one."""
    lines = STREAM.replace(b"\r\n", line_end)
    handed, outcome, rest = stream(lines)
    assert (handed + rest, outcome.outcome) == (lines, OutcomeClass.SUCCEEDED)


def test_nothing_is_handed_on_before_content() -> None:
    """An empty part waits; a finish without one does not."""
    reading = ADAPTER.read(CALL, 200, HEADERS, 0.0, WALL)
    assert reading.feed(EMPTY) == b""
    assert reading.feed(HELLO) == EMPTY + HELLO
    assert stream(STOP)[:2][0] == STOP


@pytest.mark.parametrize(
    "part",
    [{"functionCall": {"name": "f", "args": {}}}, {"inlineData": {"data": "A"}}, {"text": "hm", "thought": True}],
)
def test_any_part_that_says_something_is_content(part: dict[str, Any]) -> None:
    """A call, an image, a thought."""
    reading = ADAPTER.read(CALL, 200, HEADERS, 0.0, WALL)
    assert reading.feed(event(candidates=[{"content": {"parts": [part]}}]))


def test_a_break_is_broken_at_every_byte() -> None:
    """Even at the last: nobody has said that this was all."""
    outcomes = truncated(ADAPTER, CALL, STREAM, HEADERS, complete=False, upto=len(STREAM) + 1)
    assert {outcome.outcome for outcome in outcomes} == {OutcomeClass.BROKEN}


def test_a_clean_end_before_the_last_chunk_is_whole_is_broken() -> None:
    """At every byte, up to the last line's own end."""
    whole = len(STREAM) - len(b"\n")
    outcomes = truncated(ADAPTER, CALL, STREAM, HEADERS, complete=True, upto=whole)
    assert {outcome.outcome for outcome in outcomes} == {OutcomeClass.BROKEN}


def test_every_candidate_must_finish() -> None:
    """Of two one finished: broken."""
    two = Call("m", {"contents": [], "generationConfig": {"candidateCount": 2}}, stream=True)
    first, second = says("a", "STOP", index=0), says("b", "STOP", index=1)
    assert stream(first, first, call=two)[1].outcome is OutcomeClass.BROKEN
    assert stream(first, second, call=two)[1].outcome is OutcomeClass.SUCCEEDED


@pytest.mark.parametrize("error", [RAW, LISTED, RAW + b"\n\n", TOLD, LISTED.replace(b"\n", b"\r\n") + b"\r\n"])
@pytest.mark.parametrize("before", [(), (EMPTY,), (HELLO,)], ids=["first", "early", "later"])
def test_an_error_inside_an_answer_that_says_yes(error: bytes, before: tuple[bytes, ...]) -> None:
    """As an event, or as raw lines of JSON, in a list or not, with a blank line after it or at the end."""
    handed, outcome, rest = stream(*before, error)
    assert (outcome.outcome, outcome.message) == (OutcomeClass.CAPACITY, "overloaded ***")
    assert SECRETS[1] not in handed + rest
    if HELLO in before:
        assert (handed + rest).startswith(HELLO)
        assert b"overloaded ***" in handed + rest
        assert outcome.usage is not None
    else:
        assert handed == b""
        assert b"overloaded ***" in rest


def test_a_spent_day_inside_an_answer_that_says_yes() -> None:
    """Until midnight Pacific, whatever delay it names."""
    outcome = stream(DAY)[1]
    assert outcome.outcome is OutcomeClass.QUOTA_SPENT
    assert outcome.retry_after_s is not None
    assert outcome.retry_after_s > 3600


@pytest.mark.parametrize(
    "withheld",
    [
        event(promptFeedback={"blockReason": "SAFETY"}, usageMetadata={"promptTokenCount": 9}),
        event(candidates=[{"finishReason": "SAFETY", "index": 0}], usageMetadata={"promptTokenCount": 9}),
    ],
)
def test_a_stream_that_withholds_everything_is_a_content_outcome(withheld: bytes) -> None:
    """The caller is told instead of given an empty answer."""
    handed, outcome, rest = stream(EMPTY, withheld)
    assert (handed, outcome.outcome, outcome.code) == (b"", OutcomeClass.CONTENT, "SAFETY")
    assert b"SAFETY" in rest
    assert outcome.usage is not None


def test_a_stream_cut_short_by_a_filter_is_passed_on() -> None:
    """What it has said stands."""
    handed, outcome, _ = stream(HELLO, says("", "SAFETY"))
    assert (handed, outcome.outcome) == (HELLO + says("", "SAFETY"), OutcomeClass.SUCCEEDED)


def test_a_broken_stream_states_what_was_told_so_far() -> None:
    """The last chunk's usage, or nothing."""
    outcome = stream(HELLO, WORLD, complete=False)[1]
    assert outcome.usage is not None
    assert outcome.usage.amounts["output_tokens"] == 5
    assert stream(complete=False)[1].usage is None


@pytest.mark.parametrize("garbage", [b"data: {\n\n", b"data: 7\n\n", b"{\n\n", b"[\n\n", b"data: \xff\n\n"])
def test_an_event_that_is_no_object_is_broken(garbage: bytes) -> None:
    """Raw or as an event."""
    assert stream(EMPTY, garbage, STOP)[1].outcome is OutcomeClass.BROKEN


def test_an_event_too_large_is_broken_and_not_kept() -> None:
    """16 MiB without an end are given up."""
    assert stream(HELLO, *[b"x" * 2**20] * 18, STOP)[1].outcome is OutcomeClass.BROKEN


def test_words_in_the_text_are_not_keys() -> None:
    """An answer that speaks of errors is passed on."""
    talk = says('{"error": {"code": 500}} "finishReason": "STOP"')
    handed, outcome, _ = stream(HELLO, talk)
    assert (handed, outcome.outcome) == (HELLO + talk, OutcomeClass.BROKEN)


PIECES = st.lists(
    st.sampled_from([EMPTY, HELLO, WORLD, STOP, RAW, LISTED, TOLD, DAY, b"data: {\n\n", b"\r\n", b"\r\n\r\n", b"x"])
    | st.binary(max_size=20),
    max_size=8,
).map(b"".join)


@given(PIECES | st.just(STREAM), st.booleans(), st.data())
def test_chunking_changes_nothing(pieces: bytes, complete: bool, data: st.DataObject) -> None:
    """Cut anywhere, the same bytes are handed on, a beginning of what came, and the same outcome is judged."""
    given_on, outcome = same_at_any_chunking(ADAPTER, CALL, pieces, data, HEADERS, complete=complete)
    if outcome.outcome is OutcomeClass.SUCCEEDED:
        assert pieces.startswith(given_on)
