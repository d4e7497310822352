"""The providers as they really are: what the router was told of them, unless the scenario says otherwise.

Shared pools become scopes of the same name, a key's own limits the scope KEY-own. A limit of unknown shape is a sliding
window. Windows on the wall clock's marks become windows from the start of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final
from zoneinfo import ZoneInfo

from actorrouter.adapters import build
from actorrouter.config import Charge, LimitConfig, RouterConfig, Shape
from actorrouter.config import ProviderConfig as ToldProvider
from actorrouter.errors import InvalidConfig
from actorrouter.simulation.providers.config import ConfigInvalid, ProviderConfig, structure
from actorrouter.values import Secret

_COUNTED: Final = ("requests", "tokens", "input_tokens", "output_tokens", "concurrency", "cost")
_SHAPES: Final[Mapping[Shape, str]] = {
    Shape.BUCKET: "bucket",
    Shape.SLIDING: "sliding",
    Shape.UNKNOWN: "sliding",
    Shape.FIXED: "fixed",
    Shape.CALENDAR: "fixed",
    Shape.CONCURRENCY: "concurrency",
}
_CHARGES: Final[Mapping[Charge, str]] = {
    Charge.UP_FRONT: "up_front",
    Charge.UP_FRONT_THEN_SETTLE: "up_front_then_settle",
    Charge.ACTUAL: "actual",
    Charge.LIVE: "live",
    Charge.HELD: "up_front_then_settle",
}
_SPOKEN: Final = "simulated providers answer as OpenAI does; a rehearsal knows no other adapter"
_OF_A_REAL_FLEET: Final = ("base_url", "headers", "proxy", "secret")
_EVERY_S: Final = {"minute": 60.0, "hour": 3600.0, "week": 604_800.0}


def providers_of(config: RouterConfig, differing: object, epoch: float) -> dict[str, ProviderConfig]:
    """Provider -> its description. `differing`: by provider, what it is really like. `epoch`: wall clock at the start.

    Raises ConfigInvalid, InvalidConfig.
    """
    if not isinstance(differing, Mapping):
        raise ConfigInvalid([("$.upstream", "expected a table for each provider")])
    unknown = sorted(differing.keys() - config.providers.keys())
    if unknown:
        raise ConfigInvalid([(f"$.upstream.{name}", "no such provider in [router]") for name in unknown])
    foreign = [name for name, told in config.providers.items() if told.adapter != "openai"]
    if foreign:
        raise ConfigInvalid([(f"$.router.providers.{name}.adapter", _SPOKEN) for name in foreign])
    made = {}
    for name, told in config.providers.items():
        try:
            really = _merged(_as_told(config, name, told, epoch), differing.get(name, {}))
            made[name] = structure(really, ProviderConfig)
        except ConfigInvalid as error:
            faults = [(f"$.upstream.{name}{place.removeprefix('$')}", why) for place, why in error.faults]
            raise ConfigInvalid(faults) from error
    return made


def simulated(said: Mapping[str, Any]) -> dict[str, Any]:
    """The tables with addresses and secrets that are nobody's; what is no table is left to be refused."""
    tree = stripped(said)
    for told in _tables(tree, "providers"):
        tree["providers"][told]["base_url"] = f"http://{host_of(told)}/v1"
    for told in _tables(tree, "keys"):
        tree["keys"][told]["secret"] = Secret(secret_for(told))
    return tree


def _tables(tree: Mapping[str, Any], section: str) -> list[str]:
    told = tree.get(section)
    return [name for name, each in told.items() if isinstance(each, Mapping)] if isinstance(told, Mapping) else []


def stripped(said: Mapping[str, Any]) -> dict[str, Any]:
    """A router's tables without what only a real fleet has: addresses, secrets, headers, proxies, control socket."""
    tree = {name: each for name, each in said.items() if name != "control"}
    for section in ("providers", "keys"):
        if names := _tables(tree, section):
            tree[section] = {**tree[section]}
            for name in names:
                told = tree[section][name]
                tree[section][name] = {field: each for field, each in told.items() if field not in _OF_A_REAL_FLEET}
    return tree


def unjudged(config: RouterConfig) -> tuple[str, ...]:
    """Dimensions that the router limits and no simulated provider counts."""
    limits = [limit for pool in config.pools.values() for limit in pool.limits]
    limits += [limit for key in config.keys.values() for limit in key.limits]
    return tuple(dict.fromkeys(limit.dimension for limit in limits if limit.dimension not in _COUNTED))


def secret_of(config: RouterConfig, key_id: str) -> str:
    """The text of a key's fixed secret. Raises InvalidConfig for one that is fetched: nobody here could."""
    secret = config.keys[key_id].secret
    if not isinstance(secret, Secret):
        raise InvalidConfig([f"keys.{key_id}.secret: a rehearsal needs a fixed one"], "router")
    return secret.reveal()


