"""Plain answers of the responses API, of embeddings and of paths nobody here understands; chats are in test_openai."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters import build
from actorrouter.config import ProviderConfig
from actorrouter.values import Call, Outcome, OutcomeClass
from tests.adapters.chunks import cut

JSON = {"content-type": "application/json"}
OPENAI = build("x", ProviderConfig())
RESPONSES = Call("m", {"input": "hello"}, path="/responses")
EMBEDDINGS = Call("m", {"input": ["a", "b"]}, path="/embeddings")
USAGE = {
    "input_tokens": 36,
    "input_tokens_details": {"cached_tokens": 30},
    "output_tokens": 87,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 123,
}
OUTPUT = [
    {
        "type": "message",
        "id": "msg_67ccd2bf",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "x" * 40, "annotations": []}],
    }
]
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "error": None,
    "output": OUTPUT,
    "usage": USAGE,
}
OK, BROKEN = OutcomeClass.SUCCEEDED, OutcomeClass.BROKEN


def judged(
    call: Call, document: object, headers: dict[str, str] | None = None, *, whole: bool = True, name: str = "openai"
) -> Outcome:
    """The outcome of an answer of status 200."""
    adapter = build("x", ProviderConfig("http://x.example", adapter=name))
    reading = adapter.read(call, 200, JSON if headers is None else headers, 0.0, 0.0)
    assert reading.feed(document if isinstance(document, bytes) else json.dumps(document).encode()) == b""
    return reading.end(complete=whole)


def used(outcome: Outcome) -> dict[str, Any]:
    """The amounts it was settled with."""
    assert outcome.usage is not None
    return dict(outcome.usage.amounts)


# ----------------------------------------------------------------------------------------------------------- responses


def test_a_response_is_settled_with_its_usage() -> None:
    """Cached tokens are a part of the input."""
    outcome = judged(RESPONSES, RESPONSE)
    assert outcome.outcome is OK
    assert used(outcome) == {"input_tokens": 36, "output_tokens": 87, "tokens": 123}
    assert outcome.usage is not None
    assert (outcome.usage.cached_input_tokens, outcome.usage.estimated) == (30, False)


def test_an_incomplete_response_is_an_answer() -> None:
    """Its maximum was reached, or a filter spoke: the tokens are spent, another key would say the same."""
    said = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    assert judged(RESPONSES, {**RESPONSE, **said}).outcome is OK


def test_a_response_in_the_background_stands_as_reserved() -> None:
    """What it will use is not known yet."""
    outcome = judged(RESPONSES, {**RESPONSE, "status": "queued", "output": [], "usage": None})
    assert (outcome.outcome, outcome.usage) == (OK, None)


def test_a_response_without_usage_is_estimated_from_its_text() -> None:
    """Not from its ids, types and roles."""
    outcome = judged(RESPONSES, {**RESPONSE, "usage": None})
    assert used(outcome)["output_tokens"] == 10
    assert outcome.usage is not None
    assert outcome.usage.estimated


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("server_error", OutcomeClass.TRANSIENT),
        ("rate_limit_exceeded", OutcomeClass.RATE_LIMITED),
        ("server_is_overloaded", OutcomeClass.CAPACITY),
        ("insufficient_quota", OutcomeClass.QUOTA_SPENT),
        ("invalid_prompt", OutcomeClass.CONTENT),
        ("something_new", OutcomeClass.TRANSIENT),
    ],
)
def test_a_response_that_failed_is_its_error(code: str, expected: OutcomeClass) -> None:
    """HTTP 200 says nothing; what was used is charged."""
    failed = {**RESPONSE, "status": "failed", "output": [], "error": {"code": code, "message": "no"}}
    outcome = judged(RESPONSES, failed)
    assert (outcome.outcome, outcome.code) == (expected, code)
    assert used(outcome)["tokens"] == 123


@pytest.mark.parametrize("document", [b"", b"[]", b"<html>", {}, {"id": "r"}, {"output": None}])
def test_a_response_that_answers_nothing_is_broken(document: object) -> None:
    """No JSON object, or no output."""
    assert judged(RESPONSES, document).outcome is BROKEN


def test_a_response_that_only_says_it_failed_is_no_answer() -> None:
    """Also without an error."""
    assert judged(RESPONSES, {**RESPONSE, "status": "failed"}).outcome is OutcomeClass.TRANSIENT


# ---------------------------------------------------------------------------------------------------------- embeddings


def test_embeddings_use_their_input_alone() -> None:
    """Told, or counted here."""
    data = [{"object": "embedding", "index": 0, "embedding": [0.1]}]
    told = judged(EMBEDDINGS, {"data": data, "usage": {"prompt_tokens": 8, "total_tokens": 8}})
    assert used(told) == {"input_tokens": 8, "output_tokens": 0, "tokens": 8}
    assert told.usage is not None
    assert not told.usage.estimated
    counted = judged(EMBEDDINGS, {"data": data})
    assert used(counted)["tokens"] == OPENAI.estimate(EMBEDDINGS)["tokens"]


def test_embeddings_that_hold_none_are_broken_or_their_error() -> None:
    """As with chats."""
    assert judged(EMBEDDINGS, {"data": []}).outcome is BROKEN
    assert judged(EMBEDDINGS, {"error": {"code": "slow_down"}}).outcome is OutcomeClass.CAPACITY


# --------------------------------------------------------------------------------------------------------- other paths

FILES = Call("m", path="/files/f/content", method="GET")
COMPLETIONS = Call("m", {"prompt": "hello"}, path="/completions")


def test_another_path_s_answer_may_be_anything() -> None:
    """Bytes, text, nothing at all; the reservation stands."""
    for body, media in (
        (b"\x00\xff", "audio/mpeg"),
        (b"", ""),
        (b"{", "application/json"),
        (b"[1]", "application/json"),
    ):
        outcome = judged(FILES, body, {"content-type": media})
        assert (outcome.outcome, outcome.usage) == (OK, None)


def test_another_path_s_usage_is_read_where_it_stands() -> None:
    """By the names of either API, and by Cohere's own."""
    assert used(
        judged(COMPLETIONS, {"id": "c", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}})
    ) == {
        "input_tokens": 5,
        "output_tokens": 2,
        "tokens": 7,
    }
    assert used(judged(FILES, RESPONSE))["tokens"] == 123
    own = {"usage": {"billed_units": {"input_tokens": 1}, "tokens": {"input_tokens": 9, "output_tokens": 3}}}
    assert used(judged(Call("m", {"a": 1}, path="/v2/chat"), own, name="cohere"))["tokens"] == 12


def test_another_path_s_answer_cut_off_is_broken() -> None:
    """Nobody can tell what is missing."""
    assert judged(FILES, b"abc", {}, whole=False).outcome is BROKEN


def test_an_answer_that_is_nothing_but_an_error_is_one() -> None:
    """But an object that only tells of an error, such as a failed response asked for later, is an answer."""
    assert (
        judged(COMPLETIONS, {"error": {"code": 502, "message": "no"}}, name="openrouter").outcome
        is OutcomeClass.CAPACITY
    )
    failed = {**RESPONSE, "status": "failed", "error": {"code": "server_error"}}
    assert judged(FILES, failed).outcome is OK


@given(st.binary(max_size=200), st.sampled_from([RESPONSES, EMBEDDINGS, FILES, COMPLETIONS]), st.booleans(), st.data())
def test_no_answer_raises(body: bytes, call: Call, complete: bool, data: st.DataObject) -> None:
    """Whatever bytes in whatever chunks."""
    reading = OPENAI.read(call, 200, {}, 0.0, 0.0)
    for chunk in cut(body, data):
        reading.feed(chunk)
    reading.end(complete=complete)
    reading.rest()
