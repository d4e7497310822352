"""Law 3: what is counted twice, thrown away or called a success without being one is found."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from actorrouter import LimitConfig, Shape
from actorrouter.actors import budget, key
from actorrouter.events import Settled
from actorrouter.messages import Settle
from actorrouter.values import Outcome, OutcomeClass, Scope
from tests.observe.laws.world import broken, fleet, one_pool, watched

pytestmark = pytest.mark.anyio

CONFIG = one_pool(LimitConfig("requests", 5, 60, Shape.SLIDING))


@pytest.mark.parametrize(("room", "name"), [(budget, "spent"), (key, "served")])
async def test_usage_that_is_counted_twice_is_found(room: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the books sum up is what the events say, to the last cent."""
    settled: Callable[..., None] = room.BEHAVIOUR.evolve[Settled]

    def planted(state: Any, event: Settled) -> None:
        before = getattr(state, name)
        settled(state, event)
        setattr(state, name, 2 * getattr(state, name) - before)

    monkeypatch.setitem(room.BEHAVIOUR.evolve, Settled, planted)
    async with watched(fleet()) as (router, laws):
        with await router.reserve("small", {"tokens": 5}) as grant:
            grant.settle()
        laws.check()
        assert broken(laws) == {3}


async def test_a_settlement_thrown_away_while_its_actor_lives_is_found() -> None:
    """Dead letters are for the dead."""
    async with watched(CONFIG) as (router, laws):
        router.runtime.dead_letter("pool:p:shared", Settle(1, OutcomeClass.SUCCEEDED, Scope.NONE, {}))
        laws.check()
        assert broken(laws) == {3}
        assert laws.lost.dead_settlements == {"pool:p:shared": 1}


async def test_dead_letters_are_counted_without_a_gap() -> None:
    """A number that is left out hides a message that was lost."""
    async with watched(CONFIG) as (router, laws):
        router.runtime.dead_letter("nobody", object())
        router.runtime.dead_letters += 1
        router.runtime.dead_letter("nobody", object())
        laws.check()
        assert broken(laws) == {3}


async def test_a_break_that_is_reported_as_a_success_is_found() -> None:
    """The caller's view and the settlement agree."""
    async with watched(CONFIG) as (router, laws):
        with await router.reserve("m", {}) as good:
            good.settle()
        laws.answered(SimpleNamespace(decision_id=good.decision.decision_id, attempts=()))
        assert not laws.violations
        with await router.reserve("m", {}) as cut:
            cut.close(Outcome(OutcomeClass.BROKEN, Scope.PROVIDER))
        laws.answered(SimpleNamespace(decision_id=cut.decision.decision_id, attempts=()))
        assert broken(laws) == {3}
        assert "settled as broken" in str(laws)
