"""Classification of errors, and what of them may be shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters.rules import (
    MESSAGE_MAX,
    Rule,
    failure,
    failure_inside,
    mask,
    read_error,
    redact,
    shown,
)
from actorrouter.values import SCOPE_OF, OutcomeClass, Scope


def body(**error: Any) -> bytes:
    """An error body of the usual shape."""
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, OutcomeClass.KEY_FATAL),
        (403, OutcomeClass.KEY_FATAL),
        (402, OutcomeClass.QUOTA_SPENT),
        (404, OutcomeClass.MODEL_SCOPE),
        (408, OutcomeClass.TRANSIENT),
        (409, OutcomeClass.TRANSIENT),
        (413, OutcomeClass.CONTEXT),
        (429, OutcomeClass.RATE_LIMITED),
        (500, OutcomeClass.TRANSIENT),
        (502, OutcomeClass.TRANSIENT),
        (503, OutcomeClass.CAPACITY),
        (504, OutcomeClass.TRANSIENT),
        (524, OutcomeClass.TRANSIENT),
        (529, OutcomeClass.CAPACITY),
        (400, OutcomeClass.REQUEST_BAD),
        (418, OutcomeClass.REQUEST_BAD),
        (422, OutcomeClass.REQUEST_BAD),
        (302, OutcomeClass.BROKEN),
        (600, OutcomeClass.BROKEN),
    ],
)
def test_a_status_no_rule_knows_has_a_default(status: int, expected: OutcomeClass) -> None:
    """Without rules the status decides, and the class names who is to blame."""
    outcome = failure((), status, read_error(b""), None)
    assert (outcome.outcome, outcome.scope, outcome.status) == (expected, SCOPE_OF[expected], status)


def test_the_first_matching_rule_wins() -> None:
    """A rule matches when all it names agrees; later rules are not asked."""
    rules = (
        Rule(OutcomeClass.CONTENT, status=400, type="t", code="other"),
        Rule(OutcomeClass.CAPACITY, status=429, contains="HIGH Demand", scope=Scope.KEY_MODEL),
        Rule(OutcomeClass.QUOTA_SPENT, code="c"),
        Rule(OutcomeClass.TRANSIENT, code="c"),
    )
    error = read_error(body(type="t", code="c", message="m"))
    assert failure(rules, 400, error, None).outcome is OutcomeClass.QUOTA_SPENT
    busy = failure(rules, 429, read_error(b"We have high demand"), None)
    assert (busy.outcome, busy.scope) == (OutcomeClass.CAPACITY, Scope.KEY_MODEL)


def test_a_retry_hint_is_kept_except_for_a_spent_quota() -> None:
    """A day's quota may come with "retry in 1 s": not believed."""
    assert failure((), 429, read_error(b""), 7.0).retry_after_s == 7.0
    assert failure((), 402, read_error(b""), 1.0).retry_after_s is None


@pytest.mark.parametrize(
    ("raw", "code", "message"),
    [
        (body(message="m", type="t", code="c"), "c", "m"),
        (body(message="m", type="t", code=None), "t", "m"),
        (body(message="m", code=429), "429", "m"),
        (b'{"error": "busy"}', "", "busy"),
        (b'{"object": "error", "message": "m", "code": "c"}', "c", "m"),
        (b'{"detail": "m"}', "", "m"),
        (b'[{"error": {"message": "m", "code": 400}}]', "400", "m"),
        (b'"busy"', "", "busy"),
        (b"upstream connect error", "", "upstream connect error"),
        (b"<html><head><title>502 Bad Gateway</title></head><body>x</body></html>", "", "502 Bad Gateway"),
        (b"", "", ""),
        (b"[]", "", "[]"),
        (b"null", "", "null"),
        (b'{"error": []}', "", '{"error": []}'),
        (b'{"error": {}}', "", '{"error": {}}'),
        (b'{"error": [1]}', "", '{"error": [1]}'),
        (b'{"error": {"message": ["m"], "type": 5, "code": {}}}', "5", '{"error": {"message": ["m"], "type": 5, "code'),
        (b"\xff\xfe\x00", "", ""),
    ],
)
def test_error_bodies_of_many_shapes_are_read(raw: bytes, code: str, message: str) -> None:
    """Objects, texts, lists, pages, nothing: the code and the message are found where there are any."""
    outcome = failure((), 500, read_error(raw), None)
    assert outcome.code == code
    assert outcome.message.startswith(message)


