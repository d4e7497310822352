"""A quota pool: all or nothing over several limits, and what becomes of a reservation."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorrouter.actors import quota
from actorrouter.actors.recovery import Phase
from actorrouter.config import Charge, LimitConfig, Shape
from actorrouter.messages import Clear, Observe
from actorrouter.values import INF, Basis, OutcomeClass, QuotaObservation, Scope
from tests.actors.model import Driver, limit, pool, usd


def org(charge: Charge = Charge.UP_FRONT) -> Driver:
    """An organisation's pool: 3 requests in 10 s, 100 tokens in 60 s, 2 at once."""
    return pool(
        LimitConfig("requests", 3, 10.0, Shape.SLIDING),
        LimitConfig("tokens", 100, 60.0, Shape.BUCKET),
        LimitConfig("concurrency", 2),
        charge=charge,
    )


def free(it: Driver, now: float) -> list[float]:
    """What each limit has left."""
    return [window.capacity - window.held - window.level(now) for window in it.state.windows]


# ---------------------------------------------------------------------------------------------------------- reserve


def test_check_and_reserve_are_one_step() -> None:
    """L01: of five reservations of 50 tokens at one instant, exactly two fit 100."""
    it = pool(LimitConfig("tokens", 100, 60.0, Shape.BUCKET))
    assert [it.reserve(0.0, tokens=50) is not None for _ in range(5)] == [True, True, False, False, False]


def test_a_refusal_names_every_limit_that_failed() -> None:
    """L13: with dimension, requested, available and when; a limit that has room is not named; nothing has changed."""
    it = org()
    for _ in range(2):
        it.dispatch(it.taken(0.0, requests=1, tokens=40, concurrency=1), 0.0)
    refusals = it.refusals(0.0, requests=1, tokens=50, concurrency=1)
    told = {r.dimension: (r.requested, r.available, r.available_at, r.basis, r.final) for r in refusals}
    assert told == {
        "tokens": (50, 20, pytest.approx(18.0), Basis.EXACT, False),
        "concurrency": (1, 0, INF, Basis.UNKNOWN, False),
    }
    assert free(it, 0.0) == [1, 20, 0]


def test_an_unknown_instant_is_bounded_by_the_lease() -> None:
    """What only a settlement can free is free at the latest when the last lease has ended."""
    it = org()
    it.taken(0.0, concurrency=1, lease_s=60.0)
    second = it.taken(10.0, concurrency=1, lease_s=60.0)
    assert it.refusal(20.0, concurrency=1).latest == 70.0
    it.renew(second, 65.0, 125.0)
    assert it.refusal(66.0, concurrency=1).latest == 125.0


def test_what_can_never_fit_is_refused_for_good() -> None:
    """L04, L26: an amount above the limit is refused at once as final, with the limit in words."""
    refused = org().refusal(0.0, tokens=101)
    assert refused.final
    assert "101 tokens can never fit 100 per 60 s" in refused.reason
    assert not org().refusals(0.0, tokens=100)


def test_tokens_of_nought_still_count_as_a_request() -> None:
    """L06: three requests of no tokens use up three requests in ten seconds."""
    it = org()
    for _ in range(3):
        it.dispatch(it.taken(0.0, requests=1, tokens=0), 0.0)
    assert it.refusal(0.0, requests=1, tokens=0).dimension == "requests"


def test_an_absent_limit_blocks_nothing() -> None:
    """L11: a dimension that no limit names, and a pool without limits, take anything."""
    assert not org().refusals(0.0, images=10**9)
    assert not pool().refusals(0.0, requests=10**9)


def test_several_windows_of_one_dimension_all_hold() -> None:
    """L45: per second, minute and day: the refusal waits for the slowest that has none."""
    it = pool(
        LimitConfig("requests", 2, 1.0, Shape.SLIDING),
        LimitConfig("requests", 3, 60.0, Shape.SLIDING),
        LimitConfig("requests", 4, 86400.0, Shape.SLIDING),
    )
    granted: list[float] = []
    now = 0.0
    while len(granted) < 5:
        refusals = it.refusals(now, requests=1)
        if refusals:
            now = max(refusal.available_at for refusal in refusals)
        else:
            granted.append(now)
            it.dispatch(it.taken(now, requests=1), now)
    assert granted == [
        0.0,
        0.0,
        pytest.approx(1.0, abs=0.01),
        pytest.approx(60.0, abs=0.2),
        pytest.approx(86400, abs=200),
    ]


