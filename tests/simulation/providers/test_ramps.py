"""Limits that move with their use."""

from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.providers.config import LimitConfig
from actorrouter.simulation.providers.provider import ProviderModel

from .asking import WINDOW_S, arrivals, ask, header, make


def adaptive(**options) -> LimitConfig:
    return LimitConfig("requests", 16, WINDOW_S, "adaptive", **{"least": 2, "growth": 0.25, **options})


def accepted(model: ProviderModel, window: int, asked: int) -> int:
    return sum(ask(model, window * WINDOW_S).accepted for _ in range(asked))


def test_an_adaptive_limit_shrinks_under_bursts_and_grows_back_slowly():
    """Each window that had to refuse halves the next, down to `least`; one well used adds a quarter, up to `amount`."""
    model = make(adaptive())
    assert [accepted(model, window, 20) for window in range(5)] == [16, 8, 4, 2, 2]
    grown = [accepted(model, window, room) for window, room in enumerate([2, 2, 3, 3, 4, 6, 7, 9, 11, 14, 16, 16], 5)]
    assert grown == [2, 2, 3, 3, 4, 6, 7, 9, 11, 14, 16, 16]
    assert model.books(200)["rejected"]["adaptive"] == 68
    assert model.audit() == []


def test_an_adaptive_limit_does_not_grow_while_it_is_hardly_used():
    """Capacity follows success: after a burst and a quiet hour it is as small as it was."""
    model = make(adaptive())
    accepted(model, 0, 20)
    assert [accepted(model, window, 3) for window in range(1, 100)] == [3] * 99
    assert accepted(model, 100, 20) == 8


def test_an_adaptive_limit_starts_where_it_is_told_to():
    """`initial` is the first window's capacity."""
    assert accepted(make(adaptive(initial=4)), 0, 20) == 4


def test_a_ramp_lets_use_grow_by_its_share_a_window():
    """Half as much again as in the window before, and the floor in any case; after a pause from the floor."""
    model = make(LimitConfig("requests", 4, WINDOW_S, "ramp"))
    assert [accepted(model, window, 20) for window in range(5)] == [4, 6, 9, 13, 19]
    assert accepted(model, 6, 20) == 4
    assert model.audit() == []


def test_a_ramp_refuses_in_its_own_words():
    """429 ramp_limit_exceeded, with the wait until the next window, booked as a ramp."""
    model = make(LimitConfig("requests", 1, WINDOW_S, "ramp"))
    refused = [ask(model, 2) for _ in range(2)][1]
    assert refused.error is not None
    assert (refused.status, refused.error["code"], refused.cause) == (429, "ramp_limit_exceeded", "ramp")
    assert header(refused, "retry-after") == "6.000"


@given(arrivals)
def test_a_ramp_never_grows_faster_than_told(arrivals):
    """Whatever comes, each window's use is within 1.5 times the one before, or the floor."""
    model, now, uses = make(LimitConfig("tokens", 8, WINDOW_S, "ramp")), 0.0, dict[int, int]()
    for gap, cost in arrivals:
        now += gap
        if ask(model, now, cost).accepted:
            uses[int(now // WINDOW_S)] = uses.get(int(now // WINDOW_S), 0) + cost
    assert all(use <= max(8, 1.5 * uses.get(window - 1, 0)) for window, use in uses.items())
    assert model.audit() == []


@given(st.lists(st.integers(0, 30), max_size=20))
def test_an_adaptive_limit_follows_its_rule(asked):
    """Window by window it holds what a model of four lines says."""
    model, capacity = make(adaptive()), 16.0
    for window, many in enumerate(asked):
        took = accepted(model, window, many)
        assert took == min(many, int(capacity))
        if took < many:
            capacity = max(2.0, capacity / 2)
        elif took >= capacity / 2:
            capacity = min(16.0, capacity * 1.25)
    assert model.audit() == []
