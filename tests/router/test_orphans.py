"""A journal that outlives the process: what it held ends with its leases, and what it had charged stays charged."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from actorrouter import LimitConfig, NoCapacity, Shape, open_router
from actorrouter.events import Expired
from actorrouter.observe.laws import LawBook
from actorrouter.runtime.journal import MemoryJournal
from tests.observe.laws.world import Wall, one_pool

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)]  # minutes pass

LIMITS = (LimitConfig("requests", 3, 600, Shape.SLIDING), LimitConfig("concurrency", 2))


async def killed(journal: MemoryJournal) -> list[Any]:
    """A process that has settled one of three requests when it dies."""
    wall = Wall()
    async with open_router(one_pool(*LIMITS), journal=journal, wall=wall) as router:
        with await router.reserve("m", {}) as grant:
            grant.settle()
        return [await router.reserve("m", {}) for _ in range(2)]


async def test_what_was_held_expires_and_counts() -> None:
    """Nothing fits before the leases are over, and afterwards the window still knows all three requests."""
    journal = MemoryJournal()
    events: list[Any] = []
    left = await killed(journal)
    config = one_pool(*LIMITS)
    async with open_router(config, journal=journal, wall=Wall(), first_id=1000, observers=[events.append]) as router:
        laws = LawBook(router)
        with pytest.raises(NoCapacity):
            await router.reserve("m", {}, wait_s=0)
        await anyio.sleep(config.lease_s + 1)
        expired = [event for event in events if isinstance(event, Expired)]
        assert [event.reservation_id for event in expired] == [grant.reservation_id for grant in left]
        assert all(len(event.holders) == 3 for event in expired)
        with pytest.raises(NoCapacity) as caught:
            await router.reserve("m", {}, wait_s=0)
        assert {refusal.dimension for refusal in caught.value.refusals} == {"requests"}
        await anyio.sleep(600)
        with await router.reserve("m", {}, wait_s=0) as grant:
            assert grant.reservation_id > 1000
            grant.settle()
        laws.close()
        assert not laws.violations, str(laws)


async def test_who_waits_for_an_orphan_is_served_when_it_ends() -> None:
    """The end of a lease nobody owns makes room like any other."""
    limits = (LimitConfig("concurrency", 1),)
    journal = MemoryJournal()
    async with open_router(one_pool(*limits), journal=journal, wall=Wall()) as router:
        left = await router.reserve("m", {})
    async with open_router(one_pool(*limits), journal=journal, wall=Wall(), first_id=1000) as router:
        began = anyio.current_time()
        with await router.reserve("m", {}, wait_s=300) as grant:
            waited_s = anyio.current_time() - began
            grant.settle()
    assert waited_s == pytest.approx(router.config.lease_s, abs=1)
    assert not left.settled
