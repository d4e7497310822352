"""Law 2: whatever makes a reservation end twice, early, in part or never is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from actorrouter import LimitConfig, NoCapacity, Shape
from actorrouter.actors import budget, circuit, key, quota
from actorrouter.actors.windows import Bucket, Sliding
from actorrouter.events import Expired, Granted, Settled, SettlementRepeated
from actorrouter.messages import Peek
from actorrouter.router import admission, board
from actorrouter.router.admission import Admission
from tests.observe.laws.world import broken, fleet, one_pool, watched

pytestmark = pytest.mark.anyio
on_trio = pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)

CONFIG = one_pool(LimitConfig("requests", 5, 60, Shape.SLIDING), LimitConfig("concurrency", 2), lease_s=10.0)


def once(evolve: Callable[[Any, Any], None], error: Exception | None = None) -> Callable[[Any, Any], None]:
    """Skip the event the first time, or raise; later do as always."""
    called: list[int] = []

    def planted(state: Any, event: Any) -> None:
        called.append(1)
        if len(called) > 1:
            evolve(state, event)
        elif error is not None:
            raise error

    return planted


@pytest.mark.parametrize("room", [quota, circuit, budget])
async def test_a_holder_that_does_not_take_the_settlement_is_found(room: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its books still have a reservation that ended everywhere else."""
    monkeypatch.setitem(room.BEHAVIOUR.evolve, Settled, lambda *_: None)
    async with watched(fleet()) as (router, laws):
        with await router.reserve("small", {"tokens": 5}) as grant:
            grant.settle()
        laws.check()
        assert 2 in broken(laws)
        assert "still has reservation" in str(laws)


async def test_what_is_freed_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A settlement that releases more than was held leaves room that nobody has."""
    settle_window = quota._settle_window

    def planted(window: Any, held: Any, reserved: Any, *rest: Any) -> None:
        settle_window(window, held, reserved, *rest)
        window.held -= reserved

    monkeypatch.setattr(quota, "_settle_window", planted)
    async with watched(CONFIG) as (router, laws):
        with await router.reserve("m", {}) as grant:
            grant.settle()
        laws.check()
        assert 2 in broken(laws)
        assert "books hold" in str(laws)


async def test_a_reservation_that_nobody_ends_is_found() -> None:
    """Quiescence means that nothing is open."""
    async with watched(CONFIG) as (router, laws):
        grant = await router.reserve("m", {})
        laws.close()
        assert broken(laws) == {2}
        assert "still open at" in str(laws)
        grant.release()


async def test_an_ending_that_comes_twice_is_found() -> None:
    """Whoever gave back twice would have made room out of nothing."""
    async with watched(CONFIG) as (router, laws):
        settled: list[Any] = []
        router.runtime.readers.append(lambda event: settled.append(event) if isinstance(event, Settled) else None)
        with await router.reserve("m", {}) as grant:
            grant.settle()
        laws.check()
        assert not laws.violations
        router.runtime.publish(settled[0])
        laws.check()
        assert "had settled everywhere" in str(laws)


async def test_an_ending_that_leaves_a_holder_out_is_found() -> None:
    """Each holder of the grant is told of its end."""
    async with watched(CONFIG) as (router, laws):
        grant = await router.reserve("m", {})
        left_out, *grant._lease.holders = grant._lease.holders
        grant.settle()
        laws.check()
        assert f"without {left_out.actor_id}" in str(laws)


@on_trio
async def test_a_grant_on_which_every_holder_breaks_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when nothing can be journalled: nobody has it, no event ends it, and nothing is in flight."""

    def torn(_state: Any, _event: Any) -> None:
        raise RuntimeError("torn")

    async with watched(one_pool(LimitConfig("requests", 5, 60, Shape.SLIDING))) as (router, laws):
        with monkeypatch.context() as patch:
            for room in (quota, circuit, key):
                patch.setitem(room.BEHAVIOUR.evolve, Granted, torn)
            with pytest.raises(NoCapacity):
                await router.reserve("m", {}, wait_s=0)
        await anyio.sleep(30)
        laws.close()
        assert not laws.violations, str(laws)
        assert laws.bookings.in_flight["k0"] == 0


