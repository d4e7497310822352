"""How a limit says no."""

from actorrouter.simulation.providers.config import LimitConfig

from .asking import ask, header, make, tokens


def test_what_can_never_fit_is_refused_without_a_wait():
    """A cost above the capacity names no retry-after, as no wait would do."""
    assert header(ask(make(tokens(amount=5)), 0, 6), "retry-after") is None


def test_a_spent_quota_is_not_a_rate_limit():
    """A limit may answer insufficient_quota, as a spent balance does."""
    model = make(LimitConfig("requests", 1, 3600, code="insufficient_quota"))
    error = [ask(model, 0) for _ in range(2)][1].error
    assert error is not None
    assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")
