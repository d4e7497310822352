"""The page: whole without anything else, honest at the top, and with nothing outside of its plots."""

import os
import re
import subprocess
import sys
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorrouter.simulation.reports import (
    LimitSeries,
    SpendSeries,
    StateTimeline,
    Waits,
    page,
)
from actorrouter.simulation.reports.style import STYLE

from .drawings import INSIDE, drawings, marks, outer, parse, plot_area, words
from .records import HOSTILE, bare, full, hostile


def check_geometry(html):
    """All is inside its drawing, what belongs to the plot inside the plot, and no two words lie on each other."""
    for svg in drawings(html):
        whole, area = outer(svg), plot_area(svg)
        for box in marks(svg):
            assert box.within(whole), box
            assert box.what.split(" ")[0] not in INSIDE or box.within(area), (box, area)
        told = words(svg)
        for box in told:
            assert box.within(whole), box
        for one, other in combinations(told, 2):
            assert not one.meets(other), (one, other)


@pytest.mark.parametrize("buckets", [1, 2, 7, 60, 240, 1000, 8640, 10_000])
def test_nothing_leaves_its_plot_and_no_words_collide(buckets):
    """From one bucket to a day of ten seconds each."""
    check_geometry(page(full(buckets)))


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30).map(tuple),
    st.floats(0.001, 1e7),
    st.floats(0.001, 1e5),
    st.floats(-1e3, 1e7),
    st.floats(-1e3, 1e7),
)
@settings(max_examples=40, deadline=None)
def test_nothing_leaves_its_plot_whatever_was_recorded(values, duration_s, bucket_s, begin, end):
    """Not a number, times after the end, limits far above their ceiling."""
    html = page(
        bare(
            duration_s=duration_s,
            bucket_s=bucket_s,
            series={"offered": values, "waiting": values},
            limits=(LimitSeries("p", "s", "l", 10.0, values, 3.0),),
            states=(StateTimeline("k", "key", ((begin, end, "throttled"), (end, begin, "odd"))),),
            faults=((begin, end, "outage"),),
            restarts=((begin, "a", "b"), (end, "a", "b")),
            spend=(SpendSeries("b", values, 5.0),),
        )
    )
    for svg in drawings(html):
        for box in marks(svg):
            assert box.within(outer(svg)), box
            assert box.what.split(" ")[0] not in INSIDE or box.within(plot_area(svg)), box
    assert "nan" not in re.sub(r"<style>.*</style>", "", html, flags=re.DOTALL).replace("none", "")


def test_an_empty_record_is_a_page():
    """With a verdict and a replay line, and no empty sections."""
    html = page(bare())
    assert parse(html) is not None
    assert "Every law held" in html
    assert "<h2>" not in html


def test_empty_series_are_left_out():
    """A series nobody filled draws nothing."""
    assert (
        drawings(page(bare(series={"offered": (), "waiting": ()}, waits=Waits(edges_s=(0.0, 1.0), counts=(0,))))) == []
    )


def test_the_page_needs_nothing_else():
    """No script, no link, no font, no image from elsewhere."""
    html = page(full()).replace('xmlns="http://www.w3.org/1999/xhtml"', "")
    for word in ("<script", "href", "src=", "url(", "@import", "http", "onload", "<link", "<img"):
        assert word not in html
    assert "prefers-color-scheme: dark" in STYLE


def test_every_class_has_a_look():
    """What the page names, the style sheet knows."""
    html = page(full(violations=("x",)))
    used = {name for told in re.findall(r'class="([^"]*)"', html) for name in told.split()}
    plain = {"small", "wide", "other", "text", "good", "bad", "soft"}
    assert {name for name in used if f".{name}" not in STYLE} <= plain


def test_every_colour_has_a_dark_twin():
    """Both palettes name the same colours."""
    light, dark = STYLE.split("@media", 1)
    names = [set(re.findall(r"(--[\w-]+):", part)) for part in (light, dark)]
    assert names[0] == names[1]
    assert set(re.findall(r"var\((--[\w-]+)\)", STYLE)) <= names[0]


def test_hostile_text_stays_text():
    """It is shown, escaped, wherever it comes from."""
    html = page(hostile())
    assert "<script" not in html
    assert HOSTILE.split(" &", 1)[0].removeprefix("<script>") not in html
    assert "\x00" not in html
    assert parse(html.encode().decode()) is not None
    check_text = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
    assert html.count(check_text) >= 20


def test_the_top_says_what_held_and_how_to_see_it_again():
    """Before any plot."""
    head = page(full()).split("<svg", 1)[0]
    for told in ("1 of 2 expectations held", "actorrouter simulate outage.toml --seed 42", "14,523", "99.3 %"):
        assert told in head
    assert 'class="verdict bad"' in head
    assert head.index("wait p99 below 1 s") < head.index("at least 99 % served")
    assert 'class="verdict"' in page(bare())


def test_violations_are_told_before_all_else_and_in_a_bounded_number():
    """The first fifty in words, the rest as a number."""
    html = page(full(violations=tuple(f"law {at} broken" for at in range(60))))
    assert "law 49 broken" in html
    assert "law 50 broken" not in html
    assert "and 10 more" in html
    assert html.index("law 0 broken") < html.index("<svg")


def test_states_are_told_in_words_too():
    """Colour alone says nothing to some."""
    shown = [text.what for svg in drawings(page(full())) for text in words(svg)]
    assert {"available", "throttled", "closed", "open", "disabled"} <= set(shown)


def test_faults_and_restarts_are_named_beside_the_lines():
    """Only if there are any."""
    assert all(f"</svg>{name}</li>" in page(full()) for name in ("fault", "restart", "offered"))
    assert "</svg>fault</li>" not in page(full(faults=(), restarts=()))


def test_many_limits_rows_and_changes_stay_a_page():
    """Hundreds of limits, thousands of keys and a key that flips all day: what is left out is said."""
    flips = tuple((float(at), at + 1.0, "available" if at % 2 else "throttled") for at in range(20_000))
    html = page(
        full(
            2000,
            limits=tuple(LimitSeries("p", "s", str(at), 1.0, (0.1,) * 2000, at / 300) for at in range(300)),
            states=tuple(StateTimeline(f"k{at}", "key", flips if at == 999 else flips[:1]) for at in range(1000)),
            waits=Waits(edges_s=tuple(range(501)), counts=(1,) * 500),
        )
    )
    assert len(html) < 3_000_000
    assert "276 limits with lower peaks are not shown" in html
    assert "960 more with fewer changes are not shown" in html
    assert "key k999" in html
    check_geometry(html)


SCRIPT = """
import hashlib
from actorrouter.simulation.reports import compare, page, summary, to_json
from tests.simulation.reports.records import full, hostile
for record in (full(), hostile()):
    both = compare([record, full()])
    for text in (page(record), summary(record), to_json(record), both.html(), both.json(), both.text()):
        print(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())
"""


def test_the_same_record_is_the_same_bytes_in_every_process():
    """Page, text, JSON and comparison; two hash seeds."""
    told = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(told) == 1
