"""Every row of the provider facts on Gemini, and the traps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from actorrouter.adapters import build
from actorrouter.config import ProviderConfig
from actorrouter.values import Call, Outcome, OutcomeClass, Scope
from tests.adapters.answers import SECRETS, judged, keeps_secrets

ADAPTER = build("g", ProviderConfig("", "gemini"))
CALL = Call("m", {"contents": []})
FATAL, SPENT, LIMITED = OutcomeClass.KEY_FATAL, OutcomeClass.QUOTA_SPENT, OutcomeClass.RATE_LIMITED
CAPACITY, CONTEXT, BAD = OutcomeClass.CAPACITY, OutcomeClass.CONTEXT, OutcomeClass.REQUEST_BAD
MODEL, TRANSIENT = OutcomeClass.MODEL_SCOPE, OutcomeClass.TRANSIENT
MIDNIGHT_IN_S = (20 * 60 + 53) * 60.0 + 20  # it is 03:06:40 in Los Angeles


def error(code: int, status: str, message: str = "no", *details: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def quota(*ids: str, delay: str | None = None) -> dict[str, Any]:
    """A 429 as sample bodies show it."""
    failure = {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaMetric": "m", "quotaId": each, "quotaValue": "50"} for each in ids],
    }
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    help_ = {"@type": "type.googleapis.com/google.rpc.Help", "links": [{"url": "https://ai.google.dev"}]}
    return error(
        429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", failure, help_, *([retry] if delay else [])
    )


def refused(status: int, document: Any, **headers: str) -> Outcome:
    body = document if isinstance(document, bytes) else json.dumps(document, indent=1).encode()
    return judged(ADAPTER, CALL, body, status=status, headers=headers)


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (400, "INVALID_ARGUMENT", BAD),
        (400, "FAILED_PRECONDITION", BAD),
        (401, "UNAUTHENTICATED", FATAL),
        (403, "PERMISSION_DENIED", FATAL),
        (404, "NOT_FOUND", MODEL),
        (429, "RESOURCE_EXHAUSTED", LIMITED),
        (500, "INTERNAL", TRANSIENT),
        (503, "UNAVAILABLE", CAPACITY),
        (504, "DEADLINE_EXCEEDED", TRANSIENT),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True], ids=["object", "list"])
def test_statuses(code: int, status: str, expected: OutcomeClass, wrapped: bool) -> None:
    """As the facts list them; in a list of one too, and inside an answer of status 200."""
    document: Any = [error(code, status)] if wrapped else error(code, status)
    assert (refused(code, document).outcome, refused(code, document).code) == (expected, status)
    assert refused(200, document).outcome is expected


def test_a_key_that_is_not_valid_is_a_bad_request_there() -> None:
    """Status 400 all the same; by its reason or by its message."""
    reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    assert refused(400, error(400, "INVALID_ARGUMENT", "no", reason)).outcome is FATAL
    outcome = refused(400, error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."))
    assert (outcome.outcome, outcome.scope) == (FATAL, Scope.KEY)


def test_a_day_is_spent_until_midnight_pacific() -> None:
    """The delay of a second in the same body is not believed, nor is a header."""
    document = quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", delay="1s")
    for body in (document, [document]):
        outcome = refused(429, body, **{"retry-after": "1"})
        assert (outcome.outcome, outcome.scope, outcome.retry_after_s) == (SPENT, Scope.POOL, MIDNIGHT_IN_S)


def test_the_longest_of_several_quotas_decides() -> None:
    """A minute and a day violated together: the day."""
    both = quota("GenerateRequestsPerMinutePerProjectPerModel", "GenerateRequestsPerDayPerProjectPerModel", delay="9s")
    assert refused(429, both).outcome is SPENT


@pytest.mark.parametrize(
    "quota_id",
    ["GenerateRequestsPerMinutePerProjectPerModel", "GenerateContentInputTokensPerModelPerMinute-FreeTier", ""],
)
def test_a_minute_is_over_when_the_body_says(quota_id: str) -> None:
    """`retryDelay` is a protobuf duration; without one the header counts."""
    outcome = refused(429, quota(quota_id, delay="37.5s"), **{"retry-after": "9"})
    assert (outcome.outcome, outcome.retry_after_s) == (LIMITED, 37.5)
    assert refused(429, quota(quota_id), **{"retry-after": "9"}).retry_after_s == 9
    assert refused(429, quota(quota_id, delay="soon")).retry_after_s is None


def test_what_is_too_long_is_told_by_its_message() -> None:
    """With the status of any bad request."""
    message = "The input token count (3475108) exceeds the maximum number of tokens allowed (1048576)."
    assert refused(400, error(400, "INVALID_ARGUMENT", message)).outcome is CONTEXT


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"\xff",
            b"null",
            b"[]",
            b"[[]]",
            b'{"error": 7}',
            b"<html>",
            b'{"error": {"details": {"violations": 1}}}',
        ),
        b'{"error": {"details": [7, {"violations": 7}, {"violations": [7, {"quotaId": 7}]}, {"retryDelay": []}]}}',
    ],
)
def test_garbage_is_judged_by_its_status(body: bytes) -> None:
    """Nothing is raised."""
    assert [refused(status, body).outcome for status in (400, 403, 429, 503)] == [BAD, FATAL, LIMITED, CAPACITY]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("status", [400, 403, 200])
def test_secrets_in_an_error_are_masked(secret: bytes, status: int) -> None:
    """In message, code and body."""
    body = json.dumps(error(400, "INVALID_ARGUMENT", f"API key not valid: {secret.decode()}")).encode()
    keeps_secrets(ADAPTER, CALL, status, body, {})
