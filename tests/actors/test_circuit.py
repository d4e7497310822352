"""A provider's breaker: what opens it, what does not, and how it closes again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.actors import circuit
from actorrouter.actors.circuit import Breaker, CircuitState, breaker_at
from actorrouter.config import CircuitConfig
from actorrouter.messages import Clear, Isolate
from actorrouter.values import INF, Basis, OutcomeClass, Scope
from tests.actors.model import Driver

FAILED, CANCELLED = OutcomeClass.TRANSIENT, OutcomeClass.CANCELLED
SILENT = (Scope.NONE, Scope.KEY, Scope.KEY_MODEL, Scope.POOL, Scope.EGRESS)


def breaker(**config: Any) -> Driver:
    """A closed circuit with these terms."""
    return Driver(circuit.BEHAVIOUR, CircuitState("circuit", CircuitConfig(**config)))


def call(driver: Driver, at: float, outcome: OutcomeClass = FAILED, took_s: float = 0.0, **rest: Any) -> None:
    """One call from grant to end."""
    assert driver.settle(driver.taken(at), at + took_s, outcome, **rest)


def failing(times: int = 5, at: float = 0.0, **config: Any) -> Driver:
    """A circuit that has seen so many failures in a row, at one instant."""
    driver = breaker(**config)
    for _ in range(times):
        call(driver, at)
    return driver


def state(driver: Driver, now: float) -> Breaker:
    """What a person would call it."""
    return breaker_at(driver.state, now)


# -------------------------------------------------------------------------------------------------------- what opens it


def test_failures_in_a_row_open_it_and_one_less_does_not() -> None:
    """Four failures leave it closed, the fifth opens it."""
    assert state(failing(4), 0.0) is Breaker.CLOSED
    assert state(failing(5), 0.0) is Breaker.OPEN


def test_a_success_ends_the_row() -> None:
    """Four failures, a success, four failures: closed, as the rate has too few calls."""
    driver = failing(4)
    call(driver, 0.0, OutcomeClass.SUCCEEDED)
    for _ in range(4):
        call(driver, 0.0)
    assert state(driver, 0.0) is Breaker.CLOSED


def test_the_failure_rate_opens_it_from_min_calls_on() -> None:
    """Success and failure by turns: at a rate of one half nine calls are too few, the tenth opens."""
    driver = breaker()
    for number in range(10):
        assert state(driver, float(number)) is Breaker.CLOSED
        call(driver, float(number), FAILED if number % 2 else OutcomeClass.SUCCEEDED)
    assert state(driver, 9.0) is Breaker.OPEN


def test_below_the_failure_rate_it_stays_closed() -> None:
    """A failure in every three of three hundred calls does not open at one half."""
    driver = breaker()
    for number in range(300):
        call(driver, number / 10, OutcomeClass.SUCCEEDED if number % 3 else FAILED)
    assert state(driver, 30.0) is Breaker.CLOSED


def test_old_calls_leave_the_rate() -> None:
    """Successes older than the span do not excuse failures of now."""
    driver = breaker(window_s=10.0, consecutive_failures=1000)
    for _ in range(30):
        call(driver, 0.0, OutcomeClass.SUCCEEDED)
    for _ in range(10):
        call(driver, 11.0)
    assert state(driver, 11.0) is Breaker.OPEN


def test_the_span_of_the_rate_stretches_with_long_calls() -> None:
    """Failures of 100 s that end 20 s apart are judged together, though `window_s` is 10: the tenth opens."""
    driver = breaker(window_s=10.0, consecutive_failures=1000)
    for number in range(10):
        assert state(driver, number * 20.0) is Breaker.CLOSED
        call(driver, number * 20.0, took_s=100.0)
    assert state(driver, 280.0) is Breaker.OPEN


def test_calls_that_hang_open_it_though_far_apart() -> None:
    """Four at a time, each timing out after 120 s: the fifth time-out opens, though `window_s` is 10."""
    driver, now = breaker(window_s=10.0), 0.0
    for _ in range(2):
        in_flight = [driver.taken(now) for _ in range(4)]
        now += 120.0
        for number, reservation_id in enumerate(in_flight):
            assert (state(driver, now) is Breaker.OPEN) == (now > 120.0 and number > 0)
            driver.settle(reservation_id, now, OutcomeClass.UNKNOWN)
    assert state(driver, now) is Breaker.OPEN


def test_calls_that_outlive_the_failures_count_as_not_failed() -> None:
    """With twenty long calls in flight nineteen quick failures leave it closed; twenty are one half, and open it."""
    driver = breaker()
    first = driver.taken(0.0)
    for _ in range(20):
        driver.taken(0.0)
    driver.settle(first, 0.5, FAILED)
    for number in range(1, 20):
        assert state(driver, number / 2) is Breaker.CLOSED
        call(driver, number / 2, took_s=0.5)
    assert state(driver, 10.0) is Breaker.OPEN


def test_one_quick_failure_in_ten_among_slow_successes_does_not_open() -> None:
    """For three minutes nothing ends but failures: a call a second, nine of ten going well for 180 s. They count from
    when they were sent, so it stays closed; the successes then end, and it is closed still (B4: calls count when sent).
    """
    driver = breaker(window_s=10.0)
    slow = []
    for second in range(180):
        if second % 10 == 9:
            call(driver, float(second), took_s=0.5)
        else:
            slow.append((driver.taken(float(second)), second + 180.0))
    assert state(driver, 180.0) is Breaker.CLOSED
    for reservation_id, ends in slow:
        driver.settle(reservation_id, ends)
    assert state(driver, 360.0) is Breaker.CLOSED


def test_calls_sent_before_the_failures_do_not_excuse_them() -> None:
    """A hundred calls of three minutes go on from before; then every new call fails at once: the fifth opens."""
    driver = breaker()
    for _ in range(100):
        driver.taken(0.0)
    for number in range(5):
        assert state(driver, 60.0 + number) is Breaker.CLOSED
        call(driver, 60.0 + number, took_s=0.2)
    assert state(driver, 65.0) is Breaker.OPEN


@pytest.mark.parametrize("scope", SILENT)
@pytest.mark.parametrize("outcome", [each for each in OutcomeClass if each is not OutcomeClass.SUCCEEDED])
def test_what_blames_another_never_opens_it(outcome: OutcomeClass, scope: Scope) -> None:
    """A bad key, a spent pool, our own refusals and callers that left, a hundred times: closed, nothing counted (B28,
    B35, B38)."""
    driver = breaker()
    for _ in range(100):
        call(driver, 0.0, outcome, scope=scope)
    assert (state(driver, 0.0), len(driver.state.recent)) == (Breaker.CLOSED, 0)


@pytest.mark.parametrize("outcome", [OutcomeClass.CONTEXT, OutcomeClass.CONTENT, OutcomeClass.REQUEST_BAD])
def test_a_failure_of_the_request_speaks_for_the_provider(outcome: OutcomeClass) -> None:
    """It answered: a hundred bad requests do not open it, and one ends a row of failures (B39)."""
    driver = failing(4)
    for _ in range(100):
        call(driver, 0.0, outcome)
    call(driver, 0.0)
    assert state(driver, 0.0) is Breaker.CLOSED


def test_a_cancelled_call_does_not_end_the_row() -> None:
    """Neither success nor failure: the row before it goes on after it (B28)."""
    driver = failing(4)
    call(driver, 0.0, CANCELLED)
    call(driver, 0.0)
    assert state(driver, 0.0) is Breaker.OPEN


# ----------------------------------------------------------------------------------------------------------------- open


def test_while_open_calls_are_refused_with_the_instant_of_the_next_trial() -> None:
    """The refusal is firm, carries when, and counts as nothing (B08, B25)."""
    driver = failing(open_s=8.0)
    refusal = driver.refusal(7.9)
    assert (refusal.available_at, refusal.basis, refusal.firm, refusal.final) == (8.0, Basis.LEARNED, True, False)
    assert driver.refusals(8.0) == ()


def test_open_becomes_half_open_by_time_alone() -> None:
    """Nobody has to call for it (B20)."""
    driver = failing(open_s=8.0)
    assert (state(driver, 7.9), state(driver, 8.0)) == (Breaker.OPEN, Breaker.HALF_OPEN)


def test_what_was_in_flight_when_it_opened_changes_nothing() -> None:
    """Neither its success closes the circuit nor its failure prolongs the pause or counts after a close."""
    driver = breaker(open_s=8.0)
    old = [driver.taken(0.0) for _ in range(12)]
    for each in old[:5]:
        driver.settle(each, 0.0, FAILED)
    driver.settle(old[5], 1.0)
    driver.settle(old[6], 2.0, FAILED)
    assert driver.refusal(2.0).available_at == 8.0
    call(driver, 8.0, OutcomeClass.SUCCEEDED)
    for each in old[7:]:
        driver.settle(each, 9.0, FAILED)
    assert state(driver, 9.0) is Breaker.CLOSED


def test_each_reopening_doubles_the_open_time_up_to_its_most() -> None:
    """1, 2, 4, 5, 5 s with a most of 5 (B15, B23); a close restores the first."""
    driver, now, times = failing(open_max_s=5.0), 0.0, []
    for _ in range(5):
        times.append(driver.state.until - now)
        now = driver.state.until
        call(driver, now)
    assert times == [1.0, 2.0, 4.0, 5.0, 5.0]
    now = driver.state.until
    call(driver, now, OutcomeClass.SUCCEEDED)
    for _ in range(5):
        call(driver, now)
    assert driver.state.until == now + 1.0


@given(opens=st.integers(1, 60), draw=st.floats(0.0, 1.0, exclude_max=True))
def test_the_open_time_is_bounded_whatever_the_jitter(opens: int, draw: float) -> None:
    """Between three quarters of the first and the most, after any number of openings."""
    driver, now = failing(4), 0.0
    for _ in range(opens):
        call(driver, now, draw=draw)
        assert driver.state.until - now + 1e-6 >= 0.75
        assert driver.state.until - now <= 60.0 + 1e-6
        now = driver.state.until


@pytest.mark.parametrize(("retry_at", "expected"), [(20.0, 20.0), (0.1, 1.0), (1e6, 60.0)])
def test_a_provider_that_asks_for_time_gets_it_up_to_the_most(retry_at: float, expected: float) -> None:
    """A hint prolongs the open time, never shortens it, and is bounded."""
    driver = failing(4)
    call(driver, 0.0, OutcomeClass.CAPACITY, retry_at=retry_at)
    assert driver.state.until == expected


# ------------------------------------------------------------------------------------------------------------ half-open


def test_one_trial_goes_and_others_are_refused() -> None:
    """The second is told that only the trial's end can tell, and when its lease ends (B09, B24)."""
    driver = failing()
    probe = driver.taken(1.0, lease_s=30.0)
    refusal = driver.refusal(1.0)
    assert (refusal.available_at, refusal.basis, refusal.latest) == (INF, Basis.UNKNOWN, 31.0)
    driver.renew(probe, 20.0, 61.0)
    assert driver.refusal(20.0).latest == 61.0


