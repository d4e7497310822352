"""What users of today's tools suffer, one test for each pain of the table that the project began with."""

from __future__ import annotations

import contextlib
import random
from decimal import Decimal
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from actorrouter import (
    BudgetConfig,
    CandidateConfig,
    Charge,
    KeyConfig,
    LimitConfig,
    NoCapacity,
    PriceConfig,
    Refused,
    RouteConfig,
    Secret,
    Shape,
    StreamInterrupted,
)
from actorrouter.config import RecoveryConfig
from actorrouter.events import Cleared, Settled
from actorrouter.router.grants import Grant
from tests.router.world import (
    CALL,
    STREAM,
    Head,
    Upstream,
    assert_idle,
    at_once,
    but,
    demand,
    fleet,
    no,
    ok,
    requests,
    running,
    taken,
    units,
    words,
)
from tests.runtime.backends import BACKENDS

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """Virtual time: nothing here leaves the process."""
    return BACKENDS[request.param]()


def state(router, pool="pool:a:p"):
    return router.status()["pools"][pool]["state"]


async def test_1_keys_come_back():
    """1: a throttled key comes back by itself after one good probe, strikes are forgotten, and a hint is bounded."""
    recovery = RecoveryConfig(throttle_max_s=600.0)
    async with running(fleet({"a1": ("p",)}, pools={"p": ()}, recovery=recovery)) as (router, upstream):
        for hint in ("30", "561600"):
            upstream.scripts.append(no(429, "rate_limit_exceeded", retry_after=hint))
            with pytest.raises(Refused):
                await router.send(but(CALL, wait_s=0))
            assert state(router) == "throttled"
            wait_s = router.quote(CALL).wait_s
            assert wait_s is not None
            assert wait_s <= 600
            await anyio.sleep(wait_s + 0.01)
            sent = len(upstream.asked)
            upstream.scripts.append(ok(after_s=5.0))
            async with anyio.create_task_group() as group:
                for _ in range(5):
                    group.start_soon(router.send, CALL)
                await anyio.sleep(1)
                assert len(upstream.asked) == sent + 1, "more than one probe"
            for _ in range(20):
                await router.send(CALL)
            assert state(router) == "available"


async def test_1_only_failures_in_a_row_count():
    """1: pauses grow with failures in a row, and a success in between starts them anew."""
    async with running(fleet({"a1": ("p",)}, pools={"p": ()}), rng=random.Random(1)) as (router, upstream):
        pauses = []
        for _ in range(6):
            upstream.scripts.append(no(429, "rate_limit_exceeded"))
            with pytest.raises(Refused):
                await router.send(but(CALL, wait_s=0))
            pauses.append(router.quote(CALL).wait_s or 0)
            await anyio.sleep(pauses[-1] + 0.01)
            for _ in range(6):
                await router.send(CALL)
        assert max(pauses) < 1.3


@pytest.mark.parametrize("charge", list(Charge))
async def test_2_work_in_flight_counts(charge):
    """2: however many calls start at once, what they may use together stays within the limit."""
    limit = LimitConfig("units", 100, 60.0, Shape.SLIDING, charge, guard_s=0.0)
    async with running(fleet({"a1": ("p",)}, pools={"p": (limit,)})) as (router, _):
        grants: list[Grant] = []
        while router.quote(CALL).key_id and len(grants) < 50:
            found = router.admission.attempt(demand(router, CALL, {"units": 40}))
            if not isinstance(found, Grant):
                break
            grants.append(found)
        assert len(grants) == 2
        for grant in grants:
            grant.release()


async def test_3_waiting_instead_of_failing():
    """3: when all keys are at their limit calls wait, in order, and none fails that could be served in time."""
    async with running(fleet({"a1": (requests(1, 10),), "a2": (requests(1, 10),)})) as (router, upstream):
        began = anyio.current_time()
        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(router.send, but(CALL, wait_s=100))
        assert len(upstream.asked) == 8
        assert anyio.current_time() - began == pytest.approx(30, abs=0.5)


async def test_4_a_throttled_upstream_is_left_alone():
    """4: one 429 causes no second request before its Retry-After, from any of many callers."""
    async with running(fleet({"a1": ("p",), "a2": ("p",)}, pools={"p": ()})) as (router, upstream):
        upstream.scripts.append(no(429, "rate_limit_exceeded", retry_after="20"))
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(router.send, but(CALL, wait_s=200))
                await anyio.sleep(0.5)
        first, *rest = [at for _, at in upstream.asked]
        assert all(at >= first + 20 for at in rest)


