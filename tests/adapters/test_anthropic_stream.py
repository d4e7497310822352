"""Streamed messages."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters import build
from actorrouter.config import ProviderConfig
from actorrouter.values import Call, Outcome, OutcomeClass
from tests.adapters.answers import SECRETS, WALL, run, same_at_any_chunking, truncated
from tests.adapters.streams.anthropic import (
    BLOCK,
    END,
    ERROR,
    HELLO,
    PING,
    START,
    STOP,
    STREAM,
    TOOL,
    WORLD,
    delta,
    event,
)

ADAPTER = build("a", ProviderConfig("", "anthropic"))
CALL = Call("m", {"messages": [], "max_tokens": 9}, stream=True)
HEADERS = {"content-type": "text/event-stream; charset=utf-8"}


def stream(*chunks: bytes, complete: bool = True) -> tuple[bytes, Outcome, bytes]:
    return run(ADAPTER, CALL, *chunks, headers=HEADERS, complete=complete)


def test_original_bytes_go_through_and_usage_is_noticed() -> None:
    """Byte for byte; the last word on usage counts, reads from the cache are not charged."""
    handed, outcome, rest = stream(STREAM)
    assert (handed, rest, outcome.outcome) == (STREAM, b"", OutcomeClass.SUCCEEDED)
    assert outcome.usage is not None
    assert outcome.usage.amounts == {"input_tokens": 125, "output_tokens": 15, "tokens": 140}
    assert outcome.usage.charged == {"input_tokens": 25, "tokens": 40}
    assert not outcome.usage.estimated


def test_usage_is_cumulative_and_never_added() -> None:
    """Each message_delta replaces what it states again and leaves the rest."""
    first = event("message_delta", delta={}, usage={"output_tokens": 7, "input_tokens": 30})
    last = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9, "input_tokens": None})
    _, outcome, _ = stream(START, HELLO, first, last, STOP)
    assert outcome.usage is not None
    assert outcome.usage.amounts == {"input_tokens": 130, "output_tokens": 9, "tokens": 139}


def test_nothing_is_handed_on_before_content() -> None:
    """Start, pings and empty parts wait, so that another key may still answer; then all come in order."""
    reading = ADAPTER.read(CALL, 200, HEADERS, 0.0, WALL)
    early = (START, BLOCK, PING, delta(type="text_delta", text=""))
    assert [reading.feed(each) for each in early] == [b"", b"", b"", b""]
    assert not reading.content_started
    assert reading.feed(HELLO) == b"".join(early) + HELLO


@pytest.mark.parametrize(
    "begins",
    [
        HELLO,
        TOOL,
        delta(type="thinking_delta", thinking="hm"),
        delta(type="input_json_delta", partial_json="{"),
        delta(type="something_new", said=1),
        event("content_block_start", index=0, content_block={"type": "redacted_thinking", "data": "x"}),
        event("content_block_start", index=0, content_block={"type": "server_tool_use", "id": "s", "name": "w"}),
        END,
    ],
)
def test_whatever_says_something_is_content(begins: bytes) -> None:
    """Text, thinking, a tool call's start, or the reason why there is none."""
    reading = ADAPTER.read(CALL, 200, HEADERS, 0.0, WALL)
    assert reading.feed(START + begins) == START + begins
    assert reading.content_started


@pytest.mark.parametrize("complete", [True, False])
def test_a_truncated_stream_never_looks_finished(complete: bool) -> None:
    """Cut at any byte, by a clean end or a break: broken, for only `message_stop` is the end."""
    assert {outcome.outcome for outcome in truncated(ADAPTER, CALL, STREAM, HEADERS, complete=complete)} == {
        OutcomeClass.BROKEN
    }


def test_the_end_is_the_end_even_if_the_connection_breaks_then() -> None:
    """And nothing comes after it."""
    handed, outcome, rest = stream(STREAM + HELLO, ERROR, complete=False)
    assert (handed, rest, outcome.outcome) == (STREAM, b"", OutcomeClass.SUCCEEDED)


def test_a_stop_without_a_message_is_broken() -> None:
    """There was no answer."""
    assert stream(PING, STOP)[1].outcome is OutcomeClass.BROKEN


@pytest.mark.parametrize("before", [(), (START, PING), (START, HELLO)], ids=["first", "early", "later"])
@pytest.mark.parametrize("complete", [True, False])
def test_an_error_inside_an_answer_that_says_yes(before: tuple[bytes, ...], complete: bool) -> None:
    """`event: error` after status 200; before content the caller sees only the error."""
    handed, outcome, rest = stream(*before, ERROR, WORLD, STOP, complete=complete)
    assert (outcome.outcome, outcome.code) == (OutcomeClass.CAPACITY, "overloaded_error")
    assert SECRETS[0] not in handed + rest
    if HELLO in before:
        assert handed == START + HELLO + ERROR.replace(SECRETS[0], b"***")
        assert outcome.usage is not None
    else:
        assert handed == b""
        assert json.loads(rest)["error"]["message"] == "Overloaded ***"


def test_a_broken_stream_states_what_was_delivered() -> None:
    """Its start tells the input and one output token; the text counts at four bytes a token."""
    _, outcome, _ = stream(START, *[HELLO] * 20, complete=False)
    assert outcome.usage is not None
    assert outcome.usage.estimated
    assert outcome.usage.amounts["input_tokens"] == 125
    assert outcome.usage.amounts["output_tokens"] == 25
    assert stream(PING, complete=False)[1].usage is None


@pytest.mark.parametrize("garbage", [b"data: {\n\n", b"data: 7\n\n", b"data: \xff\n\n", b"event: error\ndata: x\n\n"])
def test_an_event_that_is_no_object_is_broken(garbage: bytes) -> None:
    """Before content it is seen."""
    handed, outcome, _ = stream(START, garbage, STOP)
    assert (handed, outcome.outcome) == (b"", OutcomeClass.BROKEN)


def test_events_without_data_and_words_in_the_text_mean_nothing() -> None:
    """A comment, a bare name, and a text that speaks of ends and errors go through."""
    talk = delta(type="text_delta", text='{"type":"error"} {"type":"message_stop"} event: error')
    handed, outcome, _ = stream(START, b": hm\n\n", b"event: error\n\n", HELLO, talk, END)
    assert handed == START + b": hm\n\nevent: error\n\n" + HELLO + talk + END
    assert outcome.outcome is OutcomeClass.BROKEN


def test_a_plain_answer_to_a_streaming_call_is_broken() -> None:
    """A caller who iterates events is not given JSON."""
    _, outcome, _ = run(ADAPTER, CALL, b'{"content": []}', headers={"content-type": "application/json"})
    assert outcome.outcome is OutcomeClass.BROKEN


PIECES = st.lists(
    st.sampled_from([PING, START, BLOCK, HELLO, WORLD, TOOL, END, STOP, ERROR, b"data: {\n\n", b"\n", b"x"])
    | st.sampled_from([HELLO.replace(b"\n", b"\r\n"), STOP.replace(b"\n", b"\r")])
    | st.binary(max_size=20),
    max_size=8,
).map(b"".join)


@given(PIECES | st.just(STREAM), st.booleans(), st.data())
def test_chunking_changes_nothing(pieces: bytes, complete: bool, data: st.DataObject) -> None:
    """Cut anywhere, the same bytes are handed on, a beginning of what came, and the same outcome is judged."""
    given_on, outcome = same_at_any_chunking(ADAPTER, CALL, pieces, data, HEADERS, complete=complete)
    if outcome.outcome is OutcomeClass.SUCCEEDED:
        assert pieces.startswith(given_on)
