"""Every row of the provider facts, and the traps."""

from __future__ import annotations

import json

import pytest

from actorrouter.adapters import build
from actorrouter.config import ProviderConfig
from actorrouter.values import Call, Outcome, OutcomeClass

ADAPTER = build("openai", ProviderConfig("https://api.openai.com/v1"))
CALL = Call("m", {"messages": []})
FATAL, SPENT, LIMITED = OutcomeClass.KEY_FATAL, OutcomeClass.QUOTA_SPENT, OutcomeClass.RATE_LIMITED
CAPACITY, CONTENT, CONTEXT = OutcomeClass.CAPACITY, OutcomeClass.CONTENT, OutcomeClass.CONTEXT
BAD, MODEL, TRANSIENT = OutcomeClass.REQUEST_BAD, OutcomeClass.MODEL_SCOPE, OutcomeClass.TRANSIENT


def judged(status: int, body: bytes, headers: dict[str, str] | None = None) -> Outcome:
    """The outcome of one failed answer."""
    reading = ADAPTER.read(CALL, status, headers or {}, 0.0, 0.0)
    assert reading.failed
    assert reading.feed(body) == b""
    return reading.end(complete=True)


@pytest.mark.parametrize(
    ("status", "kind", "code", "expected"),
    [
        (400, "invalid_request_error", "context_length_exceeded", CONTEXT),
        (400, "invalid_request_error", None, BAD),
        (400, "invalid_request_error", "content_filter", CONTENT),
        (400, "invalid_request_error", "content_policy_violation", CONTENT),
        (400, "image_generation_user_error", "moderation_blocked", CONTENT),
        (400, "invalid_request_error", "invalid_prompt", CONTENT),
        (401, "invalid_request_error", "invalid_api_key", FATAL),
        (401, "invalid_request_error", "ip_not_authorized", FATAL),
        (403, "request_forbidden", "unsupported_country_region_territory", FATAL),
        (404, "invalid_request_error", "model_not_found", MODEL),
        (403, "invalid_request_error", "model_not_found", MODEL),
        (429, "rate_limit_error", "rate_limit_exceeded", LIMITED),
        (429, "tokens", "rate_limit_exceeded", LIMITED),
        (429, "requests", None, LIMITED),
        (429, "rate_limit_error", "slow_down", CAPACITY),
        (429, "insufficient_quota", None, SPENT),
        (429, "insufficient_quota", "insufficient_quota", SPENT),
        (429, "insufficient_quota", "credit_balance_exhausted", SPENT),
        (429, "insufficient_quota", "organization_spend_limit_exceeded", SPENT),
        (429, "insufficient_quota", "project_spend_limit_exceeded", SPENT),
        (429, "insufficient_quota", "organization_usage_limit_exceeded", SPENT),
        (429, "insufficient_quota", "billing_hard_limit_reached", SPENT),
        (429, "billing_not_active", None, SPENT),
        (500, "server_error", None, TRANSIENT),
        (503, "service_unavailable_error", "server_is_overloaded", CAPACITY),
        (404, None, "DeploymentNotFound", MODEL),
        (400, None, "blocked_api_access", SPENT),
        (498, None, None, CAPACITY),
        (412, None, None, SPENT),
    ],
)
def test_each_row_of_the_facts(status: int, kind: str | None, code: str | None, expected: OutcomeClass) -> None:
    """Status, type and code give the class the facts give."""
    body = json.dumps({"error": {"message": "no", "type": kind, "param": None, "code": code}}).encode()
    assert judged(status, body).outcome is expected


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (429, "Resource unavailable", CAPACITY),
        (429, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 342389.", CONTEXT),
        (429, "The service is temporarily unable to process your request", CAPACITY),
        (429, "We are experiencing high demand", CAPACITY),
        (429, "Rate limit is exceeded. Try again in 1 second.", LIMITED),
        (400, "API key not valid. Please pass a valid API key.", FATAL),
    ],
)
def test_some_errors_are_known_by_their_text_only(status: int, message: str, expected: OutcomeClass) -> None:
    """Azure, flex tier, Gemini and too large requests share a status with something else."""
    code = "rate_limit_exceeded" if "too large" in message else None
    assert judged(status, json.dumps({"error": {"message": message, "code": code}}).encode()).outcome is expected


def test_a_day_quota_with_a_retry_of_a_second_is_spent() -> None:
    """Gemini's 429 for an exhausted day can say `retryDelay: 1s`: not believed."""
    details = [{"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}, {"retryDelay": "1s"}]
    body = json.dumps([{"error": {"code": 429, "message": "quota", "status": "X", "details": details}}]).encode()
    outcome = judged(429, body, {"retry-after": "1"})
    assert (outcome.outcome, outcome.retry_after_s) == (SPENT, None)


def test_money_held_in_flight_is_not_money_spent() -> None:
    """OpenRouter's 402 for its in-flight budget comes back with time; any other 402 does not."""
    held = {"error": {"code": 402, "message": "wait", "metadata": {"limit_source": "openrouter_in_flight_budget"}}}
    outcome = judged(402, json.dumps(held).encode(), {"retry-after": "3"})
    assert (outcome.outcome, outcome.retry_after_s) == (LIMITED, 3.0)
    held["error"]["metadata"] = {"limit_source": "openrouter_credits"}
    assert judged(402, json.dumps(held).encode()).outcome is SPENT


def test_a_429_carries_the_wait_it_asks_for() -> None:
    """Milliseconds before seconds; nothing said is None."""
    assert judged(429, b"{}", {"retry-after": "20", "retry-after-ms": "1200"}).retry_after_s == 1.2
    assert judged(429, b"{}").retry_after_s is None


def test_a_failure_names_the_code_and_the_message_without_the_key() -> None:
    """OpenAI repeats part of a wrong key; neither the outcome nor the body handed on does."""
    body = json.dumps({"error": {"message": "Incorrect API key provided: sk-ab***yz.", "code": "invalid_api_key"}})
    reading = ADAPTER.read(CALL, 401, {}, 0.0, 0.0)
    reading.feed(body.encode())
    outcome = reading.end(complete=True)
    assert (outcome.code, outcome.status) == ("invalid_api_key", 401)
    assert outcome.message == "Incorrect API key provided: ***"
    rest = reading.rest()
    assert b"sk-ab" not in rest
    assert json.loads(rest)["error"]["code"] == "invalid_api_key"
    assert reading.rest() == b""


def test_a_failure_cut_off_is_still_that_failure() -> None:
    """The status said no; half an error body changes nothing."""
    reading = ADAPTER.read(CALL, 429, {}, 0.0, 0.0)
    reading.feed(b'{"error": {"mess')
    assert reading.end(complete=False).outcome is LIMITED


def test_a_huge_error_body_is_judged_by_its_status() -> None:
    """Only its beginning is kept."""
    reading = ADAPTER.read(CALL, 503, {}, 0.0, 0.0)
    for _ in range(100):
        reading.feed(b"x" * 10_000)
    assert reading.end(complete=True).outcome is CAPACITY
    assert len(reading.rest()) <= 65536
