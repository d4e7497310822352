"""Streamed chat answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters import Reading, build
from actorrouter.adapters.streaming import HOLD_BYTES_MAX
from actorrouter.config import ProviderConfig
from actorrouter.values import Call, Outcome, OutcomeClass
from tests.adapters.chunks import cut
from tests.adapters.streams.openai import DONE, ERROR, HELLO, PING, ROLE, STOP, TOTAL, USAGE, WORLD, delta, event

ADAPTER = build("openai", ProviderConfig("https://api.openai.com/v1"))
HEADERS = {"content-type": "text/event-stream; charset=utf-8"}


def call(n: int | None = None, **options: Any) -> Call:
    """A streaming call."""
    return Call("m", {"messages": [], "n": n, "stream_options": options}, stream=True)


def reading(sent: Call | None = None) -> Reading:
    """The start of an answer."""
    return ADAPTER.read(sent or call(), 200, HEADERS, 0.0, 0.0)


def run(*chunks: bytes, sent: Call | None = None, complete: bool = True) -> tuple[bytes, Outcome, bytes]:
    """Bytes handed on while reading, the outcome, and the rest."""
    stream = reading(sent)
    handed = b"".join(stream.feed(chunk) for chunk in chunks)
    return handed, stream.end(complete=complete), stream.rest()


def test_original_bytes_go_through_and_the_usage_chunk_is_taken_out() -> None:
    """A caller who did not ask for usage sees every event but that one."""
    handed, outcome, rest = run(ROLE, HELLO, WORLD, STOP, TOTAL, DONE)
    assert handed == ROLE + HELLO + WORLD + STOP + DONE
    assert rest == b""
    assert outcome.outcome is OutcomeClass.SUCCEEDED
    assert outcome.usage is not None
    assert outcome.usage.amounts == {"input_tokens": 9, "output_tokens": 4, "tokens": 13}
    assert not outcome.usage.estimated


def test_a_caller_who_asked_for_usage_gets_the_chunk() -> None:
    """Untouched, once, last before the end mark."""
    handed, _, _ = run(ROLE, HELLO, STOP, TOTAL, DONE, sent=call(include_usage=True))
    assert handed == ROLE + HELLO + STOP + TOTAL + DONE


def test_choiceless_chunks_without_usage_stay() -> None:
    """Azure opens with prompt filter results; only the usage chunk is ours to take."""
    filters = event(choices=[], prompt_filter_results=[{}], usage=None)
    assert run(filters, HELLO, STOP, TOTAL, DONE)[0] == filters + HELLO + STOP + DONE


def test_nothing_is_handed_on_before_content() -> None:
    """Pings and the role wait, so that another key may still answer; then all come in order."""
    stream = reading()
    assert stream.feed(PING) == b""
    assert stream.feed(ROLE) == b""
    assert not stream.content_started
    assert stream.feed(HELLO) == PING + ROLE + HELLO
    assert stream.content_started


@pytest.mark.parametrize(
    "said",
    [
        {"content": "x"},
        {"reasoning_content": "x"},
        {"refusal": "x"},
        {"tool_calls": [{"index": 0}]},
        {"function_call": {"name": "f"}},
        {"audio": {"id": "a"}},
        {"something_new": 1},
    ],
)
def test_any_kind_of_delta_is_content(said: dict[str, Any]) -> None:
    """Whatever a delta says besides its role begins the answer."""
    stream = reading()
    assert stream.feed(delta(**said))
    assert stream.content_started


def test_an_empty_answer_is_handed_on_when_it_finishes() -> None:
    """A finish reason is an answer, though nothing was said."""
    handed, outcome, _ = run(ROLE, STOP, DONE)
    assert handed == ROLE + STOP + DONE
    assert outcome.outcome is OutcomeClass.SUCCEEDED


def test_what_is_held_back_is_bounded() -> None:
    """After a mebibyte of pings the bytes are handed on, and no other key may answer."""
    stream = reading()
    ping = b":" + b"x" * 9998 + b"\n\n"
    fed = 0
    while not stream.content_started:
        stream.feed(ping)
        fed += len(ping)
    assert HOLD_BYTES_MAX < fed < HOLD_BYTES_MAX + 2 * len(ping)


@pytest.mark.parametrize("more", [HELLO, DONE, PING, ERROR, b"garbage"])
def test_nothing_comes_after_the_end_mark(more: bytes) -> None:
    """Duplicate ends and trailing bytes are dropped and change nothing."""
    for chunks in ((HELLO, STOP, DONE, more), (HELLO + STOP + DONE + more,)):
        handed, outcome, rest = run(*chunks)
        assert (handed, rest) == (HELLO + STOP + DONE, b"")
        assert outcome.outcome is OutcomeClass.SUCCEEDED


def test_an_end_mark_is_the_end_even_if_the_connection_breaks_then() -> None:
    """Nothing of the answer can be missing after `[DONE]`."""
    assert run(HELLO, DONE, complete=False)[1].outcome is OutcomeClass.SUCCEEDED


@pytest.mark.parametrize(
    "chunks", [(), (PING,), (ROLE,), (ROLE, HELLO), (ROLE, HELLO, b"data: [DONE]"), (DONE,), (PING, DONE)]
)
@pytest.mark.parametrize("complete", [True, False])
def test_a_truncated_stream_is_never_a_success(chunks: tuple[bytes, ...], complete: bool) -> None:
    """Without an end mark and a finish reason, or without any choice, the answer is broken."""
    assert run(*chunks, complete=complete)[1].outcome is OutcomeClass.BROKEN


def test_a_finish_reason_and_a_clean_end_are_a_success() -> None:
    """Some providers send no end mark; a connection that breaks before it is not clean."""
    assert run(HELLO, STOP)[1].outcome is OutcomeClass.SUCCEEDED
    assert run(HELLO, STOP, complete=False)[1].outcome is OutcomeClass.BROKEN


def test_every_choice_must_finish() -> None:
    """Of two choices one finished: broken; both: a success."""
    first, second = delta(finish="stop", index=0), delta(finish="length", index=1)
    assert run(HELLO, first, first, sent=call(n=2))[1].outcome is OutcomeClass.BROKEN
    assert run(HELLO, first, second, sent=call(n=2))[1].outcome is OutcomeClass.SUCCEEDED


def test_an_error_before_content_is_invisible() -> None:
    """Nothing was handed on; the rest is the error alone, its secret masked."""
    handed, outcome, rest = run(PING, ROLE, ERROR, HELLO, DONE)
    assert handed == b""
    assert (outcome.outcome, outcome.code, outcome.usage) == (OutcomeClass.CAPACITY, "slow_down", None)
    assert outcome.message == "*** overloaded"
    assert json.loads(rest)["error"] == {"message": "*** overloaded", "code": "slow_down"}


def test_an_error_after_content_ends_the_stream() -> None:
    """The error event is handed on without the secret, nothing after it; what was delivered is counted."""
    handed, outcome, rest = run(ROLE, HELLO, ERROR, WORLD, DONE)
    assert handed == ROLE + HELLO + ERROR.replace(b"sk-abcdefgh", b"***")
    assert rest == b""
    assert outcome.outcome is OutcomeClass.CAPACITY
    assert outcome.usage is not None
    assert outcome.usage.estimated
    assert outcome.usage.amounts["output_tokens"] == 2


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (event(error={"code": 429}), OutcomeClass.RATE_LIMITED),
        (event(error="stopped"), OutcomeClass.TRANSIENT),
        (event(choices=[{"delta": {}, "error": {"code": 502}, "finish_reason": "error"}]), OutcomeClass.TRANSIENT),
        (event(choices=[{"delta": {"content": ""}, "finish_reason": "error"}]), OutcomeClass.TRANSIENT),
        (event(x_groq={"error": "over capacity"}), OutcomeClass.TRANSIENT),
        (b'event: error\ndata: {"message": "m", "code": "insufficient_quota"}\n\n', OutcomeClass.QUOTA_SPENT),
        (b'data: [{"error": {"code": 503, "message": "m"}}]\n\n', OutcomeClass.CAPACITY),
    ],
)
@pytest.mark.parametrize("before", [(), (ROLE, HELLO)], ids=["first", "later"])
def test_errors_in_the_stream_are_classified(broken: bytes, expected: OutcomeClass, before: tuple[bytes, ...]) -> None:
    """On top, in a choice, Groq's way, named, or in a list; with an end mark after it or not."""
    assert run(*before, broken, DONE)[1].outcome is expected
    assert run(*before, broken, complete=False)[1].outcome is expected