@pytest.mark.parametrize(("outcome", "after"), [(OutcomeClass.SUCCEEDED, "closed"), (FAILED, "open")])
def test_the_trial_decides(outcome: OutcomeClass, after: str) -> None:
    """A success closes it for everybody, a failure opens it again."""
    driver = failing()
    call(driver, 1.0, outcome)
    assert state(driver, 1.0) == after


@pytest.mark.parametrize("scope", SILENT)
def test_a_trial_that_tells_nothing_makes_room_for_another(scope: Scope) -> None:
    """Cancelled, or refused for a key or a pool: still half-open, and exactly one other goes (B28)."""
    driver = failing()
    call(driver, 1.0, CANCELLED, scope=scope)
    assert state(driver, 1.0) is Breaker.HALF_OPEN
    driver.taken(1.0)
    assert driver.reserve(1.0) is None


def test_a_trial_that_never_ends_is_given_up() -> None:
    """When its lease expires another trial goes; its late end neither closes nor opens (B12)."""
    driver = failing()
    lost = driver.taken(1.0)
    driver.expire(lost, 31.0)
    call(driver, 31.0, OutcomeClass.SUCCEEDED)
    assert not driver.settle(lost, 32.0, FAILED)
    assert state(driver, 32.0) is Breaker.CLOSED


