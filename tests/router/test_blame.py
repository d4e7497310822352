"""Who bears the blame: which actors change on each outcome, and what becomes of keys that are refused together."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import pytest

from actorrouter import (
    CandidateConfig,
    CircuitConfig,
    KeyConfig,
    NoCapacity,
    Refused,
    RouteConfig,
    Router,
    RouterError,
    Secret,
)
from actorrouter.router.retry import Next, after
from actorrouter.transport.port import Reached
from actorrouter.values import Outcome, OutcomeClass, Scope
from tests.router.steps import calls_made, states
from tests.router.world import CALL, but, fault, fleet, no, ok, requests, running, secret_of, taken

pytestmark = pytest.mark.anyio

REJECTED = no(401, "invalid_api_key")
SPENT = no(429, "insufficient_quota")
BREAKER = {"circuit": CircuitConfig(consecutive_failures=5, open_s=1.0, open_max_s=60.0)}

PAUSE = {OutcomeClass.QUOTA_SPENT: "exhausted"}
"""The phase a pause has; `throttled` for all others."""


def changed(outcome: OutcomeClass, scope: Scope) -> dict[str, Any]:
    """Whom an outcome of this scope changes, and into what: the rule in one place."""
    pause = PAUSE.get(outcome, "throttled")
    refused = outcome in (OutcomeClass.KEY_FATAL, OutcomeClass.QUOTA_SPENT)
    by_scope: dict[Scope, dict[str, Any]] = {
        Scope.KEY: {"key": "disabled" if outcome is OutcomeClass.KEY_FATAL else pause},
        Scope.EGRESS: {"key": "disabled" if outcome is OutcomeClass.KEY_FATAL else pause},
        Scope.KEY_MODEL: {"models": ["up"]},
        Scope.POOL: {"pool": pause},
        Scope.PROVIDER: {"failures": 1} | ({"key": "throttled"} if refused else {}),
    }
    return by_scope.get(scope, {})


FAILED = [each for each in OutcomeClass if each is not OutcomeClass.SUCCEEDED]


@pytest.mark.parametrize(
    ("refusal", "phase"), [(SPENT, "exhausted"), (no(429, "rate_limit_exceeded", retry_after="3600"), "throttled")]
)
async def test_a_key_without_limits_is_its_own_pool(refusal: Any, phase: str) -> None:
    """A spent balance or a told wait pauses the key that draws on no pool: nobody sends there in vain again."""
    async with running(fleet({"a1": ()})) as (router, upstream):
        upstream.otherwise = tuple(refusal)
        for _ in range(3):
            with pytest.raises(RouterError):
                await router.send(but(CALL, wait_s=1))
        assert len(upstream.asked) == 1
        assert states(router)["a1"] == phase


async def test_an_explanation_has_the_providers_words() -> None:
    """Why a key was refused can be read long after its error was handled, and not the secret that it repeated."""
    async with running(fleet({"a1": ()})) as (router, upstream):
        upstream.scripts.append(no(401, "invalid_api_key", f"Incorrect API key provided: {secret_of('a1')}."))
        with pytest.raises(Refused) as caught:
            await router.send(CALL)
        assert caught.value.decision_id is not None
        told = router.explain(caught.value.decision_id)
        assert "it ended as key_fatal: Incorrect API key provided: ***" in told
        assert secret_of("a1") not in told


async def test_a_key_without_limits_comes_back() -> None:
    """A short wait is waited for, and the call is served by the same key."""
    async with running(fleet({"a1": ()})) as (router, upstream):
        upstream.scripts.append(no(429, "rate_limit_exceeded", retry_after="2"))
        assert (await router.send(but(CALL, wait_s=10))).key_id == "a1"
        first, second = (at for _, at in upstream.asked)
        assert second - first >= 2


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("outcome", FAILED)
async def test_scope_decides_who_changes(outcome: OutcomeClass, scope: Scope) -> None:
    """Every outcome of every scope: the blamed actor changes, no other one does."""
    async with running(fleet({"a1": ("p",), "a2": ("p", "q")}, pools={"p": (), "q": ()})) as (router, _):
        router.settle(taken(router, call=but(CALL, keys=frozenset({"a1"}))), Outcome(outcome, scope))
        status = router.status()
        key, pool = status["keys"]["a1"], status["pools"]["pool:a:p"]
        found = {
            "key": key["state"],
            "models": list(key["refused_models"]),
            "pool": pool["state"],
            "failures": router.fleet.providers["a"].circuit.state.in_a_row,
        }
        untouched = {"key": "available", "models": [], "pool": "available", "failures": 0}
        assert found == untouched | changed(outcome, scope)
        assert status["keys"]["a2"]["state"] == status["pools"]["pool:a:q"]["state"] == "available"


WORK = {OutcomeClass.RATE_LIMITED, OutcomeClass.CAPACITY, OutcomeClass.TRANSIENT, OutcomeClass.BROKEN,
        OutcomeClass.NOT_SENT}  # fmt: skip
ELSEWHERE = {OutcomeClass.KEY_FATAL, OutcomeClass.MODEL_SCOPE, OutcomeClass.QUOTA_SPENT}


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("outcome", FAILED)
def test_scope_decides_what_comes_next(outcome: OutcomeClass, scope: Scope) -> None:
    """A fault of the key's own asks another key, one of the provider repeats the work, one of the request fails."""
    step = after(Outcome(outcome, scope), repeat_unknown=False)
    if outcome in WORK:
        assert step is (Next.OTHER_KEY if scope in (Scope.KEY, Scope.EGRESS) else Next.AGAIN)
    elif outcome in ELSEWHERE and scope is Scope.PROVIDER:
        assert step is Next.AGAIN
    elif outcome in ELSEWHERE:
        fresh = outcome is OutcomeClass.KEY_FATAL and scope is Scope.NONE
        assert step is (Next.ANEW if fresh else Next.OTHER_KEY)
    else:
        assert step is (Next.UNKNOWN if outcome is OutcomeClass.UNKNOWN else Next.FAIL)


