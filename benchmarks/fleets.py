"""Configurations for the benchmarks: any number of keys, in pools of ten, behind one route."""

from __future__ import annotations

from decimal import Decimal

from actorrouter import (
    BudgetConfig,
    CandidateConfig,
    ColdStart,
    KeyConfig,
    LimitConfig,
    PoolConfig,
    PriceConfig,
    ProviderConfig,
    RouteConfig,
    RouterConfig,
    Secret,
    Shape,
)

PRICE = PriceConfig(Decimal("2.5"), Decimal(10))
LIMITS = (
    LimitConfig("requests", 1e9, shape=Shape.BUCKET),
    LimitConfig("tokens", 1e12, shape=Shape.BUCKET),
    LimitConfig("concurrency", 1e6),
)
"""Large enough never to refuse: what is measured is the way through, not the wait."""


def fleet(keys: int, base_url: str = "http://127.0.0.1:1", per_pool: int = 10) -> RouterConfig:
    """A provider, `keys` keys in pools of `per_pool`, a budget, a priced route `bench`."""
    pools = {f"org-{i}": PoolConfig(LIMITS) for i in range(max(1, keys // per_pool))}
    return RouterConfig(
        providers={"sim": ProviderConfig(base_url)},
        pools=pools,
        keys={f"k{i}": KeyConfig("sim", Secret(f"sk-{i}"), (f"org-{i % len(pools)}",)) for i in range(keys)},
        routes={"bench": RouteConfig((CandidateConfig("sim", "m", price=PRICE),), waiting_max=100_000)},
        budgets={"all": BudgetConfig(Decimal(10**9))},
        cold_start=ColdStart.EMPTY,
    )
