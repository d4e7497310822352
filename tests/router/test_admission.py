"""Reserve and settle over all holders of one key, in one step."""

from __future__ import annotations

import gc
from decimal import Decimal
from typing import Any

import anyio
import pytest

from actorrouter import (
    BudgetConfig,
    CandidateConfig,
    Charge,
    InvalidCall,
    KeyConfig,
    LimitConfig,
    NoCapacity,
    PriceConfig,
    RouteConfig,
    Secret,
    Shape,
)
from actorrouter.events import Expired, Granted, Renewed, Settled, SettlementRepeated
from actorrouter.router.search import Shortage
from actorrouter.runtime import transaction
from actorrouter.values import Outcome, OutcomeClass, Scope
from tests.router.world import CALL, FRAGILE, at_once, but, demand, fleet, quarantine, requests, running, taken, units

pytestmark = pytest.mark.anyio


def short(router, amounts=None, call=CALL) -> Shortage:
    found = router.admission.attempt(demand(router, call, {"requests": 1, "concurrency": 1, **(amounts or {})}))
    assert isinstance(found, Shortage), found
    return found


def books(router) -> Any:
    status = router.status()
    return {name: status[name] for name in ("pools", "keys", "budgets", "providers", "open")}


class TestRefusals:
    async def test_all_holders_are_named(self):
        """A refusal names every holder that has no room, with what was asked and what is free (L13)."""
        route = RouteConfig((CandidateConfig("a", "up", price=PriceConfig(request_usd=Decimal(1))),))
        config = fleet(
            {"a1": ("p", "q", requests(1))},
            pools={"p": (units(3, 100),), "q": (at_once(1),)},
            routes={"m": route},
            budgets={"all": BudgetConfig(Decimal("1.5"), every=None)},
        )
        async with running(config) as (router, _):
            first = taken(router, {"units": 2})
            before = books(router)
            found = short(router, {"units": 2})
            assert {refusal.holder for refusal in found.refusals} == {
                "budget:all",
                "pool:a:p",
                "pool:a:q",
                "pool:a:a1/own",
            }
            asked = {refusal.holder: (refusal.requested, refusal.available) for refusal in found.refusals}
            assert asked["pool:a:p"] == (2, 1)
            assert asked["budget:all"] == (Decimal(1), Decimal("0.5"))
            assert books(router) == before, "a refusal changed something"
            first.release()

    async def test_available_at(self):
        """The instant is the latest of one key's holders, and the earliest of all keys."""
        config = fleet({"a1": ("p", "q"), "a2": ("r",)}, pools={
            "p": (requests(1, 10),), "q": (requests(1, 50),), "r": (requests(1, 30),)
        })  # fmt: skip
        async with running(config) as (router, _):
            for _ in range(2):
                grant = taken(router)
                grant.sent()
                grant.settle()
            now = anyio.current_time()
            assert short(router).available_at - now == pytest.approx(30, abs=0.01)
            assert short(router).available_at - now == pytest.approx(30, abs=0.01)
            only = short(router, call=but(CALL, keys=frozenset({"a1"})))
            assert only.available_at - now == pytest.approx(50, abs=0.01)
            others = short(router, call=but(CALL, exclude_keys=frozenset({"a2"})))
            assert others.available_at - now == pytest.approx(50, abs=0.01)

    async def test_a_gate_moves_the_instant(self):
        """A circuit that opens later than a key's own limit decides when."""
        async with running(fleet({"a1": (requests(1, 10),)})) as (router, _):
            grant = taken(router)
            grant.sent()
            grant.settle()
            assert short(router).available_at == pytest.approx(anyio.current_time() + 10, abs=0.01)
            router.isolate_circuit("a")
            found = short(router)
            assert found.final
            router.reset_circuit("a")
            assert not short(router).final

    async def test_firm_only_if_no_settlement_helps(self):
        """An instant is firm only while nothing that is open could bring it forward."""
        limit = units(10, 100, charge=Charge.UP_FRONT_THEN_SETTLE)
        async with running(fleet({"a1": ("p",)}, pools={"p": (limit,)})) as (router, _):
            open_one, ended = taken(router, {"units": 4}), taken(router, {"units": 6})
            for grant in (open_one, ended):
                grant.sent()
            ended.settle()
            assert not short(router, {"units": 6}).firm
            open_one.settle()
            assert short(router, {"units": 6}).firm

    async def test_smaller_may_pass_what_was_set_aside(self):
        """A limit set aside for a large amount is asked again for a smaller one, in the dimension that refused."""
        config = fleet({"a1": ("p", units(10, 1000))}, pools={"p": (requests(100),)})
        async with running(config) as (router, _):
            first = taken(router, {"units": 5})
            for _ in range(3):
                short(router, {"units": 6})
            second = taken(router, {"units": 5})
            first.release()
            second.release()

    async def test_the_binding_limit_decides_who_is_smaller(self):
        """Set aside until the later of two limits, a call smaller in that one is granted once the other is free."""
        async with running(fleet({"a1": ("p",)}, pools={"p": (requests(1, 5), units(10, 1000))})) as (router, _):
            grant = taken(router, {"units": 8})
            grant.sent()
            grant.settle()
            short(router, {"units": 5})
            short(router, {"units": 1})
            await anyio.sleep(5.1)
            taken(router, {"units": 1}).release()

    async def test_one_key_too_small_does_not_stop_the_others(self):
        """Keys of one pool with different limits of their own: the call goes to the one it fits."""
        config = fleet({"a1": ("p", units(1)), "a2": ("p", units(10))}, pools={"p": ()})
        async with running(config) as (router, _):
            for _ in range(3):
                grant = taken(router, {"units": 5})
                assert grant.key_id == "a2"
                grant.release()

    async def test_never_fits(self):
        """An amount that no key can ever grant is InvalidCall; a spent budget is not."""
        config = fleet({"a1": (units(5),), "a2": (units(7),)})
        async with running(config) as (router, _):
            with pytest.raises(InvalidCall, match="larger than any limit"):
                await router.reserve("m", {"units": 8})
            with await router.reserve("m", {"units": 7}):
                pass
        route = RouteConfig((CandidateConfig("a", "up", price=PriceConfig(request_usd=Decimal(1))),))
        spent = fleet(routes={"m": route}, budgets={"all": BudgetConfig(Decimal(1), every=None)})
        async with running(spent) as (router, _):
            taken(router).settle()
            with pytest.raises(NoCapacity, match="budget is spent"):
                await router.reserve("m", {})

    async def test_pinned_and_excluded(self):
        """Named keys are the only ones asked, also at a second model of their provider; excluded ones never."""
        target = (CandidateConfig("a", "x"), CandidateConfig("a", "y"))
        config = fleet(["a1", "a2", "a3"], routes={"m": RouteConfig(target, policy="ordered")})
        async with running(config) as (router, _):
            pinned = but(CALL, keys=frozenset({"a2", "a3"}), exclude_keys=frozenset({"a3"}))
            for _ in range(3):
                grant = taken(router, call=pinned)
                assert grant.key_id == "a2"
                grant.release()
            assert taken(router, call=but(CALL, exclude_keys=frozenset({"a1", "a2"}))).key_id == "a3"
            gc.collect()
            router.fleet.keys["a1"].cell.state.models = {"x": anyio.current_time() + 100}
            grant = taken(router, call=but(CALL, keys=frozenset({"a1"})))
            assert (grant.key_id, grant.upstream_model) == ("a1", "y")
            grant.release()
            await anyio.sleep(100)

    async def test_a_pinned_key_that_is_out_is_told_at_once(self):
        """A call for a disabled key fails at once, whatever the other keys are doing."""
        async with running(fleet({"a1": ("p",), "a2": ("p",)}, pools={"p": (at_once(1),)})) as (router, _):
            grant = taken(router)
            short(router)
            router.disable_key("a1")
            assert short(router, call=but(CALL, keys=frozenset({"a1"}))).final
            assert not short(router).final
            assert short(router, call=but(CALL, exclude_keys=frozenset({"a2"}))).final
            grant.release()

    async def test_absurd_amounts(self):
        """Amounts that are no believable numbers are refused before anybody is asked."""
        async with running(fleet()) as (router, _):
            for bad in (-1, float("nan"), float("inf"), Decimal("NaN"), 10**400, "7", True):
                with pytest.raises(InvalidCall, match="units"):
                    await router.reserve("m", {"units": bad})

    async def test_money_of_any_kind(self):
        """Cost named as a float or an int meets Decimal books without harm."""
        route = RouteConfig((CandidateConfig("a", "up", price=PriceConfig(free=True)),))
        config = fleet(routes={"m": route}, budgets={"all": BudgetConfig(Decimal(1), every=None)})
        async with running(config) as (router, _):
            with await router.reserve("m", {"cost": 0.25}) as grant:
                grant.settle({"cost": 0.1})
            with await router.reserve("m", {"cost": 0}):
                pass
            assert router.status()["budgets"]["all"]["spent_in_all"] == "0.1"


