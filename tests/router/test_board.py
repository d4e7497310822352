"""The board against the actors: whatever happens, who could grant is found."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actorrouter import CandidateConfig, KeyConfig, RouteConfig, Secret
from actorrouter.messages import Reserve
from actorrouter.router.grants import Grant
from actorrouter.router.search import never_fits
from actorrouter.runtime.transaction import propose
from actorrouter.values import Outcome, OutcomeClass, Scope
from tests.router.world import CALL, at_once, but, check_board, demand, fleet, running, units
from tests.runtime.backends import run_on

KEYS = ("a1", "a2", "a3", "b1")
ROUTES = {
    "m": RouteConfig((CandidateConfig("a", "x"), CandidateConfig("a", "y"), CandidateConfig("b", "z"))),
    "n": RouteConfig((CandidateConfig("a", "x", keys=("a1", "a2")),)),
}
POOLS = {"p": (units(6, 5), at_once(3)), "q": (units(4, 8),), "r": ()}
HOMES = {"a1": ("p",), "a2": ("p", "q", units(3, 4)), "a3": ("q",), "b1": ("r", at_once(1))}

NO = [
    (OutcomeClass.SUCCEEDED, Scope.NONE),
    (OutcomeClass.RATE_LIMITED, Scope.POOL),
    (OutcomeClass.QUOTA_SPENT, Scope.POOL),
    (OutcomeClass.KEY_FATAL, Scope.KEY),
    (OutcomeClass.MODEL_SCOPE, Scope.KEY_MODEL),
    (OutcomeClass.TRANSIENT, Scope.PROVIDER),
    (OutcomeClass.NOT_SENT, Scope.NONE),
]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.sampled_from("mn"), st.integers(1, 7), st.sampled_from([(), *KEYS])),
        st.tuples(st.just("settle"), st.integers(0, 9), st.sampled_from(NO), st.none()),
        st.tuples(st.just("sleep"), st.integers(1, 5), st.none(), st.none()),
        st.tuples(st.just("clear"), st.sampled_from(KEYS), st.none(), st.none()),
        st.tuples(st.just("disable"), st.sampled_from(KEYS), st.none(), st.none()),
        st.tuples(st.just("remove"), st.sampled_from(KEYS), st.none(), st.none()),
        st.tuples(st.just("add"), st.sampled_from(KEYS), st.none(), st.none()),
    ),
    max_size=40,
)


async def _follow(steps: Any) -> None:
    config = fleet(HOMES, providers=("a", "b"), pools=POOLS, routes=ROUTES)
    async with running(config) as (router, _):
        grants: list[Grant] = []
        for what, one, two, three in steps:
            if what == "reserve":
                _reserve(router, grants, one, two, three)
            elif what == "settle" and grants:
                grant = grants.pop(one % len(grants))
                grant.close(Outcome(two[0], two[1], retry_after_s=3.0))
            elif what == "sleep":
                await anyio.sleep(one)
            elif what in ("clear", "disable") and one in router.fleet.keys:
                router.clear_key(one) if what == "clear" else router.disable_key(one)
            elif what == "remove" and one in router.fleet.keys:
                await router.remove_key(one, 0)
            elif what == "add" and one not in router.fleet.keys:
                home = config.keys[one]
                router.add_key(one, KeyConfig(home.provider, Secret("sk-new"), home.pools, home.limits))
            check_board(router)
        for grant in grants:
            grant.release()


def _reserve(router: Any, grants: list[Grant], model: str, amount: int, key_id: Any) -> None:
    pinned = frozenset({key_id}) if key_id and key_id in router.fleet.keys else frozenset()
    asked = demand(router, but(CALL, model=model, keys=pinned), {"requests": 1, "concurrency": 1, "units": amount})
    willing, hopeful, maybe = _model(router, asked)
    found = router.admission.attempt(asked)
    if isinstance(found, Grant):
        assert found.key_id in willing
        grants.append(found)
    else:
        assert not willing, f"{willing} would have granted"
        assert not (found.final and hopeful), f"{hopeful} may come back"
        assert found.final or hopeful or maybe, "nobody can ever grant this"


def _model(router: Any, asked: Any) -> tuple[set[str], set[str], set[str]]:
    """Ask everybody: who would grant, who could one day, and who never could but may be set aside for other reasons."""
    willing: set[str] = set()
    hopeful: set[str] = set()
    maybe: set[str] = set()
    now = router.runtime.clock()
    for candidate in asked.route.candidates:
        message = Reserve(0, asked.amounts(candidate), candidate.config.model, now + 60)
        for key in candidate.provider.keys.values():
            if asked.call.keys and key.key_id not in asked.call.keys:
                continue
            for seat in (seat for seat in key.seats if seat.group.candidate is candidate):
                refusals = propose(router.runtime, seat.holders, message, now)
                if not refusals:
                    willing.add(key.key_id)
                if not any(refusal.final for refusal in refusals):
                    hopeful.add(key.key_id)
                elif any(map(never_fits, refusals)) and candidate.blocked:
                    maybe.add(key.key_id)
    return willing, hopeful, maybe


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_whoever_would_grant_is_found(backend):
    """However keys are used, punished, disabled, removed and added: the board finds a key that grants if there is one,
    and says that waiting cannot help only if nobody could ever grant."""

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(STEPS)
    def run(steps):
        run_on(backend, partial(_follow, steps))

    run()


@pytest.mark.anyio
async def test_a_key_removed_while_set_aside_stays_away():
    """A key that is removed while it is set aside does not come back when its time has come."""
    async with running(fleet({"a1": (units(1, 10),), "a2": ()})) as (router, _):
        asked = partial(demand, router, but(CALL, keys=frozenset()), {"units": 1})
        first = router.admission.attempt(asked())
        second = router.admission.attempt(asked())
        for grant in (first, second):
            assert isinstance(grant, Grant)
            grant.sent()
            grant.settle()
        for _ in range(3):
            other = router.admission.attempt(asked())
            assert isinstance(other, Grant)
            other.release()
        assert await router.remove_key("a1")
        await anyio.sleep(11)
        found = router.admission.attempt(asked())
        assert isinstance(found, Grant)
        assert found.key_id == "a2"
        found.release()
        check_board(router)


@pytest.mark.anyio
async def test_load_is_spread():
    """Keys that are equally good are used in turn."""
    async with running(fleet([f"a{number}" for number in range(5)])) as (router, _):
        used = []
        for _ in range(10):
            grant = router.admission.attempt(demand(router))
            assert isinstance(grant, Grant)
            used.append(grant.key_id)
            grant.settle()
        assert sorted(used) == sorted([f"a{number}" for number in range(5)] * 2)
