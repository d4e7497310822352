"""Every row of the provider facts on Anthropic, and the traps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from actorrouter.adapters import build
from actorrouter.config import ProviderConfig
from actorrouter.values import Call, Outcome, OutcomeClass, Scope
from tests.adapters.answers import SECRETS, WALL, judged, keeps_secrets

ADAPTER = build("a", ProviderConfig("", "anthropic"))
CALL = Call("m", {"messages": []})
FATAL, SPENT, LIMITED = OutcomeClass.KEY_FATAL, OutcomeClass.QUOTA_SPENT, OutcomeClass.RATE_LIMITED
CAPACITY, CONTEXT, BAD = OutcomeClass.CAPACITY, OutcomeClass.CONTEXT, OutcomeClass.REQUEST_BAD
MODEL, TRANSIENT = OutcomeClass.MODEL_SCOPE, OutcomeClass.TRANSIENT
FIRST_OF_DECEMBER_S = 1_796_083_200.0 - WALL


def error(kind: str = "", message: str = "no", code: str = "") -> bytes:
    details = {"details": {"error_code": code}} if code else {}
    return json.dumps({"type": "error", "error": {"type": kind, "message": message, **details}}).encode()


def refused(status: int, body: bytes, **headers: str) -> Outcome:
    return judged(ADAPTER, CALL, body, status=status, headers=headers)


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "invalid_request_error", BAD),
        (401, "authentication_error", FATAL),
        (402, "billing_error", SPENT),
        (403, "permission_error", MODEL),
        (404, "not_found_error", MODEL),
        (408, "timeout_error", TRANSIENT),
        (413, "request_too_large", CONTEXT),
        (429, "rate_limit_error", LIMITED),
        (500, "api_error", TRANSIENT),
        (504, "timeout_error", TRANSIENT),
        (529, "overloaded_error", CAPACITY),
        (403, "", MODEL),
        (413, "", CONTEXT),
        (529, "", CAPACITY),
        (422, "something_new", BAD),
        (599, "something_new", TRANSIENT),
    ],
)
def test_types_and_statuses(status: int, kind: str, expected: OutcomeClass) -> None:
    """As the facts list them; a body without a type is judged by its status."""
    assert refused(status, error(kind)).outcome is expected


@pytest.mark.parametrize(
    ("status", "kind", "code", "expected"),
    [
        (400, "invalid_request_error", "organization_on_hold", FATAL),
        (402, "billing_error", "linked_organization_spend_limit_reached", SPENT),
        (402, "billing_error", "linked_organization_billing_unavailable", SPENT),
        (429, "rate_limit_error", "ramp_limit_exceeded", LIMITED),
        (429, "rate_limit_error", "enforced_spend_limit_reached", SPENT),
        (429, "rate_limit_error", "contract_spend_limit_reached", SPENT),
        (429, "rate_limit_error", "something_new", LIMITED),
    ],
)
def test_the_code_goes_before_the_type(status: int, kind: str, code: str, expected: OutcomeClass) -> None:
    """An unknown one falls back to the type."""
    outcome = refused(status, error(kind, code=code))
    assert (outcome.outcome, outcome.code) == (expected, code)


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (400, "You have reached your specified API usage limits. You will regain access on 2026-12-01.", SPENT),
        (400, "You have reached your specified workspace API usage limits.", SPENT),
        (400, "Your credit balance is too low to access the Anthropic API.", SPENT),
        (400, "prompt is too long: 208656 tokens > 200000 maximum", CONTEXT),
        (429, "Extra usage is required for long context requests.", CONTEXT),
    ],
)
def test_messages_that_tell_more_than_their_type(status: int, message: str, expected: OutcomeClass) -> None:
    """A limit the organization set itself comes as a bad request."""
    kind = "invalid_request_error" if status == 400 else "rate_limit_error"
    assert refused(status, error(kind, message)).outcome is expected


@pytest.mark.parametrize("code", ["enforced_spend_limit_reached", "contract_spend_limit_reached"])
def test_a_monthly_cap_ends_on_the_first(code: str) -> None:
    """It comes without `retry-after`, and one that says otherwise is not believed."""
    for headers in ({}, {"retry-after": "1"}):
        assert refused(429, error("rate_limit_error", code=code), **headers).retry_after_s == FIRST_OF_DECEMBER_S


def test_who_is_to_blame() -> None:
    """The pool for a limit, the provider for overload, the key for a hold."""
    assert refused(429, error("rate_limit_error")).scope is Scope.POOL
    assert refused(529, error("overloaded_error")).scope is Scope.PROVIDER
    assert refused(400, error(code="organization_on_hold")).scope is Scope.KEY


def test_a_ramp_limit_names_when_to_come_back() -> None:
    """In `retry-after`, as every short limit does."""
    outcome = refused(429, error("rate_limit_error", code="ramp_limit_exceeded"), **{"retry-after": "17"})
    assert outcome.retry_after_s == 17


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"null", b"[]", b'{"error": 7}', b'{"error": {"details": []}}', b"{" * 9]
)
@pytest.mark.parametrize("status", [400, 401, 429, 500, 529, 302])
def test_garbage_is_judged_by_its_status(status: int, body: bytes) -> None:
    """Nothing is raised."""
    by_status = {400: BAD, 401: FATAL, 429: LIMITED, 500: TRANSIENT, 529: CAPACITY, 302: OutcomeClass.BROKEN}
    assert refused(status, body).outcome is by_status[status]


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_in_an_error_are_masked(secret: bytes) -> None:
    """In message, code and body."""
    keeps_secrets(ADAPTER, CALL, 401, error("authentication_error", f"invalid x-api-key {secret.decode()}"), {})
    keeps_secrets(ADAPTER, CALL, 200, error("authentication_error", f"invalid x-api-key {secret.decode()}"), {})


@pytest.mark.parametrize(
    ("kind", "expected"), [("overloaded_error", CAPACITY), ("rate_limit_error", LIMITED), ("api_error", TRANSIENT)]
)
def test_an_error_in_an_answer_that_says_yes_is_an_error(kind: str, expected: OutcomeClass) -> None:
    """With status 200 and JSON, whole or cut off."""
    body: Any = error(kind)
    assert judged(ADAPTER, CALL, body).outcome is expected
    assert judged(ADAPTER, CALL, body, complete=False).outcome is expected


def test_an_error_of_megabytes_is_judged_by_its_beginning() -> None:
    """What is kept of it is bounded."""
    outcome = refused(429, error("rate_limit_error", code="ramp_limit_exceeded") + b" " * 5_000_000)
    assert outcome.outcome is LIMITED
