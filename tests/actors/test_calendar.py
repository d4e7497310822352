"""Edges on the wall clock, and limits that start anew at them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorrouter.actors.calendar import Edges
from actorrouter.actors.windows import Fixed
from actorrouter.config import LimitConfig, Shape
from actorrouter.messages import ClockRead, Observe
from actorrouter.values import INF, QuotaObservation
from tests.actors.model import Driver, limit, pool

ZONES = (
    "UTC",
    "America/Los_Angeles",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Africa/Cairo",  # some days begin at 01:00
    "America/Havana",  # some midnights come twice
    "Pacific/Apia",  # 30 December 2011 was left out
)
DAY_S = 86400.0
HOUR_S = 3600.0


def wall(text: str, zone: str = "UTC") -> float:
    """Epoch seconds of a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


# ------------------------------------------------------------------------------------------------------------ edges


def first_day(day: date, every: str) -> date:
    """The day on which the period of a day began."""
    if every == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if every == "month" else day


@settings(max_examples=400)
@given(
    now=st.floats(wall("2000-01-01"), wall("2060-01-01")),
    zone=st.sampled_from(ZONES),
    every=st.sampled_from(("day", "week", "month")),
)
def test_the_next_edge_is_where_the_local_date_enters_a_new_period(now: float, zone: str, every: str) -> None:
    """Up to the edge the local date is of the same day, week or month as now, at the edge of another; so daylight
    saving, leap years and left-out days are all in the right place."""

    def period(at: float) -> date:
        return first_day(datetime.fromtimestamp(at, ZoneInfo(zone)).date(), every)

    edge = Edges(every=every, timezone=zone).after(now)
    assert edge > now
    assert period(edge - 0.001) == period(now) if edge - now > 0.001 else True
    assert period(edge) > period(now)


@pytest.mark.parametrize(
    ("every", "zone", "now", "expected"),
    [
        ("day", "UTC", "2026-02-28T23:59:59", "2026-03-01T00:00:00"),
        ("day", "UTC", "2026-03-01T00:00:00", "2026-03-02T00:00:00"),
        ("day", "Europe/Berlin", "2026-03-29T00:00:00", "2026-03-30T00:00:00"),
        ("week", "UTC", "2026-03-01T12:00:00", "2026-03-02T00:00:00"),
        ("week", "UTC", "2026-03-02T00:00:00", "2026-03-09T00:00:00"),
        ("month", "UTC", "2026-01-31T12:00:00", "2026-02-01T00:00:00"),
        ("month", "UTC", "2028-02-29T12:00:00", "2028-03-01T00:00:00"),
        ("month", "America/Los_Angeles", "2026-12-31T23:00:00", "2027-01-01T00:00:00"),
        ("minute", "UTC", "2026-03-01T12:00:59", "2026-03-01T12:01:00"),
        ("hour", "UTC", "2026-03-01T12:00:00", "2026-03-01T13:00:00"),
    ],
)
def test_edges_by_name(every: str, zone: str, now: str, expected: str) -> None:
    """An instant at an edge belongs to the window that begins there."""
    assert Edges(every=every, timezone=zone).after(wall(now, zone)) == wall(expected, zone)


def test_days_are_as_long_as_they_are() -> None:
    """In Berlin the day that daylight saving begins has 23 hours, the day it ends 25."""
    edges = Edges(every="day", timezone="Europe/Berlin")
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)):
        assert edges.after(wall(day, "Europe/Berlin")) - wall(day, "Europe/Berlin") == hours * HOUR_S


@given(
    now=st.floats(0, 4e9),
    period_s=st.sampled_from((0.25, 1.0, 7.5, 60.0, DAY_S)),
    phase_s=st.floats(-1e5, 1e5).map(lambda s: round(s, 3)),
)
def test_edges_of_a_fixed_window_are_a_phase_and_whole_periods_after_the_epoch(
    now: float, period_s: float, phase_s: float
) -> None:
    """The next edge is less than a period away, and a whole number of periods from the phase."""
    edge = Edges(period_s=period_s, phase_s=phase_s).after(now)
    assert now < edge <= now + period_s + 1e-6
    periods = (edge - phase_s) / period_s
    assert periods == pytest.approx(round(periods), abs=1e-5)


