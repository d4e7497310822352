"""Limits that are for a while lower in truth than described."""

import pytest
from hypothesis import given

from actorrouter.simulation.providers.config import FaultConfig, LimitConfig

from .asking import SHAPES, WINDOW_S, arrivals, ask, header, make, tokens, used_of

HALF = FaultConfig("squeeze", WINDOW_S, 2 * WINDOW_S, factor=0.5)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_squeezed_limit_holds_its_share_for_a_while(shape):
    """Half in the two windows of the fault; what it refuses then is not the caller's excess."""
    model = make(LimitConfig("requests", 8, WINDOW_S, shape), faults=(HALF,))
    accepted = [sum(ask(model, window * WINDOW_S + 4).accepted for _ in range(10)) for window in range(5)]
    left = 2 if shape == "bucket" else 0  # of what was used before; it drains at half the pace
    assert accepted == [8, 4 - left, 4, 8, 8]
    rejected = model.books(100)["rejected"]
    assert (rejected["squeezed"], rejected["limit"]) == (12 + left, 6)
    assert model.audit() == []


def test_a_squeezed_bucket_drains_at_its_share_from_the_instant_on():
    """Full at 0, one a second; from 4 on half of one: at 8 there is room for two, as the other two are not there."""
    model = make(LimitConfig("requests", 8, WINDOW_S), faults=(FaultConfig("squeeze", 4, factor=0.5),))
    for _ in range(8):
        ask(model, 0)
    assert model.sample(8) == {"org": {"requests/8s": 0.5}}
    assert sum(ask(model, 8).accepted for _ in range(9)) == 2


def test_headers_tell_the_limit_as_it_is():
    """As some providers do: a limit below the one agreed means a reduction for now."""
    model = make(LimitConfig("requests", 8, WINDOW_S, "fixed"), faults=(HALF,))
    assert [header(ask(model, now), "x-ratelimit-limit-requests") for now in (0, 8, 24)] == ["8", "4", "8"]


def test_a_squeeze_may_be_added_and_meets_its_pool():
    """From then on; the tightest of several holds; in the end the limit is what it was."""
    model = make(LimitConfig("requests", 8, WINDOW_S, "fixed"))
    model.add_fault(FaultConfig("squeeze", 0, 16, target="org", factor=0.5), 8)
    model.add_fault(FaultConfig("squeeze", 0, 8, factor=0.25), 8)
    accepted = [sum(ask(model, window * WINDOW_S).accepted for _ in range(10)) for window in range(4)]
    assert accepted == [8, 2, 4, 8]
    assert model.audit() == []


@pytest.mark.parametrize("shape", SHAPES)
@given(arrivals)
def test_the_audit_agrees_with_what_was_squeezed(shape, arrivals):
    """Whatever comes, nothing above the share is accepted."""
    model, now = make(tokens(shape), faults=(HALF,)), 0.0
    for gap, cost in arrivals:
        now += gap
        ask(model, now, cost)
    assert model.audit() == []


def test_an_answer_that_ends_after_the_squeeze_began_finds_it_on():
    """Nothing asked meanwhile and nothing written: what drained before the instant drained fast, the rest slowly."""
    model = make(tokens(charge="actual"), faults=(FaultConfig("squeeze", 4, factor=0.5),))
    first, second = ask(model, 0, 8), ask(model, 0, given_tokens=2)
    model.finish(first, 8, 2)
    model.finish(second, 0, 6)
    assert used_of(model, 6) == 8 - 2 * 2 - 2 * 1 + 2
