"""Law 1 of a pool that mirrors: what goes by the provider's word passes, what goes beyond it is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import attrs
import pytest

from actorrouter import LimitConfig, NoCapacity, PoolConfig, RouterConfig, Shape
from actorrouter.actors.mirror import Mirror
from actorrouter.messages import Observe
from actorrouter.observe.laws.words import Word
from actorrouter.values import Outcome, OutcomeClass, QuotaObservation, Scope
from tests.observe.laws.world import broken, one_pool, watched

pytestmark = pytest.mark.anyio
on_trio = pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)
TEN = LimitConfig("requests", 10, 3600, Shape.SLIDING)


def mirroring(*declared: LimitConfig) -> RouterConfig:
    return one_pool(*declared, pools={"shared": PoolConfig(declared, mirror=True)})


def tell(router: Any, grant: Any, remaining: float) -> None:
    """The head of the answer to this grant's request is in."""
    said = QuotaObservation("requests", router.clock(), remaining=remaining)
    router.runtime.tell("pool:p:shared", Observe((said,), grant.reservation_id))


async def take_all(router: Any, most: int = 60) -> list[Any]:
    grants = []
    for _ in range(most):
        try:
            grants.append(await router.reserve("m", {}, wait_s=0))
        except NoCapacity:
            break
        grants[-1].sent()
    return grants


async def two_words(router: Any) -> int:
    """A first word, all that goes by it, a second one that has not counted half of it; how many went in all."""
    first = await router.reserve("m", {})
    first.sent()
    tell(router, first, 20)
    grants = [first, *await take_all(router)]
    tell(router, grants[len(grants) // 2], 15)
    grants += await take_all(router)
    for grant in grants:
        grant.settle()
    return len(grants)


async def test_what_goes_by_the_word_is_no_violation() -> None:
    """20 go after the first; the answer to the eleventh says 15, and may not have counted the 20 others: nothing more
    goes. That is more than twice the declared limit, and every law holds."""
    async with watched(mirroring(TEN)) as (router, laws):
        assert await two_words(router) == 21
        laws.check()
        laws.close()
    assert not laws.violations, str(laws)


def uncounted_forgotten(self: Mirror, reservation_id: int, said: QuotaObservation) -> None:
    """As if the word had counted everything."""
    self.upto, self.said_at, self.said_of = (said.remaining or 0) + self.granted, said.at, reservation_id


def believed_twice(self: Mirror, reservation_id: int, said: QuotaObservation) -> None:
    """As if what went since the last word had not gone."""
    self.upto = max(self.upto, self.granted) + (said.remaining or 0)
    self.said_at, self.said_of = said.at, reservation_id


@pytest.mark.parametrize("planted", [uncounted_forgotten, believed_twice])
async def test_more_than_the_word_is_found(planted: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror that believes more than was said breaks law 1."""
    monkeypatch.setattr(Mirror, "hear", planted)
    async with watched(mirroring(TEN)) as (router, laws):
        assert await two_words(router) > 30
        laws.check()
    assert 1 in broken(laws), str(laws)


async def test_without_a_word_the_declared_limit_is_the_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mirroring excuses nothing that no provider said."""
    monkeypatch.setattr(Mirror, "ready_at", lambda _, __, now: now)
    async with watched(mirroring(TEN)) as (router, laws):
        for grant in await take_all(router, 12):
            grant.settle()
        laws.check()
    assert 1 in broken(laws), str(laws)


@on_trio
async def test_an_old_word_excuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror that never forgets is found a window later."""
    ten = attrs.evolve(TEN, window_s=10.0)
    for planted in (False, True):
        with monkeypatch.context() as patch:
            if planted:
                patch.setattr(Mirror, "ready_at", lambda self, _, now: now if self.upto > 0 else now + 1)
            async with watched(mirroring(ten)) as (router, laws):
                first = await router.reserve("m", {})
                first.sent()
                tell(router, first, 90)
                await anyio.sleep(11)
                for grant in [first, *await take_all(router)]:
                    grant.settle()
                laws.check()
            assert (1 in broken(laws)) is planted, str(laws)


@on_trio
async def test_after_a_429_one_goes_when_the_provider_said() -> None:
    """What was said before it is void; every law holds."""
    async with watched(mirroring(TEN)) as (router, laws):
        grants = await take_all(router)
        tell(router, grants[-1], 50)
        refused = await router.reserve("m", {})
        refused.sent()
        refused.close(Outcome(OutcomeClass.RATE_LIMITED, Scope.POOL, 429, retry_after_s=30.0))
        with pytest.raises(NoCapacity) as no:
            await router.reserve("m", {}, wait_s=0)
        assert no.value.available_in_s == pytest.approx(30.0)
        grants.append(await router.reserve("m", {}, wait_s=31))
        for grant in grants:
            grant.settle()
        laws.check()
        laws.close()
    assert not laws.violations, str(laws)


def test_the_model_remembers_no_more_than_it_must() -> None:
    """What was over before everything that is open is forgotten."""
    word = Word(1.0, 60.0, 0.1, counted_when_sent=True)
    for number in range(1, 20_000):
        word.granted(number, 1, number * 0.01)
        word.ended(number)
    assert len(word._entries) < 5000
