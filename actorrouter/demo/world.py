"""The demo's world: one table of providers, told to both sides, the simulated providers and the router.

Amounts are per minute of the trace. `speed` compresses that minute, and every other time that a provider or an operator
would choose; the clock and the guard against unequal transit times stay real.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

import attrs

from actorrouter import config as routing
from actorrouter.simulation.providers import config as provider
from actorrouter.values import CONCURRENCY, INPUT_TOKENS, OUTPUT_TOKENS, REQUESTS, TOKENS, Secret

MINUTE_S: Final = 60.0


@attrs.frozen
class Limit:
    """`amount` a trace minute of one dimension, in the words both sides use."""

    dimension: str
    amount: int
    shape: str = "bucket"
    charge: str = "up_front"
    burst: int | None = None


@attrs.frozen
class Pool:
    """Keys that share limits. `key_limits`: what each of them has for itself besides."""

    keys: tuple[str, ...]
    limits: tuple[Limit, ...]
    key_limits: tuple[Limit, ...] = ()


@attrs.frozen
class Provider:
    """One simulated provider: what it is like, its pools, and its price in US dollars per million tokens."""

    character: str
    model: str
    pools: Mapping[str, Pool]
    input_usd: str
    output_usd: str


def _northwind(*keys: str) -> Pool:
    return Pool(keys, (Limit(REQUESTS, 13), Limit(TOKENS, 17_000)))


def _harbour(*keys: str) -> Pool:
    given = Limit(INPUT_TOKENS, 12_000, charge="up_front_then_settle", burst=9_000)
    written = Limit(OUTPUT_TOKENS, 3_000, charge="live", burst=2_500)
    return Pool(keys, (Limit(REQUESTS, 9, burst=6), given, written))


PROVIDERS: Final[Mapping[str, Provider]] = {
    "northwind": Provider(
        "buckets of requests and tokens, max_tokens charged up front",
        "northwind-large",
        {
            "north-a": _northwind("north-a1", "north-a2", "north-a3"),
            "north-b": _northwind("north-b1", "north-b2", "north-b3"),
        },
        "2.50",
        "10.00",
    ),
    "harbour": Provider(
        "input and output counted apart, output as it is written, small bursts",
        "harbour-medium",
        {"harbour-a": _harbour("harbour-a1", "harbour-a2"), "harbour-b": _harbour("harbour-b1", "harbour-b2")},
        "3.00",
        "15.00",
    ),
    "meadow": Provider(
        "sliding windows, and a limit on how many at once",
        "meadow-small",
        {
            "meadow": Pool(
                ("meadow-1", "meadow-2", "meadow-3"),
                (Limit(REQUESTS, 14, "sliding"), Limit(TOKENS, 16_000, "sliding"), Limit(CONCURRENCY, 4, CONCURRENCY)),
                (Limit(REQUESTS, 7, "sliding"),),
            )
        },
        "0.50",
        "1.50",
    ),
}
"""Together room for about 75,000 tokens a minute; the trace asks for 50,000 on average and for 95,000 in its peak."""

ROUTES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "chat": ("headroom", ("northwind", "harbour", "meadow")),
    "assist": ("ordered", ("harbour", "northwind", "meadow")),
}
"""Model alias -> policy and providers: wherever there is most room; the first that has any."""

TENANTS: Final[Mapping[str, float]] = {"greedy": 0.75, "modest": 0.25}
"""Who asks, and for which share of the calls."""

BUDGET_USD: Final = Decimal(15)
"""For everybody, for the whole run."""


@attrs.frozen
class World:
    """The table at one speed. `declared`: what the router is told of each limit, as a multiple of the truth: anything
    above 1 makes it promise what the providers will not keep."""

    speed: float
    declared: float = 1.0

    def real_s(self, trace_s: float) -> float:
        """Seconds on the clock for seconds of the trace."""
        return trace_s / self.speed

    # ------------------------------------------------------------------------------------------- the providers' side

    def provider_side(self, faults: Mapping[str, tuple[provider.FaultConfig, ...]]) -> provider.SimulationConfig:
        """What the simulated providers are told: the truth."""
        return provider.SimulationConfig(
            {name: self._provider(each, faults.get(name, ())) for name, each in PROVIDERS.items()}
        )

    def _provider(self, each: Provider, faults: tuple[provider.FaultConfig, ...]) -> provider.ProviderConfig:
        scopes = {name: provider.ScopeConfig(self._their_limits(pool.limits)) for name, pool in each.pools.items()}
        keys = {}
        for name, pool in each.pools.items():
            for key in pool.keys:
                own = (own_scope(key),) if pool.key_limits else ()
                scopes |= {scope: provider.ScopeConfig(self._their_limits(pool.key_limits)) for scope in own}
                keys[key] = provider.KeyConfig(_secret(key), (name, *own))
        service = provider.ServiceConfig(
            first_token_s=0.6, per_token_s=0.05, time_scale=1 / self.speed, chunk_tokens=32
        )
        return provider.ProviderConfig(
            keys, scopes, models=(each.model,), service=service, faults=faults, retry_after="exact"
        )

    def _their_limits(self, limits: tuple[Limit, ...]) -> tuple[provider.LimitConfig, ...]:
        return tuple(self._their_limit(limit) for limit in limits)

    def _their_limit(self, limit: Limit) -> provider.LimitConfig:
        window = {} if limit.dimension == CONCURRENCY else {"window_s": self.real_s(MINUTE_S)}
        return provider.structure(
            {
                "name": limit.dimension,
                "dimension": limit.dimension,
                "amount": limit.amount,
                "shape": limit.shape,
                "charge": limit.charge,
                "burst": limit.burst,
                **window,
            },
            provider.LimitConfig,
        )

    # --------------------------------------------------------------------------------------------- the router's side

    def router_side(self, ports: Mapping[str, int]) -> routing.RouterConfig:
        """What the router is told. Usage before the start is known to be nought: the providers have just started."""
        return routing.RouterConfig(
            providers={name: self._upstream(ports[name]) for name in PROVIDERS},
            pools={
                name: routing.PoolConfig(self._our_limits(pool.limits))
                for each in PROVIDERS.values()
                for name, pool in each.pools.items()
            },
            keys=dict(self._keys()),
            routes={name: self._route(*about) for name, about in ROUTES.items()},
            budgets={"everybody": routing.BudgetConfig(BUDGET_USD, every=None)},
            recovery=routing.RecoveryConfig(
                throttle_s=self.real_s(20), throttle_max_s=self.real_s(600), exhausted_s=self.real_s(60)
            ),
            cold_start=routing.ColdStart.EMPTY,
            decisions_max=50_000,
        )

    def _upstream(self, port: int) -> routing.ProviderConfig:
        """Time-outs as the providers' own clients have them. A larger reserve of repeats, as others can take over."""
        return routing.ProviderConfig(
            f"http://127.0.0.1:{port}/v1",
            timeouts=routing.TimeoutsConfig(first_byte_s=self.real_s(600), idle_s=self.real_s(300)),
            circuit=routing.CircuitConfig(
                window_s=self.real_s(120), open_s=self.real_s(20), open_max_s=self.real_s(120)
            ),
            retry_reserve=20,
        )

    def _keys(self) -> Iterator[tuple[str, routing.KeyConfig]]:
        for name, each in PROVIDERS.items():
            for pool_name, pool in each.pools.items():
                for key in pool.keys:
                    own = self._our_limits(pool.key_limits)
                    yield key, routing.KeyConfig(name, Secret(_secret(key)), pools=(pool_name,), limits=own)

    def _route(self, policy: str, providers: tuple[str, ...]) -> routing.RouteConfig:
        candidates = tuple(_candidate(name, PROVIDERS[name]) for name in providers)
        return routing.RouteConfig(candidates, policy, wait_s=self.real_s(600))

    def _our_limits(self, limits: tuple[Limit, ...]) -> tuple[routing.LimitConfig, ...]:
        return tuple(self._our_limit(limit) for limit in limits)

    def _our_limit(self, limit: Limit) -> routing.LimitConfig:
        amount = round(limit.amount * self.declared)
        if limit.dimension == CONCURRENCY:
            return routing.LimitConfig(CONCURRENCY, amount)
        return routing.LimitConfig(
            limit.dimension,
            amount,
            self.real_s(MINUTE_S),
            routing.Shape(limit.shape),
            routing.Charge(limit.charge),
            None if limit.burst is None else limit.burst * self.declared,
        )


def own_scope(key: str) -> str:
    """The name of a key's private limits in the provider's books."""
    return f"{key}-own"


def pools_of_keys() -> dict[str, tuple[str, str]]:
    """Key -> its provider and its pool, in the order of the table."""
    return {
        key: (name, pool_name)
        for name, each in PROVIDERS.items()
        for pool_name, pool in each.pools.items()
        for key in pool.keys
    }


def _secret(key: str) -> str:
    return f"sk-demo-{key}"


def _candidate(name: str, each: Provider) -> routing.CandidateConfig:
    price = routing.PriceConfig(Decimal(each.input_usd), Decimal(each.output_usd))
    return routing.CandidateConfig(name, each.model, price=price)