def test_a_limit_for_life_has_no_edge() -> None:
    """Without a period it never starts anew."""
    assert Edges().after(0.0) == INF


# ------------------------------------------------------------------------------------------------- limits with edges


def daily(zone: str = "UTC", at: str = "2026-03-01T12:00:00", guard_s: float = 1.0) -> Driver:
    """A limit of 10 a day; the clock was read at monotonic 0."""
    it = pool(limit("requests", 10, Shape.CALENDAR, every="day", timezone=zone), guard_s=guard_s, wall=None)
    it.tell(ClockRead(wall(at, zone), 0.0), 0.0)
    return it


def spend(it: Driver, amount: int, now: float) -> None:
    """Reserve and send."""
    it.dispatch(it.taken(now, requests=amount), now)


def test_nothing_is_granted_before_the_clock_is_read() -> None:
    """Without the wall clock a calendar limit does not know its window: it refuses, but not for good; a cold start
    and what providers say before are not forgotten."""
    it = pool(limit("requests", 10, Shape.CALENDAR, every="day"), guard_s=1.0, wall=None)
    (window,) = it.state.windows
    refused = it.refusal(5.0, requests=1)
    assert (refused.available_at, refused.final, refused.available) == (INF, False, 0)
    it.tell(Observe((QuotaObservation("requests", 6.0, remaining=3),)), 6.0)
    assert window.level(6.0) == 7
    it.tell(ClockRead(wall("2026-03-01T12:00:00"), 7.0), 7.0)
    assert it.reserve(7.0, requests=4) is None
    assert it.reserve(7.0, requests=3) is not None
    assert it.reserve(7.0 + DAY_S, requests=7) is not None


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_limit_comes_back_at_local_midnight(day: str, hours: int) -> None:
    """Used up at its start, the day's quota is available one guard after the next local midnight, on DST days too."""
    it = daily("Europe/Berlin", f"{day}T00:00:01")
    it.tell(ClockRead(wall(f"{day}T00:00:01", "Europe/Berlin") + 10, 10.0), 10.0)
    spend(it, 10, 10.0)
    refused = it.refusal(20.0, requests=1)
    assert refused.available_at == pytest.approx(hours * HOUR_S - 1 + 1.0)
    assert refused.firm
    assert it.reserve(refused.available_at - 1e-6, requests=1) is None
    assert it.reserve(refused.available_at, requests=10) is not None


def test_a_month_ends_when_it_ends() -> None:
    """February's quota is back on the first of March."""
    it = pool(limit("requests", 10, Shape.CALENDAR, every="month"))
    window = it.state.windows[0]
    window.align(wall("2026-02-03T00:00:00"), 0.0, jumped=True)
    assert window.edge == 26 * DAY_S
    window.align(wall("2026-02-03T00:01:00"), 60.0, jumped=False)
    assert window.edge == 26 * DAY_S
    assert window.following == (26 + 31) * DAY_S


def test_what_is_sent_near_an_edge_counts_on_both_sides() -> None:
    """Within a guard of midnight a request may have arrived on either day, so it counts on both."""
    it = daily()
    spend(it, 4, 12 * HOUR_S - 0.5)
    assert it.reserve(12 * HOUR_S + 1.0, requests=7) is None
    spend(it, 6, 12 * HOUR_S + 1.0)
    assert it.reserve(36 * HOUR_S + 1.0, requests=10) is not None


def test_a_jump_forward_frees_nothing() -> None:
    """The clock jumps past midnight: what was used counts on until an edge that the running clock reaches."""
    it = daily()
    spend(it, 10, 60.0)
    it.tell(ClockRead(wall("2026-03-02T06:00:00"), 120.0), 120.0)
    assert it.refusal(120.0, requests=1).available_at == 120.0 + 18 * HOUR_S + 1.0


