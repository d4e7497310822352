"""What can be left out of a scenario, or be made less of, as changes of its plain tables."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

Tree = dict[str, Any]
Place = tuple[str | int, ...]
"""Where something stands in the tables."""
Cut = frozenset[Place]
"""What goes together, or not at all."""

_KEPT: Final = frozenset({"title", "story", "seed", "duration_s", "expect"})
_WHOLE: Final = ("calls", "clients")
_THINNED: Final = ("rate_per_s", "volume", "calls", "clients", "for_s")
_SHARES: Final = (0.125, 0.25, 0.5, 0.75)


def without(tree: Tree, cuts: Iterable[Cut]) -> Tree:
    """The tables without those places."""
    left = copy.deepcopy(tree)
    places = sorted({place for each in cuts for place in each}, key=_from_the_end, reverse=True)
    for place in places:
        _drop(left, place)
    return left


def _from_the_end(place: Place) -> tuple[tuple[bool, int, str], ...]:
    """Later items of a list first, so that the earlier ones keep their numbers."""
    return tuple((isinstance(part, str), part if isinstance(part, int) else 0, str(part)) for part in place)


def _drop(tree: Any, place: Place) -> None:
    for part in place[:-1]:
        try:
            tree = tree[part]
        except (KeyError, IndexError):
            return
    last = place[-1]
    if isinstance(tree, list) and isinstance(last, int):
        del tree[last]
    elif isinstance(tree, dict):
        tree.pop(last, None)


def events(tree: Tree) -> list[list[Cut]]:
    """What befalls the fleet and who calls: workloads, troubles, the providers' faults."""
    faults: list[Cut] = [
        frozenset({("upstream", name, "faults", at)})
        for name, provider in tree.get("upstream", {}).items()
        for at, _ in enumerate(provider.get("faults", []))
    ]
    return [
        [frozenset({("workload", name)}) for name in tree.get("workload", {})],
        [frozenset({("trouble", at)}) for at, _ in enumerate(tree.get("trouble", []))],
        faults,
    ]


def fleet(tree: Tree) -> list[list[Cut]]:
    """Parts of the fleet, each with what names it: providers, routes, keys, pools, budgets."""
    router = tree.get("router", {})
    return [
        [_provider(tree, name) for name in router.get("providers", {})],
        [_route(tree, name) for name in router.get("routes", {})],
        [frozenset({("router", "keys", name)}) for name in router.get("keys", {})],
        [_pool(router, name) for name in router.get("pools", {})],
        [frozenset({("router", "budgets", name)}) for name in router.get("budgets", {})],
    ]


def _provider(tree: Tree, name: str) -> Cut:
    router = tree["router"]
    keys = {("router", "keys", key) for key, each in router.get("keys", {}).items() if each.get("provider") == name}
    gone: set[Place] = {("router", "providers", name), ("upstream", name), *keys}
    for route, each in router.get("routes", {}).items():
        whose = [candidate.get("provider") for candidate in each.get("candidates", [])]
        gone |= {("router", "routes", route, "candidates", at) for at, one in enumerate(whose) if one == name}
        gone |= _route(tree, route) if set(whose) == {name} else set()
    return frozenset(gone)


def _route(tree: Tree, name: str) -> Cut:
    calls = {("workload", load, "models", name) for load in tree.get("workload", {})}
    return frozenset({("router", "routes", name), *calls})


def _pool(router: Mapping[str, Any], name: str) -> Cut:
    named = {
        ("router", "keys", key, "pools", at)
        for key, each in router.get("keys", {}).items()
        for at, pool in enumerate(each.get("pools", []))
        if pool == name
    }
    return frozenset({("router", "pools", name), *named})


def settings(tree: Tree) -> list[list[Cut]]:
    """Everything that is set and that a scenario can do without, larger parts first."""
    return [_settings(tree, [name for name in tree if name not in _KEPT])]


def settings_of_events(tree: Tree) -> list[list[Cut]]:
    """The same without what the fleet is."""
    return [_settings(tree, [name for name in ("workload", "trouble") if name in tree])]


def _settings(tree: Tree, tops: Iterable[str]) -> list[Cut]:
    places = [place for name in tops for place in _below(tree[name], (name,))]
    return [frozenset({place}) for place in sorted(places, key=len)]


def _below(part: Any, place: Place) -> Iterator[Place]:
    yield place
    if isinstance(part, dict):
        for name, each in part.items():
            yield from _below(each, (*place, name))
    elif isinstance(part, list):
        for at, each in enumerate(part):
            yield from _below(each, (*place, at))


def shorter(tree: Tree, first_at_s: float | None) -> Iterator[Tree]:
    """Less time: until just after the first breach, if that is known; else shares of it."""
    duration_s = float(tree.get("duration_s", 600.0))
    known = [] if first_at_s is None else [round(first_at_s + 0.001, 3)]
    for less_s in [*known, *(duration_s * share for share in _SHARES)]:
        if 0 < less_s < 0.99 * duration_s:
            yield {**tree, "duration_s": round(less_s, 3)}


def thinner(tree: Tree) -> Iterator[Tree]:
    """Fewer calls: each workload at shares of what it was."""
    for name, workload in tree.get("workload", {}).items():
        for field in _THINNED:
            amount = workload.get(field)
            for share in _SHARES if amount else ():
                less = max(1, int(amount * share)) if field in _WHOLE else round(amount * share, 6)
                if 0 < less < amount:
                    yield {**tree, "workload": {**tree["workload"], name: {**workload, field: less}}}


def size(tree: Any) -> int:
    """How many values are set."""
    if isinstance(tree, dict):
        return sum(map(size, tree.values()))
    return sum(map(size, tree)) if isinstance(tree, list) else 1
