"""Runs side by side."""

import json

import pytest

from actorrouter.simulation.reports import compare

from .drawings import drawings, marks, outer, parse, plot_area
from .records import bare, full, hostile


def test_figures_of_every_run_stand_beside_each_other():
    """One that a run does not have is a dash."""
    rows = compare([full(), bare(figures={"offered": 5, "own_s": 2.0})]).text().splitlines()
    assert rows[0].split() == ["Outage", "at", "noon", "nothing"]
    assert next(row for row in rows if "verdict" in row).split() == ["verdict", "not", "held", "held"]
    assert next(row for row in rows if "offered" in row).split() == ["offered", "14,523", "5"]
    assert next(row for row in rows if "own" in row).split() == ["own", "-", "2", "s"]


def test_runs_of_one_title_are_told_apart():
    """By seed and path, and else by number."""
    named = compare([full(), full(seed=7), full(seed=7), bare()]).names
    assert named[0] == "Outage at noon (seed 42, full)"
    assert named[1] != named[2]
    assert named[3] == "nothing"


def test_the_json_has_each_run_by_name():
    """With what a program compares."""
    told = json.loads(compare([full(), bare()]).json())
    assert told["Outage at noon"]["figures"]["offered"] == 14_523
    assert told["Outage at noon"]["highest_use"] == 1.1
    assert told["nothing"]["highest_use"] is None
    assert told["nothing"]["held"]


@pytest.mark.parametrize("records", [[full(), full(seed=3)], [full(30), bare()], [full(), hostile()], [bare()]])
def test_the_page_is_whole_and_inside_its_plots(records):
    """Runs of different lengths and buckets too."""
    html = compare(records).html()
    assert parse(html) is not None
    assert "<script" not in html
    for svg in drawings(html):
        assert all(box.within(outer(svg)) for box in marks(svg))
        assert all(box.within(plot_area(svg)) for box in marks(svg) if box.what.startswith("line"))


def test_runs_with_other_buckets_are_drawn_on_the_same():
    """Calls are spread evenly, of loads the highest counts; nothing is lost."""
    fine = bare(duration_s=4, bucket_s=1, series={"served": (1.0, 3.0, 5.0, 7.0), "waiting": (1.0, 3.0, 5.0, 7.0)})
    coarse = bare(duration_s=6, bucket_s=2, series={"served": (4.0, 4.0, 4.0), "waiting": (2.0, 2.0, 2.0)})
    titles = [
        title.text or "" for svg in drawings(compare([fine, coarse]).html()) for title in svg.iter() if title.text
    ]
    assert any(
        "nothing (seed 1, fast) #1 2\n" in text and text.startswith("0 s to 2 s") for text in titles
    )  # (1 + 3) / 2
    assert any(
        "nothing (seed 1, fast) #1 7\n" in text and text.startswith("2 s to 4 s") for text in titles
    )  # the higher


def test_of_many_runs_the_first_are_drawn_and_all_are_told():
    """And the page says so."""
    html = compare([full(30, seed=seed) for seed in range(11)]).html()
    assert "The plots show the first 8 runs." in html
    assert html.count("seed 10,") >= 1
    assert "The plots show" not in compare([full()]).html()


def test_nothing_cannot_be_compared():
    """It is told."""
    with pytest.raises(ValueError, match="nothing to compare"):
        compare([])