def test_asking_consumes_nothing() -> None:
    """L32: a thousand refusals later the same amount is left."""
    it = org()
    before = it.behaviour.copy(it.state)
    for _ in range(1000):
        assert it.refusals(0.0, tokens=101)
    assert it.state == before


def test_firm_is_only_what_no_settlement_can_bring_forward() -> None:
    """An exact instant is firm if nothing is held and nothing in flight can be corrected."""
    limits = limit(amount=10, shape=Shape.SLIDING)
    final, corrected = pool(limits, charge=Charge.UP_FRONT), pool(limits, charge=Charge.UP_FRONT_THEN_SETTLE)
    for it in (final, corrected):
        it.dispatch(it.taken(0.0, units=10), 0.0)
    assert final.refusal(1.0, units=1).firm
    assert not corrected.refusal(1.0, units=1).firm


def test_two_keys_of_one_pool_share_it() -> None:
    """L53: whatever key uses it up, the pool refuses every other."""
    it = org()
    for _ in range(3):
        it.dispatch(it.taken(0.0, requests=1), 0.0)
    assert it.refusal(0.0, model="another", requests=1).available == 0


# ---------------------------------------------------------------------------------------------------------- settle


def test_a_reservation_given_back_leaves_no_trace() -> None:
    """L03, L46: released before it was sent, all books are as before."""
    it = org()
    before = [window.copy() for window in it.state.windows]
    it.release(it.taken(1.0, requests=1, tokens=30, concurrency=1), 2.0)
    assert list(it.state.windows) == before


def test_a_failure_after_sending_stays_charged() -> None:
    """L03: a call that failed after it was sent has used its request, and the tokens it says."""
    it = org(Charge.UP_FRONT_THEN_SETTLE)
    call = it.taken(0.0, requests=1, tokens=30, concurrency=1)
    it.dispatch(call, 0.0)
    it.settle(call, 0.0, OutcomeClass.TRANSIENT, tokens=10)
    assert free(it, 0.0) == [2, 90, 2]


@pytest.mark.parametrize(
    ("charge", "after"),
    [
        (Charge.UP_FRONT, [60, 60, 60]),
        (Charge.UP_FRONT_THEN_SETTLE, [60, 60, 90]),
        (Charge.ACTUAL, [60, 60, 90]),
        (Charge.LIVE, [60, 60, 90]),
        (Charge.HELD, [60, 60, 90]),
    ],
)
def test_what_is_left_after_reserving_sending_and_settling(charge: Charge, after: list[int]) -> None:
    """Of 100, 40 are reserved and 10 used: only a provider that never corrects keeps the 40."""
    it = pool(LimitConfig("tokens", 100, 60.0, Shape.SLIDING), charge=charge)
    left = []
    call = it.taken(0.0, tokens=40)
    left.append(free(it, 0.0)[0])
    it.dispatch(call, 0.0)
    left.append(free(it, 0.0)[0])
    it.settle(call, 0.0, tokens=10)
    left.append(free(it, 0.0)[0])
    assert left == after


def test_surprise_is_charged_and_counted() -> None:
    """Law 2: use beyond the reservation makes free negative by exactly the surprise, and is reported."""
    for charge in Charge:
        it = pool(LimitConfig("tokens", 100, 60.0, Shape.SLIDING), charge=charge)
        calls = [it.taken(0.0, tokens=50) for _ in range(2)]
        for call in calls:
            it.dispatch(call, 0.0)
            it.settle(call, 0.0, tokens=60)
        assert free(it, 0.0) == [-20]
        assert it.state.surprise == {"tokens": 20}
        assert it.refusal(0.0, tokens=1).available == 0


def test_each_message_about_a_reservation_counts_once() -> None:
    """Repeated dispatch, expiry and settlement, and words about a reservation that never was, change nothing."""
    it = org()
    call = it.taken(0.0, requests=1, concurrency=1)
    assert [it.dispatch(call, 0.0), it.dispatch(call, 0.0)] == [True, False]
    assert [it.expire(call, 0.0), it.expire(call, 0.0)] == [True, False]
    assert not it.dispatch(call, 0.0)
    assert not it.renew(call, 0.0, 60.0)
    assert [it.settle(call, 0.0), it.settle(call, 0.0)] == [True, False]
    assert not any((it.dispatch(99, 0.0), it.settle(99, 0.0), it.expire(99, 0.0), it.renew(99, 0.0, 1.0)))
    assert free(it, 0.0) == [2, 100, 2]