# -------------------------------------------------------------------------------------------------------------- by hand


def test_isolated_it_stays_open_whatever_comes() -> None:
    """Neither time nor successes, also of a trial in flight, let anybody through; only a reset does (B26)."""
    driver = failing()
    probe = driver.taken(1.0)
    driver.tell(Isolate(), 1.0)
    driver.settle(probe, 2.0)
    assert driver.refusal(1e9).final
    driver.tell(Clear(), 3.0)
    assert driver.refusals(3.0) == ()


def test_a_reset_closes_and_forgets_and_may_be_repeated() -> None:
    """After it, twice, a full row of failures is needed again and the open time is the first (B18)."""
    driver = failing()
    call(driver, 1.0)
    driver.tell(Clear(), 2.0)
    once = circuit.copy(driver.state)
    driver.tell(Clear(), 2.0)
    assert driver.state == once
    for _ in range(4):
        call(driver, 2.0)
    assert state(driver, 2.0) is Breaker.CLOSED
    call(driver, 2.0)
    assert driver.state.until == 3.0


def test_memory_is_bounded_and_a_call_ends_once() -> None:
    """A thousand ended calls leave at most `window_calls`; a repeated or unknown end is refused."""
    driver = breaker(window_calls=20)
    for number in range(1000):
        call(driver, float(number), OutcomeClass.SUCCEEDED)
    assert circuit.weigh(driver.state) == 20
    assert not driver.settle(1, 1000.0, FAILED)
    assert not driver.expire(5000, 1000.0)
