"""One credential: who may change whether it is used, and what in it is final."""

from __future__ import annotations

import itertools

import pytest

from actorrouter.actors import key
from actorrouter.actors.key import KeyState
from actorrouter.actors.recovery import Phase, Recovery
from actorrouter.actors.together import REFUSALS
from actorrouter.config import RecoveryConfig
from actorrouter.messages import Clear, Disable, Drain
from actorrouter.values import Basis, OutcomeClass, Scope
from tests.actors.model import Driver

FATAL, MODEL, LIMITED = OutcomeClass.KEY_FATAL, OutcomeClass.MODEL_SCOPE, OutcomeClass.RATE_LIMITED
BLAMING_THE_KEY = (Scope.KEY, Scope.EGRESS)


def fresh() -> Driver:
    """A key that has served nothing."""
    return Driver(key.BEHAVIOUR, KeyState("key", Recovery(RecoveryConfig())))


def rejected() -> Driver:
    """A key whose credential the provider rejected at 0."""
    driver = fresh()
    driver.settle(driver.taken(0.0), 0.0, FATAL)
    return driver


# ----------------------------------------------------------------------------------------------------------- who blames


@pytest.mark.parametrize(("outcome", "scope"), [*itertools.product(OutcomeClass, Scope)])
def test_only_an_outcome_that_blames_the_key_changes_it(outcome: OutcomeClass, scope: Scope) -> None:
    """Blaming key or egress stops the key for every model, key and model for that model alone, all else for none
    (B35, B38, B39); but one that was refused by a provider in trouble lets others try first."""
    driver = fresh()
    driver.settle(driver.taken(0.0, "m"), 0.0, outcome, scope)
    rests = scope is Scope.PROVIDER and outcome in REFUSALS
    assert bool(driver.refusals(0.0, "m")) == (rests or scope in {*BLAMING_THE_KEY, Scope.KEY_MODEL})
    assert bool(driver.refusals(0.0, "other")) == (rests or scope in BLAMING_THE_KEY)


@pytest.mark.parametrize("scope", BLAMING_THE_KEY)
def test_only_a_fatal_outcome_takes_the_key_out_for_good(scope: Scope) -> None:
    """Everything else that blames the key is a pause that ends by itself."""
    for outcome in OutcomeClass:
        driver = fresh()
        driver.settle(driver.taken(0.0), 0.0, outcome, scope)
        assert driver.refusal(0.0).final == (outcome is FATAL)
        assert (driver.refusals(1e6) == ()) == (outcome is not FATAL)


# ------------------------------------------------------------------------------------------------ disabled and draining


def test_a_rejected_credential_disables_the_key() -> None:
    """A 401 is final however long one waits, and the reason says what the provider did."""
    refusal = rejected().refusal(1e9)
    assert refusal.final
    assert refusal.reason == "disabled: the provider rejects the credential"


def test_clear_brings_a_disabled_key_back() -> None:
    """At once, for as many requests as before: there is no ramp after an operator's word."""
    driver = rejected()
    driver.tell(Clear(), 5.0)
    assert all(driver.reserve(5.0) for _ in range(50))


def test_a_request_in_flight_does_not_bring_a_disabled_key_back() -> None:
    """A success, or a mere 429, that ends after the 401 leaves the key disabled."""
    driver = fresh()
    first, second, third = (driver.taken(0.0) for _ in range(3))
    driver.settle(first, 1.0, FATAL)
    driver.settle(second, 2.0)
    driver.settle(third, 2.0, LIMITED, Scope.KEY, retry_at=3.0)
    assert driver.refusal(10.0).final


def test_an_operator_disables_and_says_why() -> None:
    """The operator's reason is in the refusal."""
    driver = fresh()
    driver.tell(Disable("leaked"), 0.0)
    assert (driver.refusal(0.0).reason, driver.refusal(0.0).final) == ("disabled: leaked", True)


def test_a_draining_key_finishes_and_takes_nothing_new() -> None:
    """What is in flight is settled as ever."""
    driver = fresh()
    held = driver.taken(0.0)
    driver.tell(Drain(), 1.0)
    assert driver.refusal(1.0).final
    assert driver.settle(held, 2.0)
    assert (driver.state.served, key.weigh(driver.state)) == (1, 0)


def test_draining_is_for_good() -> None:
    """Neither a clear, nor a disable, nor a 401 of the last request takes a key out of draining."""
    driver = fresh()
    held = driver.taken(0.0)
    driver.tell(Drain(), 1.0)
    driver.settle(held, 2.0, FATAL)
    driver.tell(Disable(), 2.0)
    driver.tell(Clear(), 2.0)
    assert driver.state.recovery.phase is Phase.DRAINING
    assert driver.refusal(1e9).final


def test_a_disabled_key_can_be_drained() -> None:
    """Removal wins: clear does not bring it back then."""
    driver = rejected()
    driver.tell(Drain(), 1.0)
    driver.tell(Clear(), 2.0)
    assert driver.refusal(2.0).reason.startswith("draining")


# -------------------------------------------------------------------------------------------------------- key and model