def host_of(provider: str) -> str:
    """Where a simulated provider is found: an address that is nobody's."""
    return f"{provider}.example"


def secret_for(key_id: str) -> str:
    """The text of a simulated key's secret."""
    return f"sk-simulated-{key_id}"


def own_scope(key_id: str) -> str:
    """The provider's name for a key's private limits."""
    return f"{key_id}-own"


def _as_told(config: RouterConfig, name: str, told: ToldProvider, epoch: float) -> dict[str, Any]:
    keys = {key_id: key for key_id, key in config.keys.items() if key.provider == name}
    models = sorted({c.model for route in config.routes.values() for c in route.candidates if c.provider == name})
    default = build(name, told).default_charge
    scopes: dict[str, Any] = {}
    for pool in dict.fromkeys(pool for key in keys.values() for pool in key.pools):
        limits = config.pools[pool].limits
        scopes[pool] = {"limits": list(_limits(limits, told, default, epoch))}
        if patterns := config.pools[pool].models:
            matching = [model for model in models if any(fnmatchcase(model, each) for each in patterns)]
            scopes[pool]["models"] = matching or list(patterns)  # an empty list would be every model
    for key_id, key in keys.items():
        if key.limits:
            if own_scope(key_id) in config.pools:
                why = f"limits of key {key_id} are called so at its provider: give the pool another name"
                raise InvalidConfig([f"pools.{own_scope(key_id)}: {why}"], "router")
            scopes[own_scope(key_id)] = {"limits": list(_limits(key.limits, told, default, epoch))}
    return {
        "models": models,
        "scopes": scopes,
        "keys": {
            key_id: {
                "secret": secret_of(config, key_id),
                "scopes": [*key.pools, *([own_scope(key_id)] if key.limits else [])],
            }
            for key_id, key in keys.items()
        },
        "max_tokens_default": told.default_output_tokens,
        "prices": _prices(config, name),
        "service": {"chunk_tokens": 64},
    }


def _prices(config: RouterConfig, name: str) -> dict[str, Any]:
    """By model, as the routes that go there believe; nothing where they do not say."""
    candidates = [c for route in config.routes.values() for c in route.candidates if c.provider == name]
    free = {"*": {"input_usd": 0.0, "output_usd": 0.0}} if candidates else {}
    return free | {
        each.model: {
            "input_usd": float(each.price.input_usd_per_mtok),
            "output_usd": float(each.price.output_usd_per_mtok),
        }
        for each in candidates
        if each.price.known
    }


def _limits(
    limits: tuple[LimitConfig, ...], told: ToldProvider, default: Mapping[str, Charge], epoch: float
) -> Iterator[dict[str, Any]]:
    names: set[str] = set()
    for limit in limits:
        if limit.dimension not in _COUNTED:
            continue
        made = _limit(limit, epoch)
        if limit.dimension != "cost":
            charge = limit.charge or told.charge.get(limit.dimension) or told.charge.get("*")
            made["charge"] = _CHARGES[charge or default.get(limit.dimension) or default["*"]]
        longer = f"{limit.dimension}/{made.get('window_s', 0):g}s"
        made["name"] = longer if limit.dimension in names else limit.dimension
        names.add(limit.dimension)
        yield made


def _limit(limit: LimitConfig, epoch: float) -> dict[str, Any]:
    made: dict[str, Any] = {
        "dimension": limit.dimension,
        "amount": float(limit.amount),
        "shape": _SHAPES[limit.shape],
    }
    if limit.shape is Shape.CONCURRENCY:
        return made
    made["window_s"] = limit.window_s
    if limit.shape is Shape.BUCKET and limit.burst is not None:
        made["burst"] = float(limit.burst)
    if limit.shape is Shape.FIXED:
        made["phase_s"] = (limit.phase_s - epoch) % limit.window_s
    if limit.shape is Shape.CALENDAR:
        made |= _calendar(limit.every or "day", limit.timezone, epoch)
    return made


def _calendar(every: str, zone: str, epoch: float) -> dict[str, Any]:
    """A window on the wall clock's marks. Weeks, hours and minutes are regular, hence fixed windows with a phase."""
    if every in ("day", "month"):
        return {"shape": "calendar", "period": every, "zone": zone}
    begun = epoch % _EVERY_S[every]
    if every == "week":
        start = datetime.fromtimestamp(epoch, ZoneInfo(zone))
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
        begun = (start - midnight).total_seconds() + 86_400.0 * start.weekday()
    return {"window_s": _EVERY_S[every], "phase_s": -begun}


def _merged(told: Mapping[str, Any], really: object) -> Any:
    """`really` over `told`, table by table; what is no table replaces what was there."""
    if not isinstance(really, Mapping):
        return really
    merged = dict(told)
    for name, each in really.items():
        before = merged.get(name)
        merged[name] = _merged(before, each) if isinstance(before, Mapping) and isinstance(each, Mapping) else each
    return merged
