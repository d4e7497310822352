"""Why an arrival is not admitted, and how the provider words it: status, type and code as OpenAI has them."""

from math import inf

from attrs import frozen

from actorrouter.simulation.providers.arrivals import Cause, Request
from actorrouter.simulation.providers.limits import Limit
from actorrouter.simulation.providers.meters import ROUNDING


@frozen
class Refusal:
    """One reason to say no. Status 0: drop the connection, say nothing."""

    cause: Cause
    status: int
    type: str
    code: str
    message: str
    retry_after_s: float | None = None


DROPPED = Refusal("outage", 0, "", "", "")
OVERLOADED = Refusal("outage", 503, "service_unavailable_error", "server_is_overloaded", "the server is overloaded")
UNKNOWN_KEY = Refusal("unknown_key", 401, "invalid_request_error", "invalid_api_key", "incorrect API key provided")
REVOKED = Refusal("revoked", 401, "invalid_request_error", "invalid_api_key", "this API key has been revoked")
UNKNOWN_MODEL = Refusal("unknown_model", 404, "invalid_request_error", "model_not_found", "no such model")
THROTTLED = Refusal("injected_429", 429, "rate_limit_error", "rate_limit_exceeded", "rate limit reached")


def refuse_by_limit(limits: list[Limit], request: Request, now: float) -> Refusal | None:
    """Ask every limit. If one refuses, all book the attempt, and the one with the longest wait speaks."""
    refusing = [limit for limit in limits if limit.excess(limit.cost(request), now) > ROUNDING]
    if not refusing:
        return None
    for limit in refusing:
        limit.rejected += 1
    for limit in limits:
        limit.refuse(limit.cost(request), now)
    slowest = max(refusing, key=lambda limit: limit.wait_s(request, now))
    wait_s = max(limit.wait_s(request, now) for limit in limits)
    described = slowest.described
    kind = "rate_limit_error" if described.code == "rate_limit_exceeded" else described.code
    message = f"limit reached: {described.name}, {described.amount:g}"
    return Refusal("limit", 429, kind, described.code, message, None if wait_s == inf else wait_s)
