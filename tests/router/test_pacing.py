"""Repeats after a refusal that told how long to wait: paced by the pool, not paid from the retry budget."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import anyio
import pytest

from actorrouter import Refused
from actorrouter.router.retry import paced
from actorrouter.values import Outcome, OutcomeClass, Scope
from tests.router.world import CALL, but, fleet, no, ok, running

pytestmark = pytest.mark.anyio

POOR = {"retry_ratio": 0.0, "retry_reserve": 0.0}
TOLD = no(429, "rate_limit_exceeded", retry_after="7")


@pytest.mark.parametrize(
    ("changes", "yes"),
    [
        ({}, True),
        ({"retry_after_s": None}, False),
        ({"retry_after_s": 0.0}, False),
        ({"retry_after_s": 0.05}, False),
        ({"scope": Scope.KEY}, False),
        ({"scope": Scope.PROVIDER}, False),
        ({"status": 200}, False),
        ({"status": None}, False),
        ({"outcome": OutcomeClass.CAPACITY}, False),
        ({"outcome": OutcomeClass.QUOTA_SPENT}, False),
    ],
)
def test_what_paces(changes: dict[str, Any], yes: bool) -> None:
    """Only a refusal of a pool, before any work, that tells a wait worth the name."""
    told: dict[str, Any] = {"outcome": OutcomeClass.RATE_LIMITED, "scope": Scope.POOL, "status": 429}
    assert paced(Outcome(**{**told, "retry_after_s": 7.0, **changes})) is yes


async def test_a_told_wait_needs_no_budget() -> None:
    """A call that is told to wait waits and is served, though no repeat can be paid for."""
    async with running(fleet({"a1": ("p",)}, pools={"p": ()}, provider=POOR)) as (router, upstream):
        upstream.scripts.append(TOLD)
        assert (await router.send(CALL)).status == 200
        assert anyio.current_time() == pytest.approx(7, abs=0.5)


@pytest.mark.parametrize(("pools", "script"), [((), TOLD), (("p",), no(429, "rate_limit_exceeded"))])
async def test_whatever_paces_nobody_draws_on_the_budget(pools: tuple[str, ...], script: Any) -> None:
    """Without a pool that could wait, or a wait that was told, a repeat is paid for."""
    async with running(fleet({"a1": pools}, pools={"p": ()}, provider=POOR)) as (router, upstream):
        upstream.scripts.append(script)
        with pytest.raises(Refused, match="retry budget"):
            await router.send(CALL)


async def test_max_attempts_bounds_it() -> None:
    """A provider that tells for ever to come back is asked `max_attempts` times, at the instants it told."""
    async with running(fleet({"a1": ("p",)}, pools={"p": ()}, provider=POOR)) as (router, upstream):
        upstream.otherwise = tuple(TOLD)
        with pytest.raises(Refused, match="4 sends, the most allowed"):
            await router.send(CALL)
        at = [when for _, when in upstream.asked]
        assert [round(later - sooner) for sooner, later in pairwise(at)] == [7, 7, 7]


async def test_a_crowd_told_to_wait_sends_one_probe() -> None:
    """Thirty calls refused together do not come again together: one probe, and the others as it widens."""
    async with running(fleet({"a1": ("p",)}, pools={"p": ()}, provider=POOR)) as (router, upstream):
        upstream.scripts.extend([TOLD] * 30)
        upstream.otherwise = tuple(ok(after_s=1.0))
        async with anyio.create_task_group() as group:
            for _ in range(30):
                group.start_soon(router.send, but(CALL, wait_s=60))
        again = [round(when, 1) for _, when in upstream.asked[30:]]
        assert len(again) == 30
        assert again.count(min(again)) == 1
        assert min(again) >= 7
