"""What operators and programs ask of a running router."""

from __future__ import annotations

import gc
import json
from decimal import Decimal
from typing import Any

import anyio
import pytest

from actorrouter import (
    BudgetConfig,
    CandidateConfig,
    InvalidCall,
    KeyConfig,
    LimitConfig,
    NoCapacity,
    PriceConfig,
    RouteConfig,
    RouterStopped,
    Secret,
    Shape,
)
from actorrouter.events import ClockAligned
from actorrouter.transport.port import Reached
from tests.router.world import (
    CALL,
    FRAGILE,
    STREAM,
    assert_idle,
    at_once,
    but,
    fault,
    fleet,
    no,
    ok,
    quarantine,
    requests,
    running,
    secret_of,
    taken,
    units,
    words,
)

pytestmark = pytest.mark.anyio


def rich(**options: Any) -> Any:
    route = RouteConfig((CandidateConfig("a", "up", price=PriceConfig(request_usd=Decimal("0.1"))),))
    return fleet(
        {"a1": ("p", requests(5)), "a2": ("p",)},
        pools={"p": (units(10), at_once(3), LimitConfig("cost", 1, 60.0, Shape.SLIDING))},
        routes={"m": route},
        budgets={"all": BudgetConfig(Decimal(2)), "team": BudgetConfig(Decimal(1), "tenant:x", every=None)},
        **options,
    )


class TestAsking:
    async def test_quote(self):
        """A quote names who would grant, or when somebody could, and reserves nothing."""
        async with running(fleet({"a1": ("p",)}, pools={"p": (requests(1, 10),)})) as (router, _):
            assert router.quote(CALL).key_id == "a1"
            assert router.quote(CALL).wait_s == 0
            grant = taken(router)
            held = router.quote(CALL)
            assert (held.key_id, held.wait_s, held.final) == (None, None, False)
            grant.sent()
            grant.settle()
            assert router.quote(CALL).wait_s == pytest.approx(10, abs=0.1)
            router.disable_key("a1")
            assert router.quote(CALL).final

    async def test_status_is_plain(self):
        """The status is JSON, names every part, and holds no secret."""
        async with running(rich()) as (router, _):
            with taken(router, {"units": 3}):
                text = json.dumps(router.status())
            assert secret_of("a1") not in text
            assert {"state", "providers", "pools", "keys", "budgets", "routes", "open"} <= json.loads(text).keys()

    async def test_explain(self):
        """A decision tells who was asked, why they refused, and what became of it; one too old says so."""
        async with running(fleet({"a1": ("p",), "a2": ()}, pools={"p": (at_once(1),)}, decisions_max=2)) as (router, _):
            blocked = taken(router, call=but(CALL, keys=frozenset({"a1"})))
            grant = taken(router)
            text = router.explain(grant.decision.decision_id)
            assert "a2 granted" in text
            assert "still in flight" in text
            grant.settle()
            assert "it succeeded" in router.explain(grant.decision.decision_id)
            blocked.release()
            for _ in range(3):
                taken(router).release()
            assert "not kept any more" in router.explain(grant.decision.decision_id)

    async def test_an_error_explains_keys_that_were_not_asked(self):
        """An error names the reason of each key, also of those set aside and disabled before."""
        async with running(fleet({"a1": (requests(1, 50),), "a2": ()})) as (router, _):
            router.disable_key("a2")
            grant = taken(router)
            grant.sent()
            grant.settle()
            for _ in range(2):
                with pytest.raises(NoCapacity) as caught:
                    await router.send(but(CALL, wait_s=1))
                assert "a1: pool:a:a1/own: requests" in str(caught.value)
                assert "a2: key:a2: disabled: operator" in str(caught.value)
                assert caught.value.available_in_s == pytest.approx(50, abs=0.1)

    async def test_waiting_that_cannot_help(self):
        """An error is final when every key is disabled, and not while one of them may come back."""
        async with running(fleet({"a1": (requests(1, 50),), "a2": ()})) as (router, _):
            router.disable_key("a2")
            await router.send(CALL)
            with pytest.raises(NoCapacity) as caught:
                await router.send(but(CALL, wait_s=1))
            assert not caught.value.final
            router.disable_key("a1")
            with pytest.raises(NoCapacity) as caught:
                await router.send(but(CALL, wait_s=1))
            assert caught.value.final