async def test_5_no_phantom_spending():
    """5: after calls that end in every way, cancelled, failed, left and forgotten, budgets hold nothing."""
    route = RouteConfig((CandidateConfig("a", "up", price=PriceConfig(Decimal(1), Decimal(2))),))
    budgets = {"all": BudgetConfig(Decimal(100), every=None)}
    async with running(fleet(routes={"m": route}, budgets=budgets)) as (router, upstream):
        for script in (ok(), no(400), no(500), words(3), words(3, end=[]), [5.0, *ok()]):
            upstream.scripts.append(script)
            with anyio.move_on_after(2):
                with contextlib.suppress(Refused, StreamInterrupted):
                    await router.send(but(STREAM, max_attempts=1))
        budget = router.status()["budgets"]["all"]
        assert Decimal(budget["held"]) == 0
        assert Decimal(budget["charged"]) == Decimal(budget["spent_in_all"]) < Decimal("0.001")


async def test_6_budgets_hold_under_concurrency():
    """6: calls that start together overspend a budget by no more than their estimates were wrong."""
    route = RouteConfig((CandidateConfig("a", "up", price=PriceConfig(request_usd=Decimal("0.3"))),))
    budgets = {"all": BudgetConfig(Decimal(1), every=None)}
    async with running(fleet(routes={"m": route}, budgets=budgets)) as (router, upstream):
        upstream.otherwise = tuple(ok(after_s=1.0))
        served = 0

        async def one():
            nonlocal served
            try:
                await router.send(but(CALL, wait_s=5))
                served += 1
            except NoCapacity:
                pass

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(one)
        assert served == 3
        assert Decimal(router.status()["budgets"]["all"]["spent_in_all"]) == Decimal("0.9")


async def test_7_spending_is_told_once():
    """7: the settlements that observers see add up to what the budget says was spent."""
    seen: list[Any] = []
    route = RouteConfig((CandidateConfig("a", "up", price=PriceConfig(Decimal(3), Decimal(7))),))
    budgets = {"all": BudgetConfig(Decimal(100), every=None)}
    async with running(fleet(routes={"m": route}, budgets=budgets), observers=[seen.append]) as (router, upstream):
        for number in range(20):
            upstream.scripts.append(ok(number, 2 * number))
            await router.send(CALL)
        told = sum((event.usage["cost"] for event in seen if type(event) is Settled), Decimal(0))
        assert told == Decimal(router.status()["budgets"]["all"]["spent_in_all"])
        assert told == sum(Decimal(3 * n + 7 * 2 * n) for n in range(20)) / 1_000_000


async def test_8_tokens_of_a_stream_that_was_left():
    """8: a stream that the caller leaves is charged for what was written, marked as estimated."""
    config = fleet({"a1": ("p",)}, pools={"p": (units(1000),)})
    seen: list[Any] = []
    async with running(config, observers=[seen.append]) as (router, upstream):
        upstream.scripts.append(words(100))
        async with router.stream(STREAM) as reply:
            for _ in range(5):
                await anext(reply)
        settled = next(event for event in seen if type(event) is Settled)
        assert 0 < settled.usage["output_tokens"] < 100
        assert reply.usage.estimated


async def test_9_no_truncated_success():
    """9: before content another key answers; after content a break is an error, never a short success."""
    async with running(fleet()) as (router, upstream):
        upstream.scripts.extend([words(0, end=[]), words(3)])
        async with router.stream(STREAM) as reply:
            assert (await reply.read()).count(b"word ") == 3
        upstream.scripts.append(words(3, end=[]))
        with pytest.raises(StreamInterrupted):
            await router.send(STREAM)


async def test_11_blame_has_a_scope():
    """11: a 429 stops its pool, a 401 its key, a 404 its key for that model, a 503 nobody's key."""
    pools: dict[str, Any] = {"p": (), "q": ()}
    async with running(fleet({"a1": ("p",), "a2": ("p",), "a3": ("q",)}, pools=pools)) as (router, upstream):
        for script in (no(401, "invalid_api_key"), no(404, "model_not_found"), no(503)):
            upstream.scripts.append(script)
            await router.send(CALL)
        keys = router.status()["keys"]
        assert sorted(key["state"] for key in keys.values()) == ["available", "available", "disabled"]
        assert sum(bool(key["refused_models"]) for key in keys.values()) == 1
        assert state(router) == state(router, "pool:a:q") == "available"


