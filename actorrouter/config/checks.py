"""What the parts of a configuration must be to each other: references, prices, addresses, scopes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from actorrouter.config import (
    CandidateConfig,
    GenericConfig,
    KeyConfig,
    LimitConfig,
    ProviderConfig,
    RouterConfig,
)
from actorrouter.config.bounds import field_faults
from actorrouter.config.faults import Fault, Path, name_fault, shown, suggestion, unknown
from actorrouter.config.fields import Sound
from actorrouter.config.limits import dimension_fault, limits_faults
from actorrouter.values import COST

REDACTED: Final = "<secret>"
_PUT_BACK: Final = "put back what was redacted"


@attrs.frozen
class Names:
    """What the configuration calls its parts, also those that could not be read."""

    providers: AbstractSet[str]
    keys: AbstractSet[str]
    pools: AbstractSet[str]
    routes: AbstractSet[str]
    budgets: AbstractSet[str]

    @classmethod
    def of(cls, tree: Mapping[str, Any]) -> Names:
        """From the tables a configuration is read from."""
        tables = (tree.get(field.name) for field in attrs.fields(cls))
        return cls(*(_texts(table) if isinstance(table, Mapping) else {}.keys() for table in tables))


def _texts(names: Iterable[object]) -> AbstractSet[str]:
    """In the order they were given."""
    return {name: None for name in names if isinstance(name, str)}.keys()


def relation_faults(config: RouterConfig, names: Names) -> Iterator[Fault]:
    """Everything wrong with `config` that its types cannot say. `names`: what may be referred to."""
    yield from _name_faults(names)
    yield from field_faults(config)
    for name, provider in config.providers.items():
        yield from _provider_faults(("providers", name), provider)
    yield from _pool_faults(config, names)
    costly = _costly(config)
    for name, route in config.routes.items():
        if not route.candidates:
            yield ("routes", name, "candidates"), "expected at least one candidate"
        for index, candidate in enumerate(route.candidates):
            path = ("routes", name, "candidates", index)
            yield from _candidate_faults(path, candidate, config, names)
            yield from _price_faults((*path, "price"), candidate, _spenders(config, name, candidate, costly))
    for name, budget in config.budgets.items():
        yield from _scope_faults(("budgets", name, "scope"), budget.scope, names)


def _pool_faults(config: RouterConfig, names: Names) -> Iterator[Fault]:
    """Of quota pools and of keys. Equal limits are looked at once, unless they have a fault."""
    sound: Sound = {(): ()}
    for name, pool in config.pools.items():
        if pool.limits not in sound:
            yield from _limits_faults(("pools", name, "limits"), pool.limits, config.guard_s, sound)
    for name, key in config.keys.items():
        served = config.providers.get(key.provider)
        yield from _key_faults(("keys", name), key, names, served.http_client if served else "")
        if key.limits not in sound:
            yield from _limits_faults(("keys", name, "limits"), key.limits, config.guard_s, sound)


def _limits_faults(path: Path, limits: tuple[LimitConfig, ...], guard_s: float, sound: Sound) -> list[Fault]:
    found = list(limits_faults(path, limits, guard_s))
    if not found:
        sound[limits] = limits
    return found


def _name_faults(names: Names) -> Iterator[Fault]:
    for section, found in attrs.asdict(names, recurse=False).items():
        if not found and section in ("providers", "keys", "routes"):
            yield (section,), f"expected at least one, as [{section}.NAME]"
        for name in found:
            if fault := name_fault(name):
                yield (section, name), fault


_WITHOUT_ADDRESS: Final = ("generic", "azure", "vllm")


def _provider_faults(path: Path, provider: ProviderConfig) -> Iterator[Fault]:
    if provider.base_url and (fault := _url_fault(provider.base_url, ("http", "https"))):
        yield (*path, "base_url"), fault
    elif not provider.base_url and provider.adapter in _WITHOUT_ADDRESS:
        yield (*path, "base_url"), f"required and missing: adapter {provider.adapter} has no address of its own"
    for dimension in provider.charge:
        if dimension != "*" and (fault := dimension_fault(dimension)):
            yield (*path, "charge", dimension), fault
    yield from _header_faults((*path, "headers"), provider.headers)
    if provider.adapter == "generic" and provider.generic is None:
        yield (*path, "generic"), "required and missing: the generic adapter is described there"
    elif provider.adapter != "generic" and provider.generic is not None:
        yield (*path, "generic"), 'only read by adapter = "generic"'
    if provider.generic is not None:
        yield from _generic_faults((*path, "generic"), provider.generic)


def _url_fault(url: str, schemes: tuple[str, ...], *, credentials: bool = False) -> str | None:
    """Why a base URL or proxy cannot be used; it is never repeated, it may hold credentials."""
    words = f"expected SCHEME://HOST, the scheme one of {', '.join(schemes)}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and parts.hostname and parts.port != 0
    except ValueError:
        return words
    if not usable or not url.isprintable() or " " in url:
        return words
    if not parts.netloc.isascii():
        return "the host must be written in ASCII; an international name in its xn-- form"
    if "@" in parts.netloc and not credentials:
        return "must hold no credentials; they belong in a key's secret"
    if REDACTED in url:
        return _PUT_BACK
    return "must hold no query and no fragment" if "?" in url or "#" in url else None


_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_CREDENTIALS: Final = ("authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie")


def _header_faults(path: Path, headers: Mapping[str, str]) -> Iterator[Fault]:
    for name, text in headers.items():
        if not _HEADER.fullmatch(name):
            yield (*path, name), "expected a header's name"
        elif name.lower() in _CREDENTIALS:
            yield (*path, name), "must hold no credentials; they belong in a key's secret"
        elif not text.isascii() or not text.isprintable() or text != text.strip():
            yield (*path, name), "expected printable ASCII without surrounding white space"
        elif text == REDACTED:
            yield (*path, name), _PUT_BACK


_SECRET_PLACE: Final = re.compile(r"bearer|header:[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}|query:[A-Za-z0-9._~-]{1,100}")


def _generic_faults(path: Path, generic: GenericConfig) -> Iterator[Fault]:
    for field in ("path", "probe_path"):
        where = getattr(generic, field)
        if where is not None and not (where.startswith("/") and where.isprintable() and " " not in where):
            yield (*path, field), "expected a path that begins with /"
    if not _SECRET_PLACE.fullmatch(generic.secret_in):
        yield (*path, "secret_in"), "expected bearer, header:NAME or query:NAME"
    if generic.secret_format.count("{secret}") != 1 or not generic.secret_format.isprintable():
        yield (*path, "secret_format"), "expected text that holds {secret} once"
    for field in ("usage", "units"):
        for dimension in getattr(generic, field):
            if fault := dimension_fault(dimension):
                yield (*path, field, dimension), fault
    yield from _header_faults((*path, "headers"), generic.headers)


def _key_faults(path: Path, key: KeyConfig, names: Names, client: str) -> Iterator[Fault]:
    if key.provider not in names.providers:
        yield (*path, "provider"), unknown("provider", key.provider, names.providers)
    for index, pool in enumerate(key.pools):
        if pool not in names.pools:
            yield (*path, "pools", index), unknown("pool", pool, names.pools)
        elif pool in key.pools[:index]:
            yield (*path, "pools", index), "named twice"
    proxies = ("http", "https", "socks5", "socks5h")
    if key.proxy is not None and (fault := _url_fault(key.proxy, proxies, credentials=True)):
        yield (*path, "proxy"), fault
    elif key.proxy is not None and client == "lean":
        yield (*path, "proxy"), "the provider's http_client, lean, speaks to no proxy; choose auto, httpx2 or httpx"


def _candidate_faults(path: Path, candidate: CandidateConfig, config: RouterConfig, names: Names) -> Iterator[Fault]:
    if candidate.provider not in names.providers:
        yield (*path, "provider"), unknown("provider", candidate.provider, names.providers)
        return
    others = names.providers - {candidate.provider}
    reachable = {name for name in names.keys if name not in config.keys or config.keys[name].provider not in others}
    matched = False
    for index, pattern in enumerate(candidate.keys):
        if any(fnmatchcase(name, pattern) for name in reachable):
            matched = True
        else:
            near = suggestion(pattern, reachable)
            yield (*path, "keys", index), f"matches no key of the candidate's provider{near}"
    if not candidate.keys:
        yield (*path, "keys"), "expected at least one pattern"
    elif matched and reachable <= set(_of_provider(config, candidate)) and not any(_serving(config, candidate)):
        yield (*path, "model"), "none of the candidate's keys may serve it: see the models of the keys"


def _of_provider(config: RouterConfig, candidate: CandidateConfig) -> Iterator[str]:
    return (name for name, key in config.keys.items() if key.provider == candidate.provider)


def _serving(config: RouterConfig, candidate: CandidateConfig) -> Iterator[str]:
    """The keys a candidate can use."""
    for name in _of_provider(config, candidate):
        models = config.keys[name].models or ("*",)
        if _matches(name, candidate.keys) and _matches(candidate.model, models):
            yield name


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _spenders(config: RouterConfig, route: str, candidate: CandidateConfig, costly: set[str]) -> Iterator[str]:
    """What needs to know a candidate's price, in words."""
    scopes = ("global", f"provider:{candidate.provider}", f"route:{route}")
    for name, budget in config.budgets.items():
        if budget.scope in scopes or budget.scope.startswith("tenant:"):
            yield shown(("budgets", name))
    if config.routes[route].policy == "cheapest":
        yield "the route's policy"
    if costly and any(name in costly for name in _serving(config, candidate)):
        yield "a limit of cost"


def _costly(config: RouterConfig) -> set[str]:
    """The keys with a limit of cost, their own or a pool's."""
    pools = {name for name, pool in config.pools.items() if _has_cost(pool.limits)}
    return {name for name, key in config.keys.items() if _has_cost(key.limits) or not pools.isdisjoint(key.pools)}


def _has_cost(limits: tuple[LimitConfig, ...]) -> bool:
    return any(limit.dimension == COST for limit in limits)


def _price_faults(path: Path, candidate: CandidateConfig, spenders: Iterable[str]) -> Iterator[Fault]:
    price = candidate.price
    if price.free and attrs.evolve(price, free=False).known:
        yield path, "free = true and a price contradict each other"
    elif not price.known and (needed_by := ", ".join(spenders)):
        yield path, f"unknown, but needed by {needed_by}: give a price, or free = true"


def _scope_faults(path: Path, scope: str, names: Names) -> Iterator[Fault]:
    what, _, name = scope.partition(":")
    known = {"provider": names.providers, "route": names.routes}.get(what)
    if scope == "global" or (what == "tenant" and name_fault(name) is None):
        return
    if known is None:
        yield path, "expected global, provider:NAME, route:NAME or tenant:NAME"
    elif name not in known:
        yield path, unknown(what, name, known)
