"""What each provider's errors and waits mean: the rows of the facts that are no traps (`test_traps`)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from actorrouter.adapters import TABLES, build
from actorrouter.config import ProviderConfig
from actorrouter.values import Call, Outcome, OutcomeClass, Scope, Secret

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


@pytest.mark.parametrize("name", ["mistral", "deepseek", "ollama"])
def test_a_maximum_that_is_passed_over_bounds_nothing(name: str) -> None:
    """Where a provider ignores `max_completion_tokens` the default is reserved, whatever it says."""
    adapter = build(name, ProviderConfig(adapter=name))
    body = {"messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 5}
    assert adapter.estimate(Call("m", body))["output_tokens"] == ProviderConfig().default_output_tokens
    assert adapter.estimate(Call("m", {**body, "max_tokens": 9}))["output_tokens"] == 9


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


# --------------------------------------------------------------------------------------------------- each its own words

HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
KEY, POOL, PROVIDER, REQUEST, KEY_MODEL = Scope.KEY, Scope.POOL, Scope.PROVIDER, Scope.REQUEST, Scope.KEY_MODEL


def of(name: str, status: int, body: Any, headers: dict[str, str] | None = None) -> Outcome:
    """The outcome of an answer of the provider called so; `body`: a document or bytes."""
    adapter = build("x", ProviderConfig("http://x.example", adapter=name))
    reading = adapter.read(CALL, status, headers or {}, 0.0, 1_790_000_000.0)
    reading.feed(body if isinstance(body, bytes) else json.dumps(body).encode())
    return reading.end(complete=True)


def error(message: str = "no", **said: Any) -> dict[str, Any]:
    """An error as OpenAI writes it."""
    return {"error": {"message": message, "type": None, "param": None, "code": None, **said}}


GROQ_DAY = (
    "Rate limit reached for model `llama-3.3-70b-versatile` in organization `org_01` service tier `on_demand` on tokens"
    " per day (TPD): Limit 100000, Used 97050, Requested 3619. Please try again in 9m38.016s."
)
GROQ_MINUTE = (
    "Rate limit reached for model `m` in organization `o` on tokens per minute (TPM): Limit 6000, Used 5034, Requested"
    " 1443. Please try again in 4.77s."
)
CREDITS = (
    "This request requires more credits, or fewer max_tokens. You requested up to 16384 tokens, but can only afford 39."
)
VLLM = "This model's maximum context length is 131072 tokens. However, you requested 156632 tokens."
VLLM_NEW = (
    "You passed 1015 input tokens and requested 10 output tokens. However, the model's context length is only 1024."
)


@pytest.mark.parametrize(
    ("name", "status", "body", "expected", "scope"),
    [
        ("openai", 503, error(type="service_unavailable_error", code="server_is_overloaded"), CAPACITY, PROVIDER),
        ("openai", 502, HTML, TRANSIENT, PROVIDER),
        ("openai", 401, HTML, FATAL, KEY),
        ("azure", 429, error("Requests to this deployment have been limited", code="429"), LIMITED, POOL),
        ("azure", 404, error(code="DeploymentNotFound"), MODEL, KEY_MODEL),
        (
            "azure",
            400,
            error(code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}),
            CONTENT,
            REQUEST,
        ),
        ("azure", 400, error(innererror={"code": "ResponsibleAIPolicyViolation"}), CONTENT, REQUEST),
        ("groq", 429, error(GROQ_DAY, type="tokens", code="rate_limit_exceeded"), SPENT, POOL),
        ("groq", 429, error(GROQ_MINUTE, type="tokens", code="rate_limit_exceeded"), LIMITED, POOL),
        ("groq", 403, error("no access to model"), MODEL, KEY_MODEL),
        ("groq", 413, error("Request too large for model"), CONTEXT, REQUEST),
        ("groq", 424, error("failed dependency"), BAD, REQUEST),
        ("groq", 499, error("cancelled"), TRANSIENT, PROVIDER),
        ("groq", 503, error("unavailable"), CAPACITY, PROVIDER),
        ("mistral", 422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "x"]}]}, BAD, REQUEST),
        ("mistral", 429, {"object": "error", "message": "slow", "type": "rate_limit_error"}, LIMITED, POOL),
        ("mistral", 402, {"object": "error", "message": "pay"}, SPENT, POOL),
        ("deepseek", 503, error("overloaded"), CAPACITY, PROVIDER),
        ("xai", 403, error("no credits"), FATAL, KEY),
        ("openrouter", 402, error(CREDITS, code=402, metadata={"limit_source": "openrouter_credits"}), SPENT, POOL),
        ("openrouter", 402, error(code=402, metadata={"limit_source": "openrouter_key_limit"}), SPENT, KEY),
        ("openrouter", 403, error("flagged", code=403), CONTENT, REQUEST),
        ("openrouter", 413, error("too long", code=413), CONTEXT, REQUEST),
        ("openrouter", 429, error("Rate limit exceeded: free-models-per-day.", code=429), SPENT, POOL),
        ("openrouter", 429, error(code=429, metadata={"limit_source": "openrouter_free_tier_daily"}), SPENT, POOL),
        ("openrouter", 502, error(code=502), CAPACITY, PROVIDER),
        ("openrouter", 524, HTML, TRANSIENT, PROVIDER),
        ("openrouter", 529, error(code=529), CAPACITY, PROVIDER),
        ("fireworks", 403, error("forbidden"), FATAL, KEY),
        ("cohere", 400, {"id": "1", "message": "too many tokens: the total is 200001"}, CONTEXT, REQUEST),
        ("vllm", 400, {"object": "error", "message": VLLM, "type": "BadRequestError", "code": 400}, CONTEXT, REQUEST),
        ("vllm", 400, error(VLLM_NEW, type="BadRequestError", code=400), CONTEXT, REQUEST),
        ("vllm", 400, error("min_p must be in [0, 1]", type="BadRequestError", code=400), BAD, REQUEST),
        (
            "ollama",
            503,
            {"error": "server busy, please try again. maximum pending requests exceeded"},
            CAPACITY,
            PROVIDER,
        ),
        ("ollama", 404, {"error": "model 'x' not found"}, MODEL, KEY_MODEL),
    ],
)
def test_each_provider_has_its_own_words(
    name: str, status: int, body: Any, expected: OutcomeClass, scope: Scope
) -> None:
    """Body and status give the class, and who is to blame."""
    outcome = of(name, status, body)
    assert (outcome.outcome, outcome.scope) == (expected, scope)


@pytest.mark.parametrize(
    ("name", "document", "expected"),
    [
        ("groq", {"choices": [], "x_groq": {"error": "the model ended early"}}, TRANSIENT),
        ("openrouter", error(code=502, metadata={"error_type": "provider_unavailable"}), CAPACITY),
        ("openrouter", error(code=400, metadata={"error_type": "context_length_exceeded"}), CONTEXT),
        ("openrouter", {"choices": [{"error": {"code": 429, "message": "upstream"}}]}, LIMITED),
        ("openrouter", error("Rate limit exceeded: free-models-per-day", code=429), SPENT),
    ],
)
def test_an_error_inside_a_success_means_the_same(name: str, document: dict[str, Any], expected: OutcomeClass) -> None:
    """HTTP 200 changes nothing of what its words mean."""
    assert of(name, 200, document).outcome is expected


def test_a_429_while_nothing_remains_of_the_day_is_a_spent_quota() -> None:
    """Groq's request headers are a day's; with some left, or only the minute's tokens gone, it is a moment's limit."""
    gone = {"x-ratelimit-remaining-requests": "0", "retry-after": "1"}
    outcome = of("groq", 429, error(code="rate_limit_exceeded"), gone)
    assert (outcome.outcome, outcome.retry_after_s) == (SPENT, None)
    for headers in ({"x-ratelimit-remaining-requests": "9"}, {"x-ratelimit-remaining-tokens": "0"}, {}):
        assert of("groq", 429, error(code="rate_limit_exceeded"), headers).outcome is LIMITED
    assert of("openai", 429, error(code="rate_limit_exceeded"), gone).outcome is LIMITED


@pytest.mark.parametrize(
    ("name", "headers", "body", "wait_s"),
    [
        ("openrouter", {"x-ratelimit-reset": "1790000007000"}, error(code=429), 7.0),
        ("cohere", {"x-ratelimit-reset": "1790000007"}, {"message": "slow"}, 7.0),
        ("openrouter", {"x-ratelimit-reset": "1790000007000", "retry-after": "2"}, error(code=429), 2.0),
        ("gemini-openai", {}, [error(code=429, details=[{"@type": "RetryInfo", "retryDelay": "37s"}])], 37.0),
        ("openai", {"x-ratelimit-reset": "1790000007"}, error(), None),
        ("azure", {"retry-after-ms": "1500", "retry-after": "2"}, error(), 1.5),
        ("openai", {}, b"", None),
    ],
)
def test_where_a_wait_is_said(name: str, headers: dict[str, str], body: Any, wait_s: float | None) -> None:
    """`retry-after` first, then where this provider says it."""
    assert of(name, 429, body, headers).retry_after_s == wait_s


@pytest.mark.parametrize("name", TABLES)
def test_every_table_makes_an_adapter(name: str) -> None:
    """It has a charge for everything, speaks chat, and can be probed."""
    adapter = build("x", ProviderConfig("http://x.example" if name == "vllm" else "", adapter=name))
    assert adapter.base_url.startswith("http")
    assert "openai-chat" in adapter.dialects
    assert {"requests", "tokens", "*"} <= adapter.default_charge.keys()
    assert adapter.probe(Secret("k")).url.startswith(adapter.base_url)