async def test_a_lease_that_ends_before_its_time_is_found() -> None:
    """An owner who is slow, but in time, is not expropriated."""
    async with watched(CONFIG) as (router, laws):
        grant = await router.reserve("m", {})
        router.admission._expire(grant._lease, router.clock())
        laws.check()
        assert "before its lease ended" in str(laws)
        grant.settle()


@on_trio
async def test_a_lease_that_nobody_looks_after_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is renewed while its owner lives and expires when not; silence is a leak."""
    monkeypatch.setattr(Admission, "_end_leases", lambda _: None)
    async with watched(CONFIG) as (router, laws):
        grant = await router.reserve("m", {})
        await anyio.sleep(35)
        laws.audit(router.clock())
        assert "neither renewed nor expired" in str(laws)
        grant.release()


async def test_a_first_settlement_that_is_ignored_is_found() -> None:
    """Only a repeated settlement may be."""
    async with watched(CONFIG) as (router, laws):
        grant = await router.reserve("m", {})
        router.runtime.publish(SettlementRepeated(router.clock(), grant.reservation_id))
        grant.settle()
        laws.check()
        assert "was ignored" in str(laws)


async def test_a_board_that_counts_the_end_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that looks idle while it is not would be chosen again and again."""

    def planted(*given: Any) -> None:
        board.gave_back(*given)
        board.gave_back(*given)

    monkeypatch.setattr(admission, "gave_back", planted)
    async with watched(CONFIG) as (router, laws):
        grants = [await router.reserve("m", {}) for _ in range(2)]
        grants[0].settle()
        laws.check()
        assert "the board has 0 in flight" in str(laws)


@on_trio
@pytest.mark.parametrize("window", [Bucket, Sliding])
async def test_a_charge_that_never_drains_is_found(window: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has drained is free again: a limit that stays full is a leak, too."""
    shape = Shape.BUCKET if window is Bucket else Shape.SLIDING
    monkeypatch.setattr(window, "level", lambda *_: 1)
    async with watched(one_pool(LimitConfig("requests", 5, 60, shape))) as (router, laws):
        with await router.reserve("m", {}) as grant:
            grant.settle()
        await anyio.sleep(200)
        laws.close()
        assert "still charged after" in str(laws)


@on_trio
@pytest.mark.parametrize("restarting", [False, True])
async def test_a_holder_that_breaks_on_a_settlement_leaks_nothing(
    restarting: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a breach, also if the settlement had to wait for it: there the lease ends, and then it is charged."""
    planted = once(quota.BEHAVIOUR.evolve[Settled], ZeroDivisionError())
    monkeypatch.setitem(quota.BEHAVIOUR.evolve, Settled, planted)
    async with watched(CONFIG) as (router, laws):
        grant = await router.reserve("m", {})
        if restarting:
            for _ in range(2):  # the first restart is at once
                router.runtime.crash(router.runtime.cells["pool:p:shared"], RuntimeError(), Peek())
        grant.settle()
        laws.check()
        await anyio.sleep(5)
        laws.check()
        await anyio.sleep(200)
        laws.close()
        assert router.runtime.cells["pool:p:shared"].last_crash == "ZeroDivisionError in Settled"
        assert not laws.violations, str(laws)


@on_trio
async def test_a_holder_that_breaks_on_an_expiry_leaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reservation ends there, too, sooner or later."""
    planted = once(quota.BEHAVIOUR.evolve[Expired], ZeroDivisionError())
    monkeypatch.setitem(quota.BEHAVIOUR.evolve, Expired, planted)
    async with watched(CONFIG) as (router, laws):
        grant = await router.reserve("m", {})
        grant._lease.abandoned = grant.settled = True
        await anyio.sleep(300)
        laws.close()
        assert not laws.violations, str(laws)
