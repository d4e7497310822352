"""Faults strike in their time, at their target, and are booked apart."""

import pytest

from actorrouter.simulation.providers.config import FaultConfig, FaultKind, LimitConfig
from actorrouter.simulation.providers.faults import FAULTS_MAX
from actorrouter.simulation.providers.provider import Request

from .asking import WINDOW_S, ask, header, make, tokens, used_of


@pytest.mark.parametrize(("fault", "status", "code", "cause"), [
    (FaultConfig("outage", 1, 2), 503, "server_is_overloaded", "outage"),
    (FaultConfig("outage", 1, 2, how="drop"), 0, "", "outage"),
    (FaultConfig("revoke", 1, 2, target="a"), 401, "invalid_api_key", "revoked"),
    (FaultConfig("throttle", 1, 2, target="org"), 429, "rate_limit_exceeded", "injected_429"),
    (FaultConfig("outage", 1, 2, status=529), 529, None, "outage"),
    (FaultConfig("outage", 1, 2, how="html", status=500), 500, None, "outage"),
    (FaultConfig("storm", 1, 2, every_s=0.001, lasts_s=1e9, status=529), 529, None, "storm"),
    (FaultConfig("remove_model", 1, 2, models=("sim-model",)), 404, "model_not_found", "removed_model"),
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


def test_a_model_is_removed_for_those_who_ask_for_it():
    """Other models are served, and the list has it no more."""
    model = make(models=("sim-model", "other"), faults=(FaultConfig("remove_model", 1, models=("sim-model",)),))
    assert [ask(model, now).status for now in (0, 1)] == [200, 404]
    assert model.admit("secret-a", Request("other", 1, 1, 1), 1).accepted
    offered = [(name, now) for now in (0, 1) for name in ("sim-model", "other") if model.offers(name, now)]
    assert offered == [("sim-model", 0), ("other", 0), ("other", 1)]


def test_a_wait_may_be_wrong_by_a_factor():
    """Retry-After claims a tenth of the truth; whoever believes it is refused again."""
    limit = LimitConfig("requests", 1, WINDOW_S, "fixed")
    model = make(limit, faults=(FaultConfig("wrong_wait", factor=0.1),))
    ask(model, 0)
    assert header(ask(model, 0), "retry-after") == "0.800"
    assert not ask(model, 0.8).accepted


def test_the_first_answer_after_a_pause_starts_slowly():
    """Idle for ten seconds and nothing in flight: ten times the usual time to the first token."""
    model = make(faults=(FaultConfig("slow_start", idle_s=10),))
    first_token_s = []
    for now in (0, 9, 19, 28.9, 100):
        admission = ask(model, now)
        assert admission.delivery is not None
        first_token_s.append(round(admission.delivery.first_token_s, 6))
        if now != 28.9:
            model.finish(admission, 1, now)
    assert first_token_s == [0.05, 0.05, 0.5, 0.05, 0.05]


def test_streams_may_fail_in_their_own_ways():
    """An error after some tokens, usage left out or twice, comments: said in the delivery where they strike."""
    kinds: tuple[FaultKind, ...] = ("stream_error", "double_usage", "keep_alive")
    delivery = ask(make(faults=tuple(FaultConfig(kind, status=529, every_s=3) for kind in kinds)), 0, 50).delivery
    assert delivery is not None
    assert delivery.error_after is not None
    assert 0 <= delivery.error_after < 50
    assert (delivery.error_status, delivery.usage_chunks, delivery.comment_every_s) == (529, 2, 3)
    without = ask(make(faults=(FaultConfig("no_usage"),)), 0).delivery
    usual = ask(make(), 0).delivery
    assert without is not None
    assert usual is not None
    assert (without.usage_chunks, usual.usage_chunks, usual.error_after, usual.comment_every_s) == (0, 1, None, None)


@pytest.mark.parametrize("how", ["refused", "dns", "tls", "silent"])
def test_a_connection_may_not_come_about(how):
    """Told to whoever brings connections, in its time, and counted."""
    model = make(faults=(FaultConfig("dial", 1, 1, how=how),))
    assert [model.dial_fault(elapsed) for elapsed in (0, 1, 1.5, 2)] == [None, how, how, None]
    assert model.books(2)["dial_faults"] == {how: 2}


def test_storms_meet_every_key_and_provider_with_the_same_seed_at_once():
    """Two providers of one seed are down at the same instants; one of another seed is not."""
    down = []
    for seed in (3, 3, 4):
        model = make(faults=(FaultConfig("storm", every_s=20, lasts_s=5, seed=seed),))
        met = [[ask(model, now / 4, key=key).accepted for key in "abc"] for now in range(2_000)]
        assert all(len(set(keys)) == 1 for keys in met)
        down.append([now for now, (served, *_) in enumerate(met) if not served])
    assert down[0] == down[1] != down[2]
    assert 100 < len(down[0]) < 1_000


def test_a_storm_may_spare_some():
    """Half of the requests in a storm are served."""
    model = make(faults=(FaultConfig("storm", every_s=0.001, lasts_s=1e9, probability=0.5),))
    assert 400 < sum(ask(model, 1).accepted for _ in range(1_000)) < 600