class TestSettle:
    async def test_repeated_is_ignored(self):
        """A second settlement changes nothing and is told as repeated."""
        seen: list[Any] = []
        config = fleet({"a1": ("p",)}, pools={"p": (units(10, 1000),)})
        async with running(config, observers=[seen.append]) as (router, _):
            grant = taken(router, {"units": 3})
            lease = grant._lease
            grant.settle({"units": 2})
            before = books(router)
            grant.settle({"units": 9})
            router.admission.settle(lease, Outcome(OutcomeClass.SUCCEEDED, Scope.NONE))
            assert books(router) == before
            assert [type(event) for event in seen[-1:]] == [SettlementRepeated]

    async def test_absurd_usage_is_refused(self):
        """A usage that is no believable number raises and leaves the reservation open for a better one."""
        async with running(fleet({"a1": ("p",)}, pools={"p": (units(10, 1000),)})) as (router, _):
            grant = taken(router, {"units": 3})
            for bad in (-5, float("nan"), 1e30):
                with pytest.raises(ValueError, match="units"):
                    grant.settle({"units": bad})
            grant.settle({"units": 3})

    async def test_over_use_is_charged_and_told(self):
        """Use beyond the reservation is charged, told as surprise, and keeps others out until it has drained."""
        async with running(fleet({"a1": ("p",)}, pools={"p": (units(10, 100),)})) as (router, _):
            taken(router, {"units": 3}).settle({"units": 25})
            pool = router.status()["pools"]["pool:a:p"]
            assert pool["surprise"] == {"units": 22}
            assert pool["limits"][0]["free"] == -15
            assert short(router, {"units": 1}).available_at == pytest.approx(anyio.current_time() + 100, abs=1)

    async def test_context(self):
        """Leaving a grant unsettled gives back what was not sent and charges what was."""
        async with running(fleet({"a1": ("p",)}, pools={"p": (units(10, 1000),)})) as (router, _):

            def level():
                return router.status()["pools"]["pool:a:p"]["limits"][0]["level"]

            with taken(router, {"units": 3}):
                pass
            assert level() == 0
            with pytest.raises(KeyError), taken(router, {"units": 3}):
                raise KeyError
            assert level() == 0
            with taken(router, {"units": 3}) as grant:
                grant.sent()
                grant.sent()
            assert level() == 3


