"""The actors of one configuration: who exists, who supervises whom, and who may serve what. Keys come and go here."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from actorrouter.actors import budget, circuit, key, limits, quota, route
from actorrouter.actors.calendar import Edges
from actorrouter.actors.mirror import mirrors
from actorrouter.actors.recovery import Recovery
from actorrouter.actors.windows import Fixed, Terms, Window
from actorrouter.adapters import build
from actorrouter.config import (
    BudgetConfig,
    Charge,
    ColdStart,
    KeyConfig,
    LimitConfig,
    PoolConfig,
    ProviderConfig,
    RouterConfig,
)
from actorrouter.router.board import Candidate, Group, KeyEntry, PoolEntry, ProviderEntry, RouteEntry, Seat, enlist
from actorrouter.router.retry import RetryBudget
from actorrouter.router.secrets import SecretKeeper
from actorrouter.router.tree import Tree
from actorrouter.runtime.cell import Cell
from actorrouter.runtime.runtime import Runtime
from actorrouter.values import COST

COLD_MAX_S = 3600.0
"""A cold start assumes full use of windows up to an hour; a day's or a month's quota would serve nobody."""


class Fleet:
    """Everything that a configuration names, as running actors and the board's entries."""

    def __init__(self, runtime: Runtime, tree: Tree, config: RouterConfig, give_back: Callable[[Any], None]) -> None:
        self.runtime, self.tree, self.config = runtime, tree, config
        self._give_back = give_back
        self.providers: dict[str, ProviderEntry] = {}
        self.pools: dict[tuple[str, str], PoolEntry] = {}
        self.keys: dict[str, KeyEntry] = {}
        self.routes: dict[str, RouteEntry] = {}
        self.budgets: dict[str, Cell] = {}
        self._tenants: dict[str, tuple[Cell, ...]] = {}
        for name, each in config.budgets.items():
            self._add_budget(name, each)
        for name, provider in config.providers.items():
            self._add_provider(name, provider)
        for name in config.routes:
            self._add_route(name)
        for key_id, each_key in config.keys.items():
            self.add_key(key_id, each_key)

    # ----------------------------------------------------------------------------------------------------- actors

    def _add_budget(self, name: str, config: BudgetConfig) -> None:
        initial = partial(new_budget, f"budget:{name}", config)
        cell = self.tree.budget(f"budget:{name}", budget.BEHAVIOUR, initial)
        self.budgets[name] = cell
        scope, _, tenant = config.scope.partition(":")
        if scope == "tenant":
            self._tenants[tenant] = (*self._tenants.get(tenant, ()), cell)

    def _add_provider(self, name: str, config: ProviderConfig) -> None:
        self.tree.provider(name)
        circuit_id = f"circuit:{name}"
        cell = self.tree.member(
            "circuits", name, circuit_id, circuit.BEHAVIOUR, partial(circuit.CircuitState, circuit_id, config.circuit)
        )
        retries = RetryBudget(config.retry_ratio, config.retry_reserve)
        self.providers[name] = ProviderEntry(name, config, build(name, config), cell, retries)

    def _add_route(self, name: str) -> None:
        config = self.config.routes[name]
        initial = partial(route.RouteState, f"route:{name}", config.waiting_max)
        cell = self.tree.route(f"route:{name}", route.BEHAVIOUR, initial, self._give_back)
        entry = self.routes[name] = RouteEntry(name, config, cell)
        for each in config.candidates:
            scopes = ("global", f"route:{name}", f"provider:{each.provider}")
            budgets = tuple(self.budgets[n] for n, b in self.config.budgets.items() if b.scope in scopes)
            entry.candidates.append(Candidate(each, self.providers[each.provider], budgets))

    def _pool(self, provider: ProviderEntry, name: str) -> PoolEntry:
        """The pool as this provider's keys see it. Named pools of two providers are two pools."""
        entry = self.pools.get((provider.name, name))
        if entry is None:
            entry = self._new_pool(provider, f"pool:{provider.name}:{name}", self.config.pools[name])
            self.pools[provider.name, name] = entry
        return entry

    def _new_pool(self, provider: ProviderEntry, pool_id: str, config: PoolConfig) -> PoolEntry:
        started = self.runtime.clock()
        initial = partial(new_pool, pool_id, config, provider, self.config, started)
        cell = self.tree.member("pools", provider.name, pool_id, quota.BEHAVIOUR, initial)
        return PoolEntry(pool_id, cell, config)

    # ------------------------------------------------------------------------------------------------------- keys

    def add_key(self, key_id: str, config: KeyConfig) -> KeyEntry:
        """Start serving a key. ValueError if the id is in use or names an unknown provider or
        pool, or its provider is quarantined."""
        if key_id in self.keys:
            raise ValueError(f"key {key_id!r} exists already")
        if config.provider not in self.providers:
            raise ValueError(f"key {key_id!r}: unknown provider {config.provider!r}")
        if self.tree.quarantined(config.provider):
            raise ValueError(f"key {key_id!r}: provider {config.provider!r} is quarantined; revive it first")
        for name in config.pools:
            if name not in self.config.pools:
                raise ValueError(f"key {key_id!r}: unknown pool {name!r}")
        provider = self.providers[config.provider]
        private = (
            self._new_pool(provider, f"pool:{provider.name}:{key_id}/own", PoolConfig(config.limits))
            if config.limits
            else None
        )
        actor_id = f"key:{key_id}"
        cell = self.tree.member("keys", provider.name, actor_id, key.BEHAVIOUR, partial(new_key, actor_id, self.config))
        pools = tuple(self._pool(provider, name) for name in config.pools)
        entry = KeyEntry(key_id, provider, cell, config, pools, private, SecretKeeper(config.secret))
        self.keys[key_id] = provider.keys[key_id] = entry
        for each in self.routes.values():
            for candidate in each.candidates:
                if _serves(entry, candidate):
                    self._seat(entry, candidate)
        return entry

    def _seat(self, entry: KeyEntry, candidate: Candidate) -> None:
        model = candidate.upstream_model
        pools = tuple(pool for pool in entry.pools if _matches(model, pool.config.models))
        if not pools and entry.private is not None:
            pools = (entry.private,)
        group = candidate.groups.get(tuple(pool.pool_id for pool in pools))
        if group is None:
            group = candidate.groups[tuple(pool.pool_id for pool in pools)] = Group(candidate, pools)
            for pool in pools:
                pool.groups.append(group)
        own = (entry.private.cell,) if entry.private is not None and entry.private not in pools else ()
        holders = (entry.provider.circuit, *(pool.cell for pool in pools), *own, entry.cell)
        seat = Seat(entry, group, holders)
        entry.seats.append(seat)
        group.add(seat)
        enlist(group, self.runtime.clock())

    def remove_key(self, key_id: str) -> KeyEntry:
        """Forget a key that has nothing in flight."""
        entry = self.keys.pop(key_id)
        del entry.provider.keys[key_id]
        for seat in entry.seats:
            seat.group.leave(seat)
        entry.seats = []
        self.tree.remove("keys", entry.provider.name, entry.cell.actor_id)
        if entry.private is not None:
            self.tree.remove("pools", entry.provider.name, entry.private.cell.actor_id)
        return entry

    def by_actor(self, actor_id: str) -> tuple[KeyEntry | None, PoolEntry | None]:
        """The board's entry behind an actor, if it has one."""
        kind, _, name = actor_id.partition(":")
        if kind == "key":
            return self.keys.get(name), None
        if kind == "pool":
            provider, _, pool = name.partition(":")
            owner = self.keys.get(pool.removesuffix("/own"))
            return owner, self.pools.get((provider, pool)) or (owner.private if owner is not None else None)
        return None, None

    def tenant_budgets(self, tenant: str) -> tuple[Cell, ...]:
        """The budgets that cap one tenant."""
        return self._tenants.get(tenant, ())

    def clocked(self) -> list[Cell]:
        """The actors with calendar limits."""
        pools = [pool.cell for pool in self.pools.values()]
        pools += [entry.private.cell for entry in self.keys.values() if entry.private is not None]
        return [cell for cell in pools if _has_calendar(cell.state.windows)] + list(self.budgets.values())


