"""The SVG writer: escaping, coordinates, ticks, and series cut without losing their peaks."""

from math import inf, nan
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.reports.svg import (
    POINTS_MAX,
    Frame,
    downsample,
    element,
    escape,
    filled,
    number,
    steps,
    ticks,
    time_ticks,
)

from .drawings import walk

anything = st.floats(allow_nan=True, allow_infinity=True)


def visible(text):
    return "".join(letter for letter in text if letter.isprintable() and letter not in " \ufffd")


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_is_markup_that_says_the_text(text):
    """What people can see comes back as it was; what XML cannot hold does not break the page."""
    read = ET.fromstring(element("p", escape(text), title=text).encode())  # noqa: S314 - we wrote it
    assert visible(read.text or "") == visible(read.get("title") or "") == visible(text)


def test_attributes_are_escaped_and_spelled():
    """`class_` is class, `data_x` is data-x, None is left out."""
    assert element("a", class_='"', data_x=1.5, id=None) == '<a class="&quot;" data-x="1.5" />'


@given(st.floats(-1e6, 1e6))
def test_a_coordinate_is_right_to_a_hundredth(value):
    """And short: no exponent, no negative zero."""
    text = number(value)
    assert abs(float(text) - value) <= 0.00501
    assert "e" not in text
    assert text != "-0"


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_a_coordinate_that_is_no_number_is_a_bug(value):
    """It never reaches the page."""
    with pytest.raises(ValueError, match="finite"):
        number(value)


@given(st.lists(st.floats(0, 1e9), max_size=3000), st.integers(1, 500))
def test_cutting_a_series_keeps_every_bucket_and_every_peak(values, most):
    """The stretches are few, follow each other, and each has its highest value."""
    cut = downsample(values, most)
    assert len(cut) <= most
    assert [first for first, _, _ in cut] == [0, *(after for _, after, _ in cut[:-1])][: len(cut)]
    assert all(value == max(values[first:after]) for first, after, value in cut)
    assert not values or cut[-1][1] == len(values)


def test_ten_thousand_buckets_are_at_most_four_hundred_points():
    """And one bucket among them that stands out is still seen."""
    values = [0.0] * 10_000
    values[7777] = 5.0
    cut = downsample(values)
    assert len(cut) <= POINTS_MAX == 400
    assert max(value for _, _, value in cut) == 5.0


@given(st.lists(anything, max_size=900), anything, st.floats(0.001, 1e6))
def test_every_point_is_inside_the_plot(values, top, until_s):
    """Whatever the values: negative, above the top, infinite, not a number."""
    frame = Frame(960, 240, until_s, top)
    path = steps(frame, downsample(values), 1.0)
    assert bool(path) == bool(values)
    for x, y in walk(filled(frame, path)):
        assert frame.left <= x <= frame.right_x
        assert frame.top <= y <= frame.bottom_y


def test_one_bucket_is_a_line_over_its_length():
    """Not a point nobody sees."""
    frame = Frame(200, 100, 10.0, 1.0)
    assert list(walk(steps(frame, downsample([0.5]), 10.0))) == [(64.0, 43.0), (186.0, 43.0)]


@given(st.floats(1e-9, 1e12), st.integers(2, 8))
def test_ticks_start_at_nothing_rise_evenly_and_stay_below_the_top(most, about):
    """There are at least two and not many."""
    marks = ticks(most, about)
    assert marks[0] == 0
    assert marks == sorted(set(marks))
    assert marks[-1] <= most * 1.00001
    assert 2 <= len(marks) <= about + 1


@pytest.mark.parametrize("most", [0, -1, 5e-324, nan, inf])
def test_nothing_has_one_tick(most):
    """At nothing."""
    assert ticks(most) == [0.0]


@given(st.floats(1e-3, 1e9), st.integers(3, 10))
def test_ticks_of_time_are_few_and_inside(until_s, about):
    """From a millisecond to decades."""
    marks = time_ticks(until_s, about)
    assert marks[0] == 0
    assert 2 <= len(marks) <= about + 1
    assert marks[-1] <= until_s * 1.00001


@pytest.mark.parametrize(
    ("until_s", "step"), [(60, 10), (600, 120), (3600, 600), (86_400, 10_800), (8 * 86_400, 86_400)]
)
def test_ticks_of_time_are_round(until_s, step):
    """Whole seconds, minutes, hours, days."""
    assert time_ticks(until_s)[1] == step
