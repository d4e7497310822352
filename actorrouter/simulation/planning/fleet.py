"""The fleet of a plan: a real configuration without its secrets, and the same with more of what it has."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import attrs

from actorrouter.config import ColdStart, LimitConfig, RouterConfig, Shape
from actorrouter.config.faults import line
from actorrouter.config.file import structure
from actorrouter.config.overrides import overridden
from actorrouter.errors import InvalidConfig
from actorrouter.simulation.world.truth import secret_for, simulated
from actorrouter.values import Secret


def load_fleet(path: Path, environ: Mapping[str, str] = os.environ) -> RouterConfig:
    """The configuration in a TOML file with simulated secrets: no variable and no file it refers to is read.

    Environment overrides hold. Windows begin empty: what is planned is a running fleet, not its start. Raises
    InvalidConfig.
    """
    source = os.fspath(path)
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        raise InvalidConfig([f"cannot be read: {(error.strerror or 'no file').lower()}"], source) from error
    except (ValueError, ArithmeticError) as error:
        raise InvalidConfig(["not TOML"], source) from error
    told, unmatched = overridden(tree, environ)
    if unmatched:
        raise InvalidConfig([line(fault) for fault in unmatched], source)
    return attrs.evolve(structure(simulated(told), source, {}, path.parent), cold_start=ColdStart.EMPTY)


# ----------------------------------------------------------------------------------------------------- more of the same


def with_accounts(config: RouterConfig, key_id: str, count: int) -> RouterConfig:
    """The fleet with `count` more accounts like the one of this key: a copy of the key with pools of its own."""
    keys, pools, routes = dict(config.keys), dict(config.pools), dict(config.routes)
    key = config.keys[key_id]
    for number in range(1, count + 1):
        copy = f"{key_id}-more-{number}"
        own = {pool: f"{pool}-more-{number}" for pool in key.pools}
        pools |= {name: config.pools[pool] for pool, name in own.items()}
        keys[copy] = attrs.evolve(key, pools=tuple(own.values()), secret=Secret(secret_for(copy)))
        for name, route in routes.items():
            candidates = [_with_key(c, key_id, copy) if c.provider == key.provider else c for c in route.candidates]
            routes[name] = attrs.evolve(route, candidates=tuple(candidates))
    return attrs.evolve(config, keys=keys, pools=pools, routes=routes)


def _with_key(candidate: Any, like: str, key_id: str) -> Any:
    def takes(name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in candidate.keys)

    return attrs.evolve(candidate, keys=(*candidate.keys, key_id)) if takes(like) and not takes(key_id) else candidate


def with_tier(config: RouterConfig, provider: str, factor: float) -> RouterConfig:
    """The fleet with every limit of a provider's keys and pools `factor` times as high."""
    mine = {key_id for key_id, key in config.keys.items() if key.provider == provider}
    shared = {pool for key_id in mine for pool in config.keys[key_id].pools}
    keys = {
        key_id: attrs.evolve(key, limits=_raised(key.limits, factor)) if key_id in mine else key
        for key_id, key in config.keys.items()
    }
    pools = {
        name: attrs.evolve(pool, limits=_raised(pool.limits, factor)) if name in shared else pool
        for name, pool in config.pools.items()
    }
    return attrs.evolve(config, keys=keys, pools=pools)


def _raised(limits: Iterable[LimitConfig], factor: float) -> tuple[LimitConfig, ...]:
    return tuple(
        attrs.evolve(
            limit,
            amount=_whole(float(limit.amount) * factor),
            burst=None if limit.burst is None else _whole(limit.burst * factor),
        )
        for limit in limits
    )


def _whole(amount: float) -> float:
    return float(round(amount)) if amount >= 1 else amount


def with_budgets(config: RouterConfig, caps: Mapping[str, Decimal]) -> RouterConfig:
    """The fleet with other caps on its budgets, in US dollars."""
    budgets = {name: attrs.evolve(told, usd=caps.get(name, told.usd)) for name, told in config.budgets.items()}
    return attrs.evolve(config, budgets=budgets)


def read_caps(config: RouterConfig, said: Iterable[str]) -> dict[str, Decimal]:
    """`NAME=USD`, each of a budget that there is. Raises ValueError."""
    caps: dict[str, Decimal] = {}
    for text in said:
        name, _, usd = text.rpartition("=")
        if name not in config.budgets:
            raise ValueError(f"budget {text!r}: expected NAME=USD; known: {', '.join(config.budgets) or 'none'}")
        try:
            caps[name] = Decimal(usd)
        except InvalidOperation:
            raise ValueError(f"budget {text!r}: {usd!r} is no number of dollars") from None
        if not caps[name].is_finite() or caps[name] <= 0:
            raise ValueError(f"budget {text!r}: it must be above 0")
    return caps


# ----------------------------------------------------------------------------------------------------------- by formula


def calls_per_s(config: RouterConfig, cost: Mapping[str, float], longest_s: float) -> float:
    """About how many calls of this cost per second all keys together allow: where a search starts, no answer.

    `cost`: by dimension, of one call; `concurrency`: seconds it is in flight. Limits with a window above `longest_s`
    do not count. Infinite: some key has no limit.
    """
    members: dict[str, int] = {}
    for key in config.keys.values():
        for pool in key.pools:
            members[pool] = members.get(pool, 0) + 1
    total = 0.0
    for key in config.keys.values():
        allowed = [_allowed(key.limits, cost, longest_s)]
        allowed += [_allowed(config.pools[pool].limits, cost, longest_s) / members[pool] for pool in key.pools]
        total += min(allowed)
    return total


def _allowed(limits: Iterable[LimitConfig], cost: Mapping[str, float], longest_s: float) -> float:
    rates = [float("inf")]
    for limit in limits:
        per_call = cost.get(limit.dimension, 0.0)
        if per_call <= 0:
            continue
        if limit.shape is Shape.CONCURRENCY:
            rates.append(float(limit.amount) / per_call)
        elif limit.shape is not Shape.CALENDAR and limit.window_s <= longest_s:
            rates.append(float(limit.amount) / limit.window_s / per_call)
    return min(rates)