async def test_12_keys_share_a_quota():
    """12: keys of one organisation draw on one pool: more keys do not make more room (L53)."""
    keys = {f"a{number}": ("p",) for number in range(5)}
    async with running(fleet(keys, pools={"p": (requests(3, 100),)})) as (router, _):
        for _ in range(3):
            taken(router).settle()
        with pytest.raises(NoCapacity):
            await router.reserve("m", {}, wait_s=0)


async def test_13_the_whole_pool_is_walked():
    """13: a call finds the one good key among many bad ones, whatever `max_attempts` says."""
    keys = [f"a{number}" for number in range(30)]
    async with running(fleet(keys, provider={"retry_reserve": 0.0, "retry_ratio": 0.0})) as (router, _upstream):
        for key_id in keys[:-1]:
            router.fleet.keys[key_id].transport = Upstream(otherwise=no(401, "invalid_api_key"))
        assert (await router.send(but(CALL, max_attempts=1))).key_id == "a29"
        assert (await router.send(but(CALL, max_attempts=1))).attempts[0].key_id == "a29"


async def test_14_the_last_slot_is_used():
    """14: calls fill a limit to its last unit, and the next refusal says per key why and when."""
    async with running(fleet({"a1": (units(24),), "a2": (units(24),)})) as (router, _):
        for _ in range(48):
            taken(router, {"units": 1}).settle()
        with pytest.raises(NoCapacity) as caught:
            await router.reserve("m", {"units": 1}, wait_s=0)
        assert {refusal.holder for refusal in caught.value.refusals} == {"pool:a:a1/own", "pool:a:a2/own"}
        assert caught.value.available_in_s is not None


async def test_15_why():
    """15: every answer and every error carries a decision that tells who was asked, and why."""
    async with running(fleet({"a1": (at_once(1),), "a2": ()})) as (router, _):
        blocked = taken(router, call=but(CALL, keys=frozenset({"a1"})))
        reply = await router.send(CALL)
        assert "a2 granted" in router.explain(reply.decision_id)
        router.disable_key("a2")
        with pytest.raises(NoCapacity) as caught:
            await router.send(but(CALL, wait_s=1))
        assert caught.value.decision_id is not None
        text = router.explain(caught.value.decision_id)
        assert "a1 refused: pool:a:a1/own: concurrency" in text
        assert "a2 refused: key:a2: disabled: operator" in text
        blocked.release()


async def test_16_memory_is_bounded():
    """16: thousands of calls that are served, refused, cancelled and time out leave no state behind."""
    config = fleet({"a1": ("p",)}, pools={"p": (units(50, 5), at_once(5))}, decisions_max=50)
    async with running(config) as (router, _upstream):
        for _ in range(20):
            async with anyio.create_task_group() as group:
                for number in range(50):
                    group.start_soon(partial(_any_end, router, number))
        assert_idle(router)
        await anyio.sleep(1)
        candidate = router.fleet.routes["m"].candidates[0]
        assert len(router.decisions.last(10_000)) <= 50
        assert len(candidate.aside) < 100
        assert len(router.runtime.timers) < 10
        assert router.admission.leases.open == {}
        assert len(router.admission.leases._ends) < 1100
        state = router.fleet.routes["m"].cell.state
        assert not state.tickets
        assert not state.lines


async def _any_end(router, number):
    with anyio.move_on_after(number % 7):
        try:
            with await router.reserve("m", {"units": number % 9 + 1}, wait_s=number % 5) as grant:
                await anyio.sleep(number % 3 / 10)
                if number % 2:
                    grant.settle({"units": 1})
        except NoCapacity:
            pass


async def test_19_the_longest_pause_wins():
    """19: of two pauses the later one holds, whichever is told last."""
    async with running(fleet({"a1": ("p",)}, pools={"p": ()})) as (router, upstream):
        slow = [0.5, *no(429, "rate_limit_exceeded", retry_after="5")]
        upstream.scripts.extend([slow, no(429, "rate_limit_exceeded", retry_after="50")])

        async def one():
            with pytest.raises(Refused):
                await router.send(but(CALL, wait_s=0))

        async with anyio.create_task_group() as group:
            group.start_soon(one)
            group.start_soon(one)
        assert router.quote(CALL).wait_s == pytest.approx(49.5, abs=0.1)


