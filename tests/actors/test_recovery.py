"""The way back after a no, seen through a key and a pool: pause, probe, ramp."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.actors import key
from actorrouter.actors.key import KeyState
from actorrouter.actors.recovery import Phase, Recovery, phase_at
from actorrouter.config import RecoveryConfig
from actorrouter.messages import Clear
from actorrouter.values import INF, Basis, OutcomeClass, Scope
from tests.actors.model import Driver, limit, pool

SPENT, LIMITED = OutcomeClass.QUOTA_SPENT, OutcomeClass.RATE_LIMITED


def holder(config: RecoveryConfig | None = None) -> Driver:
    """A key with nothing but its recovery."""
    return Driver(key.BEHAVIOUR, KeyState("it", Recovery(config or RecoveryConfig())))


def no(driver: Driver, at: float, outcome: OutcomeClass = LIMITED, retry_at: float | None = None) -> None:
    """A request is granted and refused by the provider at the same instant; jitter draws the middle."""
    assert driver.settle(driver.taken(at), at, outcome, Scope.KEY, retry_at=retry_at)


def until(driver: Driver) -> float:
    """End of the pause."""
    end: float = driver.state.recovery.until
    return end


def phase(driver: Driver, now: float) -> Phase:
    """What a person would call it."""
    return phase_at(driver.state.recovery, now)


def recovering(config: RecoveryConfig | None = None) -> Driver:
    """A holder whose pause is over at 10."""
    driver = holder(config)
    no(driver, 0.0, retry_at=10.0)
    return driver


# ---------------------------------------------------------------------------------------------------------------- pause


def test_a_no_pauses_until_the_hint_exactly() -> None:
    """With a hint of 10 s there is a firm refusal at 9.999 and a request goes at 10 (L35)."""
    driver = holder()
    no(driver, 0.0, retry_at=10.0)
    refusal = driver.refusal(9.999)
    assert (refusal.available_at, refusal.basis, refusal.firm, refusal.final) == (10.0, Basis.LEARNED, True, False)
    assert phase(driver, 9.999) is Phase.THROTTLED
    assert phase(driver, 10.0) is Phase.RECOVERING
    assert driver.refusals(10.0) == ()


@pytest.mark.parametrize(("outcome", "most"), [(LIMITED, 3600.0), (SPENT, 86400.0)])
def test_a_hint_is_honoured_up_to_its_bound(outcome: OutcomeClass, most: float) -> None:
    """A provider that asks for a year is left alone for the configured most."""
    driver = holder()
    no(driver, 5.0, outcome, retry_at=3.2e7)
    assert until(driver) == 5.0 + most


def test_the_pause_is_the_latest_of_all_evidence() -> None:
    """A shorter hint that arrives later does not shorten the pause, a longer one prolongs it."""
    driver = holder()
    first, second, third = (driver.taken(0.0) for _ in range(3))
    for reservation_id, retry_at, expected in ((first, 50.0, 50.0), (second, 20.0, 50.0), (third, 80.0, 80.0)):
        driver.settle(reservation_id, 1.0, LIMITED, Scope.KEY, retry_at=retry_at)
        assert until(driver) == expected


def test_a_throttle_within_a_spent_quota_leaves_it_spent() -> None:
    """A 429 that was in flight when the quota was found spent neither shortens the pause nor renames it."""
    driver = holder()
    first, second = driver.taken(0.0), driver.taken(0.0)
    driver.settle(first, 1.0, SPENT, Scope.KEY, retry_at=1000.0)
    driver.settle(second, 2.0, LIMITED, Scope.KEY, retry_at=3.0)
    assert (phase(driver, 3.0), until(driver)) == (Phase.EXHAUSTED, 1000.0)


def test_a_spent_quota_with_a_hint_of_a_second_rests_for_exhausted_s() -> None:
    """A day quota may come with `retryDelay: 1s`: it is not believed below `exhausted_s`; a longer hint is."""
    short, long = holder(), holder()
    no(short, 0.0, SPENT, retry_at=1.0)
    no(long, 0.0, SPENT, retry_at=500.0)
    assert (until(short), until(long)) == (60.0, 500.0)


def test_without_a_hint_pauses_double_up_to_the_most() -> None:
    """Each refused probe doubles the pause: 1, 2, 4 and 5 s where 5 s is the most."""
    driver, now, pauses = holder(RecoveryConfig(throttle_max_s=5.0)), 0.0, []
    for _ in range(5):
        no(driver, now)
        pauses.append(until(driver) - now)
        now = until(driver)
    assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0]


@given(strikes=st.integers(1, 40), draw=st.floats(0.0, 1.0, exclude_max=True), spent=st.booleans())
def test_a_pause_is_bounded_and_never_ends_in_the_past(strikes: int, draw: float, *, spent: bool) -> None:
    """Whatever the jitter and however many strikes: at most the most, at least three quarters of the first."""
    driver, now = holder(), 0.0
    first, most = (60.0, 86400.0) if spent else (1.0, 3600.0)
    for _ in range(strikes):
        driver.settle(driver.taken(now), now, SPENT if spent else LIMITED, Scope.KEY, draw=draw)
        assert 0.75 * first <= until(driver) - now + 1e-6
        assert until(driver) - now <= most + 1e-6
        now = until(driver)


def test_parallel_noes_are_one_strike() -> None:
    """Ten requests refused together double nothing: the pause after them is the first pause, not 512 s."""
    driver = holder()
    for reservation_id in [driver.taken(0.0) for _ in range(10)]:
        driver.settle(reservation_id, 1.0, LIMITED, Scope.KEY)
    assert (driver.state.recovery.strikes, until(driver)) == (1, 2.0)


def test_a_late_no_of_before_is_no_strike_but_stops_the_ramp() -> None:
    """A request from before the pause refused while recovering pauses again for as long as before."""
    driver = holder()
    old = driver.taken(0.0)
    no(driver, 0.0)
    driver.settle(driver.taken(1.0), 1.5)
    assert driver.state.recovery.strikes == 0  # the probe came back well
    driver.settle(old, 2.0, LIMITED, Scope.KEY)
    assert (phase(driver, 2.0), until(driver), driver.state.recovery.strikes) == (Phase.THROTTLED, 3.0, 1)


# ------------------------------------------------------------------------------------------------------- probe and ramp


def test_one_probe_goes_when_the_pause_is_over() -> None:
    """A second request at the same moment is refused until the first tells, or its lease ends."""
    driver = recovering()
    driver.taken(10.0, lease_s=30.0)
    refusal = driver.refusal(10.0)
    assert (refusal.available_at, refusal.basis, refusal.final) == (INF, Basis.UNKNOWN, False)
    assert refusal.latest >= 40.0


@pytest.mark.parametrize("ramp_max", [1, 4, 16])
def test_each_success_doubles_what_may_be_in_flight_until_the_ramp_ends(ramp_max: int) -> None:
    """1, 2, 4 ... up to `ramp_max` fit in flight and not one more; the success after that ends the ramp."""
    driver, width = recovering(RecoveryConfig(ramp_max=ramp_max)), 1
    trials = [driver.taken(10.0)]
    while width <= ramp_max:
        assert driver.reserve(10.0) is None
        assert phase(driver, 10.0) is Phase.RECOVERING
        driver.settle(trials.pop(), 10.0)
        width *= 2
        if width <= ramp_max:
            trials += [driver.taken(10.0) for _ in range(width - len(trials))]
    assert phase(driver, 10.0) is Phase.AVAILABLE
    assert all(driver.reserve(10.0) for _ in range(100))


def test_a_success_from_before_the_pause_widens_nothing() -> None:
    """Only a trial tells about now: what was in flight before the pause neither opens it nor widens the ramp."""
    driver = holder()
    old, older = driver.taken(0.0), driver.taken(0.0)
    no(driver, 0.0, retry_at=10.0)
    driver.settle(old, 5.0)
    assert driver.reserve(5.0) is None
    driver.taken(10.0)
    driver.settle(older, 10.5)
    assert driver.reserve(10.5) is None


@pytest.mark.parametrize("outcome", [OutcomeClass.CANCELLED, OutcomeClass.TRANSIENT, OutcomeClass.UNKNOWN])
def test_an_outcome_that_blames_another_frees_the_probe_and_widens_nothing(outcome: OutcomeClass) -> None:
    """After a cancelled probe, or one that failed by the provider's fault, exactly one other goes."""
    driver = recovering()
    driver.settle(driver.taken(10.0), 11.0, outcome)
    driver.taken(11.0)
    assert driver.reserve(11.0) is None


