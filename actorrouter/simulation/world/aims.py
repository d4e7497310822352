"""Whom troubles are aimed at: one that can meet nobody is a mistake, and a storm without it proves nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from actorrouter.config import RouterConfig
from actorrouter.simulation.providers.config import ConfigInvalid

if TYPE_CHECKING:
    from actorrouter.simulation.world.scenario import TroubleConfig

_OF_ACTORS: Final = ("crash", "poison", "tear", "journal_outage", "journal_corruption")
_OF_KEYS: Final = ("add_key", "remove_key", "disable_key", "clear_key", "rotate_keys")
_OF_PROVIDERS: Final = ("revive", "cut")


def require_aimed(troubles: Iterable[TroubleConfig], router: RouterConfig) -> None:
    """Raise ConfigInvalid for each that matches nothing of this router; keys that come later are named KEY+NUMBER."""
    actors = list(actors_of(router))
    faults = []
    for at, trouble in enumerate(troubles):
        known, what = _known(trouble.kind, router, actors)
        if known and "+" not in trouble.target and not any(fnmatchcase(each, trouble.target) for each in known):
            faults.append((f"$.trouble[{at}].target", f"no {what} matches {trouble.target!r}, as {known[0]!r} would"))
    if faults:
        raise ConfigInvalid(faults)


def _known(kind: str, router: RouterConfig, actors: list[str]) -> tuple[list[str], str]:
    if kind in _OF_ACTORS:
        return actors, "actor"
    if kind in _OF_KEYS:
        return list(router.keys), "key"
    return (list(router.providers), "provider") if kind in _OF_PROVIDERS else ([], "")


def actors_of(router: RouterConfig) -> Iterator[str]:
    """The ids of a router's actors, as it begins."""
    yield from (f"key:{key_id}" for key_id in router.keys)
    yield from (f"circuit:{name}" for name in router.providers)
    yield from (f"budget:{name}" for name in router.budgets)
    yield from (f"route:{name}" for name in router.routes)
    pools = [f"pool:{key.provider}:{pool}" for key in router.keys.values() for pool in key.pools]
    yield from dict.fromkeys(pools)
    yield from (f"pool:{key.provider}:{key_id}/own" for key_id, key in router.keys.items() if key.limits)