async def test_20_keys_are_not_shown():
    """20: an error whose provider repeats the key does not show it; `test_secrets` greps everything else."""
    config = fleet({"a1": KeyConfig("a", Secret("quiet-as-a-mouse"))})
    async with running(config) as (router, upstream):
        upstream.scripts.append(no(400, "bad", "quiet-as-a-mouse?"))
        with pytest.raises(Refused) as caught:
            await router.send(CALL)
        assert "mouse" not in str(caught.value) + repr(caught.value.attempts) + str(caught.value.body)


@pytest.mark.parametrize("shape", [Shape.BUCKET, Shape.SLIDING, Shape.UNKNOWN])
async def test_22_no_burst_at_the_boundary(shape):
    """22: under any start of the window no more than the limit goes out within its length, and all of it is used."""
    limit = LimitConfig("requests", 20, 10.0, shape, guard_s=0.0, burst=5.0 if shape is Shape.BUCKET else None)
    async with running(fleet({"a1": ("p",)}, pools={"p": (limit,)})) as (router, upstream):
        async with anyio.create_task_group() as group:
            for _ in range(80):
                group.start_soon(router.send, but(CALL, wait_s=1000))
        sent = [at for _, at in upstream.asked]
        most = max(sum(1 for other in sent if at <= other < at + 10.0) for at in sent)
        assert most <= (25 if shape is Shape.BUCKET else 20)
        assert sent[-1] - sent[0] < 45


async def test_23_headers_tighten_before_the_first_429():
    """23: what a provider says remains is believed when it is less than our own books say, never when it is more."""
    async with running(fleet({"a1": ("p",)}, pools={"p": (requests(100, 1000, shape=Shape.SLIDING),)})) as (router, up):
        said = {"content-type": "application/json", "x-ratelimit-remaining-requests": "2"}
        up.scripts.append(["written", Head(200, said), *ok()[3:]])
        await router.send(CALL)
        for _ in range(2):
            await router.send(but(CALL, wait_s=0))
        with pytest.raises(NoCapacity):
            await router.send(but(CALL, wait_s=0))


async def test_24_a_recovering_pool_is_entered_slowly():
    """24: after a pause one call goes, and each success doubles how many may: nobody storms the key that came back."""
    async with running(fleet({"a1": ("p",)}, pools={"p": ()})) as (router, upstream):
        upstream.scripts.append(no(429, "rate_limit_exceeded", retry_after="10"))
        upstream.otherwise = tuple(ok(after_s=1.0))
        async with anyio.create_task_group() as group:
            for _ in range(31):
                group.start_soon(router.send, but(CALL, wait_s=100, max_attempts=2))
                await anyio.lowlevel.checkpoint()
                await anyio.wait_all_tasks_blocked()
        after = [at for _, at in upstream.asked if at >= 10]
        waves = [sum(1 for at in after if second <= at - after[0] < second + 0.99) for second in range(5)]
        assert waves[:3] == [1, 2, 8]


async def test_25_keys_change_without_a_restart():
    """25: keys are added, disabled, cleared, tested and removed while calls go on, and none of those fails."""
    seen: list[Any] = []
    async with running(fleet(["a1", "a2"]), observers=[seen.append]) as (router, upstream):
        done = 0

        async def traffic():
            nonlocal done
            for _ in range(50):
                upstream.scripts.append(ok(after_s=0.1))
                await router.send(CALL)
                done += 1

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(traffic)
            await anyio.sleep(0.5)
            router.add_key("a3", KeyConfig("a", Secret("sk-three")))
            router.fleet.keys["a3"].transport = upstream
            router.disable_key("a1")
            await anyio.sleep(0.5)
            assert await router.remove_key("a2", 10)
            router.clear_key("a1")
            assert (await router.test_key("a3")).works is not False
            await anyio.sleep(0.5)
        assert done == 200
        assert "sk-three" in {secret for secret, _ in upstream.asked}
        assert any(type(event) is Cleared for event in seen)
