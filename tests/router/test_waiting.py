"""Waiting for capacity: order, bounds, and nobody forgotten."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from actorrouter import (
    BudgetConfig,
    CandidateConfig,
    Charge,
    ColdStart,
    InvalidCall,
    KeyConfig,
    NoCapacity,
    PriceConfig,
    Refused,
    RouteConfig,
    RouterStopped,
    Secret,
    WaitingRoomFull,
)
from actorrouter.events import Served, Withdrawn
from actorrouter.router import admission, waiting
from actorrouter.runtime import transaction
from tests.router.line import ONE, Line
from tests.router.world import CALL, assert_idle, at_once, but, fleet, no, requests, running, taken, units

pytestmark = pytest.mark.anyio


class TestOrder:
    async def test_first_come_first_served(self):
        """Calls are served in the order in which they came."""
        async with running(fleet(ONE, pools={"p": (at_once(1),)})) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            for name in range(5):
                await line.join(name)
            for name in range(5):
                assert line.order == list(range(name + 1))
                await line.done(name)

    async def test_priority_first(self):
        """A lower priority number is served before those that came earlier."""
        async with running(fleet(ONE, pools={"p": (at_once(1),)})) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            await line.join("now")
            for name, priority in (("late", 5), ("usual", 0), ("urgent", -1)):
                await line.join(name, priority=priority)
            for name in ("now", "urgent", "usual", "late"):
                await line.done(name)
            assert line.order == ["now", "urgent", "usual", "late"]

    async def test_tenants_in_turn(self):
        """A tenant with many calls does not hold up one with few."""
        async with running(fleet(ONE, pools={"p": (at_once(1),)})) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            await line.join("now")
            for name in ("x1", "x2", "x3", "y1", "y2"):
                await line.join(name, tenant=name[0])
            for name in ("now", "x1", "y1", "x2", "y2", "x3"):
                await line.done(name)
            assert line.order == ["now", "x1", "y1", "x2", "y2", "x3"]

    async def test_newcomers_never_pass(self):
        """While somebody waits, a newcomer waits behind, also one that will not wait, and one that would fit."""
        config = fleet(ONE, pools={"p": (at_once(2), units(10, 100))})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            await line.join("big", {"units": 8})
            await line.join("first", {"units": 5})
            await line.join("same", {"units": 5})
            await line.join("hurried", {"units": 5}, wait_s=0)
            assert "others wait" in str(line.errors["hurried"])
            assert line.order == ["big"]
            line.cancel("first")
            line.cancel("same")
            await line.done("big")

    async def test_routes_take_turns(self):
        """Two routes on one pool are served in turn, however many wait for one of them."""
        target = (CandidateConfig("a", "up"),)
        routes = {"m": RouteConfig(target), "n": RouteConfig(target)}
        config = fleet(ONE, pools={"p": (at_once(1),)}, routes=routes)
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            await line.join("now")
            for name in ("m1", "m2", "m3", "n1", "n2", "n3"):
                await line.join(name, model=name[0])
            for _ in range(7):
                await line.done(line.order[-1])
            routes_served = [name[0] for name in line.order[1:]]
            assert sorted(line.order[1:]) == ["m1", "m2", "m3", "n1", "n2", "n3"]
            assert all(one != other for one, other in itertools.pairwise(routes_served))


class TestSizes:
    @pytest.mark.parametrize("cold_start", list(ColdStart))
    async def test_a_cold_start_is_named(self, cold_start):
        """Who is refused for what an earlier process may have used is told so, and only in the beginning."""
        config = fleet(ONE, pools={"p": (requests(1),)}, cold_start=cold_start)
        async with running(config) as (router, _):
            if cold_start is ColdStart.EMPTY:
                taken(router).settle()
            with pytest.raises(NoCapacity) as caught:
                await router.send(but(CALL, wait_s=0))
            assert ("cold_start" in str(caught.value)) == (cold_start is ColdStart.FULL)

    async def test_a_cold_start_is_not_blamed_for_a_pause(self):
        """What the provider itself has refused is no matter of the start."""
        config = fleet(ONE, pools={"p": (at_once(5),)}, cold_start=ColdStart.FULL)
        async with running(config) as (router, upstream):
            upstream.scripts.append(no(429, "rate_limit_exceeded", retry_after="30"))
            with pytest.raises(Refused):
                await router.send(but(CALL, wait_s=0))
            with pytest.raises(NoCapacity) as caught:
                await router.send(but(CALL, wait_s=0))
            assert caught.value.available_in_s == pytest.approx(30, abs=5)
            assert "cold_start" not in str(caught.value)

    async def test_smaller_pass_a_head_too_big(self):
        """A head too big to fit lets smaller ones pass, at once when they come, until it has waited half its time."""
        config = fleet(ONE, pools={"p": (units(10, 1000),)})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            await line.join("now", {"units": 5})
            await line.join("head", {"units": 8}, wait_s=100)
            await line.join("small", {"units": 1})
            assert line.order == ["now", "small"]
            await anyio.sleep(51)
            await line.join("late", {"units": 1}, wait_s=40)
            assert line.order == ["now", "small"]
            await anyio.sleep(41)
            assert isinstance(line.errors["late"], NoCapacity)
            await line.back("small")
            await line.back("now")
            assert line.order[-1] == "head"
            await line.done("head")

    async def test_a_head_that_leaves_frees_those_behind(self):
        """When a head that held others back gives up, those behind are served at once, not at the next refill."""
        config = fleet(ONE, pools={"p": (units(10, 1000),)})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            await line.join("now", {"units": 5})
            await line.join("head", {"units": 8}, wait_s=50)
            await anyio.sleep(30)
            await line.join("small", {"units": 4})
            assert line.order == ["now"]
            await anyio.sleep(20.5)
            assert line.order == ["now", "small"]
            assert line.at["small"] == pytest.approx(line.at["head"])
            await line.done("small")
            await line.done("now")

    async def test_other_keys_pass(self):
        """A head that waits for one key does not hold up a call that may go to another."""
        config = fleet({"a1": ("p",), "a2": ("q",)}, pools={"p": (at_once(1),), "q": (at_once(1),)})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            await line.join("now", keys=["a1"])
            await line.join("head", keys=["a1"])
            await line.join("free")
            assert line.order == ["now", "free"]
            assert line.grants["free"].key_id == "a2"
            for name in ("free", "now", "head"):
                await line.done(name)

    @pytest.mark.parametrize("after_s", [0, 60])
    async def test_a_tenant_without_money_holds_up_nobody_else(self, after_s):
        """A head that waits for its own tenant's budget lets other tenants pass, however long it has waited."""
        budgets = {"poor": BudgetConfig(Decimal(1), "tenant:x", every=None)}
        routes = {"m": RouteConfig((CandidateConfig("a", "up", price=PriceConfig(free=True)),))}
        config = fleet(ONE, pools={"p": (at_once(2),)}, routes=routes, budgets=budgets)
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            await line.join("now", {"cost": Decimal("0.8")}, tenant="x")
            await line.join("head", {"cost": Decimal("0.5")}, tenant="x", wait_s=100)
            await anyio.sleep(after_s)
            await line.join("rich", {"cost": Decimal(5)}, tenant="y")
            assert line.order == ["now", "rich"]
            await line.join("third", {"cost": Decimal(5)}, tenant="y")
            await line.join("same", {"cost": Decimal("0.5")}, tenant="x")
            assert line.order == ["now", "rich"]
            await line.done("rich")
            assert line.order == ["now", "rich", "third"]
            await line.back("now")
            await line.back("head")
            assert line.order == ["now", "rich", "third", "head", "same"]
            await line.back("same")
            await line.done("third")

    async def test_never_fits_is_told_at_once(self):
        """A call larger than every limit is InvalidCall at once, also while others wait, and holds up nobody (L04)."""
        config = fleet(ONE, pools={"p": (units(10, 100), at_once(1))})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            await line.join("now", {"units": 1})
            await line.join("next", {"units": 1})
            await line.join("huge", {"units": 11})
            assert isinstance(line.errors["huge"], InvalidCall)
            assert "can never fit" in str(line.errors["huge"])
            await line.done("now")
            await line.done("next")

    async def test_refill_serves_at_its_instant(self):
        """A call that waits for a bucket is served when the bucket has refilled, no sooner and no later."""
        config = fleet(ONE, pools={"p": (requests(1, 10),)})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            began = anyio.current_time()
            line = Line(router, group)
            for name in range(3):
                await line.join(name)
            line.grants[0].sent()
            await line.done(0)
            await anyio.sleep(30)
            assert line.at[1] - began == pytest.approx(10, abs=0.02)
            await line.done(1)
            await anyio.sleep(30)
            assert line.order == [0, 1, 2]
            await line.done(2)