class TestCrashes:
    @pytest.mark.parametrize("holder", ["circuit:a", "pool:a:p", "key:a1"])
    async def test_inside_the_transaction(self, holder, monkeypatch):
        """If one holder breaks while it reserves, the others give back at once and the call is granted anew, under
        another number."""
        seen: list[Any] = []
        config = fleet({"a1": ("p",)}, pools={"p": (units(10, 1000),)})
        async with running(config, observers=[seen.append]) as (router, _):
            with _failing_once(monkeypatch, router, holder, Granted):
                taken(router, {"units": 10}).release()
            granted = [event.reservation_id for event in seen if type(event) is Granted]
            settled = [event.reservation_id for event in seen if type(event) is Settled]
            assert granted == settled
            assert len(set(granted)) == 2

    @pytest.mark.parametrize("holder", ["circuit:a", "pool:a:p", "key:a1"])
    async def test_while_settling(self, holder, monkeypatch):
        """A holder that breaks while it settles has the reservation until it expires; the others are settled."""
        config = fleet({"a1": ("p",)}, pools={"p": (units(10, 1000), at_once(1))}, lease_s=20.0)
        async with running(config) as (router, _):
            grant = taken(router, {"units": 3})
            with _failing_once(monkeypatch, router, holder, Settled):
                grant.settle({"units": 1})
            await anyio.sleep(1)
            assert router.status()["open"] == 1
            assert router.fleet.keys["a1"].in_flight == 0
            await anyio.sleep(21)
            assert router.status()["open"] == 0
            taken(router, {"units": 5}).release()

    async def test_between_incarnations(self):
        """A settlement that meets a restarting holder is applied when it is back."""
        config = fleet({"a1": ("p",)}, pools={"p": (units(10, 1000), at_once(1))})
        async with running(config) as (router, _):
            grant = taken(router, {"units": 3})
            cell = router.fleet.keys["a1"].pools[0].cell
            router.runtime.suspend(cell, anyio.current_time() + 5)
            grant.settle({"units": 1})
            assert short(router).available_at == anyio.current_time() + 5
            await anyio.sleep(5)
            router.runtime.restart(cell)
            await anyio.sleep(0.1)
            taken(router, {"units": 5}).release()

    async def test_a_yes_that_does_not_hold(self, monkeypatch):
        """The decision tells only of the grant that held, or that nobody granted."""
        async with running(fleet({"a1": ("p",)}, pools={"p": (units(10, 1000),)})) as (router, _):
            with _failing_once(monkeypatch, router, "pool:a:p", Granted):
                grant = taken(router)
            told = router.decisions.last(1)[0].decision_id
            assert "chosen: a1; still in flight" in router.explain(told)
            grant.settle()
            assert "chosen: a1; it succeeded" in router.explain(told)
            await anyio.sleep(1)
            alone = but(CALL, keys=frozenset({"a1"}))
            with _failing_once(monkeypatch, router, "pool:a:p", Granted):
                decision = short(router, call=alone).decision
            assert (decision.chosen, decision.reservation_id, decision.outcome) == ("", 0, "")

    async def test_a_stopped_holder(self):
        """Settling into a quarantined provider harms nobody, and counts when it is revived."""
        async with running(fleet(["a1", "b1"], providers=["a", "b"], restart=FRAGILE)) as (router, _):
            grant = taken(router, call=but(CALL, keys=frozenset({"a1"})))
            await quarantine(router, "a", "key:a1")
            grant.settle()
            for _ in range(3):
                with taken(router) as other:
                    assert other.key_id == "b1"
            router.revive("a")
            await anyio.sleep(0.1)
            taken(router, call=but(CALL, keys=frozenset({"a1"}))).release()


