"""What may go by a provider's own word, and what may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actorrouter import Charge, LimitConfig, Shape
from actorrouter.actors import limits, quota
from actorrouter.actors.mirror import mirrors
from actorrouter.actors.recovery import Recovery
from actorrouter.config import RecoveryConfig
from actorrouter.events import Dispatched, Expired, Granted, Settled
from actorrouter.messages import Observe, Reserve
from actorrouter.turns import CONSENT
from actorrouter.values import INF, OutcomeClass, QuotaObservation, Refusal, Scope

GUARD_S = 0.1
AMOUNT = 100


class Pool:
    """A pool of 100 requests in 60 s that mirrors, declared as a bucket of `burst`, driven by hand."""

    def __init__(self, *declared: LimitConfig, burst: float = 10, charge: Charge = Charge.UP_FRONT) -> None:
        given = declared or (LimitConfig("requests", AMOUNT, 60.0, Shape.BUCKET, burst=burst),)
        windows = tuple(limits.window(limit, charge, GUARD_S) for limit in given)
        self.state = quota.PoolState("pool", windows, Recovery(RecoveryConfig()), mirrors(windows))
        self.last = 0

    def asks(self, now: float, amount: float = 1) -> Any:
        return quota.reserve(self.state, Reserve(0, {"requests": amount}, "m", now + 60), now)

    def fits(self, now: float, amount: float = 1) -> bool:
        return self.asks(now, amount) is CONSENT

    def refusal(self, now: float, amount: float = 1) -> Refusal:
        refusal = self.asks(now, amount).reply[0]
        assert isinstance(refusal, Refusal)
        return refusal

    def grant(self, now: float, amount: float = 1, *, sent: bool = True) -> int:
        self.last += 1
        quota.granted(self.state, Granted(now, self.last, "k", "m", "r", {"requests": amount}, now + 60, ()))
        if sent:
            quota.dispatched(self.state, Dispatched(now, self.last, ()))
        return self.last

    def hear(self, reservation_id: int, remaining: float, at: float, limit: float | None = None) -> None:
        said = QuotaObservation("requests", at, limit, remaining)
        for event in quota.observe(self.state, Observe((said,), reservation_id), at).events:
            quota.observed(self.state, event)

    def settle(self, reservation_id: int, at: float, scope: Scope = Scope.NONE, **more: Any) -> None:
        outcome = OutcomeClass.RATE_LIMITED if scope is Scope.POOL else OutcomeClass.SUCCEEDED
        quota.settled(self.state, Settled(at, reservation_id, "k", (), outcome, scope, {}, {}, **more))

    def take_all(self, now: float) -> int:
        taken = 0
        while self.fits(now):
            self.grant(now)
            taken += 1
        return taken


def test_before_the_first_word_the_declared_limit_decides() -> None:
    """Mirroring alone gives nothing more."""
    pool = Pool()
    assert pool.take_all(0.0) == 9  # a guard's refill is kept back


def test_as_much_goes_as_the_provider_said_remains() -> None:
    """The declared burst is 10; the answer to the first request says 70: so many more go, then none."""
    pool = Pool()
    first = pool.grant(0.0)
    pool.hear(first, 70, 0.05)
    assert pool.take_all(0.05) == 70
    assert not pool.fits(0.05)


def test_what_the_word_may_not_have_counted_is_subtracted() -> None:
    """Of four that went before, one had been sent more than a guard earlier and one was over: two may not be in it."""
    pool = Pool(burst=4)
    pool.grant(0.0)
    pool.settle(pool.grant(0.15), 0.19)
    pool.grant(0.15)
    pool.grant(0.15, sent=False)
    told = pool.grant(0.2)
    pool.hear(told, 20, 0.25)
    assert pool.take_all(0.25) == 18


def test_use_that_is_charged_at_the_end_is_counted_when_it_has_ended() -> None:
    """Sent long ago is not counted, where the provider counts at the end."""
    pool = Pool(burst=4, charge=Charge.ACTUAL)
    pool.grant(0.0)
    pool.hear(pool.grant(5.0), 20, 5.1)
    assert pool.take_all(5.1) == 19


def test_a_slow_answer_is_no_news() -> None:
    """An older request's word, heard later, changes nothing."""
    pool = Pool(burst=2)
    slow, fast = pool.grant(0.0), pool.grant(1.0)
    pool.hear(fast, 0, 1.1)
    pool.hear(slow, 90, 1.2)
    assert pool.take_all(1.2) == 0


def test_a_word_of_nobody_is_only_a_warning() -> None:
    """What is said of no open reservation never gives more."""
    pool = Pool()
    pool.hear(0, 90, 0.0)
    pool.hear(77, 90, 0.0)
    assert pool.take_all(0.0) == 9