@pytest.mark.parametrize("garbage", [b"data: {\n\n", b"data: 7\n\n", b"data:\n\n", b"data: \xff\n\n", b"data: []\n\n"])
def test_garbage_before_content_is_broken(garbage: bytes) -> None:
    """An event that is no JSON object is no answer."""
    handed, outcome, _ = run(ROLE, garbage, HELLO, STOP, DONE)
    assert (handed, outcome.outcome) == (b"", OutcomeClass.BROKEN)


def test_an_event_too_large_is_broken() -> None:
    """16 MiB without an end of the event are given up, whatever follows."""
    huge = [b"data: " + b"x" * 2**20] + [b"x" * 2**20] * 16
    handed, outcome, _ = run(HELLO, *huge, b"\n\n", STOP, DONE)
    assert (handed, outcome.outcome) == (HELLO, OutcomeClass.BROKEN)
    assert run(HELLO, STOP, *huge)[1].outcome is OutcomeClass.BROKEN


def test_the_last_usage_counts() -> None:
    """vLLM repeats cumulative usage in every chunk: it replaces and is not added; null changes nothing."""
    choices = [{"index": 0, "delta": {"content": "x"}}]
    steps = [event(choices=choices, usage={"prompt_tokens": 9, "completion_tokens": n}) for n in (1, 2, 3)]
    _, outcome, _ = run(*steps, STOP, DONE)
    assert outcome.usage is not None
    assert outcome.usage.amounts == {"input_tokens": 9, "output_tokens": 3, "tokens": 12}


