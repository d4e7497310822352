"""Where an answer does not mean what its status says: each case named after the fact it is from.

`A1`, `A2` and `A3` are the rows and traps of the provider facts on limits, headers and errors, `0.4` their fourth
finding (the status alone misleads); `echo` is a refusal that repeats what the caller wrote.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from actorrouter.adapters import build
from actorrouter.config import ProviderConfig
from actorrouter.values import Call, Outcome, OutcomeClass, QuotaObservation, Scope

WALL = 1_790_000_000.0  # 2026-09-21, 14:13:20 UTC; 07:13:20 in California
TO_MIDNIGHT_PACIFIC_S = 16 * 3600 + 46 * 60 + 40.0
TO_MIDNIGHT_UTC_S = 9 * 3600 + 46 * 60 + 40.0
TO_OCTOBER_S = 9 * 86400 + 9 * 3600 + 46 * 60 + 40.0
OPTIONS = {"bedrock": {"region": "us-east-1"}}
CHAT = Call("m", {"messages": [], "contents": []})
FILE = Call("m", path="/files/f_1", method="GET")
FATAL, SPENT, LIMITED = OutcomeClass.KEY_FATAL, OutcomeClass.QUOTA_SPENT, OutcomeClass.RATE_LIMITED
CAPACITY, CONTENT, CONTEXT = OutcomeClass.CAPACITY, OutcomeClass.CONTENT, OutcomeClass.CONTEXT
BAD, MODEL, TRANSIENT = OutcomeClass.REQUEST_BAD, OutcomeClass.MODEL_SCOPE, OutcomeClass.TRANSIENT
KEY, POOL, PROVIDER, REQUEST, KEY_MODEL = Scope.KEY, Scope.POOL, Scope.PROVIDER, Scope.REQUEST, Scope.KEY_MODEL


def answer(name: str, status: int, body: Any, headers: Mapping[str, str], call: Call) -> tuple[Outcome, Any]:
    """The outcome of an answer of this kind of provider, and what its headers said."""
    adapter = build("x", ProviderConfig("http://x.example", name, options=OPTIONS.get(name, {})))
    reading = adapter.read(call, status, {"content-type": "application/json", **headers}, 0.0, WALL)
    reading.feed(body if isinstance(body, bytes) else json.dumps(body).encode())
    return reading.end(complete=True), reading.observations


@attrs.frozen
class Case:
    """An answer of a provider of this kind, and what it means."""

    name: str
    status: int
    body: Any
    outcome: OutcomeClass
    scope: Scope
    wait_s: float | None = None
    headers: Mapping[str, str] = {}


def openai(message: str = "no", **said: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": None, "param": None, "code": None, **said}}


def anthropic(kind: str, message: str = "no", code: str = "") -> dict[str, Any]:
    details = {"details": {"error_code": code}} if code else {}
    return {"type": "error", "error": {"type": kind, "message": message, **details}, "request_id": "req_011"}


def gemini(code: int, status: str, message: str = "no", *details: Mapping[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def quota(quota_id: str, delay: str) -> dict[str, Any]:
    """A 429 as Google's sample bodies have it."""
    violations = [{"quotaMetric": "m", "quotaId": quota_id, "quotaDimensions": {"model": "g"}, "quotaValue": "50"}]
    failure = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    return gemini(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", failure, retry)


BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
BAD_KEY_SAYS = "API key not valid. Please pass a valid API key."
A_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
A_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
SELF_SET = "You have reached your specified API usage limits. You will regain access on 2026-10-01 at 00:00 UTC."
OF_THE_WORKSPACE = SELF_SET.replace("specified API", "specified workspace API")
LOW_BALANCE = (
    "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase"
    " credits."
)
UNKNOWN_NAME = 'Invalid JSON payload received. Unknown name "API_KEY_INVALID": Cannot find field.'
INVALID_VALUE = "Invalid value: 'API key not valid'. Supported values are: 'low', 'medium' and 'high'."
SCOPES = (
    "You have insufficient permissions for this operation. Missing scopes: api.responses.write. Check that you have"
    " the correct role in your organization"
)
TRIAL = "You are using a Trial key, which is limited to {} API calls / {}. You can continue to use the Trial key"

CASES: Mapping[str, Case] = {
    "A3 openai 429 is a spent balance": Case(
        "openai",
        429,
        openai("You exceeded your current quota", type="insufficient_quota", code="insufficient_quota"),
        SPENT,
        POOL,
        headers={"retry-after": "1"},
    ),
    "A3 openai 401 is a bad key": Case(
        "openai", 401, openai("Incorrect API key provided", code="invalid_api_key"), FATAL, KEY
    ),
    "A3 openai 401 of a restricted key": Case(
        "openai", 401, openai(SCOPES, type="invalid_request_error"), MODEL, KEY_MODEL
    ),
    "A3 openai 429 slow_down is overload": Case(
        "openai",
        429,
        openai(type="rate_limit_error", code="slow_down"),
        CAPACITY,
        PROVIDER,
        3,
        headers={"retry-after": "3"},
    ),
    "A3 openai 429 of the flex tier is overload": Case(
        "openai", 429, openai("Resource unavailable", code="resource_unavailable"), CAPACITY, PROVIDER
    ),
    "A3 azure 429 of shared capacity": Case(
        "azure",
        429,
        openai("The service is temporarily unable to process your request", code="429"),
        CAPACITY,
        PROVIDER,
        1.5,
        headers={"retry-after-ms": "1500"},
    ),
    "A3 azure 429 of your own": Case(
        "azure",
        429,
        openai("Rate limit is exceeded. Try again in 12 seconds.", code="429"),
        LIMITED,
        POOL,
        12,
        headers={"retry-after": "12"},
    ),
    "A3 anthropic 400 is a limit it set itself": Case(
        "anthropic", 400, anthropic("invalid_request_error", SELF_SET), SPENT, POOL, TO_OCTOBER_S
    ),
    "A3 anthropic 400 is a workspace's limit": Case(
        "anthropic", 400, anthropic("invalid_request_error", OF_THE_WORKSPACE), SPENT, POOL, TO_OCTOBER_S
    ),
    "A3 anthropic 400 is a low balance": Case(
        "anthropic", 400, anthropic("invalid_request_error", LOW_BALANCE), SPENT, POOL
    ),
    "A3 anthropic 400 is an organization on hold": Case(
        "anthropic", 400, anthropic("invalid_request_error", code="organization_on_hold"), FATAL, KEY
    ),
    "A3 anthropic month's cap has no retry-after": Case(
        "anthropic", 429, anthropic("rate_limit_error", code="enforced_spend_limit_reached"), SPENT, POOL, TO_OCTOBER_S
    ),
    "A3 anthropic ramp limit": Case(
        "anthropic",
        429,
        anthropic("rate_limit_error", code="ramp_limit_exceeded"),
        LIMITED,
        POOL,
        7,
        headers={"retry-after": "7"},
    ),
    "A3 anthropic branches on the code and not on the wording": Case(
        "anthropic",
        429,
        anthropic("rate_limit_error", "anything", "contract_spend_limit_reached"),
        SPENT,
        POOL,
        TO_OCTOBER_S,
        headers={"retry-after": "1"},
    ),
    "A3 anthropic unknown code falls back to the type": Case(
        "anthropic", 529, anthropic("overloaded_error", code="something_new"), CAPACITY, PROVIDER
    ),
    "A3 gemini 400 is a bad key": Case(
        "gemini", 400, gemini(400, "INVALID_ARGUMENT", BAD_KEY_SAYS, BAD_KEY), FATAL, KEY
    ),
    "A3 gemini 400 is an expired key": Case(
        "gemini", 400, gemini(400, "INVALID_ARGUMENT", "API key expired. Please renew it.", BAD_KEY), FATAL, KEY
    ),
    "A3 gemini day's quota with a retryDelay of 1s": Case(
        "gemini", 429, quota(A_DAY, "1s"), SPENT, POOL, TO_MIDNIGHT_PACIFIC_S
    ),
    "A3 gemini minute's quota": Case("gemini", 429, quota(A_MINUTE, "37s"), LIMITED, POOL, 37),
    "A3 gemini-openai 400 is a bad key": Case(
        "gemini-openai", 400, [gemini(400, "INVALID_ARGUMENT", BAD_KEY_SAYS, BAD_KEY)], FATAL, KEY
    ),
    "A3 gemini-openai day's quota with a retryDelay of 1s": Case(
        "gemini-openai", 429, [quota(A_DAY, "1s")], SPENT, POOL, TO_MIDNIGHT_PACIFIC_S
    ),
    "A3 gemini-openai 400 is too long": Case(
        "gemini-openai",
        400,
        [gemini(400, "X", "The input token count (9) exceeds the maximum number of tokens")],
        CONTEXT,
        REQUEST,
    ),
    "A3 openrouter 402 is retryable": Case(
        "openrouter",
        402,
        openai(code=402, metadata={"limit_source": "openrouter_in_flight_budget"}),
        LIMITED,
        POOL,
        3,
        headers={"retry-after": "3"},
    ),
    "A3 openrouter 402 is too heavy": Case(
        "openrouter", 402, openai(code=402, metadata={"reason": "weight_exceeds_budget"}), CONTEXT, REQUEST
    ),
    "A3 openrouter 402 is a spent balance": Case(
        "openrouter", 402, openai(code=402, metadata={"limit_source": "openrouter_credits"}), SPENT, POOL
    ),
    "A3 openrouter error inside HTTP 200": Case(
        "openrouter", 200, openai("Provider returned error", code=502), CAPACITY, PROVIDER
    ),
    "A1 openrouter free models' day": Case(
        "openrouter", 429, openai("Rate limit exceeded: free-models-per-day."), SPENT, POOL, TO_MIDNIGHT_UTC_S
    ),
    "A3 together 503 is theirs": Case("together", 503, openai("below your rate"), CAPACITY, PROVIDER),
    "A3 together 429 is yours": Case("together", 429, openai("above your rate"), LIMITED, POOL),
    "A3 groq 400 is a spend cap": Case("groq", 400, openai(code="blocked_api_access"), SPENT, POOL),
    "A3 groq day without remaining requests": Case(
        "groq",
        429,
        openai(type="requests", code="rate_limit_exceeded"),
        SPENT,
        POOL,
        headers={"x-ratelimit-remaining-requests": "0", "retry-after": "2"},
    ),
    "A3 groq day of tokens, which has no header": Case(
        "groq",
        429,
        openai("Rate limit reached on tokens per day (TPD): Limit 1, Used 1", type="tokens"),
        SPENT,
        POOL,
        headers={"x-ratelimit-remaining-tokens": "5000"},
    ),
    "A3 groq 498 is overload": Case("groq", 498, openai("capacity exceeded"), CAPACITY, PROVIDER),
    "A3 cohere 498 is a bad key": Case("cohere", 498, {"message": "invalid token"}, FATAL, KEY),
    "A3 cohere month of a trial key": Case("cohere", 429, {"message": TRIAL.format(1000, "month")}, SPENT, POOL),
    "A3 cohere minute of a trial key": Case("cohere", 429, {"message": TRIAL.format(20, "minute")}, LIMITED, POOL),
    "A3 fireworks 412 is a suspended account": Case("fireworks", 412, openai("suspended"), SPENT, POOL),
    "A3 bedrock 400 is a spent quota": Case(
        "bedrock",
        400,
        {"message": "no"},
        SPENT,
        POOL,
        headers={"x-amzn-errortype": "ServiceQuotaExceededException:http://x"},
    ),
    "A3 bedrock 429 is a model being loaded": Case(
        "bedrock", 429, {"message": "no"}, CAPACITY, PROVIDER, headers={"x-amzn-errortype": "ModelNotReadyException"}
    ),
    "A3 bedrock 429 is a limit": Case(
        "bedrock", 429, {"message": "no"}, LIMITED, POOL, headers={"x-amzn-errortype": "ThrottlingException"}
    ),
    "A3 deepseek 402 is a spent balance": Case("deepseek", 402, openai("Insufficient Balance"), SPENT, POOL),
    "A3 ollama 503 is a full queue": Case("ollama", 503, {"error": "server busy"}, CAPACITY, PROVIDER),
    "A3 vllm 400 is too long": Case(
        "vllm", 400, openai("This model's maximum context length is 8192 tokens.", code=400), CONTEXT, REQUEST
    ),
    "0.4 gemini answer withheld in HTTP 200": Case(
        "gemini", 200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, CONTENT, REQUEST
    ),
    "0.4 groq error in its own field of HTTP 200": Case(
        "groq", 200, {"choices": [], "x_groq": {"error": "over capacity"}}, TRANSIENT, PROVIDER
    ),
    "A2 bedrock retry-after beyond reason": Case(
        "bedrock",
        429,
        {"message": "no"},
        LIMITED,
        POOL,
        4,
        headers={"x-amzn-errortype": "ThrottlingException", "x-amz-retry-after": "9" * 15, "retry-after": "4"},
    ),
    "A2 missing headers": Case("openai", 429, b"", LIMITED, POOL),
    "echo gemini unknown field": Case("gemini", 400, gemini(400, "INVALID_ARGUMENT", UNKNOWN_NAME), BAD, REQUEST),
    "echo openai invalid value": Case("openai", 400, openai(INVALID_VALUE, type="invalid_request_error"), BAD, REQUEST),
    "echo openai unknown argument": Case(
        "openai", 400, openai('Unrecognized request argument supplied: "API_KEY_INVALID"'), BAD, REQUEST
    ),
    "echo anthropic unknown field": Case(
        "anthropic",
        400,
        anthropic("invalid_request_error", f"{SELF_SET}: Extra inputs are not permitted"),
        BAD,
        REQUEST,
    ),
    "echo openrouter invalid value": Case(
        "openrouter", 400, openai("invalid: free-models-per-day, openrouter_free_tier_daily", code=400), BAD, REQUEST
    ),
    "echo of the model beside an error in HTTP 200": Case(
        "openrouter",
        200,
        {"choices": [{"message": {"content": "PerDay in_flight_budget"}, "error": {"code": 502}}]},
        CAPACITY,
        PROVIDER,
    ),
}


@pytest.mark.parametrize("case", list(CASES))
def test_what_an_answer_means(case: str) -> None:
    """Its class, who is to blame, and when to come back."""
    told = CASES[case]
    outcome, _ = answer(told.name, told.status, told.body, told.headers, CHAT)
    assert (outcome.outcome, outcome.scope, outcome.retry_after_s) == (told.outcome, told.scope, told.wait_s)


@pytest.mark.parametrize("name", ["openai", "azure", "groq", "gemini", "anthropic", "bedrock"])
@pytest.mark.parametrize("status", [403, 404])
def test_a_no_to_what_is_of_no_model_blames_no_key(name: str, status: int) -> None:
    """A file that is not there, or not allowed, takes neither key nor model out of service."""
    outcome, _ = answer(name, status, openai("No such File object: f_1"), {}, FILE)
    assert (outcome.outcome, outcome.scope) == (BAD, REQUEST)


def test_a_path_that_names_a_model_may_lack_it() -> None:
    """Speech is of a model too, though nothing else is known of it."""
    speech = Call("m", {"model": "m", "input": "a"}, path="/audio/speech")
    assert answer("openai", 404, openai(code="model_not_found"), {}, speech)[0].outcome is MODEL


def said(*seen: QuotaObservation) -> list[tuple[Any, ...]]:
    return [(each.dimension, each.limit, each.remaining, each.resets_at, each.window_s) for each in seen]


@pytest.mark.parametrize(
    ("name", "headers", "expected"),
    [
        pytest.param(
            "anthropic",
            {"anthropic-ratelimit-input-tokens-remaining": "2000"},
            [("input_tokens", None, 1500, None, None)],
            id="A2 anthropic rounds to thousands",
        ),
        pytest.param(
            "openai",
            {"x-ratelimit-limit-tokens": "30,000", "x-ratelimit-reset-tokens": "6m0s"},
            [("tokens", 30_000, None, 360.0, None)],
            id="A2 openai separators, and remaining missing",
        ),
        pytest.param(
            "openai", {"x-ratelimit-remaining-tokens": "7, 7"}, [], id="A2 a header that came twice says nothing"
        ),
        pytest.param(
            "groq",
            {"x-ratelimit-remaining-requests": "9", "x-ratelimit-remaining-tokens": "8"},
            [("requests", None, 9, None, 86400), ("tokens", None, 8, None, 60)],
            id="A2 groq requests are a day's",
        ),
    ],
)
def test_what_headers_mean(name: str, headers: dict[str, str], expected: list[tuple[Any, ...]]) -> None:
    """Never more than can be relied upon."""
    assert said(*answer(name, 429, b"{}", headers, CHAT)[1]) == expected
