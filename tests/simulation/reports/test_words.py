"""Numbers as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.reports import Expectation
from actorrouter.simulation.reports.words import (
    count_text,
    figure_text,
    money_text,
    name_text,
    replay_text,
    share_text,
    time_text,
    verdict_text,
)

from .records import bare


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0042, "4.2 ms"),
        (0.9996, "1 s"),
        (1.234, "1.23 s"),
        (59.96, "1 min"),
        (90, "1 min 30 s"),
        (3599.7, "1 h"),
        (5400, "1 h 30 min"),
        (86_400, "1 d"),
        (129_600, "1 d 12 h"),
        (-90, "-1 min 30 s"),
        (float("nan"), "-"),
        (float("inf"), "-"),
    ],
)
def test_times(seconds, text):
    """In the unit that fits."""
    assert time_text(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.5, "50 %"),
        (1, "100 %"),
        (0.9931, "99.3 %"),
        (0.99996, "99.996 %"),
        (0.0004, "0.04 %"),
        (1.1, "110 %"),
    ],
)
def test_a_share_that_is_not_all_does_not_read_as_all(share, text):
    """Nor one that is not nothing as nothing."""
    assert share_text(share) == text


@pytest.mark.parametrize(
    ("name", "value", "shown", "text"),
    [
        ("wait_p99_s", 1.5, "wait p99", "1.5 s"),
        ("served_per_s", 12.345, "served", "12.3 /s"),
        ("spend_usd", 1234.5, "spend", "$1,234.50"),
        ("served_share", 0.5, "served share", "50 %"),
        ("offered", 1_234_567, "offered", "1,234,567"),
        ("busiest", "a", "busiest", "a"),
        ("_s", 3, " s", "3 s"),
    ],
)
def test_a_figure_is_told_by_the_unit_of_its_name(name, value, shown, text):
    """The unit moves from the name to the value."""
    assert (name_text(name), figure_text(name, value)) == (shown, text)


@pytest.mark.parametrize(("usd", "text"), [(0, "$0.00"), (0.0042, "$0.0042"), (12.5, "$12.50"), (float("nan"), "-")])
def test_money(usd, text):
    """Cents, or what it takes to see it."""
    assert money_text(usd) == text


@given(st.floats())
def test_every_number_has_a_short_text(value):
    """Without an exponent while it is below a million millions."""
    for text in (time_text(value), count_text(value), share_text(value), money_text(value)):
        assert text
        assert abs(value) > 1e12 or len(text) < 24


def test_the_verdict_counts_what_did_not_hold():
    """Laws first."""
    two = (Expectation("a", True, ""), Expectation("b", False, ""))
    assert verdict_text(bare()) == "every law held; nothing was expected"
    assert verdict_text(bare(expectations=two[:1])) == "every law held; every expectation held"
    assert verdict_text(bare(expectations=two)) == "every law held; 1 of 2 expectations held"
    assert verdict_text(bare(violations=("x",))).startswith("1 violation of the laws")
    assert [bare(expectations=two).held, bare(violations=("x",)).held, bare().held] == [False, False, True]


def test_the_replay_line_can_be_pasted():
    """A file name with a space is quoted."""
    assert replay_text(bare(seed=7)) == "actorrouter simulate FILE --seed 7 --path fast"
    assert replay_text(bare(scenario_file="my own.toml")) == "actorrouter simulate 'my own.toml' --seed 1 --path fast"
    assert replay_text(bare(path="full", cut_s=2.5)) == "actorrouter simulate FILE --seed 1 --path full --cut 2.5"