def test_a_jump_to_just_before_an_edge_counts_on_both_sides() -> None:
    """What was just sent may arrive after the midnight that the clock has jumped to."""
    it = daily()
    spend(it, 10, 60.0)
    it.tell(ClockRead(wall("2026-03-01T23:59:59.5"), 60.1), 60.1)
    assert it.refusal(60.1, requests=1).available_at == pytest.approx(60.6 + DAY_S + 1.0)


def test_a_jump_does_not_take_up_a_day_that_was_over_at_the_reading_before() -> None:
    """An edge that a reading has confirmed is past: a later jump within the new day frees and takes nothing."""
    it = daily()
    spend(it, 10, 60.0)
    midnight = 12 * HOUR_S
    it.tell(ClockRead(wall("2026-03-02T00:01:00"), midnight + 60.0), midnight + 60.0)
    it.tell(ClockRead(wall("2026-03-02T00:02:05"), midnight + 120.0), midnight + 120.0)
    assert it.reserve(midnight + 120.0, requests=10) is not None


def test_a_jump_back_across_midnight_takes_up_the_old_day_again() -> None:
    """The clock was fast and is put back from after midnight to before: the old day's use counts again until the
    midnight that comes."""
    it = daily()
    spend(it, 10, 60.0)
    midnight = 12 * HOUR_S
    spend(it, 3, midnight + 300.0)
    it.tell(ClockRead(wall("2026-03-01T23:50:00"), midnight + 310.0), midnight + 310.0)
    refused = it.refusal(midnight + 310.0, requests=1)
    assert refused.available_at == pytest.approx(midnight + 310.0 + 600.0 + 1.0)
    assert it.reserve(refused.available_at, requests=10) is not None


def test_a_jump_back_within_a_day_forgets_nothing() -> None:
    """The clock is put back by hours: the day is that much longer."""
    it = daily()
    spend(it, 10, 60.0)
    it.tell(ClockRead(wall("2026-03-01T09:00:00"), 120.0), 120.0)
    assert it.refusal(120.0, requests=1).available_at == 120.0 + 15 * HOUR_S + 1.0


@settings(max_examples=150, deadline=None)
@given(
    charges=st.lists(st.floats(0.0, 2 * DAY_S), min_size=1, max_size=10).map(sorted),
    jump_at=st.floats(0.0, 2 * DAY_S),
    back_s=st.floats(0.1, DAY_S - HOUR_S),
)
def test_no_jump_back_resets_early(charges: list[float], jump_at: float, back_s: float) -> None:
    """After a jump back, all that was sent since the last midnight of the new clock counts."""
    it = daily()
    (window,) = it.state.windows
    start = wall("2026-03-01T12:00:00")
    for at in charges:
        if at <= jump_at and window.ready_at(1, at) <= at:
            spend(it, 1, at)
    it.tell(ClockRead(start + jump_at, jump_at), jump_at)
    now = jump_at + 30.0
    it.tell(ClockRead(start + now - back_s, now), now)
    today = datetime.fromtimestamp(start + now - back_s, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = now - (start + now - back_s - today.timestamp())
    sent = [event.at for event in it.events if type(event).__name__ == "Dispatched"]
    assert window.level(now) >= sum(at >= since for at in sent)


def test_a_drifting_clock_moves_the_edge_with_it() -> None:
    """Less than a second between readings is no jump: the edge follows, in either direction, and what was used stays
    used until it."""
    for drift in (0.9, -0.9):
        it = daily()
        spend(it, 10, 1.0)
        for minute in range(1, 60):
            now = minute * 60.0
            it.tell(ClockRead(wall("2026-03-01T12:00:00") + now + drift * minute, now), now)
            assert it.reserve(now, requests=1) is None
        window = it.state.windows[0]
        assert isinstance(window, Fixed)
        assert window.edge == pytest.approx(12 * HOUR_S - drift * 59)


def test_idle_windows_pass_without_a_charge() -> None:
    """A limit that nobody used for many windows is empty, and its next edge lies ahead."""
    it = pool(LimitConfig("requests", 10, 1.0, Shape.FIXED), guard_s=0.1)
    spend(it, 10, 0.5)
    spend(it, 10, 1000.5)
    window = it.state.windows[0]
    assert window.level(1000.5) == 10
    assert 1000.5 < window.edge <= 1001.5
