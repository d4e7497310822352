"""Streamed answers of the responses API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters import Reading, build
from actorrouter.config import ProviderConfig
from actorrouter.dialects import OPENAI_RESPONSES
from actorrouter.values import Call, Outcome, OutcomeClass
from tests.adapters.chunks import cut

ADAPTER = build("x", ProviderConfig())
HEADERS = {"content-type": "text/event-stream; charset=utf-8"}
CALL = Call("m", {"input": "hello"}, stream=True, dialect=OPENAI_RESPONSES)
USAGE = {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13, "input_tokens_details": {"cached_tokens": 2}}
BROKEN = OutcomeClass.BROKEN


def event(kind: str, **said: Any) -> bytes:
    """One event, which names its type twice."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': 1, **said})}\n\n".encode()


def ended(status: str, **said: Any) -> bytes:
    """The event that ends a response with this status."""
    return event(f"response.{status}", response={"id": "r", "status": status, "error": None, "usage": USAGE, **said})


CREATED = event("response.created", response={"id": "r", "status": "in_progress", "error": None, "usage": None})
ITEM = event("response.output_item.added", item={"type": "message", "content": []})
HELLO = event("response.output_text.delta", delta='hello "wo')
WORLD = event("response.output_text.delta", delta='rld" response.failed')
COMPLETED = ended("completed")


def reading() -> Reading:
    """The start of an answer."""
    return ADAPTER.read(CALL, 200, HEADERS, 0.0, 0.0)


def run(*chunks: bytes, complete: bool = True) -> tuple[bytes, Outcome]:
    """All bytes handed on, and the outcome."""
    stream = reading()
    handed = b"".join(stream.feed(chunk) for chunk in chunks)
    outcome = stream.end(complete=complete)
    return handed + (stream.rest() if stream.content_started else b""), outcome


def test_original_bytes_go_through_and_the_last_event_tells_the_usage() -> None:
    """Also when the connection is cut after it."""
    for complete in (True, False):
        handed, outcome = run(CREATED, ITEM, HELLO, WORLD, COMPLETED, complete=complete)
        assert handed == CREATED + ITEM + HELLO + WORLD + COMPLETED
        assert outcome.outcome is OutcomeClass.SUCCEEDED
        assert outcome.usage is not None
        assert outcome.usage.amounts == {"input_tokens": 9, "output_tokens": 4, "tokens": 13}
        assert (outcome.usage.cached_input_tokens, outcome.usage.estimated) == (2, False)


@pytest.mark.parametrize(
    "kind", ["response.output_text.delta", "response.function_call_arguments.delta", "response.reasoning_text.delta"]
)
def test_nothing_is_handed_on_before_a_delta(kind: str) -> None:
    """What comes first waits, so that another key may still answer; any delta begins the answer."""
    stream = reading()
    assert stream.feed(CREATED + ITEM) == b""
    assert not stream.content_started
    assert stream.feed(event(kind, delta="x")).startswith(CREATED)
    assert stream.content_started


def test_an_incomplete_response_is_an_end() -> None:
    """What was written is an answer, and is charged."""
    handed, outcome = run(CREATED, HELLO, ended("incomplete"))
    assert handed.endswith(ended("incomplete"))
    assert outcome.outcome is OutcomeClass.SUCCEEDED


def test_a_response_without_a_delta_is_handed_on_at_its_end() -> None:
    """There was nothing to say."""
    assert run(CREATED, COMPLETED)[0] == CREATED + COMPLETED


def test_nothing_is_handed_on_after_the_end() -> None:
    """Whatever a provider adds."""
    assert run(HELLO, COMPLETED, b"data: [DONE]\n\n", HELLO)[0] == HELLO + COMPLETED


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("server_error", OutcomeClass.TRANSIENT),
        ("rate_limit_exceeded", OutcomeClass.RATE_LIMITED),
        ("server_is_overloaded", OutcomeClass.CAPACITY),
        ("insufficient_quota", OutcomeClass.QUOTA_SPENT),
        ("context_length_exceeded", OutcomeClass.CONTEXT),
        (None, OutcomeClass.TRANSIENT),
    ],
)
def test_an_error_inside_the_stream_is_known_by_its_code(code: str | None, expected: OutcomeClass) -> None:
    """As `response.failed`, as the event `error`, plain or wrapped: before content nothing is handed on."""
    said = {"code": code, "message": "no sk-abcdefgh"}
    for last in (
        ended("failed", error=said),
        event("error", param=None, **said),
        event("error", error=said),
        f"data: {json.dumps({'error': said})}\n\n".encode(),
    ):
        handed, outcome = run(CREATED, last)
        assert (handed, outcome.outcome, outcome.message) == (b"", expected, "no ***")


def test_an_error_after_content_is_handed_on_masked() -> None:
    """The caller learns why it ends; what was used so far is charged."""
    handed, outcome = run(CREATED, HELLO, event("error", code="slow_down", message="sk-abcdefgh"), WORLD)
    assert b"slow_down" in handed
    assert b"sk-abc" not in handed
    assert WORLD not in handed
    assert outcome.outcome is OutcomeClass.CAPACITY
    assert outcome.usage is not None
    assert outcome.usage.estimated


def test_words_in_the_text_are_no_events() -> None:
    """A model may write what looks like an end."""
    trap = event("response.output_text.delta", delta='{"type":"response.failed"} "type": "error"')
    handed, outcome = run(CREATED, trap, trap, COMPLETED)
    assert handed == CREATED + trap + trap + COMPLETED
    assert outcome.outcome is OutcomeClass.SUCCEEDED


@pytest.mark.parametrize("kind", [{}, [], 7, None, True, ""])
def test_a_type_that_is_no_word_is_passed_over_for_the_events_name(kind: object) -> None:
    """Nothing is raised."""
    named = f"event: response.failed\ndata: {json.dumps({'type': kind, 'error': {'code': 'slow_down'}})}\n\n".encode()
    assert run(named)[1].outcome is OutcomeClass.CAPACITY


@pytest.mark.parametrize(
    "chunks", [(), (CREATED,), (CREATED, HELLO), (CREATED, b"data: {\n\n"), (CREATED, HELLO, COMPLETED[:-9])]
)
def test_a_stream_without_its_end_is_broken(chunks: tuple[bytes, ...]) -> None:
    """A clean end of the connection is not the end of a response."""
    assert run(*chunks)[1].outcome is BROKEN


def test_a_broken_stream_is_charged_with_what_was_written() -> None:
    """Input as it was reserved, output from the text."""
    outcome = run(CREATED, HELLO, HELLO)[1]
    assert outcome.usage is not None
    assert outcome.usage.amounts["output_tokens"] == 5
    assert outcome.usage.amounts["input_tokens"] == ADAPTER.estimate(CALL)["input_tokens"]


@given(st.data())
def test_chunks_may_be_cut_anywhere(data: st.DataObject) -> None:
    """The same bytes, the same outcome."""
    whole = CREATED + ITEM + HELLO + WORLD + COMPLETED
    handed, outcome = run(*cut(whole, data))
    assert (handed, outcome) == (whole, run(whole)[1])


@given(st.binary(max_size=200), st.booleans(), st.data())
def test_garbage_never_succeeds(body: bytes, complete: bool, data: st.DataObject) -> None:
    """Random bytes are no response, and nothing raises."""
    assert run(*cut(body, data), complete=complete)[1].outcome is BROKEN
