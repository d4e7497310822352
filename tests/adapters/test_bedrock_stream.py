"""Bedrock's streams: Converse frame by frame, messages unwrapped into their own events."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters import build
from actorrouter.config import ProviderConfig
from actorrouter.values import Call, Outcome, OutcomeClass
from tests.adapters.answers import WALL, run, same_at_any_chunking, truncated
from tests.adapters.frames import chunk, event, exception, frame
from tests.adapters.streams.bedrock import (
    BEGUN,
    ENDED,
    HELLO,
    METADATA,
    SAID,
    START,
    STOP,
    STOPPED,
    STREAM,
    THROTTLED,
    WORLD,
    WRAPPED,
    sse,
)

ADAPTER = build("b", ProviderConfig("", "bedrock", options={"region": "us-east-1"}))
CONVERSE = Call("m", {"messages": []}, stream=True)
MESSAGE = Call("m", {"messages": [], "max_tokens": 9}, stream=True, dialect="anthropic-messages")
HEADERS = {"content-type": "application/vnd.amazon.eventstream"}


def stream(call: Call, *chunks: bytes, complete: bool = True) -> tuple[bytes, Outcome, bytes]:
    return run(ADAPTER, call, *chunks, headers=HEADERS, complete=complete)


def test_original_frames_go_through_and_metadata_states_the_usage() -> None:
    """Byte for byte; output burns down, what was read from a cache is not charged."""
    handed, outcome, rest = stream(CONVERSE, STREAM)
    assert (handed, rest, outcome.outcome) == (STREAM, b"", OutcomeClass.SUCCEEDED)
    assert outcome.usage is not None
    assert outcome.usage.amounts == {"input_tokens": 110, "output_tokens": 4, "tokens": 114}
    assert outcome.usage.charged == {"input_tokens": 10, "output_tokens": 20, "tokens": 30}


def test_nothing_is_handed_on_before_content() -> None:
    """The role waits, so that another key may still answer."""
    reading = ADAPTER.read(CONVERSE, 200, HEADERS, 0.0, WALL)
    assert reading.feed(START) == b""
    assert not reading.content_started
    assert reading.feed(HELLO) == START + HELLO


@pytest.mark.parametrize(
    "begins",
    [
        event("contentBlockStart", {"start": {"toolUse": {"toolUseId": "t", "name": "f"}}}),
        event("contentBlockDelta", {"delta": {"reasoningContent": {"text": "hm"}}}),
        event("contentBlockDelta", {"delta": {"toolUse": {"input": "{"}}}),
        STOP,
    ],
)
def test_whatever_says_something_is_content(begins: bytes) -> None:
    """A tool call's start, reasoning, arguments, or the reason why there is nothing."""
    reading = ADAPTER.read(CONVERSE, 200, HEADERS, 0.0, WALL)
    assert reading.feed(START + begins) == START + begins


def test_a_break_before_the_last_byte_is_broken() -> None:
    """At every byte, in both dialects."""
    for call, whole in ((CONVERSE, STREAM), (MESSAGE, WRAPPED)):
        outcomes = truncated(ADAPTER, call, whole, HEADERS, complete=False)
        assert {outcome.outcome for outcome in outcomes} == {OutcomeClass.BROKEN}


def test_a_clean_end_is_an_end_only_where_the_answer_has_one() -> None:
    """Converse: after `messageStop`, between frames; a message: nowhere before its stop."""
    at_stop = len(STREAM) - len(METADATA)
    found = list(truncated(ADAPTER, CONVERSE, STREAM, HEADERS, complete=True))
    assert [length for length, each in enumerate(found) if each.outcome is not OutcomeClass.BROKEN] == [at_stop]
    assert found[at_stop].usage is not None
    outcomes = truncated(ADAPTER, MESSAGE, WRAPPED, HEADERS, complete=True)
    assert {outcome.outcome for outcome in outcomes} == {OutcomeClass.BROKEN}


def test_the_end_is_the_end_even_if_the_connection_breaks_then() -> None:
    """And nothing comes after it."""
    assert stream(CONVERSE, STREAM + HELLO, complete=False)[:2][0] == STREAM
    assert stream(CONVERSE, STREAM, complete=False)[1].outcome is OutcomeClass.SUCCEEDED


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("internalServerException", OutcomeClass.TRANSIENT),
        ("modelStreamErrorException", OutcomeClass.TRANSIENT),
        ("modelTimeoutException", OutcomeClass.TRANSIENT),
        ("validationException", OutcomeClass.REQUEST_BAD),
        ("throttlingException", OutcomeClass.RATE_LIMITED),
        ("serviceUnavailableException", OutcomeClass.CAPACITY),
    ],
)
@pytest.mark.parametrize("later", [False, True])
def test_exceptions_in_the_stream(kind: str, expected: OutcomeClass, later: bool) -> None:
    """Of both dialects, before content and after it."""
    for call, before in ((CONVERSE, START + HELLO), (MESSAGE, chunk(BEGUN) + chunk(SAID))):
        outcome = stream(call, before if later else b"", exception(kind, "no"), STREAM)[1]
        assert (outcome.outcome, outcome.message) == (expected, "no")
        assert outcome.code.lower() == kind.lower()
        assert (outcome.usage is not None) == later


def test_an_error_frame_without_a_payload_is_an_error() -> None:
    """Its code and message stand in its headers."""
    failed = frame({":message-type": "error", ":error-code": "InternalServerException", ":error-message": "oops"}, b"")
    assert (stream(CONVERSE, failed)[1].outcome, stream(CONVERSE, failed)[1].message) == (
        OutcomeClass.TRANSIENT,
        "oops",
    )


