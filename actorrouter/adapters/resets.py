"""How long until a quota that follows the calendar is whole again. Pure; `wall` is epoch seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import attrs

from actorrouter.values import Outcome, OutcomeClass


def midnight_in_s(wall: float, timezone: str) -> float:
    """Seconds until the next midnight there."""
    zone = ZoneInfo(timezone)
    tomorrow = datetime.fromtimestamp(wall, zone).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone).timestamp() - wall


def month_in_s(wall: float) -> float:
    """Seconds until the first of the next month, UTC."""
    first = (datetime.fromtimestamp(wall, UTC).replace(day=1) + timedelta(days=32)).replace(day=1)
    return datetime(first.year, first.month, 1, tzinfo=UTC).timestamp() - wall


MONTH: Final = "month"
_MIDNIGHT: Final = "midnight "


def until_s(word: str, wall: float) -> float:
    """Seconds until what a rule names: "month", its first in UTC, or "midnight ZONE". ValueError if it is neither."""
    if word == MONTH:
        return month_in_s(wall)
    if not word.startswith(_MIDNIGHT):
        raise ValueError(f"expected {MONTH!r} or {_MIDNIGHT}ZONE")
    return midnight_in_s(wall, word.removeprefix(_MIDNIGHT))


def spent_until(outcome: Outcome, wait_s: float) -> Outcome:
    """The same outcome; a spent quota comes back after this long."""
    if outcome.outcome is not OutcomeClass.QUOTA_SPENT:
        return outcome
    return attrs.evolve(outcome, retry_after_s=wait_s)  # type: ignore[misc] # a value is an attrs class