class TestKeyAndModel:
    async def test_a_key_without_a_model_serves_the_others(self) -> None:
        """Refused for one model, on every route that leads there; the key goes on with other models (R53)."""
        routes = {
            name: RouteConfig((CandidateConfig("a", model),), wait_s=0.0)
            for name, model in (("m", "up"), ("again", "up"), ("other", "small"))
        }
        async with running(fleet(["a1"], routes=routes)) as (router, upstream):
            upstream.scripts.append(no(404, "model_not_found"))
            with pytest.raises(Refused):
                await router.send(CALL)
            with pytest.raises(NoCapacity, match="refused up for this key"):
                await router.send(but(CALL, model="again"))
            assert (await router.send(but(CALL, model="other"))).key_id == "a1"


class TestEgress:
    async def test_keys_behind_one_proxy_are_passed_over_together(self) -> None:
        """A proxy that fails for one key is not tried by this call with another; a key of another way out answers."""
        behind = {name: KeyConfig("a", Secret(secret_of(name)), proxy="http://proxy.invalid") for name in ("a1", "a2")}
        async with running(fleet({**behind, "a3": ()})) as (router, upstream):
            upstream.otherwise = (fault("proxy", Reached.NO),)
            router.fleet.keys["a3"].transport = type(upstream)()
            reply = await router.send(CALL)
            assert reply.key_id == "a3"
            assert len(upstream.asked) <= 1
            assert sorted(states(router).values()) in (["available"] * 3, ["available", "available", "throttled"])


def six(**options: Any) -> Any:
    return fleet([f"a{number}" for number in range(1, 7)], provider=BREAKER, **options)


async def warm(router: Router) -> None:
    """Every key has served."""
    for key_id in router.fleet.keys:
        await router.send(but(CALL, keys=frozenset({key_id})))
    await anyio.sleep(60)