def test_an_expired_probe_makes_room_for_another() -> None:
    """A probe whose owner died blocks nobody; its late settlement widens nothing."""
    driver = recovering()
    lost = driver.taken(10.0)
    driver.expire(lost, 20.0)
    driver.taken(20.0)
    assert driver.reserve(20.0) is None
    assert driver.settle(lost, 21.0) is False
    assert driver.reserve(21.0) is None


def test_a_refused_trial_ends_the_ramp_and_pauses_again() -> None:
    """The ramp begins anew with one probe after the new pause; trials of the old ramp no longer count."""
    driver = recovering()
    driver.settle(driver.taken(10.0), 10.0)
    one, two = driver.taken(10.0), driver.taken(10.0)
    driver.settle(one, 11.0, LIMITED, Scope.KEY, retry_at=20.0)
    driver.settle(two, 12.0)
    assert driver.refusal(12.0).available_at == 20.0
    driver.taken(20.0)
    assert driver.reserve(20.0) is None


def test_a_success_forgets_the_strikes() -> None:
    """After refused, refused, well: the next pause is the first again."""
    driver = holder()
    no(driver, 0.0)
    no(driver, 1.0)
    assert until(driver) == 3.0
    driver.settle(driver.taken(3.0), 3.0)
    no(driver, 4.0)
    assert until(driver) == 5.0


def test_clear_ends_a_pause_at_once() -> None:
    """An operator's word needs no probe and forgets strikes."""
    driver = holder()
    no(driver, 0.0, SPENT)
    driver.tell(Clear(), 1.0)
    assert driver.state.recovery == Recovery(RecoveryConfig())
    assert all(driver.reserve(1.0) for _ in range(20))


def test_a_pool_recovers_as_a_key_does() -> None:
    """A 429 of the pool's scope pauses the pool, one probe goes, a success lets two more go."""
    driver = pool(limit(amount=1000))
    driver.settle(driver.taken(0.0, units=1), 0.0, LIMITED, retry_at=10.0)
    assert driver.refusal(9.0, units=1).available_at == 10.0
    probe = driver.taken(10.0, units=1)
    assert driver.reserve(10.0, units=1) is None
    driver.settle(probe, 11.0)
    assert [driver.reserve(11.0, units=1) is None for _ in range(3)] == [False, False, True]
