"""The summary for a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.reports import summary
from actorrouter.simulation.reports.page import top
from actorrouter.simulation.reports.text import columns, sparkline

from .records import bare, full, hostile


def test_the_summary_begins_with_the_verdict_and_ends_with_the_replay_line():
    """What did not hold is marked."""
    told = summary(full())
    assert told.startswith(
        "Outage at noon\nseed 42, full path, 40 min of calls: every law held; 1 of 2 expectations held\n"
    )
    assert told.endswith("replay: actorrouter simulate outage.toml --seed 42 --path full\n")
    assert "✗ wait p99 below 1 s, measured 1.23 s" in told
    assert "110 %" in told


def test_the_summary_fits_a_terminal():
    """Each line is at most 100 letters wide."""
    assert max(len(line) for line in summary(full(10_000)).splitlines()) <= 100


def test_a_terminal_gets_no_control_characters():
    """Whoever chose the names."""
    assert all(letter.isprintable() or letter == "\n" for letter in summary(hostile()))
    assert "\x1b" not in columns([["\x1b[31m", "a"]])


def test_violations_are_told():
    """The first, and how many more."""
    told = summary(bare(violations=tuple(f"law {at}" for at in range(20))))
    assert "✗ law 7" in told
    assert "and 12 more" in told


def test_limits_that_no_provider_counts_are_named():
    """An empty column of violations says nothing of them."""
    told = "not judged by any provider: limits of pages"
    assert told in summary(bare(unjudged=("pages",)))
    assert told not in summary(bare())
    assert told.capitalize() in top(bare(unjudged=("pages",)))


def test_nothing_is_a_summary():
    """Title, verdict, replay."""
    played = "seed 1, fast path, 1 min of calls"
    verdict = f"{played}: every law held; nothing was expected"
    assert summary(bare()) == f"nothing\n{verdict}\n\nreplay: actorrouter simulate FILE --seed 1 --path fast\n"


def test_the_smallest_number_there_is_does_not_break_a_sparkline():
    """Shares of it are still shares."""
    assert sparkline([5e-324, 0.0]) == "█ "


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=500))
def test_a_sparkline_is_short_and_shows_whatever_is_above_nothing(values):
    """Even one call in a quiet day."""
    line = sparkline(values)
    assert len(line) <= 60
    assert bool(line.strip()) == any(0 < value < float("inf") for value in values)