class TestTogether:
    async def test_before_all_are_out(self) -> None:
        """Keys that had served and are refused together: after four of six the others are spared, and none is lost."""
        async with running(six()) as (router, upstream):
            await warm(router)
            upstream.scripts.extend([REJECTED] * 4)
            assert (await router.send(but(CALL, max_attempts=2, wait_s=60))).status == 200
            assert len(upstream.asked) == 6 + 4 + 1
            assert "disabled" not in states(router).values()

    async def test_one_success_among_them_clears_the_provider(self) -> None:
        """While another key is served, the refused ones are bad keys, however many."""
        async with running(six()) as (router, upstream):
            await warm(router)
            for bad in ("a1", "a2", "a3", "a4", "a5"):
                upstream.scripts.append(REJECTED)
                await router.send(but(CALL, keys=frozenset({bad, "a6"})))
            assert states(router) == dict.fromkeys(("a1", "a2", "a3", "a4", "a5"), "disabled") | {"a6": "available"}

    async def test_keys_refused_together_come_back(self) -> None:
        """All six keys are turned away: the circuit opens, and once a probe has come back well all serve again."""
        async with running(six()) as (router, upstream):
            upstream.scripts.extend([REJECTED] * 6)
            assert (await router.send(but(CALL, max_attempts=10, wait_s=60))).status == 200
            assert "disabled" not in states(router).values()
            served = {(await router.send(CALL)).key_id for _ in range(40)}
            assert served == set(states(router))
            await anyio.sleep(1)
            assert router.fleet.providers["a"].circuit.state.together.suspects == frozenset()

    async def test_spent_quotas_together_come_back(self) -> None:
        """The same for quotas: pools refused together are not left out for their minute, or their day."""
        pools = {f"p{number}": () for number in range(1, 5)}
        config = fleet({f"a{number}": (f"p{number}",) for number in range(1, 5)}, pools=pools, provider=BREAKER)
        async with running(config) as (router, upstream):
            upstream.scripts.extend([SPENT] * 5)
            assert (await router.send(but(CALL, max_attempts=10, wait_s=60))).status == 200
            assert anyio.current_time() < 20
            assert {each["state"] for each in router.status()["pools"].values()}.isdisjoint({"exhausted"})

    async def test_a_bad_key_among_good_ones_is_disabled_at_once(self) -> None:
        """Three keys of six go bad one after another while the others serve: each is out after one refusal."""
        async with running(six()) as (router, upstream):
            for bad in ("a1", "a2", "a3"):
                upstream.scripts.append(REJECTED)
                await router.send(but(CALL, keys=frozenset({bad, "a6"}), exclude_keys=frozenset()))
                await router.send(CALL)
            assert list(states(router).values()).count("disabled") == 3
            assert router.status()["providers"]["a"]["state"] == "closed"

    async def test_two_keys_are_judged_each_by_itself(self) -> None:
        """Of two keys that are both refused, both are disabled, and the call is told so at once."""
        async with running(fleet(provider=BREAKER)) as (router, upstream):
            upstream.otherwise = tuple(REJECTED)
            with pytest.raises(Refused, match="nobody can"):
                await router.send(CALL)
            assert set(states(router).values()) == {"disabled"}

    async def test_the_truly_bad_key_does_not_keep_the_others_out(self) -> None:
        """After an outage one key stays bad. It is probed in turn with the others, and it alone ends disabled."""
        async with running(six()) as (router, upstream):
            upstream.scripts.extend([REJECTED] * 6)
            bad, good = type(upstream)(otherwise=REJECTED), type(upstream)(otherwise=ok())
            await router.send(but(CALL, max_attempts=10, wait_s=60))
            for key_id, entry in router.fleet.keys.items():
                entry.transport = bad if key_id == "a2" else good
            for _ in range(60):
                await router.send(but(CALL, wait_s=60))
            assert {key: state for key, state in states(router).items() if state == "disabled"} == {"a2": "disabled"}
            assert len(bad.asked) == 1

    async def test_a_provider_that_revoked_all_is_not_hammered(self) -> None:
        """Callers come every second for an hour: some 80 requests reach a provider that will not have any."""
        async with running(six()) as (router, upstream):
            upstream.otherwise = tuple(REJECTED)
            for _ in range(3600):
                with pytest.raises(RouterError):
                    await router.send(but(CALL, wait_s=0.0))
                await anyio.sleep(1)
            assert len(upstream.asked) < 100
            per_key = [sum(secret == secret_of(key) for secret, _ in upstream.asked) for key in states(router)]
            assert min(per_key) >= 3  # in turn
            upstream.otherwise = tuple(ok())
            await anyio.sleep(80)
            assert (await router.send(but(CALL, wait_s=80))).status == 200
            assert "disabled" not in states(router).values()

    async def test_an_operators_word_stands(self) -> None:
        """A key that an operator took out in the meantime stays out when the others come back."""
        async with running(six()) as (router, upstream):
            await warm(router)
            upstream.scripts.extend([REJECTED] * 4)
            with pytest.raises(Refused):
                await router.send(but(CALL, max_attempts=1))
            router.disable_key("a3", "audit")
            router.reset_circuit("a")
            await router.send(CALL)
            assert states(router)["a3"] == "disabled"
            assert list(states(router).values()).count("disabled") == 1

    async def test_a_reset_gives_them_back(self) -> None:
        """An operator who resets the circuit need not clear the keys one by one."""
        async with running(six()) as (router, upstream):
            await warm(router)
            upstream.scripts.extend([REJECTED] * 4)
            with pytest.raises(Refused):
                await router.send(but(CALL, max_attempts=1))
            assert router.status()["providers"]["a"]["state"] == "open"
            router.reset_circuit("a")
            assert (await router.send(but(CALL, wait_s=0.0))).status == 200
            assert "disabled" not in states(router).values()

    async def test_who_is_told_why(self) -> None:
        """The refusal that tips the scales says that the provider is blamed for it."""
        async with running(six()) as (router, upstream):
            await warm(router)
            upstream.scripts.extend([REJECTED] * 4)
            with pytest.raises(Refused, match="one of many keys refused at once") as caught:
                await router.send(but(CALL, max_attempts=1))
            scopes = [attempt.outcome.scope for attempt in caught.value.attempts]
            assert scopes == [Scope.KEY] * 3 + [Scope.PROVIDER]

    async def test_a_limit_is_charged_all_the_same(self) -> None:
        """Who is blamed changes nothing of what was charged."""
        async with running(six(pools={"p": (requests(100),)})) as (router, upstream):
            upstream.scripts.extend([REJECTED] * 5)
            await router.send(but(CALL, max_attempts=10, wait_s=60))
            assert router.status()["open"] == 0

    async def test_a_refusal_costs_the_same_however_many_there_were(self) -> None:
        """The six hundredth wrong key of eight hundred takes as many steps to judge as the two hundredth."""
        async with running(fleet([f"a{n}" for n in range(800)])) as (router, _):
            made = []
            for _ in range(600):
                grant = taken(router)
                made.append(calls_made(partial(router.settle, grant, Outcome(OutcomeClass.KEY_FATAL, Scope.KEY, 401))))
            assert max(made[590:]) <= 1.1 * max(made[190:200])
