"""Faults strike in their time, at their target, and are booked apart."""

import pytest

from actorrouter.simulation.providers.config import FaultConfig, FaultKind, LimitConfig
from actorrouter.simulation.providers.faults import FAULTS_MAX

from .asking import WINDOW_S, ask, header, make, tokens, used_of


@pytest.mark.parametrize(("fault", "status", "code", "cause"), [
    (FaultConfig("outage", 1, 2), 503, "server_is_overloaded", "outage"),
    (FaultConfig("outage", 1, 2, how="drop"), 0, "", "outage"),
    (FaultConfig("revoke", 1, 2, target="a"), 401, "invalid_api_key", "revoked"),
    (FaultConfig("throttle", 1, 2, target="org"), 429, "rate_limit_exceeded", "injected_429"),
])  # fmt: skip
def test_a_fault_refuses_in_its_time_and_charges_nothing(fault, status, code, cause):
    """Before and after it all is well; its refusals are booked under its name, not as the caller's excess."""
    model = make(LimitConfig("requests", 2, WINDOW_S, "sliding"), faults=(fault,))
    before, during, after = (ask(model, now) for now in (0, 1, 3))
    assert (before.accepted, during.status, after.accepted) == (True, status, True)
    assert during.error is not None
    assert during.error["code"] == code
    assert model.books(3)["rejected"][cause] == model.books(3)["keys"]["a"]["rejected"][cause] == 1
    assert used_of(model, 3) == 2


def test_a_fault_meets_its_target_only():
    """Key b is served while key a is revoked, from its own description or by a fault."""
    model = make(faults=(FaultConfig("revoke", target="a"),))
    assert [ask(model, 0, key=key).status for key in "ab"] == [401, 200]


@pytest.mark.parametrize(("claimed", "told"), [(None, None), (2.5, "2.500")])
def test_an_injected_429_says_when_or_nothing(claimed, told):
    """Retry-After is the fault's own claim, or absent."""
    assert header(ask(make(faults=(FaultConfig("throttle", retry_after_s=claimed),)), 0), "retry-after") == told


def test_probability_draws_per_request():
    """About a third of 3,000 is 1,000."""
    model = make(faults=(FaultConfig("throttle", probability=1 / 3),))
    assert 900 < sum(not ask(model, 0).accepted for _ in range(3_000)) < 1_100


def test_faults_of_the_answer_show_in_the_delivery():
    """Slow, cut, hung and garbled answers are accepted and charged; how they are sent is said."""
    kinds: tuple[FaultKind, ...] = ("slow_stream", "truncate", "hang", "garbage")
    model = make(tokens(amount=100), faults=tuple(FaultConfig(kind, factor=3) for kind in kinds))
    delivery = ask(model, 0, 50).delivery
    assert delivery is not None
    assert (delivery.hang, delivery.garbage) == (True, True)
    assert delivery.per_token_s == pytest.approx(0.003)
    assert delivery.cut_after is not None
    assert 0 <= delivery.cut_after < 50
    assert used_of(model, 0) == 50


def test_a_fault_added_later_counts_from_then():
    """`at_s` of an added fault is relative to now; unknown targets and too many are refused."""
    model = make()
    model.add_fault(FaultConfig("outage", 1, 1), 10)
    assert [ask(model, now).status for now in (10.5, 11, 12)] == [200, 503, 200]
    with pytest.raises(ValueError, match="no key or scope is named 'nobody'"):
        model.add_fault(FaultConfig("hang", target="nobody"), 10)
    for _ in range(FAULTS_MAX):
        model.add_fault(FaultConfig("hang", for_s=1), 12)
    with pytest.raises(ValueError, match="no more than"):
        model.add_fault(FaultConfig("hang"), 12)
    model.add_fault(FaultConfig("hang"), 13)
