"""The actors of one configuration: who exists, who supervises whom, and who may serve what. Keys come and go here."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from actorrouter.actors import budget, circuit, key, quota, route
from actorrouter.actors.windows import Fixed, Window
from actorrouter.adapters import build
from actorrouter.config import (
    BudgetConfig,
    KeyConfig,
    LimitConfig,
    PoolConfig,
    ProviderConfig,
    RouterConfig,
)
from actorrouter.policies.estimates import InputRatio
from actorrouter.router.board import enlist
from actorrouter.router.entries import Candidate, Group, KeyEntry, PoolEntry, ProviderEntry, RouteEntry, Seat
from actorrouter.router.initial import NewKey, NewPool, first_windows, new_budget, new_ratio
from actorrouter.router.retry import RetryBudget
from actorrouter.router.secrets import SecretKeeper
from actorrouter.router.tree import Tree
from actorrouter.runtime.cell import Cell
from actorrouter.runtime.runtime import Runtime


class Fleet:
    """Everything that a configuration names, as running actors and the board's entries."""

    def __init__(
        self,
        runtime: Runtime,
        tree: Tree,
        config: RouterConfig,
        give_back: Callable[[Any], None],
        wall: Callable[[], float],
    ) -> None:
        self.runtime, self.tree, self.config = runtime, tree, config
        self._give_back, self._wall = give_back, wall
        self.providers: dict[str, ProviderEntry] = {}
        self.pools: dict[str, PoolEntry] = {}
        """By actor id; a key's own are with the key."""
        self.keys: dict[str, KeyEntry] = {}
        self.routes: dict[str, RouteEntry] = {}
        self.budgets: dict[str, Cell] = {}
        self.ratios: dict[tuple[str, str], InputRatio] = {}
        """By provider and upstream model, whatever the route."""
        self.clocked: dict[str, Cell] = {}
        """The actors with calendar limits."""
        self._tenants: dict[str, tuple[Cell, ...]] = {}
        self._started = runtime.clock()
        self._windows: dict[tuple[str, tuple[LimitConfig, ...]], tuple[Window, ...]] = {}
        for name, each in config.budgets.items():
            self._add_budget(name, each)
        for name, provider in config.providers.items():
            self._add_provider(name, provider)
        for name in config.routes:
            self._add_route(name)
        for key_id, each_key in config.keys.items():
            self._add_key(key_id, each_key)
        self._windows.clear()

    # ----------------------------------------------------------------------------------------------------- actors

    def _add_budget(self, name: str, config: BudgetConfig) -> None:
        initial = partial(new_budget, f"budget:{name}", config)
        cell = self.tree.budget(f"budget:{name}", budget.BEHAVIOUR, initial)
        self.budgets[name] = self.clocked[cell.actor_id] = cell
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
        self.providers[name] = ProviderEntry(name, config, build(name, config, self._wall), cell, retries)

    def _add_route(self, name: str) -> None:
        self.runtime.forget(f"route:{name}")  # who waited in an earlier process is gone with it
        config = self.config.routes[name]
        initial = partial(route.RouteState, f"route:{name}", config.waiting_max)
        cell = self.tree.route(f"route:{name}", route.BEHAVIOUR, initial, self._give_back)
        entry = self.routes[name] = RouteEntry(name, config, cell)
        for each in config.candidates:
            scopes = ("global", f"route:{name}", f"provider:{each.provider}")
            budgets = tuple(self.budgets[n] for n, b in self.config.budgets.items() if b.scope in scopes)
            provider = self.providers[each.provider]
            ratio = self.ratios.setdefault((each.provider, each.model), new_ratio(provider))
            entry.candidates.append(Candidate(each, provider, budgets, ratio))

    def _pool(self, provider: ProviderEntry, name: str) -> PoolEntry:
        """The pool as this provider's keys see it. Named pools of two providers are two pools."""
        pool_id = f"pool:{provider.name}:{name}"
        entry = self.pools.get(pool_id)
        if entry is None:
            entry = self.pools[pool_id] = self._new_pool(provider, pool_id, self.config.pools[name])
        return entry

    def _new_pool(self, provider: ProviderEntry, pool_id: str, config: PoolConfig) -> PoolEntry:
        initial = NewPool(pool_id, self._first_windows(provider, config.limits), config.mirror, self.config)
        cell = self.tree.member("pools", provider.name, pool_id, quota.BEHAVIOUR, initial)
        if any(isinstance(window, Fixed) for window in cell.state.windows):
            self.clocked[pool_id] = cell
        return PoolEntry(pool_id, cell, config)

    def _first_windows(self, provider: ProviderEntry, declared: tuple[LimitConfig, ...]) -> tuple[Window, ...]:
        """Made once for all pools that start now and have the same limits."""
        windows = self._windows.get((provider.name, declared))
        if windows is None:
            windows = first_windows(declared, provider, self.config, self._started)
            self._windows[provider.name, declared] = windows
        return windows

    # ------------------------------------------------------------------------------------------------------- keys

    def add_key(self, key_id: str, config: KeyConfig) -> KeyEntry:
        """Start serving a key. ValueError if the id is in use or names an unknown provider or
        pool, or its provider is quarantined."""
        self._started = self.runtime.clock()
        self._windows.clear()
        return self._add_key(key_id, config)

    def _add_key(self, key_id: str, config: KeyConfig) -> KeyEntry:
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
        cell = self.tree.member("keys", provider.name, actor_id, key.BEHAVIOUR, NewKey(actor_id, self.config))
        pools = tuple([self._pool(provider, name) for name in config.pools])
        entry = KeyEntry(key_id, provider, cell, config, pools, private, SecretKeeper(config.secret))
        self.keys[key_id] = provider.keys[key_id] = entry
        for each in self.routes.values():
            for candidate in each.candidates:
                if _serves(entry, candidate):
                    self._seat(entry, candidate)
        return entry

    def _seat(self, entry: KeyEntry, candidate: Candidate) -> None:
        model = candidate.upstream_model
        pools = entry.pools
        if not all(_matches(model, pool.config.models) for pool in pools):
            pools = tuple([pool for pool in pools if _matches(model, pool.config.models)])
        if not pools and entry.private is not None:
            pools = (entry.private,)
        group = candidate.groups.get(pools)
        if group is None:
            group = candidate.groups[pools] = Group(candidate, pools)
            for pool in pools:
                pool.groups.append(group)
        own = (entry.private.cell,) if entry.private is not None and entry.private not in pools else ()
        holders = (entry.provider.circuit, *[pool.cell for pool in pools], *own, entry.cell)
        seat = Seat(entry, group, holders)
        entry.seats = (*entry.seats, seat)
        group.add(seat)
        enlist(group, self.runtime.clock())

    def remove_key(self, key_id: str) -> KeyEntry:
        """Forget a key that has nothing in flight."""
        entry = self.keys.pop(key_id)
        del entry.provider.keys[key_id]
        for seat in entry.seats:
            seat.group.leave(seat)
        entry.seats = ()
        self.tree.remove("keys", entry.provider.name, entry.cell.actor_id)
        if entry.private is not None:
            self.tree.remove("pools", entry.provider.name, entry.private.pool_id)
            self.clocked.pop(entry.private.pool_id, None)
        return entry

    def by_actor(self, actor_id: str) -> tuple[KeyEntry | None, PoolEntry | None]:
        """The board's entry behind an actor, if it has one."""
        kind, _, name = actor_id.partition(":")
        if kind == "key":
            return self.keys.get(name), None
        if kind == "pool":
            owner = self.keys.get(name.partition(":")[2].removesuffix("/own"))
            return owner, self.pools.get(actor_id) or (owner.private if owner is not None else None)
        return None, None

    def tenant_budgets(self, tenant: str) -> tuple[Cell, ...]:
        """The budgets that cap one tenant."""
        return self._tenants.get(tenant, ())


def _matches(model: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(model, pattern) for pattern in patterns)


def _serves(entry: KeyEntry, candidate: Candidate) -> bool:
    return (
        entry.provider is candidate.provider
        and any(pattern == "*" or fnmatchcase(entry.key_id, pattern) for pattern in candidate.config.keys)
        and _matches(candidate.upstream_model, entry.config.models)
    )