# ---------------------------------------------------------------------------------------------------------- expiry


@pytest.mark.parametrize("charge", Charge)
@pytest.mark.parametrize("sent", [True, False])
def test_expiry_charges_in_full_and_a_late_settlement_corrects(charge: Charge, sent: bool) -> None:
    """Law 2, L59: an expired reservation counts in full from then; its late settlement corrects it as far as the mode
    lets the provider correct it; a second one is ignored."""
    it = pool(LimitConfig("tokens", 100, 60.0, Shape.SLIDING), LimitConfig("concurrency", 1), charge=charge)
    call = it.taken(0.0, tokens=40, concurrency=1)
    if sent:
        it.dispatch(call, 1.0)
    it.expire(call, 50.0)
    assert free(it, 50.0) == [60, 1]
    assert it.state.expired == 1
    it.settle(call, 52.0, tokens=10)
    assert free(it, 52.0) == [60 if charge is Charge.UP_FRONT else 90, 1]
    assert not it.settle(call, 53.0, tokens=0)
    assert it.state.expired == 0


def test_a_late_settlement_corrects_its_own_charge_and_no_other() -> None:
    """Sent early, expired late, and charged only then: the correction is of the charge at expiry, though another
    reservation was charged when this one was sent."""
    it = pool(LimitConfig("tokens", 100, 60.0, Shape.SLIDING), charge=Charge.ACTUAL)
    late, other = it.taken(0.0, tokens=40), it.taken(0.0, tokens=40)
    it.dispatch(late, 1.0)
    it.settle(other, 1.0)
    it.expire(late, 40.0)
    it.settle(late, 41.0, tokens=0)
    assert free(it, 60.5) == [60]
    assert free(it, 61.5) == [100]


@pytest.mark.parametrize(
    ("declared", "longest_s"),
    [
        (limit(shape=Shape.SLIDING, window_s=60.0), 60.0),
        (limit(shape=Shape.CALENDAR, every="month"), 31 * 86400.0),
    ],
)
def test_the_expired_are_forgotten_after_their_window(declared: LimitConfig, longest_s: float) -> None:
    """What no window can still count is dropped at the next expiry or settlement, and settling it later is a repeat;
    before that it is kept, through a month of 31 days."""
    it = pool(declared)
    old, young = it.taken(0.0, units=1), it.taken(0.0, units=1)
    it.expire(old, 0.0)
    it.expire(it.taken(longest_s - 1.0, units=1), longest_s - 1.0)
    assert old in it.state.opened
    it.settle(young, 1.1 * longest_s)
    assert old not in it.state.opened
    assert it.state.expired == 1
    assert not it.settle(old, 1.1 * longest_s)


def test_a_million_expiries_do_not_add_up() -> None:
    """Forgetting costs the same for each expiry, however many are open."""
    it = pool(limit(shape=Shape.SLIDING, amount=10**6, window_s=1.0), checked=False)
    for step in range(5000):
        it.expire(it.taken(step * 0.1, units=1), step * 0.1)
        assert len(it.state.opened) < 20
        assert len(it.state.late) < 20


# ---------------------------------------------------------------------------------------------------------- leaks

STEPS = st.lists(
    st.tuples(
        st.sampled_from(("reserve", "reserve", "dispatch", "settle", "late", "release", "expire", "renew")),
        st.integers(1, 30),
        st.floats(0.0, 20.0),
    ),
    max_size=60,
)


@pytest.mark.parametrize("charge", Charge)
@settings(max_examples=50, deadline=None)
@given(steps=STEPS)
def test_no_permit_is_lost(charge: Charge, steps: list[tuple[str, int, float]]) -> None:
    """L55, law 2: after any mix of endings nothing is held, and two windows later all is free. Every step is also
    checked for purity, copy and fold by the driver."""
    it, now = org(charge), 0.0
    for what, number, wait_s in steps:
        now += wait_s
        open_ids = sorted(it.state.opened)
        call = open_ids[number % len(open_ids)] if open_ids else 0
        if what == "reserve":
            it.reserve(now, requests=1, tokens=number, concurrency=1)
        elif what == "dispatch":
            it.dispatch(call, now)
        elif what in ("settle", "late"):
            it.settle(call, now, tokens=number)
        elif what == "release":
            it.release(call, now)
        elif what == "expire":
            it.expire(call, now)
        else:
            it.renew(call, now, now + 60.0)
        assert all(window.held >= 0 for window in it.state.windows)
    for call in sorted(it.state.opened):
        it.settle(call, now)
    assert [window.held for window in it.state.windows] == [0, 0, 0]
    assert it.state.expired == 0
    assert free(it, now + 1000.0) == [3, 100, 2]


