"""Days and months as clocks on walls have them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.providers.config import LimitConfig

from .asking import ask, header, make

PACIFIC = ZoneInfo("America/Los_Angeles")


def at(*date: int) -> float:
    return datetime(*date, tzinfo=PACIFIC).timestamp()  # type: ignore[arg-type, misc]


def daily(amount: int = 1, **options) -> LimitConfig:
    return LimitConfig("requests", amount, shape="calendar", zone="America/Los_Angeles", **options)


@pytest.mark.parametrize(("limit", "start", "wait_s"), [
    (daily(), at(2026, 11, 23, 22), 2 * 3600),
    (daily(), at(2026, 3, 8, 0), 23 * 3600),  # the clocks go forward
    (daily(), at(2026, 11, 1, 0), 25 * 3600),  # and back
    (daily(period="month"), at(2026, 11, 30, 23), 3600),
    (daily(period="month"), at(2026, 12, 31, 23), 3600),
    (daily(period="month"), at(2028, 2, 1), 29 * 86_400),
])  # fmt: skip
def test_a_day_and_a_month_end_at_midnight_of_their_zone(limit, start, wait_s):
    """What is spent is back at that midnight and not a moment sooner; the refusal says when."""
    model = make(limit, wall_offset=start)
    assert [ask(model, 0).accepted for _ in range(2)] == [True, False]
    assert header(ask(model, 0), "retry-after") == f"{wait_s:.3f}"
    assert [ask(model, wait_s + late_s).accepted for late_s in (-0.001, 0)] == [False, True]
    assert model.audit() == []


def test_the_provider_goes_by_its_own_clock():
    """One whose clock is an hour ahead forgets the day an hour early."""
    model = make(daily(), wall_offset=at(2026, 11, 23, 22), clock_skew_s=3600)
    assert [ask(model, now).accepted for now in (0, 3599, 3600)] == [True, False, True]


def test_windows_have_names():
    """A limit of a day is called so."""
    assert (daily().name, daily(period="month").name) == ("requests/day", "requests/month")


@given(st.lists(st.integers(0, 20 * 3600), max_size=40), st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York"]))
def test_no_day_has_more_than_its_amount(gaps, zone):
    """Counted by the date on the wall."""
    limit, offset = LimitConfig("requests", 3, shape="calendar", zone=zone), at(2026, 3, 1)
    model, now, days = make(limit, wall_offset=offset), 0, list[object]()
    for gap in gaps:
        now += gap
        day = datetime.fromtimestamp(offset + now, ZoneInfo(zone)).date()
        assert ask(model, now).accepted == (days.count(day) < 3)
        days.append(day) if days.count(day) < 3 else None
    assert model.audit() == []
