"""Each window shape against a model that can be read at a glance."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.providers import meters
from actorrouter.simulation.providers.config import LimitConfig
from actorrouter.simulation.providers.provider import Admission

from .asking import SHAPES, WINDOW_S, arrivals, ask, make, tokens


def fits_sliding(taken: list[tuple[float, int]], cost: int, now: float) -> bool:
    return sum(was for at, was in taken if now - at < WINDOW_S) + cost <= 16


def fits_fixed(taken: list[tuple[float, int]], cost: int, now: float) -> bool:
    window = floor((now - 3) / WINDOW_S)
    return sum(was for at, was in taken if floor((at - 3) / WINDOW_S) == window) + cost <= 16


def fits_bucket(taken: list[tuple[float, int]], cost: int, now: float) -> bool:
    left, then = Fraction(8), Fraction(0)
    for at, was in [*taken, (now, cost)]:
        left = min(Fraction(8), left + (Fraction(at) - then) * Fraction(16, 8)) - was
        then = Fraction(at)
    return left >= 0


@pytest.mark.parametrize(
    ("limit", "fits"),
    [
        (tokens("sliding"), fits_sliding),
        (tokens("fixed", phase_s=3), fits_fixed),
        (tokens("bucket", burst=8), fits_bucket),
    ],
    ids=SHAPES,
)
@given(arrivals)
def test_admits_exactly_what_its_shape_allows(limit, fits, arrivals):
    """Each arrival is accepted if and only if the naive model has room, and 429 otherwise."""
    model, now = make(limit), 0.0
    taken: list[tuple[float, int]] = []
    for gap, cost in arrivals:
        now += gap
        admission = ask(model, now, cost)
        assert admission.accepted == fits(taken, cost, now)
        assert admission.status == (200 if admission.accepted else 429)
        if admission.accepted:
            taken.append((now, cost))
    assert model.audit() == []


@given(st.lists(st.booleans(), max_size=60))
def test_concurrency_counts_what_is_open(asks):
    """At most `amount` are in flight, and a finished one makes room at once."""
    model = make(LimitConfig("concurrency", 3))
    open_now: list[Admission] = []
    for now, asking in enumerate(asks):
        if asking:
            admission = ask(model, now)
            assert admission.accepted == (len(open_now) < 3)
            open_now += [admission] if admission.accepted else []
        elif open_now:
            model.finish(open_now.pop(), 1, now)
    books = model.books(60)
    assert books["in_flight"] == books["keys"]["a"]["in_flight"] == len(open_now)
    assert model.audit() == []


def test_a_full_sliding_log_merges_and_never_admits_more(monkeypatch):
    """With room for 3 entries only, 8 requests a window stay 8."""
    monkeypatch.setattr(meters, "ENTRIES_MAX", 3)
    model = make(LimitConfig("requests", 8, WINDOW_S, "sliding"))
    assert sum(ask(model, now / 2).accepted for now in range(64)) <= 8 * 4
    assert model.audit() == []
