"""What a provider's headers tell of its limits: OpenAI's six, and Retry-After in the styles providers have."""

from math import ceil, floor

from actorrouter.simulation.providers.config import RetryAfter
from actorrouter.simulation.providers.limits import Limit
from actorrouter.simulation.providers.meters import ROUNDING

Headers = list[tuple[str, str]]


def rate_limit_headers(limits: list[Limit], now: float) -> Headers:
    """OpenAI's six headers, of the limit with the least left where several have the dimension."""
    headers: Headers = []
    for dimension in ("requests", "tokens"):
        if limit := _tightest(limits, dimension, now):
            remaining = max(0, floor(limit.capacity - limit.meter.used(now) + ROUNDING))
            headers.append((f"x-ratelimit-limit-{dimension}", f"{limit.described.amount:.0f}"))
            headers.append((f"x-ratelimit-remaining-{dimension}", str(remaining)))
            headers.append((f"x-ratelimit-reset-{dimension}", go_duration(limit.meter.empty_at(now) - now)))
    return headers


def _tightest(limits: list[Limit], dimension: str, now: float) -> Limit | None:
    of_dimension = [limit for limit in limits if limit.described.dimension == dimension]
    return min(of_dimension, key=lambda limit: limit.capacity - limit.meter.used(now), default=None)


def retry_after(style: RetryAfter, wait_s: float) -> Headers:
    """Name the wait in the provider's style, never shorter than it is."""
    match style:
        case "none":
            return []
        case "seconds":
            return [("retry-after", str(ceil(wait_s)))]
        case "exact":
            return [("retry-after", f"{_milliseconds(wait_s) / 1000:.3f}")]
        case "milliseconds":
            return [("retry-after-ms", str(ceil(wait_s * 1000)))]


def go_duration(seconds: float) -> str:
    """Write a time as Go does, rounded up to milliseconds: "0s", "120ms", "1.5s", "4m12.172s", "23h0m5s"."""
    milliseconds = _milliseconds(seconds)
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds > 0 else "0s"
    minutes, rest = divmod(milliseconds, 60_000)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}" if minutes else text


def _milliseconds(seconds: float) -> int:
    """Round up, so that whoever waits as long as told has waited long enough."""
    return ceil(seconds * 1000 - ROUNDING)
