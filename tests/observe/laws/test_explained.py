"""Law 6: a decision that is not recorded, or whose record leads elsewhere, is found."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter import LimitConfig, NoCapacity, Shape
from actorrouter.observe.decisions import Decision, DecisionLog, Tried
from actorrouter.router.search import Search
from actorrouter.values import Refusal
from tests.observe.laws.world import broken, one_pool, watched

pytestmark = pytest.mark.anyio

CONFIG = one_pool(LimitConfig("requests", 200, 60, Shape.SLIDING), keys=2)


async def one_grant(config: Any = CONFIG) -> Any:
    """What the law book finds in one ordinary grant and one refusal."""
    async with watched(config) as (router, laws):
        with await router.reserve("m", {}) as grant:
            grant.settle()
        with pytest.raises(NoCapacity) as caught:
            await router.reserve("m", {"requests": 200}, wait_s=0)
        laws.failed(caught.value)
        laws.close()
        return laws


async def test_an_ordinary_grant_is_explained() -> None:
    """Recorded, in order, and replayed to the same key."""
    laws = await one_grant()
    assert not laws.violations, str(laws)


async def test_a_decision_that_is_not_recorded_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the grant and of the error."""
    monkeypatch.setattr(DecisionLog, "add", lambda *_: None)
    laws = await one_grant()
    assert broken(laws) == {6}


async def test_a_record_that_leads_to_another_key_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaying the recorded facts comes to the same choice, or the facts are wrong."""
    granted = Search.granted

    def planted(search: Search, *given: Any) -> Decision:
        decision = granted(search, *given)
        decision.tried = (Tried("k9", 0, 0, 0), *decision.tried)
        return decision

    monkeypatch.setattr(Search, "granted", planted)
    laws = await one_grant()
    assert broken(laws) == {6}
    assert "lead to 'k9'" in str(laws)


async def test_a_record_of_another_reservation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision says which reservation, key, route and amounts it was about."""
    add = DecisionLog.add

    def planted(log: DecisionLog, decision: Decision) -> None:
        decision.reservation_id += bool(decision.reservation_id)
        decision.amounts = {}
        add(log, decision)

    monkeypatch.setattr(DecisionLog, "add", planted)
    laws = await one_grant()
    assert broken(laws) == {6}
    assert "another reservation, amounts" in str(laws)


async def test_asking_the_more_loaded_first_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a candidate lower load comes first; that is what the policy promises."""
    add = DecisionLog.add

    def planted(log: DecisionLog, decision: Decision) -> None:
        decision.tried = (Tried("k8", 0, 99, 0, (Refusal("key:k8", "tired"),)), *decision.tried)
        add(log, decision)

    monkeypatch.setattr(DecisionLog, "add", planted)
    assert 6 in broken(await one_grant())