def test_usage_that_cannot_be_believed_does_not_replace_what_was_said() -> None:
    """A junk chunk after a good one is ignored."""
    _, outcome, _ = run(
        HELLO, TOTAL, STOP, event(choices=[], usage={"prompt_tokens": -1, "completion_tokens": "4"}), DONE
    )
    assert outcome.usage is not None
    assert outcome.usage.amounts["tokens"] == 13
    assert not outcome.usage.estimated


def test_groq_states_usage_in_its_own_place() -> None:
    """`x_groq.usage` of the last chunk."""
    last = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], x_groq={"usage": USAGE})
    _, outcome, _ = run(HELLO, last, DONE)
    assert outcome.usage is not None
    assert outcome.usage.amounts["tokens"] == 13


def test_without_usage_the_delivered_text_is_counted() -> None:
    """Four bytes a token, over content, reasoning and arguments; the input as it was reserved."""
    arguments = delta(tool_calls=[{"index": 0, "function": {"arguments": '{"a": 1}'}}])
    _, outcome, _ = run(HELLO, WORLD, arguments, STOP, DONE)
    assert outcome.usage is not None
    assert outcome.usage.estimated
    assert outcome.usage.amounts["input_tokens"] == ADAPTER.estimate(call())["input_tokens"]
    assert 5 <= outcome.usage.amounts["output_tokens"] <= 7


def test_a_broken_stream_states_what_was_delivered_or_nothing() -> None:
    """With text: an estimate; without any: None, so that the reservation stands."""
    outcome = run(ROLE, HELLO, complete=False)[1]
    assert outcome.usage is not None
    assert (outcome.usage.estimated, outcome.usage.amounts["output_tokens"]) == (True, 2)
    assert run(ROLE, complete=False)[1].usage is None


def test_words_inside_the_text_are_not_keys() -> None:
    """An answer that talks about errors, usage and finish reasons is passed on unharmed."""
    talk = delta(content='{"error": {"code": 500}, "usage": {"x": 1}, "finish_reason": "stop"} data: [DONE]\n\n')
    handed, outcome, _ = run(HELLO, talk, delta(content="error"))
    assert handed == HELLO + talk + delta(content="error")
    assert outcome.outcome is OutcomeClass.BROKEN


def test_a_stream_that_ends_in_carriage_returns_loses_nothing() -> None:
    """The last one may have been half of a pair: its event is in the rest."""
    crs = (HELLO + STOP + DONE).replace(b"\n", b"\r")
    handed, outcome, rest = run(crs)
    assert handed + rest == crs
    assert rest
    assert outcome.outcome is OutcomeClass.SUCCEEDED


def test_a_stream_ends_once() -> None:
    """The second end is a bug of the asker."""
    stream = reading()
    stream.end(complete=False)
    with pytest.raises(RuntimeError, match="once"):
        stream.end(complete=False)


PIECES = st.lists(
    st.sampled_from([PING, ROLE, HELLO, WORLD, STOP, TOTAL, DONE, ERROR, b"data: {\n\n", b"\n", b"x"])
    | st.sampled_from([HELLO.replace(b"\n", b"\r\n"), STOP.replace(b"\n", b"\r"), delta(content="漢字\u2028🙂")]),
    max_size=8,
).map(b"".join)


@given(PIECES, st.booleans(), st.booleans(), st.data())
def test_chunking_changes_nothing(stream: bytes, asked: bool, complete: bool, data: st.DataObject) -> None:
    """Cut anywhere, the same bytes are handed on and the same outcome is judged."""
    sent = call(include_usage=asked)
    handed, outcome, rest = run(*cut(stream, data), sent=sent, complete=complete)
    whole, whole_outcome, whole_rest = run(stream, sent=sent, complete=complete)
    assert outcome == whole_outcome
    assert handed + rest == whole + whole_rest


@given(PIECES, st.data())
def test_bytes_are_never_invented_or_reordered(stream: bytes, data: st.DataObject) -> None:
    """What a caller who asked for usage is given is a prefix of the stream, but for masked secrets."""
    handed, outcome, rest = run(*cut(stream, data), sent=call(include_usage=True))
    given_on = handed + (rest if outcome.outcome is OutcomeClass.SUCCEEDED else b"")
    assert stream.replace(b"sk-abcdefgh", b"***").startswith(given_on.replace(b"sk-abcdefgh", b"***"))
