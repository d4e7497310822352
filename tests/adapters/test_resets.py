"""When quotas of the calendar are whole again."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters.resets import midnight_in_s, month_in_s, until_s
from actorrouter.adapters.table_faults import table_faults

PACIFIC = "America/Los_Angeles"
WALLS = st.floats(min_value=0, max_value=4e9)


@given(WALLS)
def test_midnight_is_midnight_there(wall: float) -> None:
    """The next one, within a day of 23 to 25 hours."""
    wait = midnight_in_s(wall, PACIFIC)
    then = datetime.fromtimestamp(round(wall + wait), ZoneInfo(PACIFIC))
    assert (then.hour, then.minute, then.second) == (0, 0, 0)
    assert 0 < wait <= 25 * 3600


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25), ("2026-11-18", 24)], ids=["spring", "autumn", "plain"]
)
def test_a_day_of_another_length(day: str, hours: int) -> None:
    """Where the clocks change, from its first second on."""
    began = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(PACIFIC)).timestamp()
    assert midnight_in_s(began, PACIFIC) == hours * 3600


@given(WALLS)
def test_a_month_begins_on_its_first(wall: float) -> None:
    """The next one, at midnight UTC."""
    wait = month_in_s(wall)
    then = datetime.fromtimestamp(round(wall + wait), UTC)
    assert (then.day, then.hour, then.minute, then.second) == (1, 0, 0, 0)
    assert 0 < wait <= 31 * 86400


@given(WALLS)
def test_a_word_names_when(wall: float) -> None:
    """The month's first, or midnight in a zone."""
    assert until_s("month", wall) == month_in_s(wall)
    assert until_s("midnight UTC", wall) == midnight_in_s(wall, "UTC")


@pytest.mark.parametrize(
    "word", ["", "year", "midnight", "midnight ", "midnight Nowhere/Town", "midnight ../etc", "MONTH"]
)
def test_any_other_word_names_nothing(word: str) -> None:
    """A table that has it is refused."""
    assert table_faults({"errors": [{"outcome": "quota_spent", "status": 429, "until": word}]}) == [
        'errors[0].until: expected "month" or "midnight ZONE", a time zone such as UTC'
    ]