# ------------------------------------------------------------------------------------------------- learning, pauses


def test_headers_tighten_before_the_first_refusal() -> None:
    """L50: told that one request remains of three, the pool grants one; the shortest window of a dimension learns."""
    it = pool(LimitConfig("requests", 3, 10.0, Shape.SLIDING), LimitConfig("requests", 50, 60.0, Shape.SLIDING))
    it.tell(
        Observe((QuotaObservation("requests", 0.0, remaining=1), QuotaObservation("images", 0.0, remaining=0))), 0.0
    )
    assert free(it, 0.0) == [1, 50]
    it.tell(Observe((QuotaObservation("requests", 0.0, limit=5),)), 0.0)
    it.tell(Observe((QuotaObservation("requests", 0.0, remaining=2),)), 0.0)
    assert free(it, 0.0) == [1, 50]


def test_a_429_parks_the_pool_until_the_provider_says() -> None:
    """L35: refused until retry-after with basis learned; then one probe; pauses do not touch the books."""
    it = org()
    call = it.taken(0.0, requests=1)
    it.dispatch(call, 0.0)
    it.settle(call, 1.0, OutcomeClass.RATE_LIMITED, retry_at=8.0)
    refused = it.refusal(2.0, requests=1)
    assert (refused.available_at, refused.basis, refused.firm, refused.dimension) == (8.0, Basis.LEARNED, True, "")
    assert free(it, 2.0)[0] == 2
    assert it.reserve(8.0, requests=1) is not None
    assert it.refusal(8.0, requests=1).basis is Basis.UNKNOWN


def test_a_paused_pool_names_its_limits_too() -> None:
    """L13: a pause and a full limit are both told."""
    it = org()
    for _ in range(3):
        call = it.taken(0.0, requests=1)
        it.dispatch(call, 0.0)
    it.settle(call, 0.0, OutcomeClass.RATE_LIMITED, retry_at=5.0)
    assert [refusal.dimension for refusal in it.refusals(1.0, requests=1)] == ["requests", ""]


@pytest.mark.parametrize("scope", [s for s in Scope if s is not Scope.POOL])
def test_only_its_own_refusal_pauses_a_pool(scope: Scope) -> None:
    """What is blamed on a key, a model, a provider, an egress or a request is none of the pool's business."""
    it = org()
    it.settle(it.taken(0.0, requests=1), 0.0, OutcomeClass.RATE_LIMITED, scope, retry_at=9.0)
    assert it.state.recovery.phase is Phase.AVAILABLE


def test_an_operator_forgives_the_pause_but_not_the_use() -> None:
    """Clear ends the cooldown; what was charged stays charged."""
    it = org()
    call = it.taken(0.0, requests=1)
    it.dispatch(call, 0.0)
    it.settle(call, 0.0, OutcomeClass.QUOTA_SPENT, retry_at=1e6)
    it.tell(Clear(), 1.0)
    assert it.state.recovery.phase is Phase.AVAILABLE
    assert free(it, 1.0)[0] == 2


def test_a_cold_start_assumes_full_use() -> None:
    """L28: a pool whose past is unknown starts as fully used: a sliding window waits one window, a bucket refills."""
    it = pool(limit(amount=10, shape=Shape.SLIDING), limit("tokens", 10, Shape.BUCKET))
    quota.fill(it.state, 0.0)
    it = Driver(quota.BEHAVIOUR, it.state)
    assert quota.load_s(it.state, 0.0) == 10.0
    assert it.refusal(0.0, units=1).available_at == pytest.approx(10.0, abs=0.02)
    assert it.refusal(0.0, tokens=1).available_at == pytest.approx(1.0)


