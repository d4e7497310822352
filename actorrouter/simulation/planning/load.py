"""The workload of a plan: a trace or described workloads, its busiest part, and the same at another volume."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from math import ceil, inf
from pathlib import Path
from typing import Any, Final

import attrs

from actorrouter.config import RouterConfig
from actorrouter.errors import InvalidConfig
from actorrouter.simulation.providers.config import ConfigInvalid, structure
from actorrouter.simulation.workloads import Arrival, WorkloadConfig, arrivals
from actorrouter.simulation.world.scenario import EPOCH, Scenario
from actorrouter.simulation.world.truth import providers_of

LONGEST_S: Final = 3600.0
"""Most seconds of a workload that are rehearsed, unless told otherwise."""

_DESCRIBED_S: Final = 600.0
_NAME: Final = "workload"


@attrs.frozen
class Peak:
    """The busiest minute: calls per second, and tokens of input and output per minute."""

    calls_per_s: float
    tokens_per_min: float


@attrs.frozen
class Load:
    """Who calls, for how long. `upstream`: how providers differ from what the fleet says. `volume`: times the calls."""

    source: str
    workloads: Mapping[str, WorkloadConfig]
    duration_s: float
    directory: Path = Path()
    upstream: Mapping[str, Any] = attrs.field(factory=dict)
    volume: float = 1.0
    whole_s: float = 0.0
    """Of which `duration_s` is the part that is looked at."""

    def at(self, volume: float) -> Load:
        """`volume` times as many calls as it has now."""
        workloads = {name: _scaled(each, volume) for name, each in self.workloads.items()}
        return attrs.evolve(self, workloads=workloads, volume=self.volume * volume)

    def busiest(self, for_s: float, seed: int) -> Load:
        """The stretch of so many seconds with the most calls; described workloads: from their start."""
        if for_s >= self.duration_s:
            return self
        trace = self.workloads.get(_NAME)
        if trace is None or trace.kind != "trace":
            return attrs.evolve(self, duration_s=for_s)
        begins_s = busiest_start([each.at_s for each in self.calls(seed)], for_s)
        scale = trace.time_scale or 1.0
        part = attrs.evolve(trace, from_s=(trace.from_s or 0.0) + begins_s / scale, for_s=for_s / scale)
        return attrs.evolve(self, workloads={_NAME: part}, duration_s=for_s)

    def calls(self, seed: int) -> list[Arrival]:
        """Every call of its open workloads."""
        return list(arrivals(self.workloads, seed, self.duration_s, self.directory))

    def scenario(self, router: RouterConfig, title: str = "plan") -> Scenario:
        """What is rehearsed."""
        upstream = providers_of(router, self.upstream, EPOCH.timestamp())
        return Scenario(title, router, upstream, self.workloads, directory=self.directory, duration_s=self.duration_s)


def _scaled(workload: WorkloadConfig, volume: float) -> WorkloadConfig:
    match workload.kind:
        case "trace" | "servegen":
            return attrs.evolve(workload, volume=(workload.volume or 1.0) * volume)
        case "closed":
            return attrs.evolve(workload, clients=max(1, round((workload.clients or 1) * volume)))
        case "once":
            return attrs.evolve(workload, calls=max(1, round((workload.calls or 1) * volume)))
        case _:
            return attrs.evolve(workload, rate_per_s=(workload.rate_per_s or 0.0) * volume)


def read_load(
    source: str,
    router: RouterConfig,
    *,
    route: str | None = None,
    for_s: float | None = None,
    speed: float = 1.0,
    volume: float = 1.0,
    seed: int = 1,
) -> Load:
    """A trace by path or shipped name, or a TOML file with `[workload.NAME]` tables, such as a scenario.

    `route`: whom the calls of a trace without models ask. `for_s`: most seconds to look at. `speed`: of a trace's time.
    Raises InvalidConfig, TraceInvalid.
    """
    if source.endswith(".toml"):
        load = _described(source)
    else:
        trace = WorkloadConfig(
            "trace", {route or _only_route(router): 1.0}, trace=source, time_scale=1 / speed, stream_share=0.5
        )
        load = Load(source, {_NAME: trace}, inf)
        calls = load.calls(seed)
        if not calls:
            raise InvalidConfig(["it has no calls"], source)
        ends_s = max(1.0, ceil(calls[-1].at_s + 1e-6))
        load = attrs.evolve(load, duration_s=ends_s, whole_s=ends_s)
    load = load.busiest(for_s or LONGEST_S, seed).at(volume)
    _refuse_unknown(load, router, seed)
    return load


def _described(source: str) -> Load:
    path = Path(source)
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        workloads = {name: structure(told, WorkloadConfig) for name, told in tree.get("workload", {}).items()}
    except OSError as error:
        raise InvalidConfig([f"cannot be read: {(error.strerror or 'no file').lower()}"], source) from error
    except ConfigInvalid as error:
        raise InvalidConfig([f"workload: {place}: {why}" for place, why in error.faults], source) from error
    except (ValueError, AttributeError) as error:
        raise InvalidConfig([f"no TOML with [workload.NAME] tables: {error}"], source) from error
    if not workloads:
        raise InvalidConfig(["expected at least one table [workload.NAME]"], source)
    duration_s = float(tree.get("duration_s", _DESCRIBED_S))
    return Load(source, workloads, duration_s, path.parent, tree.get("upstream", {}), whole_s=duration_s)


def _only_route(router: RouterConfig) -> str:
    if len(router.routes) > 1:
        raise InvalidConfig([f"several routes: say which one is called, --route {' or '.join(router.routes)}"], "plan")
    return next(iter(router.routes))


def _refuse_unknown(load: Load, router: RouterConfig, seed: int) -> None:
    asked = {model for workload in load.workloads.values() for model in workload.models}
    asked |= {call.model for call in load.calls(seed)}
    unknown = sorted(asked - router.routes.keys())
    if unknown:
        known = ", ".join(router.routes)
        raise InvalidConfig([f"it asks for {', '.join(unknown)}; routes of the fleet: {known}"], load.source)


def busiest_start(instants: Sequence[float], for_s: float) -> float:
    """Where the stretch of `for_s` with the most calls begins: at a call, the first of several such stretches."""
    best, best_at, last = 0, 0.0, 0
    for first, begins in enumerate(instants):
        while last < len(instants) and instants[last] < begins + for_s:
            last += 1
        if last - first > best:
            best, best_at = last - first, begins
    return best_at


def peak_of(calls: Sequence[Arrival], duration_s: float) -> Peak:
    """The busiest minute, or all of it if it is shorter."""
    span_s = min(60.0, duration_s)
    begins = busiest_start([call.at_s for call in calls], span_s)
    inside = [call for call in calls if begins <= call.at_s < begins + span_s]
    tokens = sum(call.input_tokens + call.output_tokens for call in inside)
    return Peak(len(inside) / span_s, tokens * 60.0 / span_s)