def _failing_once(monkeypatch, router, holder, event):
    evolve = router.runtime.cells[holder].behaviour.evolve
    right = evolve[event]
    faults = [ZeroDivisionError()]

    def fail_once(state, happened):
        if faults:
            raise faults.pop()
        right(state, happened)

    context = monkeypatch.context()
    inner = context.__enter__()
    inner.setitem(evolve, event, fail_once)

    class Undo:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            context.__exit__(*error)
            assert not faults, "it was never asked"

    return Undo()


class TestLeases:
    async def test_renewed_while_it_lives(self):
        """A grant that is held is renewed for as long as its owner holds it."""
        seen: list[Any] = []
        config = fleet({"a1": ("p",)}, pools={"p": (at_once(1),)}, lease_s=10.0)
        async with running(config, observers=[seen.append]) as (router, _):
            grant = taken(router)
            await anyio.sleep(95)
            assert router.status()["pools"]["pool:a:p"]["expired"] == 0
            assert short(router).refusals[0].latest <= anyio.current_time() + 10
            grant.settle()
            assert 8 <= [type(event) for event in seen].count(Renewed) <= 10

    async def test_expires_in_full_when_its_owner_is_gone(self):
        """A grant that was dropped without settling is charged in full at the lease's end, and not before."""
        seen: list[Any] = []
        config = fleet({"a1": ("p",)}, pools={"p": (units(10, 1000), at_once(1))}, lease_s=10.0)
        async with running(config, observers=[seen.append]) as (router, _):
            taken(router, {"units": 4})
            gc.collect()
            await anyio.sleep(9)
            short(router)
            await anyio.sleep(2)
            assert [type(event) for event in seen].count(Expired) == 1
            pool = router.status()["pools"]["pool:a:p"]
            assert (pool["limits"][0]["level"], pool["open"], pool["expired"]) == (4, 0, 1)
            assert "expired" in router.explain(router.decisions.last(1)[0].decision_id) or True
            taken(router, {"units": 6}).release()

    async def test_a_holder_that_breaks_on_an_expiry(self, monkeypatch):
        """A holder that breaks when a lease expires is told again, and holds nothing in the end."""
        config = fleet({"a1": ("p",)}, pools={"p": (units(10, 1000), at_once(1))}, lease_s=10.0)
        async with running(config) as (router, _):
            taken(router, {"units": 4})
            gc.collect()
            with _failing_once(monkeypatch, router, "pool:a:p", Expired):
                await anyio.sleep(11)
            assert short(router).refusals[0].holder == "pool:a:p"
            await anyio.sleep(11)
            taken(router, {"units": 6}).release()

    async def test_late_settlement_corrects(self):
        """A settlement after expiry, by the reservation's id alone, corrects the charge; a second one is ignored."""
        limits = (units(10, 1000, charge=Charge.UP_FRONT_THEN_SETTLE),)
        async with running(fleet({"a1": ("p",)}, pools={"p": limits}, lease_s=10.0)) as (router, _):
            reservation_id = taken(router, {"units": 4}).reservation_id
            gc.collect()
            await anyio.sleep(11)
            lease = router.admission.leases.open[reservation_id]
            truth = Outcome(OutcomeClass.SUCCEEDED, Scope.NONE)
            router.admission.settle(lease, Outcome(truth.outcome, truth.scope, usage=_usage({"units": 1})))
            assert router.status()["pools"]["pool:a:p"]["limits"][0]["level"] == 1
            router.admission.settle(lease, truth)
            assert router.status()["pools"]["pool:a:p"]["limits"][0]["level"] == 1

    async def test_memory_is_bounded(self):
        """A million short reservations leave nothing on the lease's clock, the board or the decision log."""
        config = fleet({"a1": ("p",)}, pools={"p": (requests(1, 10),)}, decisions_max=100)
        async with running(config) as (router, _):
            for _ in range(5_000):
                taken(router).release()
            blocked = taken(router)
            for _ in range(5_000):
                short(router, call=but(CALL, keys=frozenset({"a1"})))
                short(router)
            blocked.release()
            candidate = router.fleet.routes["m"].candidates[0]
            assert len(router.admission.leases._ends) <= 1100
            assert len(candidate.aside) <= 100
            assert len(router.decisions.last(1000)) <= 100


