"""Facts about what every benchmark shares."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks import harness


def test_a_table_is_markdown_with_numbers_at_the_right(capsys):
    """Words stand at the left, numbers at the right, and every line is as wide as the others."""
    harness.table("what it costs", ["who", "µs"], [["ours", 1.23456], ["theirs, too", 12345.6]])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "",
        "What it costs:",
        "",
        "| who         |    µs |",
        "| ----------- | ----: |",
        "| ours        |  1.23 |",
        "| theirs, too | 12346 |",
    ]


def test_the_last_line_is_json_that_names_figures_and_machine(capsys, monkeypatch):
    """Whoever reads only the last line knows the figures, what they were measured on, and that it was no real run."""
    monkeypatch.setattr(sys, "argv", ["bench", "--smoke"])
    harness.finish(calls=7)
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["calls"] == 7
    assert told["smoke"] is True
    assert told["machine"]["cpus"] >= 1
    assert told["machine"]["plain_call_us"] > 0
    assert {"anyio", "httpx2", "trio"} <= set(told["machine"]["versions"])
    assert len(told["load"]) == 2


@pytest.mark.parametrize(("within_s", "most", "counted"), [(1e9, 5, 5), (-1.0, 5, 3), (-1.0, 2, 2)])
def test_rounds_end_in_time_but_not_before_there_are_enough(within_s, most, counted):
    """All rounds within the time; once it is over no more than the least, and never more than the most."""
    assert list(harness.turns(most, within_s=within_s)) == list(range(counted))


def test_a_spread_is_median_least_and_most():
    """In this order, rounded."""
    assert harness.spread([3.0, 1.0, 2.00049]) == [2.0, 1.0, 3.0]


def test_what_is_not_installed_has_no_version():
    """Others have theirs."""
    assert list(harness.versions(["no-such-distribution", "anyio"])) == ["anyio"]
