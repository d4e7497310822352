"""Why an arrival is not admitted, and how the provider words it: status, type and code, as data.

Sources: facts of provider documentation and SDKs, 2026-11-23; the error classes each provider tells its limits with.
"""

from math import inf
from typing import Any

from attrs import frozen

from actorrouter.simulation.providers.arrivals import Cause, Request
from actorrouter.simulation.providers.fault_config import FaultConfig
from actorrouter.simulation.providers.limit_config import Code
from actorrouter.simulation.providers.limits import Limit
from actorrouter.simulation.providers.meters import ROUNDING


@frozen
class Refusal:
    """One reason to say no. Status 0: drop the connection, say nothing. `html`: say it in HTML."""

    cause: Cause
    status: int
    type: str
    code: str | int | None
    message: str
    retry_after_s: float | None = None
    metadata: dict[str, str] | None = None
    html: bool = False

    @property
    def error(self) -> dict[str, Any]:
        """OpenAI's shape: message, type, param, code; OpenRouter adds metadata."""
        told: dict[str, Any] = {"message": self.message, "type": self.type, "param": None, "code": self.code}
        return told if self.metadata is None else {**told, "metadata": self.metadata}


UNKNOWN_KEY = Refusal("unknown_key", 401, "invalid_request_error", "invalid_api_key", "incorrect API key provided")
REVOKED = Refusal("revoked", 401, "invalid_request_error", "invalid_api_key", "this API key has been revoked")
UNKNOWN_MODEL = Refusal("unknown_model", 404, "invalid_request_error", "model_not_found", "no such model")
REMOVED_MODEL = Refusal("removed_model", 404, "invalid_request_error", "model_not_found", "the model has been removed")
THROTTLED = Refusal("injected_429", 429, "rate_limit_error", "rate_limit_exceeded", "rate limit reached")

_DOWN: dict[int, tuple[str, str | None, str]] = {
    503: ("service_unavailable_error", "server_is_overloaded", "the server is overloaded"),
    529: ("overloaded_error", None, "overloaded"),
}


def down(cause: Cause, fault: FaultConfig) -> Refusal:
    """How an outage or a storm says no."""
    if fault.how == "drop":
        return Refusal(cause, 0, "", "", "")
    kind, code, message = _DOWN.get(fault.status, ("server_error", None, "the server had an error"))
    return Refusal(cause, fault.status, kind, code, message, fault.retry_after_s, html=fault.how == "html")


def error_of(status: int) -> dict[str, Any]:
    """What a stream says that fails after HTTP 200."""
    kind, code, message = _DOWN.get(status, ("server_error", None, "the server had an error"))
    return {"message": message, "type": kind, "param": None, "code": code}


@frozen
class _Wording:
    status: int
    type: str
    code: str | int | None
    says_when: bool
    message: str = "limit reached"


_WORDINGS: dict[Code, _Wording] = {
    "rate_limit_exceeded": _Wording(429, "rate_limit_error", "rate_limit_exceeded", says_when=True),
    "slow_down": _Wording(429, "rate_limit_error", "slow_down", says_when=True),
    "ramp_limit_exceeded": _Wording(429, "rate_limit_error", "ramp_limit_exceeded", says_when=True),
    # OpenAI: a balance or a cap that is spent has a type of its own
    "insufficient_quota": _Wording(429, "insufficient_quota", "insufficient_quota", says_when=False),
    "project_spend_limit_exceeded": _Wording(
        429, "insufficient_quota", "project_spend_limit_exceeded", says_when=False
    ),
    # Anthropic: the month's cap has no retry-after; the cap one sets oneself is known by its message alone
    "enforced_spend_limit_reached": _Wording(429, "rate_limit_error", "enforced_spend_limit_reached", says_when=False),
    "specified_usage_limits": _Wording(
        400, "invalid_request_error", None, says_when=False, message="you have reached your specified API usage limits"
    ),
    "blocked_api_access": _Wording(400, "invalid_request_error", "blocked_api_access", says_when=False),  # Groq
    "billing_error": _Wording(402, "billing_error", None, says_when=False),
    # OpenRouter: one status for what is spent and for what others in flight hold; metadata tells them apart
    "openrouter_credits": _Wording(402, "payment_required", 402, says_when=False),
    "openrouter_key_limit": _Wording(402, "payment_required", 402, says_when=False),
    "openrouter_in_flight_budget": _Wording(402, "payment_required", 402, says_when=True),
}


def refuse_by_limit(limits: list[Limit], costs: list[float], request: Request, now: float) -> Refusal | None:
    """Ask every limit. If one refuses, all book the attempt, and the one with the longest wait speaks."""
    priced = zip(limits, costs, strict=True)
    refusing = [limit for limit, cost in priced if limit.excess(cost, now) > ROUNDING]
    if not refusing:
        return None
    slowest = max(refusing, key=lambda limit: limit.wait_s(request, now))
    wait_s = max(limit.wait_s(request, now) for limit in limits)
    refusal = _word(slowest, request, wait_s, now)
    for limit, cost in zip(limits, costs, strict=True):
        limit.refuse(cost, now, itself=any(limit is other for other in refusing))
    return refusal


def _word(limit: Limit, request: Request, wait_s: float, now: float) -> Refusal:
    described, cost = limit.described, limit.cost(request)
    cause = limit.cause(cost, now)
    metadata = _openrouter(described.code, cause, too_big=cost > limit.capacity * limit.share)
    in_flight = metadata is not None and cause == "in_flight"
    wording = _WORDINGS["openrouter_in_flight_budget" if in_flight else described.code]
    says_when = wording.says_when if described.says_when is None else described.says_when
    told_s = wait_s if wait_s < inf else described.claims_s
    message = f"{wording.message}: {described.name}, {described.amount:g}"
    return Refusal(cause, wording.status, wording.type, wording.code, message, told_s if says_when else None, metadata)


def _openrouter(code: Code, cause: Cause, *, too_big: bool) -> dict[str, str] | None:
    if not code.startswith("openrouter_"):
        return None
    if cause != "in_flight":
        return {"limit_source": code}
    reason = "weight_exceeds_budget" if too_big else "in_flight_budget_exhausted"
    return {"limit_source": "openrouter_in_flight_budget", "reason": reason}