def test_an_error_inside_a_success_is_known_by_its_words() -> None:
    """A rule's status is not asked; a status in the code is; else it is transient. The outcome keeps the real one."""
    rules = (Rule(OutcomeClass.CONTENT, status=418), Rule(OutcomeClass.CAPACITY, status=503, type="overloaded"))
    by_word = failure_inside(rules, 200, read_error(body(type="overloaded")))
    assert (by_word.outcome, by_word.status) == (OutcomeClass.CAPACITY, 200)
    assert failure_inside(rules, 200, read_error(body(code=429))).outcome is OutcomeClass.RATE_LIMITED
    assert failure_inside(rules, 200, read_error(body(code="418"))).outcome is OutcomeClass.CONTENT
    assert failure_inside(rules, 200, read_error(body(code="?"))).outcome is OutcomeClass.TRANSIENT


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abcdefghijklmnop",
        "sk-proj-AbC123_def-456",
        "sk-ab***yz",
        "********abcd",
        "gsk_0123456789",
        "AIzaSyA1234567890",
        "0123456789abcdef0123456789abcdef",
        "8f14e45f-ceea-467f-a9f1-0123456789ab",
        "Abcdefghij0123456789",
    ],
)
@pytest.mark.parametrize(
    "around", ["Incorrect API key provided: {}.", "bad ({})", '{{"key":"{}"}}', "key={}&x=1", "{}"]
)
def test_what_looks_like_a_key_is_masked(secret: str, around: str) -> None:
    """Whole or partly hidden, with anything around it, a key does not come through."""
    text = around.format(secret)
    assert secret.strip("*") not in redact(text)
    assert secret.strip("*").encode() not in mask(text.encode())


@pytest.mark.parametrize(
    "text", ["Incorrect API key provided: hunter2", "api_key=hunter2", "Bearer hunter2", "token: hunter2"]
)
def test_a_key_of_any_look_is_masked_where_it_is_named(text: str) -> None:
    """A short odd key is masked when the words before it say what it is."""
    assert "hunter2" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "organization_spend_limit_exceeded",
        "Rate limit reached for gpt-4o-mini-2024-07-18 on tokens per min (TPM): Limit 30000, Used 18928.",
        "This model's maximum context length is 8192 tokens. However, you requested 9001 tokens.",
        "see https://platform.openai.com/account/rate-limits",
        "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        "max_tokens: 5 is too small; unknown key: 'temperatur'",
        "meta-llama/Llama-3.3-70B-Instruct",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    """Codes, model names, links and numbers are not taken for keys."""
    assert redact(text) == text


def test_masking_keeps_every_other_byte() -> None:
    """A body in any encoding stays what it was around the key."""
    assert mask(b"\xff\x80 sk-abcdefghijkl \xe2\x80\xa8") == b"\xff\x80 *** \xe2\x80\xa8"


def test_a_message_is_bounded_printable_and_on_one_line() -> None:
    """No escape sequences, line breaks or half letters reach a log; a key cut by the bound is still masked."""
    assert shown("a\x1b[31m\r\nb\ud800") == "a [31m  b"
    assert len(shown("word " * 1000)) <= MESSAGE_MAX
    assert "sk-" not in shown("x " * (MESSAGE_MAX // 2 - 4) + "sk-" + "a1" * 50)


@given(st.one_of(st.binary(max_size=300), st.recursive(st.none() | st.integers() | st.text(max_size=9), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "message", "code", "type", "x"]), inner)
)).map(lambda document: json.dumps(document).encode())), st.integers(100, 700))  # fmt: skip
def test_no_body_raises(raw: bytes, status: int) -> None:
    """Whatever the body, there is an outcome with a bounded message."""
    for outcome in (failure((), status, read_error(raw), None), failure_inside((), 200, read_error(raw))):
        assert outcome.outcome is not OutcomeClass.SUCCEEDED
        assert len(outcome.message) <= MESSAGE_MAX
        assert outcome.message.isprintable()


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"error":' * 50_000, b"9" * 50_000, b"a" * 10_000_000])
def test_hostile_bodies_are_survived(raw: bytes) -> None:
    """Deep nesting, huge numbers and huge bodies are plain text."""
    assert failure((), 500, read_error(raw), None).outcome is OutcomeClass.TRANSIENT
