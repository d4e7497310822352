"""A small fleet of every kind of limit, and random traffic over it that a seed replays."""

from __future__ import annotations

import gc
import random
from contextlib import asynccontextmanager
from decimal import Decimal

import anyio
import trio

from actorrouter import (
    BudgetConfig,
    Call,
    CandidateConfig,
    Charge,
    ColdStart,
    GenericConfig,
    Grant,
    KeyConfig,
    LimitConfig,
    PoolConfig,
    PriceConfig,
    ProviderConfig,
    RouteConfig,
    RouterConfig,
    RouterError,
    Secret,
    Shape,
    open_router,
)
from actorrouter.config import RestartConfig
from actorrouter.messages import Peek
from actorrouter.observe.laws import LawBook
from actorrouter.values import Outcome, OutcomeClass, QuotaObservation, Scope

EPOCH = 1_700_000_000.0
PRICE = PriceConfig(Decimal(5), Decimal(15), Decimal("0.01"))
SECRET = "sk-live/9f+3Qz:77"  # with characters that travel escaped


def limits(unit=1.0, *, refunded_buckets=False):
    """One limit of every shape, and of every charge mode. `unit`: seconds for each second of a window."""
    settled = Charge.UP_FRONT_THEN_SETTLE if refunded_buckets else Charge.ACTUAL
    return {
        "bucket": (LimitConfig("requests", 40, 60 * unit, Shape.BUCKET, burst=8),),
        "sliding": (LimitConfig("tokens", 4000, 60 * unit, Shape.SLIDING, Charge.UP_FRONT_THEN_SETTLE),),
        "fixed": (
            LimitConfig("requests", 30, 30 * unit, Shape.FIXED),
            LimitConfig("output_tokens", 3000, 60 * unit, Shape.FIXED, Charge.UP_FRONT_THEN_SETTLE),
        ),
        "unknown": (
            LimitConfig("tokens", 6000, 60 * unit, Shape.UNKNOWN, settled),
            LimitConfig("concurrency", 6),
        ),
        "paid": (LimitConfig("cost", 2, 60 * unit, Shape.SLIDING), LimitConfig("tokens", 9000, 60 * unit, Shape.BUCKET)),
        "credited": (LimitConfig("tokens", 3000, 60 * unit, Shape.BUCKET, settled, burst=900),),
        "minute": (LimitConfig("requests", 25, shape=Shape.CALENDAR, every="minute"),),
    }


def fleet(unit=1.0, *, budgets=True, cold=ColdStart.EMPTY, lease_s=20.0, guard_s=0.1, **options):
    """Two providers, five keys on shared and private pools, three routes, budgets of every scope."""
    pools = limits(unit, **options)
    generic = GenericConfig()
    return RouterConfig(
        providers={name: ProviderConfig("https://example.org", "generic", generic=generic) for name in ("one", "two")},
        pools={name: PoolConfig(each) for name, each in pools.items() if name not in ("minute", "credited")},
        keys={
            "a": KeyConfig("one", Secret(SECRET), ("bucket", "sliding")),
            "b": KeyConfig("one", Secret(SECRET + "b"), ("bucket", "sliding"), pools["minute"]),
            "c": KeyConfig("one", Secret(SECRET + "c"), ("fixed",), pools["credited"]),
            "d": KeyConfig("two", Secret(SECRET + "d"), ("unknown",)),
            "e": KeyConfig("two", Secret(SECRET + "e"), ("paid",), (LimitConfig("concurrency", 3),)),
        },
        routes={
            "small": RouteConfig((CandidateConfig("one", "m", price=PRICE), CandidateConfig("two", "n", price=PRICE))),
            "cheap": RouteConfig((CandidateConfig("two", "n", price=PRICE),), policy="ordered", waiting_max=4),
            "wide": RouteConfig((CandidateConfig("one", "m", ("b", "c"), PRICE), CandidateConfig("two", "n", ("e",), PRICE))),
        },
        budgets={
            "all": BudgetConfig(Decimal(40), every="day"),
            "team": BudgetConfig(Decimal(6), "tenant:team", every=None),
            "two": BudgetConfig(Decimal(30), "provider:two", every="week", timezone="Europe/Berlin"),
        }
        if budgets
        else {},
        restart=RestartConfig(backoff_s=0.05 * unit, backoff_max_s=1.0 * unit, max_restarts=10_000, within_s=10.0,
                              supervisor_max_restarts=10_000),
        cold_start=cold,
        lease_s=lease_s * unit,
        guard_s=guard_s * unit,
        decisions_max=256,
    )


