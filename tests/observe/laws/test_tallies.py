"""The models of the law book against sums that anybody can check."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.observe.laws.tallies import Calendar, Leaky, Span, window_of

GUARD_S = 0.5
charges = st.lists(st.tuples(st.floats(0.01, 9.0), st.integers(1, 20)), min_size=1, max_size=30)


def instants(made: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """From (pause before, amount) to (at, amount)."""
    at, found = 100.0, []
    for pause_s, amount in made:
        at += pause_s
        found.append((at, amount))
    return found


@given(made=charges)
def test_a_span_counts_what_may_have_arrived_within_a_window(made: list[tuple[float, int]]) -> None:
    """All that was sent less than window and guard ago."""
    tally = Span(10.0, GUARD_S)
    for index, (at, amount) in enumerate(instants(made)):
        tally.charge(amount, at)
        expected = sum(a for s, a in instants(made)[: index + 1] if s > at - 10.0 - GUARD_S + 1e-6)
        assert tally.used(at) == tally.recounted(at) == expected


@given(made=charges)
def test_a_leaky_tally_is_the_worst_of_all_suffixes(made: list[tuple[float, int]]) -> None:
    """For each charge: everything since, less what has drained since it arrived at the latest."""
    tally, rate = Leaky(2.0, 50.0, GUARD_S), 2.0
    sent = instants(made)
    for index, (at, amount) in enumerate(sent):
        tally.charge(amount, at)
        worst = max(
            sum(a for _, a in sent[i : index + 1]) - rate * max(0.0, at - sent[i][0] - GUARD_S)
            for i in range(index + 1)
        )
        assert tally.used(at) == pytest.approx(worst, abs=1e-6)


def test_a_credit_takes_nothing_from_what_may_still_be_on_its_way() -> None:
    """The bucket was empty when the credit came; what arrives after it counts in full."""
    tally = Leaky(1.0, 20.0, GUARD_S)
    old = tally.charge(10, 0.0)
    tally.charge(5, 20.0)
    tally.correct(old, 10, 20.1)
    assert tally.used(20.1) == 5
    assert tally.used(20.5) == pytest.approx(5)
    assert tally.used(22.5) == pytest.approx(3)


def test_a_correction_lowers_the_window_of_its_charge_only() -> None:
    """Once that has passed there is nothing to give back."""
    tally = Span(10.0, GUARD_S)
    early = tally.charge(6, 0.0)
    late = tally.charge(6, 8.0)
    tally.correct(late, 2, 9.0)
    assert tally.used(9.0) == 10
    tally.correct(early, 6, 11.0)
    assert tally.used(11.0) == 4


def test_what_is_sent_near_an_edge_counts_on_both_sides() -> None:
    """A guard before and a guard after; everything else in one window."""
    tally = Calendar(window_of("minute", 0.0, 0.0, "UTC"), GUARD_S)
    tally.align(0.0, 0.0)
    for at, amount in ((30.0, 1), (59.6, 10), (60.4, 100)):
        tally.charge(amount, at)
    assert tally.used(60.4) == 111
    assert tally.used(60.6) == 110
    assert tally.used(120.6) == 0


def test_what_was_counted_goes_on_counting_after_a_jump() -> None:
    """Until an edge that the clock reaches; a correction still finds it."""
    tally = Calendar(window_of("minute", 0.0, 0.0, "UTC"), GUARD_S)
    tally.align(0.0, 0.0)
    charge = tally.charge(7, 30.0)
    tally.align(7000.0, 31.0)
    assert tally.used(31.0) == 7
    tally.correct(charge, 3, 32.0)
    assert tally.used(32.0) == 4
    assert tally.used(31.0 + 60.0) == 0


def test_a_window_that_has_begun_is_not_left_again() -> None:
    """A clock corrected by half a second does not reopen the last window."""
    tally = Calendar(window_of("minute", 0.0, 0.0, "UTC"), 0.0)
    tally.align(0.0, 0.0)
    tally.charge(9, 59.0)
    assert tally.used(60.1) == 0
    tally.align(59.8, 60.2)
    assert tally.used(60.2) == 0


@given(wall=st.floats(0, 4e9), zone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"]))
def test_a_calendar_window_is_a_date_of_its_zone(wall: float, zone: str) -> None:
    """Two instants are in one window exactly when the calendar there says the same day, week or month."""
    for step_s in (1.0, 3600.0, 86400.0, 40 * 86400.0):
        one, two = (datetime.fromtimestamp(each, ZoneInfo(zone)) for each in (wall, wall + step_s))
        same = {
            "day": one.date() == two.date(),
            "week": one.isocalendar()[:2] == two.isocalendar()[:2],
            "month": (one.year, one.month) == (two.year, two.month),
        }
        for every, expected in same.items():
            number = window_of(every, 0.0, 0.0, zone)
            assert (number(wall) == number(wall + step_s)) is expected


def test_a_fixed_window_begins_at_its_phase() -> None:
    """Every period from epoch and phase; without a period there is one window for ever."""
    number = window_of(None, 60.0, 15.0, "UTC")
    start = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
    assert number(start + 14.9) + 1 == number(start + 15.0) == number(start + 74.9) == number(start + 75.0) - 1
    assert window_of(None, 0.0, 0.0, "UTC")(1.0) == window_of(None, 0.0, 0.0, "UTC")(9e9)
