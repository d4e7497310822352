"""What a provider's headers say of its limits, each of the window it speaks of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from actorrouter.adapters.headers import count, delay_s
from actorrouter.values import INF, QuotaObservation, value

DAY_S: Final = 86400.0


@value
class LimitHeaders:
    """The names, in lower case, of the headers that tell of one limit; any of them may be missing.

    `window_s`: of the limit they speak of (None: they do not say). `reset` may be a duration or an instant in any form
    (`headers.delay_s`), and tells when the limit is full again. `rounded_to`: what remains is told in multiples of it.
    """

    dimension: str
    limit: str = ""
    remaining: str = ""
    reset: str = ""
    window_s: float | None = None
    rounded_to: float = 0


def observations(
    limits: Iterable[LimitHeaders], headers: Mapping[str, str], now: float, wall: float
) -> tuple[QuotaObservation, ...]:
    """What they say. Of two that tell of one limit the tighter counts (an organization's, a project's)."""
    found: dict[tuple[str, float | None], QuotaObservation] = {}
    for names in limits:
        seen = _observation(names, headers, now, wall)
        if seen is None:
            continue
        place = seen.dimension, seen.window_s
        if place not in found or _left(seen) < _left(found[place]):
            found[place] = seen
    return tuple(found.values())


def _observation(names: LimitHeaders, headers: Mapping[str, str], now: float, wall: float) -> QuotaObservation | None:
    if names.limit not in headers and names.remaining not in headers:
        return None
    limit, remaining = count(headers.get(names.limit)), count(headers.get(names.remaining))
    if limit is None and remaining is None:
        return None
    if remaining is not None:
        remaining = max(0.0, remaining - names.rounded_to / 2)  # so much less may remain
    full_in_s = delay_s(headers.get(names.reset), wall)  # until full, not until the next slot
    resets_at = None if full_in_s is None else now + full_in_s
    return QuotaObservation(names.dimension, now, limit, remaining, resets_at, names.window_s)


def _left(seen: QuotaObservation) -> float:
    said = [each for each in (seen.remaining, seen.limit) if each is not None]
    return min(said, default=INF)


def is_day_spent(seen: Iterable[QuotaObservation]) -> bool:
    """Nothing remains of a day's limit, or of one yet longer."""
    return any(each.remaining == 0 and each.window_s is not None and each.window_s >= DAY_S for each in seen)
