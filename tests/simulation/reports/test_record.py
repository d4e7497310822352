"""The record of a run goes to JSON and back without loss."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.reports import RecordInvalid, StateTimeline, Waits, from_json, to_json

from .records import bare, full, hostile


@pytest.mark.parametrize("make", [bare, full, hostile])
def test_a_record_comes_back_as_it_was(make):
    """Every field, to the last bit."""
    assert from_json(to_json(make())) == make()


@given(
    st.dictionaries(st.text(), st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()),
    st.dictionaries(st.text(), st.lists(st.floats(allow_nan=False, allow_infinity=False)).map(tuple)),
    st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9), st.text())).map(tuple),
)
def test_any_figures_series_and_spans_come_back(figures, series, spans):
    """Whole numbers stay whole, text stays text."""
    record = bare(figures=figures, series=series, states=(StateTimeline("a", "key", spans),))
    read = from_json(to_json(record))
    assert read == record
    assert {name: type(value) for name, value in read.figures.items()} == {n: type(v) for n, v in figures.items()}


def test_what_is_not_finite_is_not_written():
    """JSON has no word for it."""
    with pytest.raises(ValueError, match="JSON"):
        to_json(bare(series={"served": (float("nan"),)}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "format 1"),
        ({"seed": "x"}, "seed"),
        ({"surplus": 1}, "surplus"),
        ({"limits": [{"provider": "p"}]}, r"limits\[0\]"),
        ({"figures": {"a": None}}, "figures"),
        ({"bucket_s": 0}, "bucket_s"),
        ({"waits": {"edges_s": [1], "counts": [1, 2]}}, "edge"),
    ],
)
def test_what_is_no_record_is_told_where(change, said):
    """The place or the reason."""
    with pytest.raises(RecordInvalid, match=said):
        from_json(json.dumps({**json.loads(to_json(full())), **change}))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 1}', "null"])
def test_other_text_is_no_record(text):
    """And says so in one kind of error."""
    with pytest.raises(RecordInvalid):
        from_json(text)


def test_a_histogram_needs_its_edges():
    """One more than counts."""
    with pytest.raises(ValueError, match="edge"):
        Waits(edges_s=(0.0,), counts=(1,))
