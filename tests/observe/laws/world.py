"""A small fleet of every kind of limit, and a law book that watches it."""

from __future__ import annotations

import gc
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import anyio
import trio

from actorrouter import (
    BudgetConfig,
    CandidateConfig,
    Charge,
    ColdStart,
    GenericConfig,
    KeyConfig,
    LimitConfig,
    PoolConfig,
    PriceConfig,
    ProviderConfig,
    RouteConfig,
    Router,
    RouterConfig,
    Secret,
    Shape,
    open_router,
)
from actorrouter.config import RestartConfig
from actorrouter.observe.laws import LawBook

EPOCH = 1_700_000_000.0
PRICE = PriceConfig(Decimal(5), Decimal(15), Decimal("0.01"))
SECRET = "sk-live/9f+3Qz:77"  # with characters that travel escaped


def limits(unit: float = 1.0) -> dict[str, tuple[LimitConfig, ...]]:
    """Every shape and every charge mode. `unit`: seconds for each second of a window."""
    settled = Charge.UP_FRONT_THEN_SETTLE
    return {
        "bucket": (LimitConfig("requests", 40, 60 * unit, Shape.BUCKET, burst=8),),
        "sliding": (LimitConfig("tokens", 4000, 60 * unit, Shape.SLIDING, settled),),
        "fixed": (
            LimitConfig("requests", 30, 30 * unit, Shape.FIXED),
            LimitConfig("output_tokens", 3000, 60 * unit, Shape.FIXED, settled),
        ),
        "unknown": (
            LimitConfig("tokens", 6000, 60 * unit, Shape.UNKNOWN, settled),
            LimitConfig("requests", 50, 60 * unit),
            LimitConfig("concurrency", 6),
        ),
        "paid": (
            LimitConfig("cost", 2, 60 * unit, Shape.SLIDING),
            LimitConfig("tokens", 9000, 60 * unit, Shape.BUCKET, Charge.ACTUAL),
        ),
        "credited": (LimitConfig("tokens", 3000, 60 * unit, Shape.BUCKET, settled, burst=900),),
        "minute": (LimitConfig("requests", 25, shape=Shape.CALENDAR, every="minute"),),
        "added": (LimitConfig("requests", 6, 20 * unit, Shape.SLIDING),),
    }


def fleet(unit: float = 1.0, *, cold: ColdStart = ColdStart.EMPTY) -> RouterConfig:
    """Two providers, five keys on shared and private pools, three routes, budgets of several scopes."""
    pools = limits(unit)
    own = ("minute", "credited", "added")
    return RouterConfig(
        providers={
            name: ProviderConfig("https://example.org", "generic", generic=GenericConfig()) for name in ("one", "two")
        },
        pools={name: PoolConfig(each) for name, each in pools.items() if name not in own},
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
            "wide": RouteConfig(
                (CandidateConfig("one", "m", ("b", "c"), PRICE), CandidateConfig("two", "n", ("e",), PRICE))
            ),
        },
        budgets={
            "all": BudgetConfig(Decimal(40), every="day"),
            "team": BudgetConfig(Decimal(6), "tenant:team", every=None),
            "two": BudgetConfig(Decimal(30), "provider:two", every="week", timezone="Europe/Berlin"),
        },
        restart=RestartConfig(10_000, 10.0, 10_000, 0.05 * unit, 1.0 * unit),
        cold_start=cold,
        lease_s=20.0 * unit,
        guard_s=0.1 * unit,
        decisions_max=256,
    )


def one_pool(*declared: LimitConfig, keys: int = 1, **changes: Any) -> RouterConfig:
    """One provider, one shared pool, one route "m"."""
    provider = ProviderConfig("https://example.org", "generic", generic=GenericConfig())
    settings: dict[str, Any] = {
        "providers": {"p": provider},
        "pools": {"shared": PoolConfig(declared)},
        "keys": {f"k{index}": KeyConfig("p", Secret(f"{SECRET}-{index}"), ("shared",)) for index in range(keys)},
        "routes": {"m": RouteConfig((CandidateConfig("p", "u", price=PRICE),))},
        "cold_start": ColdStart.EMPTY,
    }
    return RouterConfig(**{**settings, **changes})


class Wall:
    """A wall clock that can be set."""

    def __init__(self) -> None:
        self.step_s = 0.0

    def __call__(self) -> float:
        return EPOCH + anyio.current_time() + self.step_s


@asynccontextmanager
async def watched(config: RouterConfig, *, wall: Wall | None = None, seed: int = 0) -> AsyncIterator[Any]:
    """A running router and its law book. `seed` also orders trio's tasks, so that a run is repeated exactly."""
    trio._core._run._r.seed(seed)
    router: Router
    async with open_router(config, wall=wall or Wall(), rng=random.Random(seed)) as router:
        yield router, LawBook(router)
        gc.collect()


def broken(laws: LawBook) -> set[int]:
    """Which laws were found broken."""
    return {violation.law for violation in laws.violations}
