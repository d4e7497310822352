"""What each provider's headers are called and how they are written, as data.

Sources: facts of provider documentation and SDKs, 2026-11-23. A line tells one thing of one dimension, of the limit
with the least left among those whose window it means.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from math import ceil, inf
from typing import Literal

from attrs import frozen

from actorrouter.simulation.providers.config import Dialect
from actorrouter.simulation.providers.limit_config import Dimension, LimitConfig
from actorrouter.simulation.providers.meters import ROUNDING

Telling = Literal["limit", "remaining", "reset", "cost"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAR_S = 366 * 86_400.0  # a reset that nobody knows is told as a year away
_MINUTE_S, _DAY_S = 60.0, 86_400.0


@frozen
class Line:
    """One header. `within_s`: the windows it means, longer than the first and up to the second."""

    name: str
    dimension: Dimension
    telling: Telling
    within_s: tuple[float, float] = (0.0, inf)

    def means(self, limit: LimitConfig) -> bool:
        if limit.dimension != self.dimension:
            return False
        return self.within_s[0] < limit.period_s <= self.within_s[1]


@frozen
class Style:
    """One dialect. `write_reset`: seconds until full, and the provider's wall clock -> text."""

    lines: tuple[Line, ...]
    write_reset: Callable[[float, float], str]
    rounded: int = 1  # tokens left are told to the nearest so many


def go_duration(seconds: float) -> str:
    """Write a time as Go does, rounded up to milliseconds: "0s", "120ms", "1.5s", "4m12.172s", "23h0m5s"."""
    milliseconds = round_up_ms(seconds)
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds > 0 else "0s"
    minutes, rest = divmod(milliseconds, 60_000)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}" if minutes else text


def round_up_ms(seconds: float) -> int:
    """Round up, so that whoever waits as long as told has waited long enough."""
    return ceil(seconds * 1000 - ROUNDING)


def rfc3339(wall: float) -> str:
    """Write an instant as RFC 3339 does, rounded up to seconds, in UTC."""
    return (_EPOCH + timedelta(seconds=ceil(wall - ROUNDING))).strftime("%Y-%m-%dT%H:%M:%SZ")


def http_date(wall: float) -> str:
    """Write an instant as the `Date` header has it."""
    return format_datetime(_EPOCH + timedelta(seconds=int(wall)), usegmt=True)


def _go(reset_s: float, _wall: float) -> str:
    return go_duration(min(reset_s, _FAR_S))


def _seconds(reset_s: float, _wall: float) -> str:
    return str(ceil(min(reset_s, _FAR_S) - ROUNDING))


def _instant(reset_s: float, wall: float) -> str:
    return rfc3339(wall + min(reset_s, _FAR_S))


def _three(pattern: str, dimension: Dimension, within_s: tuple[float, float] = (0.0, inf)) -> tuple[Line, ...]:
    word = dimension.replace("_", "-")
    tellings: tuple[Telling, ...] = ("limit", "remaining", "reset")
    return tuple(Line(pattern.format(word, telling), dimension, telling, within_s) for telling in tellings)


_OPENAI = "x-ratelimit-{1}-{0}"
_ANTHROPIC = "anthropic-ratelimit-{0}-{1}"
_MINUTE, _PER_DAY, _MONTH = (0.0, _MINUTE_S), (_MINUTE_S, _DAY_S), (_DAY_S, inf)

DIALECTS: dict[Dialect, Style] = {
    "openai": Style((*_three(_OPENAI, "requests"), *_three(_OPENAI, "tokens")), _go),
    "azure": Style((*_three(_OPENAI, "requests"), *_three(_OPENAI, "tokens")), _seconds),
    "anthropic": Style(
        (
            *_three(_ANTHROPIC, "requests"),
            *_three(_ANTHROPIC, "tokens"),
            *_three(_ANTHROPIC, "input_tokens"),
            *_three(_ANTHROPIC, "output_tokens"),
        ),
        _instant,
        rounded=1_000,
    ),
    # the requests are those of the day and the tokens those of the minute; the others have no header
    "groq": Style((*_three(_OPENAI, "requests", _PER_DAY), *_three(_OPENAI, "tokens", _MINUTE)), _go),
    "mistral": Style(
        (
            *_three("ratelimitbysize-{1}", "tokens", _MINUTE),
            Line("ratelimitbysize-query-cost", "tokens", "cost", _MINUTE),
            *_three("x-ratelimitbysize-{1}-minute", "tokens", _MINUTE)[:2],
            *_three("x-ratelimitbysize-{1}-month", "tokens", _MONTH)[:2],
        ),
        _seconds,
    ),
    "none": Style((), _seconds),
}
