"""Law 1: whatever makes a limit give more than was declared is found at the grant that does it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import anyio
import attrs
import pytest

from actorrouter import BudgetConfig, Charge, ColdStart, LimitConfig, NoCapacity, RouterConfig, Shape
from actorrouter.actors import quota
from actorrouter.actors.windows import Bucket, Concurrency, Fixed, Paced, Sliding
from actorrouter.events import Expired
from actorrouter.router import admission
from tests.observe.laws.world import broken, one_pool, watched

pytestmark = pytest.mark.anyio
on_trio = pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)
WINDOWS = (Bucket, Sliding, Paced, Fixed, Concurrency)

CASES = {
    "bucket": LimitConfig("requests", 10, 3600, Shape.BUCKET),
    "burst": LimitConfig("requests", 60, 3600, Shape.BUCKET, burst=4),
    "sliding": LimitConfig("requests", 10, 3600, Shape.SLIDING),
    "fixed": LimitConfig("requests", 10, 3600, Shape.FIXED),
    "calendar": LimitConfig("requests", 10, shape=Shape.CALENDAR, every="day", timezone="Asia/Tokyo"),
    "concurrency": LimitConfig("concurrency", 3),
    "cost": LimitConfig("cost", Decimal("0.05"), 3600, Shape.SLIDING),
}


def lenient(monkeypatch: pytest.MonkeyPatch, by: float) -> None:
    """Let every window believe that each request is this much smaller than it is."""
    for window in WINDOWS:
        ready_at: Callable[..., float] = window.__dict__["ready_at"]

        def planted(self: Any, amount: Any, now: float, ready_at: Callable[..., float] = ready_at) -> float:
            return ready_at(self, amount - type(amount)(by), now)

        monkeypatch.setattr(window, "ready_at", planted)


async def take_all(router: Any, most: int = 40, *, sent: bool) -> list[Any]:
    """Reserve one request after the other until there is no room."""
    grants = []
    for _ in range(most):
        try:
            grants.append(await router.reserve("m", {}, wait_s=0))
        except NoCapacity:
            break
        if sent:
            grants[-1].sent()
    return grants


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("shape", CASES)
async def test_one_unit_too_many_is_found(shape: str, sent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window that is right to the last unit passes; one that gives a unit more does not, whatever its shape."""
    for by in (0, 1):
        with monkeypatch.context() as patch:
            lenient(patch, by / 100 if shape == "cost" else by)
            async with watched(one_pool(CASES[shape], guard_s=0.0)) as (router, laws):
                grants = await take_all(router, sent=sent)
                assert 3 <= len(grants) < 40
                laws.check()
                assert broken(laws) >= {1} if by else not laws.violations, str(laws)
                for grant in grants:
                    grant.release()


async def test_a_budget_that_gives_a_cent_more_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Money is counted exactly: one request of one cent beyond the cap."""
    config = one_pool(budgets={"all": BudgetConfig(Decimal("0.05"))})
    lenient(monkeypatch, 0.01)
    async with watched(config) as (router, laws):
        for grant in await take_all(router, 9, sent=True):
            grant.settle({"cost": Decimal("0.01")})
        laws.check()
        assert broken(laws) == {1, 2}
        assert "USD per month at budget:all" in laws.violations[0].what


def refilled(shape: Shape) -> RouterConfig:
    """Ten in ten seconds, and transit times that differ by up to a second."""
    return one_pool(LimitConfig("requests", 10, 10, shape, guard_s=1.0))


@on_trio
@pytest.mark.parametrize("shape", [Shape.BUCKET, Shape.SLIDING, Shape.FIXED])
async def test_a_charge_that_forgets_the_guard_is_found(shape: Shape, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent last may arrive late: books that drain at once give again too early."""
    for planted in (False, True):
        with monkeypatch.context() as patch:
            if planted:
                forget_guard(patch)
            async with watched(refilled(shape)) as (router, laws):
                await anyio.sleep(9.5)
                for _ in range(4):
                    await take_all(router, sent=True)
                    await anyio.sleep(0.9)
                    with await router.reserve("m", {}) as grant:
                        grant.sent()
                laws.check()
                assert broken(laws) >= {1} if planted else not laws.violations, str(laws)


def forget_guard(patch: pytest.MonkeyPatch) -> None:
    for window in (Bucket, Sliding, Fixed):
        charge = window.__dict__["charge"]

        def planted(self: Any, amount: Any, at: float, charge: Callable[..., None] = charge) -> None:
            self.terms = attrs.evolve(self.terms, guard_s=0.0)
            charge(self, amount, at)

        patch.setattr(window, "charge", planted)


async def test_a_correction_that_is_given_back_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An estimate of 60 that became 30 gives 30 back, not 60."""
    refund = Sliding.refund
    monkeypatch.setattr(Sliding, "refund", lambda self, amount, *rest: refund(self, 2 * amount, *rest))
    declared = LimitConfig("tokens", 100, 3600, Shape.SLIDING, Charge.UP_FRONT_THEN_SETTLE)
    async with watched(one_pool(declared)) as (router, laws):
        with await router.reserve("m", {"tokens": 60}) as grant:
            grant.sent()
            grant.settle({"tokens": 30})
        with await router.reserve("m", {"tokens": 100}, wait_s=0):
            laws.check()
        assert broken(laws) == {1}


async def test_an_expiry_that_frees_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows whether a forgotten request was sent: it is charged, so the limit is not free again."""

    def frees(state: quota.PoolState, event: Expired) -> None:
        held = state.opened[event.reservation_id]
        held.expired_at = event.at
        state.expired += 1
        for window in state.windows:
            window.held -= held.amounts[window.terms.dimension]

    monkeypatch.setitem(quota.BEHAVIOUR.evolve, Expired, frees)
    config = one_pool(LimitConfig("requests", 2, 3600, Shape.SLIDING), lease_s=0.05)
    async with watched(config) as (router, laws):
        for grant in [await router.reserve("m", {}) for _ in range(2)]:
            grant._lease.abandoned = grant.settled = True
        await anyio.sleep(0.2)
        await router.reserve("m", {}, wait_s=0)
        laws.check()
        assert 1 in broken(laws)


async def test_use_beyond_what_was_reserved_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that keeps quiet about a surprise is found."""
    monkeypatch.setattr(admission, "surprise", lambda *_: {})
    async with watched(one_pool(LimitConfig("tokens", 100, 60, Shape.SLIDING, Charge.ACTUAL))) as (router, laws):
        with await router.reserve("m", {"tokens": 10}) as grant:
            grant.settle({"tokens": 25})
        laws.check()
        assert 1 in broken(laws)
        assert "surprise" in str(laws)


async def test_a_cold_start_that_assumes_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier process may have used all of it a moment ago."""
    monkeypatch.setattr(Sliding, "fill", lambda *_: None)
    config = one_pool(LimitConfig("requests", 3, 60, Shape.SLIDING), cold_start=ColdStart.FULL)
    async with watched(config) as (router, laws):
        with await router.reserve("m", {}, wait_s=0):
            laws.check()
        assert broken(laws) == {1}
