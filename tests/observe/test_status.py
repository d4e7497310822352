"""The fleet as plain data: JSON can hold it, it adds up, and it names no secret."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import anyio
import pytest

from actorrouter import BudgetConfig, Charge, LimitConfig, Shape
from actorrouter.values import Outcome, OutcomeClass, Scope
from tests.observe.laws.traffic import Traffic
from tests.observe.laws.world import SECRET, Wall, fleet, one_pool, watched

pytestmark = pytest.mark.anyio

CONFIG = one_pool(
    LimitConfig("tokens", 100, 3600, Shape.SLIDING, Charge.ACTUAL),
    LimitConfig("cost", Decimal(3), 3600, Shape.SLIDING),
    LimitConfig("concurrency", 4),
    budgets={"all": BudgetConfig(Decimal(5))},
)


async def test_a_status_follows_a_reservation_to_its_end() -> None:
    """Held while it runs, charged when it has ended, and what was used beyond is said."""
    async with watched(CONFIG) as (router, _):
        grant = await router.reserve("m", {"tokens": 30, "cost": Decimal("0.30")})
        pool = router.status()["pools"]["pool:p:shared"]
        assert pool["open"] == 1
        assert [limit["held"] for limit in pool["limits"]] == [30, "0.30", 1]
        assert [limit["free"] for limit in pool["limits"]] == [70, "2.70", 3]
        assert router.status()["keys"]["k0"]["in_flight"] == router.status()["open"] == 1
        assert router.status()["budgets"]["all"]["held"] == "0.30"

        grant.settle({"tokens": 45, "cost": Decimal("0.45")})
        told = router.status()
        assert [limit["level"] for limit in told["pools"]["pool:p:shared"]["limits"]] == [45, "0.45", 0]
        assert told["pools"]["pool:p:shared"]["surprise"] == {"tokens": 15, "cost": "0.15"}
        assert told["budgets"]["all"] == {
            "usd": "5",
            "held": "0.00",
            "charged": "0.45",
            "free": "4.55",
            "spent_in_all": "0.45",
            "surprise": "0.15",
        }
        assert told["keys"]["k0"]["served"] == 1
        assert told["open"] == 0


async def test_a_status_says_what_is_paused_and_for_how_long() -> None:
    """Of keys, pools and circuits, with the reason."""
    async with watched(CONFIG) as (router, _):
        with await router.reserve("m", {}) as grant:
            grant.close(Outcome(OutcomeClass.RATE_LIMITED, Scope.POOL, 429, retry_after_s=7.0))
        router.disable_key("k0", "leaked")
        router.isolate_circuit("p")
        told = router.status()
        assert told["pools"]["pool:p:shared"]["state"] == "throttled"
        assert told["pools"]["pool:p:shared"]["retry_in_s"] == pytest.approx(7.0, abs=0.1)
        assert (told["keys"]["k0"]["state"], told["keys"]["k0"]["reason"]) == ("disabled", "leaked")
        assert told["providers"]["p"]["state"] == "isolated"


async def test_a_status_counts_who_waits() -> None:
    """Per route, with the bound."""
    async with watched(CONFIG) as (router, _), anyio.create_task_group() as group:
        with await router.reserve("m", {"tokens": 100}):
            group.start_soon(router.reserve, "m", {"tokens": 50})
            await anyio.wait_all_tasks_blocked()
            assert router.status()["routes"]["m"] == {"waiting": 1, "waiting_max": 1000}
            group.cancel_scope.cancel()


@pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)
async def test_any_status_is_json_that_adds_up() -> None:
    """After much traffic: capacity = free + held + level for every limit, and no secret anywhere."""
    wall = Wall()
    async with watched(fleet(), wall=wall, seed=4) as (router, laws):
        await Traffic(router, laws, wall, 4).run(callers=10, calls=10)
        text = json.dumps(router.status(), allow_nan=False)
        assert SECRET not in text
        told: dict[str, Any] = json.loads(text)
        numbers = [
            [Decimal(str(limit[name])) for name in ("capacity", "free", "held", "level")]
            for pool in told["pools"].values()
            for limit in pool["limits"]
        ]
        assert len(numbers) > 8
        assert [capacity - free - held - level for capacity, free, held, level in numbers] == pytest.approx(
            [0] * len(numbers), abs=1e-6
        )
