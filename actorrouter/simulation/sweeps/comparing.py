"""The same storm in several hands: two scenarios, or one with other policies or another router's configuration.

Callers, troubles and providers are those of the scenario; only what the router was told differs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs

from actorrouter.config.file import validate
from actorrouter.errors import InvalidConfig
from actorrouter.simulation.world.rehearse import Ending, rehearse
from actorrouter.simulation.world.scenario import PathKind, Scenario, router_of


@attrs.frozen
class Compared:
    """Endings by name; the first is what the others are measured against."""

    names: tuple[str, ...]
    endings: tuple[Ending, ...]

    def result(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "runs": {name: _facts(each) for name, each in zip(self.names, self.endings, strict=True)},
            "figures": {
                figure: [each.figures.get(figure) for each in self.endings] for figure in self.figures(alike=True)
            },
        }

    def figures(self, *, alike: bool = False) -> list[str]:
        """Names of the figures that differ, or of all; in the order in which a run tells them."""
        names = dict.fromkeys(name for each in self.endings for name in each.figures)
        return [name for name in names if alike or len({each.figures.get(name) for each in self.endings}) > 1]


def _facts(ending: Ending) -> dict[str, Any]:
    return {
        "title": ending.run.scenario.title,
        "seed": ending.run.seed,
        "path": ending.path,
        "holds": ending.holds,
        "violations": list(ending.violations),
        "broken": list(ending.broken),
        "trace_hash": ending.trace_hash,
    }


def compare(
    variants: Iterable[tuple[str, Scenario]], seed: int | None = None, path: PathKind | None = None
) -> Compared:
    """Play each with the same seed: the first one's, if none is given."""
    listed = list(variants)
    seed = listed[0][1].seed if seed is None else seed
    names = [name for name, _ in listed]
    unique = [f"{name} #{at + 1}" if names.count(name) > 1 else name for at, name in enumerate(names)]
    return Compared(tuple(unique), tuple(rehearse(scenario, seed, path) for _, scenario in listed))


def with_policy(scenario: Scenario, policy: str) -> Scenario:
    """Every route ranks by this policy. Raises InvalidConfig where it cannot."""
    routes = {name: attrs.evolve(route, policy=policy) for name, route in scenario.router.routes.items()}
    router = attrs.evolve(scenario.router, routes=routes)
    validate(router, scenario.source)
    return attrs.evolve(scenario, router=router)


def with_router(scenario: Scenario, file: Path) -> Scenario:
    """The router is told what stands in a file; its providers and keys are some of the scenario's.

    Raises InvalidConfig.
    """
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidConfig([f"cannot be read: {getattr(error, 'strerror', None) or error}"], str(file)) from error
    for part in ("providers", "keys"):
        strange = sorted(tree.get(part, {}).keys() - getattr(scenario.router, part).keys())
        if strange:
            raise InvalidConfig([f"{part}: the scenario has no {', '.join(strange)}"], str(file))
    return attrs.evolve(scenario, router=router_of(tree, file.parent))


def variants(
    name: str, scenario: Scenario, policies: Sequence[str], routers: Sequence[Path]
) -> list[tuple[str, Scenario]]:
    """One scenario in other hands; beside itself, if there is but one other."""
    made = [(policy, with_policy(scenario, policy)) for policy in policies]
    made += [(file.name, with_router(scenario, file)) for file in routers]
    return made if len(made) > 1 else [(name, scenario), *made]