class TestEnds:
    async def test_deadline_exact(self):
        """A wait in vain ends at its deadline with why and when, and leaves no place behind."""
        config = fleet(ONE, pools={"p": (at_once(1),)})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            await line.join("now")
            began = anyio.current_time()
            await line.join("vain", wait_s=7)
            await anyio.sleep(8)
            error = line.errors["vain"]
            assert isinstance(error, NoCapacity)
            assert line.at["vain"] - began == pytest.approx(7, abs=0.001)
            assert [refusal.holder for refusal in error.refusals] == ["pool:a:p"]
            assert router.status()["routes"]["m"]["waiting"] == 0
            assert "concurrency" in router.explain(error.decision_id or 0)
            await line.done("now")

    async def test_cannot_before_the_deadline(self):
        """If no settlement can bring capacity in time, the call is told so at once instead of waiting in vain."""
        config = fleet(ONE, pools={"p": (requests(1, 100),)})
        async with running(config) as (router, _):
            grant = taken(router)
            grant.sent()
            grant.settle()
            began = anyio.current_time()
            with pytest.raises(NoCapacity, match=r"in time; the first could in 99\.|100\.") as caught:
                await router.reserve("m", {}, wait_s=50)
            assert anyio.current_time() == began
            assert caught.value.available_in_s == pytest.approx(100, abs=1)

    async def test_cannot_any_more(self):
        """A call that waited for a settlement is told at once when the settlement leaves nothing in time."""
        config = fleet(ONE, pools={"p": (units(10, 100, charge=Charge.UP_FRONT_THEN_SETTLE),)})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            await line.join("spent", {"units": 6})
            line.grants["spent"].sent()
            began = anyio.current_time()
            await line.join("vain", {"units": 6}, wait_s=50)
            await line.join("small", {"units": 5}, wait_s=50)
            assert not line.errors
            await line.done("spent", {"units": 5})
            assert isinstance(line.errors["vain"], NoCapacity)
            assert line.at["vain"] == pytest.approx(began, abs=1)
            assert line.order == ["spent", "small"]
            await line.done("small")

    async def test_waits_if_a_settlement_may_help(self):
        """While something is held that may be given back, the call waits, although the books name a later instant."""
        config = fleet(ONE, pools={"p": (units(10, 100, charge=Charge.UP_FRONT_THEN_SETTLE), at_once(2))})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            await line.join("spent", {"units": 6})
            line.grants["spent"].sent()
            await line.join("next", {"units": 6}, wait_s=20)
            await line.done("spent", {"units": 1})
            assert line.order == ["spent", "next"]
            await line.done("next")

    async def test_bound(self):
        """A waiting room at its bound refuses at once."""
        routes = {"m": RouteConfig((CandidateConfig("a", "up"),), waiting_max=2)}
        config = fleet(ONE, pools={"p": (at_once(1),)}, routes=routes)
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            for name in ("now", "w1", "w2", "w3"):
                await line.join(name)
            assert isinstance(line.errors["w3"], WaitingRoomFull)
            assert "2 calls are waiting, its bound" in str(line.errors["w3"])
            for name in ("now", "w1", "w2"):
                await line.done(name)

    async def test_cancelled_leaves_no_trace(self):
        """A cancelled waiter gives up its place, takes nothing, and the next is served in its stead (L24)."""
        seen: list[Any] = []
        config = fleet(ONE, pools={"p": (at_once(1),)})
        async with running(config, observers=[seen.append]) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            for name in ("now", "gone", "next"):
                await line.join(name)
            line.cancel("gone")
            await anyio.wait_all_tasks_blocked()
            assert router.status()["routes"]["m"]["waiting"] == 1
            await line.done("now")
            assert line.order == ["now", "next"]
            await line.done("next")
            assert [type(event) for event in seen].count(Withdrawn) == 1

    async def test_cancelled_in_the_step_of_its_grant(self):
        """A waiter cancelled in the very step that grants it gives the grant back, and the next one gets it (L49)."""
        config = fleet(ONE, pools={"p": (at_once(1),)})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            for name in ("now", "gone", "next"):
                await line.join(name)
            line.grants.pop("now").settle()
            line.cancel("gone")
            await anyio.wait_all_tasks_blocked()
            if "gone" in line.grants:  # the loop let it have the grant before the cancellation
                await line.done("gone")
            assert line.order[-1] == "next"
            await line.done("next")
            assert_idle(router)

    async def test_drained_while_waiting(self):
        """Those who wait when the router drains each get an error of their own that says so."""
        config = fleet(ONE, pools={"p": (at_once(1),)})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            for name in ("now", "w1", "w2"):
                await line.join(name)
            group.start_soon(router.drain)
            await anyio.wait_all_tasks_blocked()
            assert {type(line.errors[name]) for name in ("w1", "w2")} == {RouterStopped}
            assert line.errors["w1"] is not line.errors["w2"]
            await line.done("now")

    async def test_the_last_key_disabled_while_waiting(self):
        """Those who wait are told at once when nobody is left who could ever serve them."""
        config = fleet(ONE, pools={"p": (at_once(1),)})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            await line.join("now")
            await line.join("vain")
            router.disable_key("a1")
            await anyio.wait_all_tasks_blocked()
            assert isinstance(line.errors["vain"], NoCapacity)
            assert "disabled" in str(line.errors["vain"])
            await line.done("now")

    async def test_a_new_key_serves_those_who_wait(self):
        """A key added while calls wait serves them at once."""
        config = fleet(ONE, pools={"p": (at_once(1),)})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            for name in ("now", "next"):
                await line.join(name)
            router.add_key("a2", KeyConfig("a", Secret("sk-a2")))
            await anyio.wait_all_tasks_blocked()
            assert line.grants["next"].key_id == "a2"
            for name in ("now", "next"):
                await line.done(name)

    async def test_the_waiting_room_crashes(self):
        """A crash of the queue's actor loses no place: after its restart everybody is served in order."""
        config = fleet(ONE, pools={"p": (at_once(1),)})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            for name in ("now", "w1", "w2"):
                await line.join(name)
            cell = router.fleet.routes["m"].cell
            router.runtime.crash(cell, ZeroDivisionError(), "test")
            await line.done("now")
            await anyio.sleep(1)
            assert line.order == ["now", "w1"]
            await line.done("w1")
            await line.done("w2")

    async def test_a_crash_while_serving_gives_the_grant_back(self, monkeypatch):
        """If the queue's actor raises on being handed a grant, the settling caller sees nothing and nothing leaks."""
        config = fleet(ONE, pools={"p": (at_once(1),)})
        async with running(config) as (router, _), anyio.create_task_group() as group:
            line = Line(router, group)
            for name in ("now", "next"):
                await line.join(name)
            evolve = router.fleet.routes["m"].cell.behaviour.evolve
            served = evolve[Served]
            faults = [ZeroDivisionError()]

            def fail_once(state, event):
                if faults:
                    raise faults.pop()
                served(state, event)

            monkeypatch.setitem(evolve, Served, fail_once)
            await line.done("now")
            await anyio.sleep(1)
            assert line.order == ["now", "next"]
            await line.done("next")


class TestCost:
    async def test_two_thousand_waiters(self, monkeypatch):
        """Each grant to a long queue asks a fixed number of keys and wakes one caller."""
        asked = 0
        propose = transaction.propose

        def counting(*arguments: Any) -> Any:
            nonlocal asked
            asked += 1
            return propose(*arguments)

        monkeypatch.setattr(admission, "propose", counting)
        count = 2000
        target = (CandidateConfig("a", "up"),)
        config = fleet(ONE, pools={"p": (at_once(4),)}, routes={"m": RouteConfig(target, waiting_max=count)})
        woken: list[int] = []
        async with running(config) as (router, _):

            async def one(name: int) -> None:
                grant = await router.reserve("m", {}, wait_s=1000)
                woken.append(name)
                await anyio.sleep(1)
                grant.settle()

            async with anyio.create_task_group() as group:
                for name in range(count):
                    group.start_soon(one, name)
                await anyio.wait_all_tasks_blocked()
                joined = asked
            assert joined <= 2 * count + 20, "joining the queue asks too much"
            assert asked - joined <= 4 * count, "a grant asks too much"
            assert len(woken) == count


def test_bounds_are_small():
    """What is looked at in one go stays small, whatever the queue's length."""
    assert waiting._PEEK <= 16