class TestKeys:
    async def test_added_while_serving(self):
        """A key added under load serves within the same second, with limits of the calendar too (R26, R64)."""
        async with running(fleet({"a1": (at_once(1),)})) as (router, upstream):
            grant = taken(router)
            calendar = LimitConfig("requests", 5, shape=Shape.CALENDAR, every="day")
            router.add_key("a2", KeyConfig("a", Secret("sk-new"), limits=(calendar,)))
            router.fleet.keys["a2"].transport = upstream
            assert (await router.send(but(CALL, wait_s=1))).key_id == "a2"
            grant.release()

    async def test_added_wrongly(self):
        """A key with an id in use, or of an unknown provider or pool, is refused and leaves nothing behind."""
        async with running(fleet()) as (router, _):
            before = router.tree.draw()
            for key_id, config in (
                ("a1", KeyConfig("a", Secret("x"))),
                ("a9", KeyConfig("zz", Secret("x"))),
                ("a9", KeyConfig("a", Secret("x"), pools=("nope",), limits=(units(1),))),
            ):
                with pytest.raises(ValueError, match=f"key '{key_id}'"):
                    router.add_key(key_id, config)
            assert router.tree.draw() == before
            assert set(router.fleet.keys) == {"a1", "a2"}

    async def test_removed_while_serving(self):
        """A removed key gets nothing new at once, finishes what it has, and is then gone (R26)."""
        async with running(fleet()) as (router, upstream), anyio.create_task_group() as group:
            upstream.scripts.append(ok(after_s=5.0))
            group.start_soon(router.send, but(CALL, keys=frozenset({"a1"})))
            await anyio.sleep(1)
            assert not await router.remove_key("a1", 0)
            assert router.status()["keys"]["a1"]["state"] == "draining"
            for _ in range(3):
                assert (await router.send(CALL)).key_id == "a2"
            assert await router.remove_key("a1", 10)
            assert set(router.status()["keys"]) == {"a2"}
            assert upstream.closed
            with pytest.raises(InvalidCall):
                await router.send(but(CALL, keys=frozenset({"a1"})))
            router.add_key("a1", KeyConfig("a", Secret("sk-back")))
            router.fleet.keys["a1"].transport = upstream
            assert (await router.send(but(CALL, keys=frozenset({"a1"})))).key_id == "a1"

    async def test_removed_by_two(self):
        """Two operators who remove the same key, and one who drains, all get their answer."""
        async with running(fleet()) as (router, upstream), anyio.create_task_group() as group:
            upstream.scripts.append(ok(after_s=5.0))
            group.start_soon(router.send, but(CALL, keys=frozenset({"a1"})))
            await anyio.sleep(1)
            answers: list[bool] = []

            async def ask(what, *arguments):
                answers.append(await what(*arguments))

            group.start_soon(ask, router.remove_key, "a1", 60)
            group.start_soon(ask, router.remove_key, "a1", 60)
            group.start_soon(ask, router.drain, 60)
            await anyio.sleep(10)
            assert answers == [True, True, True]

    async def test_cleared(self):
        """A throttled, an exhausted and a disabled key serve again at once when they are cleared."""
        async with running(fleet({"a1": ("p",)}, pools={"p": ()})) as (router, upstream):
            for script in (
                no(429, "rate_limit_exceeded", retry_after="1000"),
                no(429, "insufficient_quota"),
                no(401, "invalid_api_key"),
            ):
                upstream.scripts.append(script)
                with pytest.raises(Exception, match="no"):
                    await router.send(but(CALL, wait_s=0))
                assert router.quote(CALL).key_id is None
                router.clear_key("a1")
                assert (await router.send(but(CALL, wait_s=0))).key_id == "a1"

    async def test_tested(self):
        """A test says whether the provider takes the secret, or that nobody can tell, and changes nothing."""
        async with running(fleet()) as (router, upstream):
            for script, works in (
                (ok(), True),
                (no(401, "invalid_api_key", f"bad key {secret_of('a1')}"), False),
                (no(503), None),
                ([fault("dns", Reached.NO)], None),
            ):
                upstream.scripts.append(script)
                found = await router.test_key("a1")
                assert found.works is works
                assert secret_of("a1") not in found.detail
            assert router.status()["keys"]["a1"]["state"] == "available"

    async def test_unknown(self):
        """Operators' mistakes are told as such."""
        async with running(fleet()) as (router, _):
            for action in (
                router.clear_key,
                router.disable_key,
                router.reset_circuit,
                router.isolate_circuit,
                router.revive,
            ):
                with pytest.raises(InvalidCall, match="unknown"):
                    action("zz")


class TestProviders:
    async def test_isolated_and_reset(self):
        """An isolated provider gets nothing, whatever results arrive, until it is reset (B26)."""
        async with running(fleet(["a1", "b1"], providers=["a", "b"])) as (router, _upstream):
            router.isolate_circuit("a")
            for _ in range(3):
                assert (await router.send(CALL)).key_id == "b1"
            router.isolate_circuit("b")
            with pytest.raises(NoCapacity, match="isolated by an operator"):
                await router.send(CALL)
            router.reset_circuit("a")
            assert (await router.send(CALL)).key_id == "a1"

    async def test_quarantined_and_revived(self):
        """A provider whose actors keep crashing is set apart; the other serves on, and a revival brings it back."""
        async with running(fleet(["a1", "b1"], providers=["a", "b"], restart=FRAGILE)) as (router, _upstream):
            await quarantine(router, "a", "key:a1")
            assert router.status()["providers"]["a"]["quarantined"]
            for _ in range(3):
                assert (await router.send(CALL)).key_id == "b1"
            with pytest.raises(NoCapacity):
                await router.send(but(CALL, keys=frozenset({"a1"})))
            router.revive("a")
            assert (await router.send(but(CALL, keys=frozenset({"a1"})))).key_id == "a1"
            assert not router.status()["providers"]["a"]["quarantined"]

    async def test_everything_quarantined_is_told_at_once(self):
        """With no provider left a call does not wait."""
        async with running(fleet(["a1"], restart=FRAGILE)) as (router, _):
            await quarantine(router, "a", "key:a1")
            began = anyio.current_time()
            for _ in range(3):
                with pytest.raises(NoCapacity):
                    await router.send(CALL)
            assert anyio.current_time() == began