def test_a_pool_of_money_never_meets_a_float() -> None:
    """Reserve, send, settle, expire, tighten: the books of cost stay Decimal to the cent."""
    it = pool(attrs.evolve(limit(shape=Shape.SLIDING), dimension="cost", amount=usd("1.00")), charge=Charge.HELD)
    first, second = it.taken(0.0, cost=usd("0.60")), it.taken(0.0, cost=usd("0.40"))
    assert it.refusal(0.0, cost=usd("0.01")).available == 0
    it.settle(first, 0.0, cost=usd("0.55"))
    it.expire(second, 0.0)
    it.tell(Observe((QuotaObservation("cost", 0.0, remaining=0.05),)), 0.0)
    assert free(it, 0.0) == [usd("0.05")]
    it.settle(second, 0.0, cost=usd("0.10"))
    assert free(it, 0.0) == [usd("0.35")]


def two_windows(**day: Any) -> Driver:
    """10 requests a minute and 100 a day."""
    return pool(
        LimitConfig("requests", 10, 60.0, Shape.SLIDING), LimitConfig("requests", 100, shape=Shape.SLIDING, **day)
    )


@pytest.mark.parametrize(
    ("window_s", "left"),
    [(None, [3, 100]), (60.0, [3, 100]), (86400.0, [10, 3]), (1.0, [10, 100]), (3600.0, [10, 100])],
)
def test_what_a_provider_says_concerns_the_window_it_speaks_of(window_s: float | None, left: list[int]) -> None:
    """Unsaid, the shortest; a window that is not declared concerns none."""
    it = two_windows(window_s=86400.0)
    it.tell(Observe((QuotaObservation("requests", 0.0, remaining=3, window_s=window_s),)), 0.0)
    assert free(it, 0.0) == left


@pytest.mark.parametrize(("every", "window_s"), [("day", 86400.0), ("week", 604800.0), ("month", 2592000.0)])
def test_a_calendar_window_is_meant_by_its_usual_length(every: str, window_s: float) -> None:
    """A day is 86,400 seconds and a month 30 days, however long this one is."""
    it = pool(
        LimitConfig("requests", 10, 60.0, Shape.SLIDING),
        LimitConfig("requests", 100, shape=Shape.CALENDAR, every=every),
    )
    it.tell(Observe((QuotaObservation("requests", 0.0, remaining=3, window_s=window_s),)), 0.0)
    assert free(it, 0.0) == [10, 3]


def test_a_month_may_have_31_days() -> None:
    """What is said of a month concerns a window that is declared a little longer or shorter, the nearest first."""
    it = two_windows(window_s=31 * 86400.0)
    it.tell(Observe((QuotaObservation("requests", 0.0, remaining=3, window_s=30 * 86400.0),)), 0.0)
    assert free(it, 0.0) == [10, 3]


def test_a_limit_that_was_lowered_leaves_no_more_free() -> None:
    """Azure tells of it in the limit's header, for hours; a higher one than is declared changes nothing."""
    it = pool(LimitConfig("tokens", 100, 60.0, Shape.SLIDING))
    it.tell(Observe((QuotaObservation("tokens", 0.0, limit=500),)), 0.0)
    assert free(it, 0.0) == [100]
    it.tell(Observe((QuotaObservation("tokens", 0.0, limit=40),)), 0.0)
    assert free(it, 0.0) == [40]
    it.tell(Observe((QuotaObservation("tokens", 0.0, limit=30, remaining=90),)), 0.0)
    assert free(it, 0.0) == [30]


def test_load_is_the_time_the_fullest_limit_takes_to_drain() -> None:
    """Half of ten seconds' window is five seconds; no window counts as longer than a minute."""
    it = pool(limit(amount=10, shape=Shape.SLIDING), limit("tokens", 10, Shape.SLIDING, window_s=86400.0))
    it.taken(0.0, units=5, tokens=0)
    assert quota.load_s(it.state, 0.0) == 5.0
    it.taken(0.0, tokens=1)
    assert quota.load_s(it.state, 0.0) == 6.0


def test_weight_counts_what_a_snapshot_copies() -> None:
    """The journal's tail may grow with what a snapshot copies: reservations, the expired, and the slots of a log."""
    it = pool(limit(shape=Shape.SLIDING))
    it.dispatch(it.taken(0.0, units=1), 0.0)
    it.expire(it.taken(5.0, units=1), 5.0)
    assert it.behaviour.weigh(it.state) == 2 + 1 + 2