def test_a_secret_in_an_exception_is_masked_and_its_frame_still_fits() -> None:
    """Before content the caller sees the error alone; after it a frame that any reader accepts."""
    handed, outcome, rest = stream(CONVERSE, START, THROTTLED)
    assert (handed, outcome.message) == (b"", "slow down ***")
    assert json.loads(rest)["error"] == {"type": "ThrottlingException", "message": "slow down ***"}
    handed, _, rest = stream(CONVERSE, START + HELLO, THROTTLED)
    assert handed + rest == START + HELLO + exception("throttlingException", "slow down ***")


def test_a_message_is_handed_on_as_its_own_events() -> None:
    """Callers of Anthropic's dialect see the bytes they know; its model decides how output burns down."""
    handed, outcome, rest = stream(MESSAGE, WRAPPED)
    assert (handed, rest, outcome.outcome) == (sse(BEGUN, SAID, ENDED, STOPPED), b"", OutcomeClass.SUCCEEDED)
    assert outcome.usage is not None
    assert outcome.usage.amounts == {"input_tokens": 25, "output_tokens": 15, "tokens": 40}
    assert outcome.usage.charged == {"output_tokens": 75, "tokens": 100}


def test_an_exception_after_a_message_began_is_an_error_event() -> None:
    """In the form the vendor's SDK understands, without its secret."""
    handed, outcome, rest = stream(MESSAGE, chunk(BEGUN) + chunk(SAID), THROTTLED, WRAPPED)
    assert outcome.outcome is OutcomeClass.RATE_LIMITED
    given_on = (handed + rest).removeprefix(sse(BEGUN, SAID))
    assert given_on.startswith(b"event: error\ndata: ")
    assert json.loads(given_on.partition(b"data: ")[2])["error"]["message"] == "slow down ***"


@pytest.mark.parametrize(
    "garbage",
    [
        event("chunk", b"{"),
        event("chunk", b"7"),
        event("chunk", {}),
        event("chunk", {"bytes": "%%%"}),
        event("chunk", {"bytes": 7}),
        chunk(b"{"),
        chunk(b"[]"),
        b"x" * 40,
        chunk(SAID)[:-1] + b"x",
    ],
)
@pytest.mark.parametrize("before", [b"", chunk(BEGUN) + chunk(SAID)], ids=["first", "later"])
def test_a_chunk_that_carries_no_event_breaks_the_answer(garbage: bytes, before: bytes) -> None:
    """Wherever it comes: what it should have carried would be missing."""
    assert stream(MESSAGE, before, garbage, WRAPPED)[1].outcome is OutcomeClass.BROKEN


def test_other_frames_around_a_message_are_passed_over() -> None:
    """An initial response carries nothing; an event with line ends or an odd name is still one event."""
    odd = chunk(b'{"type":\n"odd\\nname"}')
    handed, outcome, _ = stream(MESSAGE, event("initial-response", b"{}") + odd + WRAPPED)
    assert handed == b'data: {"type":"odd\\nname"}\n\n' + sse(BEGUN, SAID, ENDED, STOPPED)
    assert outcome.outcome is OutcomeClass.SUCCEEDED


def test_a_broken_checksum_ends_the_answer() -> None:
    """What came before it was handed on."""
    wrong = bytearray(WORLD)
    wrong[-1] ^= 1
    handed, outcome, _ = stream(CONVERSE, START + HELLO + bytes(wrong) + STOP + METADATA)
    assert (handed, outcome.outcome) == (START + HELLO, OutcomeClass.BROKEN)
    assert "checksum" in outcome.message


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (CONVERSE, ""),
        (MESSAGE, "text/event-stream"),
        (Call("m", {"messages": []}, stream=True, dialect="openai-chat"), "text/event-stream"),
    ],
)
def test_what_is_handed_on_is_named_as_what_it_is(call: Call, kind: str) -> None:
    """Frames go on as the provider named them; what was unwrapped or translated from them is server-sent events."""
    assert ADAPTER.read(call, 200, HEADERS, 0.0, WALL).content_type == kind


def test_a_stream_of_server_sent_events_is_no_stream_of_frames() -> None:
    """A caller who iterates frames is not given something else."""
    _, outcome, _ = run(ADAPTER, CONVERSE, b"data: {}\n\n", headers={"content-type": "text/event-stream"})
    assert outcome.outcome is OutcomeClass.BROKEN
    assert "application/vnd.amazon.eventstream" in outcome.message


def test_a_stream_of_megabytes_goes_through() -> None:
    """Five of them in one frame."""
    large = event("contentBlockDelta", {"delta": {"text": "x" * 5_000_000}})
    handed, outcome, _ = stream(CONVERSE, START, large[:100], large[100:], STOP + METADATA)
    assert (handed, outcome.outcome) == (START + large + STOP + METADATA, OutcomeClass.SUCCEEDED)


PIECES = st.lists(
    st.sampled_from([START, HELLO, WORLD, STOP, METADATA, THROTTLED, chunk(BEGUN), chunk(SAID), chunk(STOPPED), b"x"])
    | st.sampled_from([HELLO[:20], event("messageStop", b"{"), event("metadata", {"usage": 7}), chunk(b"\xff")])
    | st.binary(max_size=20),
    max_size=8,
).map(b"".join)


@given(PIECES | st.just(STREAM) | st.just(WRAPPED), st.sampled_from([CONVERSE, MESSAGE]), st.booleans(), st.data())
def test_chunking_changes_nothing(pieces: bytes, call: Call, complete: bool, data: st.DataObject) -> None:
    """Cut anywhere, the same bytes are handed on and the same outcome is judged; Converse's are those that came."""
    given_on, outcome = same_at_any_chunking(ADAPTER, call, pieces, data, HEADERS, complete=complete)
    if call is CONVERSE and outcome.outcome is OutcomeClass.SUCCEEDED:
        assert pieces.startswith(given_on)