def _has_calendar(windows: tuple[Window, ...]) -> bool:
    return any(isinstance(window, Fixed) for window in windows)


def _matches(model: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(model, pattern) for pattern in patterns)


def _serves(entry: KeyEntry, candidate: Candidate) -> bool:
    return (
        entry.provider is candidate.provider
        and any(fnmatchcase(entry.key_id, pattern) for pattern in candidate.config.keys)
        and _matches(candidate.upstream_model, entry.config.models)
    )


# ------------------------------------------------------------------------------------------------------ initial states


def new_key(actor_id: str, config: RouterConfig) -> key.KeyState:
    """A key that has served nothing."""
    return key.KeyState(actor_id, Recovery(config.recovery))


def new_pool(
    pool_id: str, pool: PoolConfig, provider: ProviderEntry, config: RouterConfig, started: float
) -> quota.PoolState:
    """A pool as it is believed to be at the start of the process: its windows full or empty."""
    declared = pool.limits
    windows = tuple(limits.window(each, _charge(each, provider), config.guard_s) for each in declared)
    for window, each in zip(windows, declared, strict=True):
        cold = each.cold_start or (config.cold_start if window.terms.window_s <= COLD_MAX_S else ColdStart.EMPTY)
        if cold is ColdStart.FULL:
            window.fill(started)
    return quota.PoolState(pool_id, windows, Recovery(config.recovery), mirrors(windows) if pool.mirror else ())


def _charge(limit: LimitConfig, provider: ProviderEntry) -> Charge:
    for table in (provider.config.charge, provider.adapter.default_charge):
        charge = table.get(limit.dimension) or table.get("*")
        if charge is not None:
            return charge
    return Charge.HELD if limit.dimension == COST else Charge.UP_FRONT


def new_budget(budget_id: str, config: BudgetConfig) -> budget.BudgetState:
    """A budget of which nothing is spent."""
    terms = Terms(COST, Decimal(config.usd), 86400.0, guard_s=0.0, up_front=False, settles=True)
    return budget.BudgetState(budget_id, Fixed(terms, Edges(every=config.every, timezone=config.timezone)))