def test_a_remainder_above_the_limit_said_with_it_is_not_believed() -> None:
    """No more remains than the provider's own limit."""
    pool = Pool()
    pool.hear(pool.grant(0.0), 10**9, 0.05, limit=30)
    assert pool.take_all(0.05) == 30


def test_a_word_ages() -> None:
    """After a window it is forgotten, and what went by it still counts against the declared limit."""
    pool = Pool(LimitConfig("requests", AMOUNT, 60.0, Shape.SLIDING))
    for _ in range(100):
        told = pool.grant(0.0)
    pool.hear(told, 150, 0.05)
    assert pool.fits(59.0)
    for _ in range(20):
        pool.grant(59.0)
    assert pool.fits(60.0)
    assert pool.take_all(60.2) == 80  # 100 have drained; the 20 that went by the word have not


def test_refill_is_guessed_by_one_request_until_its_answer_tells() -> None:
    """With nothing left one may go when the declared rate has refilled it, and the next waits for its answer."""
    pool = Pool(LimitConfig("requests", AMOUNT, 60.0, Shape.SLIDING))
    for _ in range(100):
        told = pool.grant(0.0)
    pool.settle(told, 0.05)
    for each in range(1, 100):
        pool.settle(each, 0.06)
    told = pool.grant(0.06)
    pool.hear(told, 0, 0.1)
    refusal = pool.refusal(0.1)
    assert refusal.available_at == pytest.approx(0.1 + 0.6)
    assert not refusal.firm
    assert pool.take_all(30.0) == 1
    assert not pool.fits(40.0)
    pool.hear(pool.last, 40, 40.1)
    assert pool.take_all(40.1) == 40


def test_a_refusal_of_the_provider_voids_its_word_until_it_said_to_come_back() -> None:
    """After a 429 with retry-after nothing goes; then one, and more when that one's answer says so."""
    pool = Pool()
    first = pool.grant(0.0)
    pool.hear(first, 70, 0.05)
    no = pool.grant(0.05)
    pool.take_all(0.05)
    pool.hear(no, 0, 0.1)
    pool.settle(no, 0.1, Scope.POOL, retry_at=9.0)
    assert not pool.fits(8.9)
    assert pool.refusal(8.9).available_at == 9.0
    assert pool.fits(9.0)


def test_expired_and_forgotten_reservations_leave_nothing_behind() -> None:
    """A mirror remembers open reservations only."""
    pool = Pool()
    for at in (0.0, 1.0):
        quota.expired(pool.state, Expired(at + 0.5, pool.grant(at), "k", ()))
    pool.settle(pool.grant(300.0), 301.0)
    mirror = pool.state.mirrors[0]
    assert (mirror.marks, mirror.under_way, mirror.granted, mirror.counted) == ({}, {}, 3, 3)


@pytest.mark.parametrize("dimension", ["concurrency", "cost"])
def test_what_no_header_tells_of_is_not_mirrored(dimension: str) -> None:
    """Nor is a longer window of the same dimension: the shortest is what headers tell of."""
    declared = (
        LimitConfig("requests", 1000, 3600.0, Shape.SLIDING),
        LimitConfig("requests", AMOUNT, 60.0, Shape.SLIDING),
        LimitConfig(dimension, 3, shape=Shape.CONCURRENCY),
    )
    windows = tuple(limits.window(limit, Charge.UP_FRONT, GUARD_S) for limit in declared)
    assert [mirror.terms for mirror in mirrors(windows)] == [windows[1].terms]


def test_a_longer_limit_holds_whatever_the_word() -> None:
    """A day's limit is not loosened by what a header says of the minute."""
    day = LimitConfig("requests", 30, 86400.0, Shape.SLIDING)
    pool = Pool(day, LimitConfig("requests", 10, 60.0, Shape.SLIDING))
    pool.hear(pool.grant(0.0), 1000, 0.05)
    assert pool.take_all(0.05) == 29


@pytest.mark.parametrize("change", ["grant", "hear", "settle"])
def test_a_snapshot_is_its_own(change: str) -> None:
    """What happens after a copy does not show in it."""
    pool = Pool()
    told = pool.grant(0.0)
    kept = quota.copy(pool.state)
    again = quota.copy(kept)
    changes: dict[str, Callable[[], Any]] = {
        "grant": lambda: pool.grant(0.1),
        "hear": lambda: pool.hear(told, 70, 0.1),
        "settle": lambda: pool.settle(told, 0.1),
    }
    changes[change]()
    assert kept.mirrors == again.mirrors
    assert kept.mirrors != pool.state.mirrors
    assert kept.mirrors[0].upto == -INF