def test_a_model_the_key_may_not_use_is_left_alone_for_a_while() -> None:
    """Refused for that model for 300 s if the provider names no time, and asked again then; no other is touched."""
    driver = fresh()
    driver.settle(driver.taken(0.0, "m"), 10.0, MODEL)
    refusal = driver.refusal(10.0, "m")
    assert (refusal.available_at, refusal.basis, refusal.firm, refusal.final) == (310.0, Basis.LEARNED, True, False)
    assert driver.refusals(10.0, "other") == driver.refusals(310.0, "m") == ()


@pytest.mark.parametrize(("retry_at", "expected"), [(40.0, 40.0), (1e9, 3610.0)])
def test_a_model_is_left_alone_for_as_long_as_asked_up_to_a_bound(retry_at: float, expected: float) -> None:
    """The hint counts, not the 300 s; nobody is believed beyond `throttle_max_s`."""
    driver = fresh()
    driver.settle(driver.taken(0.0, "m"), 10.0, MODEL, retry_at=retry_at)
    assert driver.refusal(10.0, "m").available_at == expected


def test_a_shorter_word_about_a_model_does_not_shorten_a_longer_one() -> None:
    """The latest of all evidence holds."""
    driver = fresh()
    one, two = driver.taken(0.0, "m"), driver.taken(0.0, "m")
    driver.settle(one, 1.0, MODEL, retry_at=100.0)
    driver.settle(two, 2.0, MODEL, retry_at=50.0)
    assert driver.refusal(2.0, "m").available_at == 100.0


def test_clear_forgives_models_too() -> None:
    """After it every model is asked again."""
    driver = fresh()
    driver.settle(driver.taken(0.0, "m"), 0.0, MODEL)
    driver.tell(Clear(), 1.0)
    assert driver.refusals(1.0, "m") == ()


def test_a_probe_for_a_refused_model_makes_room_for_another() -> None:
    """It told nothing about the credential: the next probe, for another model, goes at once, and it is one."""
    driver = fresh()
    driver.settle(driver.taken(0.0), 0.0, LIMITED, Scope.KEY, retry_at=10.0)
    driver.settle(driver.taken(10.0, "m"), 11.0, MODEL)
    driver.taken(11.0, "other")
    assert driver.reserve(11.0, "other") is None


def test_a_bad_request_proves_the_credential() -> None:
    """A probe that failed by the request's fault was let in: the ramp goes on."""
    driver = fresh()
    driver.settle(driver.taken(0.0), 0.0, LIMITED, Scope.KEY, retry_at=10.0)
    driver.settle(driver.taken(10.0), 10.0, OutcomeClass.REQUEST_BAD)
    assert [driver.reserve(10.0) is None for _ in range(3)] == [False, False, True]


# ------------------------------------------------------------------------------------------------------ what is counted


def test_a_repeated_settlement_is_refused() -> None:
    """Neither a second success counts, nor a second 401, nor one never granted."""
    driver = fresh()
    held = driver.taken(0.0)
    assert driver.settle(held, 1.0)
    assert not driver.settle(held, 2.0, FATAL)
    assert not driver.settle(99, 2.0, FATAL)
    assert (driver.state.served, driver.refusals(2.0)) == (1, ())


def test_an_expired_request_is_no_longer_in_flight() -> None:
    """Two in flight, one expires: one is left; its late end counts nothing, not even a 401."""
    driver = fresh()
    lost, held = driver.taken(0.0), driver.taken(0.0)
    assert driver.expire(lost, 5.0)
    assert key.weigh(driver.state) == 1
    assert not driver.expire(lost, 6.0)
    assert not driver.renew(lost, 6.0, 20.0)
    assert not driver.settle(lost, 6.0, FATAL)
    assert driver.settle(held, 7.0)
    assert (key.weigh(driver.state), driver.refusals(7.0)) == (0, ())


def test_only_successes_are_served() -> None:
    """Failures and cancelled calls do not count as served."""
    driver = fresh()
    for outcome in (OutcomeClass.SUCCEEDED, OutcomeClass.CANCELLED, OutcomeClass.TRANSIENT, OutcomeClass.SUCCEEDED):
        driver.settle(driver.taken(0.0), 0.0, outcome)
    assert driver.state.served == 2


def test_a_probe_that_is_renewed_is_waited_for() -> None:
    """`latest` of the refusal meanwhile follows the lease."""
    driver = fresh()
    driver.settle(driver.taken(0.0, lease_s=1.0), 0.0, LIMITED, Scope.KEY, retry_at=10.0)
    probe = driver.taken(10.0, lease_s=5.0)
    assert driver.refusal(10.0).latest == 15.0
    driver.renew(probe, 12.0, 42.0)
    assert driver.refusal(12.0).latest == 42.0


def test_a_copy_knows_nothing_of_what_happens_later() -> None:
    """A snapshot keeps what was in flight, its models and its recovery."""
    driver = fresh()
    driver.settle(driver.taken(0.0), 0.0, LIMITED, Scope.KEY, retry_at=1.0)
    probe = driver.taken(1.0)
    snapshot = key.copy(driver.state)
    driver.settle(probe, 2.0, MODEL)
    driver.tell(Disable(), 2.0)
    assert (set(snapshot.opened), snapshot.models, set(snapshot.recovery.trials)) == ({probe}, {}, {probe})
    assert snapshot.recovery.phase is Phase.RECOVERING