class TestDrain:
    async def test_finishes_what_runs(self):
        """Draining admits nothing new and ends when the last call, stream or grant has ended."""
        async with running(fleet()) as (router, upstream), anyio.create_task_group() as group:
            upstream.scripts.append(words(5, pause_s=1.0))
            group.start_soon(router.send, STREAM)
            await anyio.sleep(1.5)
            began = anyio.current_time()
            assert await router.drain(60)
            assert 3 < anyio.current_time() - began < 4
            with pytest.raises(RouterStopped, match="draining"):
                await router.send(CALL)
            assert_idle(router)

    async def test_in_time_or_not(self):
        """A drain that runs out of time says so and leaves the rest running."""
        async with running(fleet()) as (router, _):
            grant = taken(router)
            assert not await router.drain(2)
            grant.settle()
            assert await router.drain(0)


class TestBudgets:
    async def test_money_is_capped(self):
        """Calls beyond the budget are refused with what is left; a tenant's own budget stops only that tenant."""
        async with running(rich()) as (router, _):
            for _ in range(10):
                taken(router, call=but(CALL, tenant="x")).settle({"cost": Decimal("0.1")})
                await anyio.sleep(60)
            with pytest.raises(NoCapacity, match="budget:team"):
                await router.reserve("m", {}, tenant="x", wait_s=0)
            for _ in range(10):
                taken(router, call=but(CALL, tenant="y")).settle({"cost": Decimal("0.1")})
                await anyio.sleep(60)
            with pytest.raises(NoCapacity, match="budget:all"):
                await router.reserve("m", {}, tenant="y", wait_s=0)


class TestClocks:
    @pytest.mark.parametrize("jump_s", [-100_000.0, -5.0, 5.0, 100_000.0])
    async def test_wall_clock_jumps(self, jump_s):
        """A jump of the wall clock never makes more room within one running window, and calls go on."""
        offset = 0.0

        def wall() -> float:
            return 1_800_000_000.0 + anyio.current_time() + offset

        limit = LimitConfig("requests", 3, 60.0, Shape.FIXED, guard_s=0.0)
        async with running(fleet({"a1": ("p",)}, pools={"p": (limit,)}), wall=wall) as (router, _):
            for _ in range(3):
                taken(router).settle()
            offset = jump_s
            assert router.quote(CALL).key_id is None
            wait_s = router.quote(CALL).wait_s
            assert wait_s is not None
            assert 0 < wait_s <= 60
            reply = await router.send(but(CALL, wait_s=200))
            assert reply.key_id == "a1"

    async def test_many_calendar_limits_are_told_by_and_by(self):
        """Each minute every one of them learns the time, a few in one go; at the start all at once."""
        told: list[float] = []

        def wall() -> float:
            return 1_800_000_000.0 + anyio.current_time()

        def read(event):
            if isinstance(event, ClockAligned):
                told.append(event.at)

        limit = LimitConfig("requests", 3, shape=Shape.CALENDAR, every="day")
        names = [f"p{number}" for number in range(100)]
        config = fleet({f"a{name}": (name,) for name in names}, pools=dict.fromkeys(names, (limit,)))
        async with running(config, observers=[read], wall=wall) as (router, _):
            assert all(entry.pools[0].cell.state.wall_offset is not None for entry in router.fleet.keys.values())
            told.clear()
            await anyio.sleep(65)
            assert len(told) == 100
            assert max(told.count(at) for at in set(told)) <= 16

    async def test_a_key_added_later_knows_the_time(self):
        """Its calendar limit grants at once, and only until it is used up."""
        limit = LimitConfig("requests", 2, shape=Shape.CALENDAR, every="day")
        async with running(fleet({"a1": ("p",)}, pools={"p": (at_once(1),)})) as (router, _):
            router.add_key("a2", KeyConfig("a", Secret("s"), limits=(limit,)))
            only = but(CALL, keys=frozenset({"a2"}))
            taken(router, call=only).settle()
            taken(router, call=only).settle()
            assert router.quote(only).key_id is None
            await router.remove_key("a2")
            assert not [actor_id for actor_id in router.fleet.clocked if "a2" in actor_id]

    @pytest.mark.usefixtures("collector")
    async def test_freezes_the_collector_only_when_asked(self):
        """Opening a router leaves the collector as it was; `freeze` hides the fleet from it."""
        async with running(fleet()) as (router, _):
            assert gc.isenabled()
            before = gc.get_freeze_count()
            router.freeze()
            assert gc.get_freeze_count() > before
