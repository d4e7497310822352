"""Answers as clients get them."""

from __future__ import annotations

import json

import pytest

from actorrouter import (
    InvalidCall,
    InvalidConfig,
    NoCapacity,
    NotSent,
    OutcomeUnknown,
    Refused,
    RouterError,
    RouterStopped,
    StreamInterrupted,
    WaitingRoomFull,
)
from actorrouter.errors import Attempt
from actorrouter.integrations.answers import of_error, passed
from actorrouter.values import Outcome, OutcomeClass, Scope

LANGUAGES = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"]


def attempt(**outcome) -> Attempt:
    return Attempt("a", "up", Outcome(OutcomeClass.RATE_LIMITED, Scope.POOL, **outcome), 3)


def test_a_provider_s_answer():
    """Its headers are the provider's but for its connection's, its packing's and its session's; ours are our own."""
    headers = {"x-request-id": "1", "connection": "close", "content-encoding": "gzip", "content-length": "9",
               "set-cookie": "a=b", "transfer-encoding": "chunked", "x-should-retry": "true", "x-actorrouter-key": "b",
               "x-actorrouter-decision": "8"}  # fmt: skip
    answer = passed(200, headers, "a", 7)
    assert sorted(answer.headers) == [
        ("x-actorrouter-decision", "7"),
        ("x-actorrouter-key", "a"),
        ("x-request-id", "1"),
        ("x-should-retry", "false"),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidCall("why"), 400),
        (NoCapacity("why"), 429),
        (WaitingRoomFull("why"), 503),
        (RouterStopped("why"), 503),
        (InvalidConfig(["why"]), 503),
        (Refused("why"), 502),
    ],
)
def test_the_router_s_own_no(error: RouterError, status: int, language: str):
    """It has a status, words in the caller's language, and tells SDKs not to try again."""
    answer = of_error(error, language)
    assert answer is not None
    assert answer.status == status
    assert "why" in json.loads(answer.content)["error"]["message"]
    assert dict(answer.headers)["x-should-retry"] == "false"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_room_ever(language: str):
    """Where waiting cannot help it is no rate limit: 503, and no word on when to come back."""
    error = NoCapacity("disabled", decision_id=4)
    error.final = True
    answer = of_error(error, language)
    assert answer is not None
    assert (answer.status, dict(answer.headers).get("retry-after")) == (503, None)
    assert dict(answer.headers)["x-actorrouter-decision"] == "4"


@pytest.mark.parametrize("error", [NotSent("x"), OutcomeUnknown("x"), StreamInterrupted("x", delivered_bytes=0)])
def test_no_answer(error: RouterError):
    """Where the exchange itself failed there is no answer to give."""
    assert of_error(error, "openai-chat") is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, (None, None)),
        (float("inf"), (None, None)),
        (0.0, ("1", "1")),
        (0.2, ("1", "200")),
        (1.0001, ("2", "1001")),
        (59.5, ("60", "59500")),
    ],
)
def test_when_to_come_back(seconds: float | None, told: tuple[str | None, str | None]):
    """Whole seconds of at least one, never less than the truth; nothing where nobody knows."""
    answer = of_error(NoCapacity("full", available_in_s=seconds), "openai-chat")
    assert answer is not None
    headers = dict(answer.headers)
    assert (headers.get("retry-after"), headers.get("retry-after-ms")) == told


def test_a_provider_s_no():
    """Its status, its body as it is, its wish for patience, who said it."""
    error = Refused("no", attempts=[attempt(status=429, retry_after_s=2.5)], decision_id=3, status=429, body=b'{"a":1}')
    answer = of_error(error, "anthropic-messages")
    assert answer is not None
    assert (answer.status, answer.content) == (429, b'{"a":1}')
    headers = dict(answer.headers)
    assert (headers["content-type"], headers["retry-after"]) == ("application/json", "3")
    assert (headers["x-actorrouter-key"], headers["x-actorrouter-decision"]) == ("a", "3")


def test_a_provider_s_no_has_its_headers():
    """A request's id and what remains of limits are the provider's; of body, wait and session they are ours."""
    theirs = {"x-request-id": "req_8", "x-ratelimit-remaining-requests": "0"}
    ours = {"content-type": "text/html", "retry-after": "1", "retry-after-ms": "900", "set-cookie": "a=b"}
    error = Refused("no", attempts=[attempt(status=429)], status=429, body=b'{"a":1}', headers=theirs | ours)
    answer = of_error(error, "openai-chat")
    assert answer is not None
    assert dict(answer.headers) == {
        **theirs,
        "content-type": "application/json",
        "x-should-retry": "false",
        "x-actorrouter-key": "a",
    }


@pytest.mark.parametrize("status", [None, 0, 200, 302])
def test_a_no_inside_a_yes(status: int | None):
    """An error that came with a good status, or with none, does not look like an answer."""
    answer = of_error(Refused("no", status=status, body=b"broken"), "openai-chat")
    assert answer is not None
    assert (answer.status, dict(answer.headers)["content-type"]) == (502, "text/plain; charset=utf-8")


def test_an_answer_that_is_none():
    """What cannot be understood is told in the router's words, not handed on as if it were an error's body."""
    broken = Attempt("a", "up", Outcome(OutcomeClass.BROKEN, Scope.PROVIDER, 200, message="not a stream"), 3)
    error = Refused("key a: not a stream", attempts=[broken], status=200, body=b'{"choices": [{"text": "fine"}]}')
    answer = of_error(error, "openai-chat")
    assert answer is not None
    assert answer.status == 502
    assert json.loads(answer.content)["error"]["message"] == "key a: not a stream"