class Traffic:
    """Callers that reserve, send, settle, forget, cancel and fail; and a hand that crashes actors."""

    def __init__(self, router, laws, seed, unit=1.0):
        self.router, self.laws, self.unit = router, laws, unit
        self.rng = random.Random(seed)
        self.granted = self.refused = self.dropped = 0
        self.kept: list[Grant] = []

    def amounts(self):
        """Mostly small; now and then more than the burst of an unknown shape."""
        rng = self.rng
        tokens_in, tokens_out = rng.randint(1, 300), rng.randint(1, 300)
        if rng.random() < 0.03:
            tokens_out += 800
        return {"input_tokens": tokens_in, "output_tokens": tokens_out, "tokens": tokens_in + tokens_out}

    async def run(self, callers, calls):
        """`callers` tasks at a time, `calls` calls each; books are compared after each step."""
        async with anyio.create_task_group() as group:
            for _ in range(callers):
                group.start_soon(self._caller, calls)

    async def _caller(self, calls):
        for _ in range(calls):
            await anyio.sleep(self.rng.expovariate(0.5) * self.unit)
            await self._call()
            self.laws.check()
            if self.rng.random() < 0.03:
                self.crash()
            if self.rng.random() < 0.05:
                self.observe()

    async def _call(self):
        rng, amounts = self.rng, self.amounts()
        wait_s = rng.choice((0.0, 0.0, 2.0, 20.0)) * self.unit
        route, tenant = rng.choice(tuple(self.router.config.routes)), rng.choice(("", "team"))
        patience_s = rng.choice((1.0, 60.0)) * self.unit
        grant = None
        with anyio.move_on_after(patience_s):
            try:
                grant = await self.router.reserve(route, amounts, wait_s=wait_s, tenant=tenant)
            except RouterError as error:
                self.refused += 1
                self.laws.failed(error, None, self._evidence(route, tenant, amounts))
                return
            self.granted += 1
            await self._use(grant, amounts)
            return
        if grant is not None and not grant.settled:
            grant.close(Outcome(OutcomeClass.CANCELLED, Scope.NONE))

    def _evidence(self, route, tenant, amounts):
        def would_grant():
            call = Call(route, tenant=tenant, units={"requests": 1, "concurrency": 1, **amounts})
            waiting = self.router.status()["routes"][route]["waiting"]
            return None if waiting else self.router.quote(call).key_id

        return would_grant

    async def _use(self, grant, amounts):
        rng = self.rng
        if rng.random() < 0.1:
            return grant.release()
        await anyio.sleep(rng.expovariate(20) * self.unit)
        if rng.random() < 0.8:
            grant.sent()
        await anyio.sleep(rng.expovariate(0.3) * self.unit)
        chance = rng.random()
        if chance < 0.1:
            self.dropped += 1
            if rng.random() < 0.5:
                self.kept.append(grant)  # settled long after its end
            grant._lease.abandoned = True
            grant.settled = True
            return None
        if chance < 0.2:
            return grant.close(Outcome(OutcomeClass.TRANSIENT, Scope.NONE, 500))
        if chance < 0.25:
            return grant.close(Outcome(OutcomeClass.NOT_SENT, Scope.NONE))
        if chance < 0.3:
            return grant.settle()
        used = {d: max(0, round(a * rng.choice((0.1, 0.5, 0.9, 1.0, 1.3)))) for d, a in amounts.items()}
        used["tokens"] = used["input_tokens"] + used["output_tokens"]
        return grant.settle(used)

    def crash(self):
        """One actor fails; mail, reservations and askers stay."""
        cell = self.rng.choice([c for c in self.router.runtime.cells.values() if c.status == "running"])
        self.router.runtime.crash(cell, RuntimeError("on purpose"), Peek())

    def observe(self):
        """A provider says how much remains."""
        from actorrouter.messages import Observe

        now = self.router.clock()
        pool = self.rng.choice(("pool:one:bucket", "pool:one:sliding", "pool:one:fixed"))
        dimension = "tokens" if pool.endswith("sliding") else "requests"
        told = QuotaObservation(dimension, now, remaining=float(self.rng.randint(0, 30)))
        self.router.runtime.tell(pool, Observe((told,)))

    def settle_kept(self):
        """Settlements that come after their leases ended."""
        for grant in self.kept:
            grant.settled = False
            grant.settle(dict.fromkeys(grant.amounts, 0) | {"cost": Decimal(0)} if self.rng.random() < 0.5 else None)
        self.kept.clear()


class Wall:
    """A wall clock that can be set."""

    def __init__(self):
        self.step_s = 0.0

    def __call__(self):
        return EPOCH + anyio.current_time() + self.step_s


@asynccontextmanager
async def watched(config, *, wall=None, seed=0, **options):
    """A running router and its law book. `seed` also orders trio's tasks."""
    trio._core._run._r.seed(seed)
    async with open_router(config, wall=wall or Wall(), rng=random.Random(seed)) as router:
        laws = LawBook(router, **options)
        yield router, laws
        gc.collect()


def broken(laws):
    """Which laws were found broken."""
    return {violation.law for violation in laws.violations}