def _usage(amounts):
    from actorrouter import Usage

    return Usage(amounts)


class TestCost:
    @pytest.mark.parametrize("count", [10, 1000])
    async def test_of_a_grant(self, count, monkeypatch):
        """A grant asks one key, among ten as among a thousand, also when half of them are set aside."""
        from actorrouter.router import admission

        asked = 0
        propose = transaction.propose

        def counting(*arguments):
            nonlocal asked
            asked += 1
            return propose(*arguments)

        keys = {
            f"a{number}": (LimitConfig("requests", 1, 1000.0, Shape.BUCKET, guard_s=0.0),) for number in range(count)
        }
        async with running(fleet(keys)) as (router, _):
            for _ in range(count // 2):
                grant = taken(router)
                grant.sent()
                grant.settle()
            monkeypatch.setattr(admission, "propose", counting)
            for _ in range(count // 2):
                grant = taken(router)
                grant.sent()
                grant.settle()
            assert asked <= count

    async def test_of_a_refusal(self, monkeypatch):
        """When every key is set aside a refusal asks none of them."""
        from actorrouter.router import admission

        keys = {
            f"a{number}": KeyConfig("a", Secret(f"sk-{number}"), limits=(requests(1, 1000),)) for number in range(300)
        }
        async with running(fleet(keys)) as (router, _):
            for _ in range(300):
                grant = taken(router)
                grant.sent()
                grant.settle()
            while short(router).decision.tried:
                pass
            asked: list[Any] = []
            monkeypatch.setattr(admission, "propose", lambda _, holders, *__: asked.extend(holders))
            found = short(router)
            assert [cell.actor_id for cell in asked] == ["circuit:a"]
            assert found.available_at == pytest.approx(anyio.current_time() + 1000, abs=1)
            assert found.firm
