"""What requests cost, who holds the money, and how a spent balance is told."""

from typing import Any

import pytest

from actorrouter.simulation.providers.config import LimitConfig, PriceConfig
from actorrouter.simulation.providers.provider import Admission, ProviderModel

from .asking import ask, header, make, used_of

PRICES = {"*": PriceConfig(1.0, 10.0, cached_usd=0.5)}


def of_money(usd: float, shape: Any = "balance", **options) -> LimitConfig:
    return LimitConfig("cost", usd, 60, shape, **options)


def million(model: ProviderModel, now: float = 0, most: int = 100_000, **options) -> Admission:
    """One dollar of input, and at most one of output."""
    return ask(model, now, most, given_tokens=1_000_000, **options)


def error_of(admission: Admission) -> dict[str, Any]:
    assert admission.error is not None
    return admission.error


def test_the_worst_case_is_held_and_the_truth_is_spent():
    """Held at full price and max_tokens; settled with the cache's price and the tokens there were."""
    model = make(of_money(10), prices=PRICES)
    admission = million(model, cached_tokens=1_000_000)
    limit = model.books(0)["scopes"]["org"]["limits"][0]
    assert (limit["used"], limit["held"]) == (pytest.approx(2), pytest.approx(2))
    model.finish(admission, 50_000, 1)
    books = model.books(1)
    limit = books["scopes"]["org"]["limits"][0]
    assert (limit["used"], limit["held"]) == (pytest.approx(1), pytest.approx(0))
    spent = [books, books["scopes"]["org"], books["keys"]["a"]]
    assert [part["cost_usd"] for part in spent] == [pytest.approx(1)] * 3
    assert [part["cached_tokens"] for part in spent] == [1_000_000] * 3


def test_in_flight_and_spent_are_different_402s():
    """While others hold the money it is a matter of time; when it is spent it is not."""
    model = make(of_money(3, code="openrouter_credits"), prices=PRICES)
    first = million(model)
    waiting = million(model)
    assert (waiting.status, waiting.cause) == (402, "in_flight")
    assert error_of(waiting)["metadata"] == {
        "limit_source": "openrouter_in_flight_budget",
        "reason": "in_flight_budget_exhausted",
    }
    model.finish(first, 100_000, 1)
    spent = million(model, 1)
    assert (spent.status, spent.cause) == (402, "spent")
    assert error_of(spent)["metadata"] == {"limit_source": "openrouter_credits"}
    assert header(spent, "retry-after") is None
    rejected = model.books(1)["rejected"]
    assert (rejected["in_flight"], rejected["spent"], rejected["limit"]) == (1, 1, 0)


def test_an_in_flight_budget_is_free_again_at_the_end():
    """All that was held comes back; the refusal names the wait the description claims, as nobody knows it."""
    model = make(of_money(3, "in_flight", claims_s=2), prices=PRICES)
    first = million(model)
    refused = million(model)
    assert (refused.status, refused.cause, header(refused, "retry-after")) == (402, "in_flight", "2.000")
    too_big = million(model, most=300_000)
    assert error_of(too_big)["metadata"]["reason"] == "weight_exceeds_budget"
    model.finish(first, 100_000, 1)
    assert (used_of(model, 1), million(model, 1).accepted) == (0, True)


@pytest.mark.parametrize(("code", "status", "kind", "told"), [
    ("insufficient_quota", 429, "insufficient_quota", "insufficient_quota"),
    ("project_spend_limit_exceeded", 429, "insufficient_quota", "project_spend_limit_exceeded"),
    ("enforced_spend_limit_reached", 429, "rate_limit_error", "enforced_spend_limit_reached"),
    ("specified_usage_limits", 400, "invalid_request_error", None),
    ("blocked_api_access", 400, "invalid_request_error", "blocked_api_access"),
    ("billing_error", 402, "billing_error", None),
    ("openrouter_key_limit", 402, "payment_required", 402),
])  # fmt: skip
def test_a_spent_month_is_told_in_each_providers_way_and_without_a_wait(code, status, kind, told):
    """Status, type and code are data; no retry-after, unless the description says so."""
    for says_when in (None, True):
        model = make(of_money(2.5, "calendar", period="month", code=code, says_when=says_when), prices=PRICES)
        model.finish(million(model, most=10_000), 10_000, 0)
        refused = million(model)
        error = error_of(refused)
        assert (refused.status, error["type"], error["code"], refused.cause) == (status, kind, told, "spent")
        assert (header(refused, "retry-after") is not None) == (says_when is True)


def test_money_counted_at_the_end_only_can_be_overspent():
    """A cap that looks at what was spent lets through what is under way."""
    model = make(of_money(1, charge="actual"), prices=PRICES)
    under_way = [million(model) for _ in range(3)]
    for admission in under_way:
        model.finish(admission, 100_000, 1)
    assert million(model, 1).cause == "spent"
    assert model.books(1)["scopes"]["org"]["limits"][0]["peak"] == pytest.approx(6)
    assert model.audit() == []


def test_each_model_has_its_price():
    """Named ones their own, the others that of the star."""
    model = make(of_money(10), prices={"*": PRICES["*"], "sim-model": PriceConfig(2.0, 0.0)})
    million(model)
    assert used_of(model, 0) == pytest.approx(2)


@pytest.mark.parametrize(("charge", "burndown", "cached", "at_start", "at_end"), [
    ("up_front_then_settle", 5, "released", 110, 40),  # Bedrock
    ("live", 1, "free", 20, 26),  # Anthropic
    ("up_front", 1, "free", 30, 30),  # Groq
    ("up_front_then_settle", 1, "counted", 110, 106),
    ("actual", 5, "free", 0, 50),
])  # fmt: skip
def test_output_may_burn_faster_and_cached_input_may_be_free(charge, burndown, cached, at_start, at_end):
    """100 in, of which 80 or 90 are cached, at most 10 out, really 6 (or 4)."""
    cached_tokens = 80 if charge != "up_front_then_settle" or cached != "released" else 90
    limit = LimitConfig("tokens", 1_000, 60, "sliding", charge=charge, burndown=burndown, cached=cached)
    model = make(limit)
    admission = ask(model, 0, 10, given_tokens=100, cached_tokens=cached_tokens)
    at_first = used_of(model, 0)
    model.finish(admission, 6, 1)
    assert (at_first, used_of(model, 1)) == (at_start, at_end)
