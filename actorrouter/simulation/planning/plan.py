"""The plan of a fleet: does it reach its targets, how much it carries, what binds, what it would take.

Every answer is the outcome of rehearsals on one seed; arithmetic only says where a search begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, inf, isfinite
from typing import Final

import attrs

from actorrouter.config import RouterConfig
from actorrouter.simulation.planning import needs
from actorrouter.simulation.planning.baselines import PICKERS
from actorrouter.simulation.planning.fleet import calls_per_s
from actorrouter.simulation.planning.load import Load, Peak, peak_of
from actorrouter.simulation.planning.naive import play_naive
from actorrouter.simulation.planning.needs import Needs
from actorrouter.simulation.planning.play import LimitUse, Played, play
from actorrouter.simulation.planning.targets import Target
from actorrouter.simulation.world.truth import unjudged

CALLS_MAX: Final = 20_000
"""About as many calls a run of the search has: of a larger workload its busiest part is searched."""

SEARCHED_LEAST_S: Final = 300.0
VOLUME_MAX: Final = 64.0
PRECISION: Final = 1.02
_STEP: Final = 1.4
_OVER: Final = 1.3
_LONG_S: Final = 300.0

Progress = Callable[[str], object]


@attrs.frozen
class Point:
    """One rehearsal of the workload at a volume."""

    volume: float
    peak: Peak
    met: bool
    figures: Mapping[str, float]


@attrs.frozen
class Binding:
    """A limit that turns calls away first. `share`: of the refusals when there is more than is carried."""

    where: str
    dimension: str
    share: float
    use: LimitUse | None = None


@attrs.frozen
class Plan:
    """All answers. `carried`: the most that reaches the targets; None: not even a 64th does. `unbound`: more was not
    tried. `next_volume`: where the limit after that would be full if its use grows with the load."""

    source: str
    seed: int
    whole_s: float
    looked_at_s: float
    searched_s: float
    targets: tuple[Target, ...]
    asked: Point
    violations: tuple[str, ...]
    """Laws that the router broke on the workload as it is: a bug, and no figure here is to be trusted."""
    carried: Point | None
    unbound: bool
    points: tuple[Point, ...]
    binding: tuple[Binding, ...]
    next_limit: LimitUse | None
    next_volume: float | None
    uses: tuple[LimitUse, ...]
    long_limits: tuple[tuple[LimitUse, float], ...]
    """Limits with windows longer than what was looked at, and seconds until they are full if it goes on like this."""
    needs: Needs | None
    baselines: Mapping[str, Mapping[str, float]]
    not_rehearsed: tuple[str, ...]
    """Dimensions with limits that nobody here counts."""

    @property
    def met(self) -> bool:
        """Whether the fleet as declared reaches every target."""
        return self.asked.met


class Planner:
    """Rehearses one fleet and one workload, and variations of both."""

    def __init__(
        self, router: RouterConfig, load: Load, targets: tuple[Target, ...], *, seed: int, progress: Progress
    ) -> None:
        self.router, self.load, self.targets, self.seed = router, load, targets, seed
        self.tell = progress
        self._volumes: dict[float, tuple[Point, Played]] = {}

    def rehearse(self, router: RouterConfig, load: Load, *, watched: bool = False) -> Played:
        """One run. `watched`: by the laws' checkers."""
        return play(load.scenario(router), self.seed, watched=watched)

    def reaches(self, played: Played) -> bool:
        """Whether it holds every target, and the laws. A run without calls proves nothing."""
        held = all(target.held(played.figures) for target in self.targets)
        return played.figures["offered"] > 0 and not played.figures["violations"] and held

    def met_by(self, router: RouterConfig, load: Load, what: str) -> bool:
        """Whether another fleet reaches the targets."""
        met = self.reaches(self.rehearse(router, load))
        self.tell(f"{what}: {'reaches' if met else 'misses'} the targets")
        return met

    def point(self, load: Load, volume: float) -> tuple[Point, Played]:
        """The fleet as declared at `volume` times the workload; a run is made once."""
        if volume not in self._volumes:
            there = load.at(volume)
            played = self.rehearse(self.router, there)
            peak = peak_of(there.calls(self.seed), there.duration_s)
            point = Point(volume, peak, self.reaches(played), played.figures)
            self._volumes[volume] = (point, played)
            word = "reaches" if point.met else "misses"
            self.tell(f"{volume:.3g} times the workload, {peak.calls_per_s:.3g} calls/s at peak: {word} the targets")
        return self._volumes[volume]

    @property
    def points(self) -> tuple[Point, ...]:
        """Every volume that was tried, from the least on."""
        return tuple(self._volumes[volume][0] for volume in sorted(self._volumes))

    def most(self, load: Load, start: float) -> tuple[Point | None, bool]:
        """The highest volume that reaches the targets, within 2 %, and whether higher ones were not tried."""
        low, high, volume = 0.0, inf, start
        while not low or high == inf:
            if self.point(load, volume)[0].met:
                low = volume
                if volume >= VOLUME_MAX:
                    return self.point(load, low)[0], True
                volume = min(VOLUME_MAX, volume * _STEP)
            else:
                high = volume
                if volume <= 1 / VOLUME_MAX:
                    return None, False
                volume = max(1 / VOLUME_MAX, volume / _STEP)
        while high / low > PRECISION:
            middle = (low * high) ** 0.5
            low, high = (middle, high) if self.point(load, middle)[0].met else (low, middle)
        return self.point(load, low)[0], False


def make_plan(
    router: RouterConfig,
    load: Load,
    targets: tuple[Target, ...],
    *,
    seed: int = 1,
    progress: Progress = lambda _: None,
) -> Plan:
    """Rehearse and search. Deterministic: the same arguments give the same plan."""
    planner = Planner(router, load, targets, seed=seed, progress=progress)
    progress(f"{load.duration_s:g} s of {load.source}")
    asked = planner.rehearse(router, load, watched=True)
    calls = load.calls(seed)
    asked_point = Point(1.0, peak_of(calls, load.duration_s), planner.reaches(asked), asked.figures)
    progress(f"the workload as it is: {'reaches' if asked_point.met else 'misses'} the targets")
    start = _start(router, load, asked_point.peak, seed)
    part = _part(load, start, asked_point.peak, seed)
    carried, unbound = planner.most(part, start)
    over = planner.point(part, carried.volume * _OVER)[1] if carried and not unbound else asked
    at_most = planner.point(part, carried.volume)[1] if carried else asked
    if not over.refusals:  # a target may be missed before anybody is refused
        over = asked
    binding = _binding(over, at_most)
    following = _next(at_most, binding)
    needed = None
    if not asked_point.met:
        needed = needs.find(planner, part, over.refusals, 1 / carried.volume if carried else VOLUME_MAX)
    sides = {"actorrouter": dict(planner.rehearse(router, part).figures)}
    for name in PICKERS:
        progress(f"the same with {name}")
        sides[name] = play_naive(part.scenario(router), seed, name)
    return Plan(
        source=load.source,
        seed=seed,
        whole_s=load.whole_s,
        looked_at_s=load.duration_s,
        searched_s=part.duration_s,
        targets=targets,
        asked=asked_point,
        violations=asked.violations,
        carried=carried,
        unbound=unbound,
        points=planner.points,
        binding=binding,
        next_limit=following,
        next_volume=carried.volume / following.mean if carried and following and following.mean > 0 else None,
        uses=at_most.uses,
        long_limits=_long(asked, load.duration_s),
        needs=needed,
        baselines=sides,
        not_rehearsed=unjudged(router),
    )


def _start(router: RouterConfig, load: Load, peak: Peak, seed: int) -> float:
    """The volume at which arithmetic expects the edge, within what may be tried."""
    calls = load.calls(seed)
    if not calls or not peak.calls_per_s:
        return 1.0
    count = len(calls)
    tokens_in = sum(call.input_tokens for call in calls) / count
    tokens_out = sum(call.output_tokens for call in calls) / count
    most_out = sum(call.max_tokens for call in calls) / count
    cost = {
        "requests": 1.0,
        "concurrency": 0.05 + 0.001 * tokens_out,
        "tokens": tokens_in + most_out,
        "input_tokens": tokens_in,
        "output_tokens": most_out,
    }
    rate = calls_per_s(router, cost, max(_LONG_S, load.duration_s / 4))
    volume = rate / peak.calls_per_s if isfinite(rate) else VOLUME_MAX
    return min(VOLUME_MAX, max(1 / VOLUME_MAX, volume))


def _part(load: Load, volume: float, peak: Peak, seed: int) -> Load:
    """The stretch that is searched: about CALLS_MAX calls at the volume where the edge is expected."""
    calls = max(1, len(load.calls(seed)))
    if calls * max(1.0, volume) <= CALLS_MAX:
        return load
    seconds = CALLS_MAX / (max(1.0, volume) * max(peak.calls_per_s, calls / load.duration_s))
    return load.busiest(min(load.duration_s, max(SEARCHED_LEAST_S, float(ceil(seconds)))), seed)


def _binding(over: Played, at_most: Played) -> tuple[Binding, ...]:
    """Who turned callers away, the most of them first; if nobody was, the fullest limit."""
    total = sum(over.refusals.values())
    if not total:
        fullest = [use for use in at_most.uses if use.peak > 0][:1]
        return tuple(Binding(f"{use.provider} · {use.scope}", use.dimension, 0.0, use) for use in fullest)
    ordered = sorted(over.refusals.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        Binding(where_of(holder), dimension, count / total, _use_of(at_most, holder, dimension))
        for (holder, dimension), count in ordered
    )


def where_of(holder: str) -> str:
    """`pool:north:org` → north · org."""
    kind, _, rest = holder.partition(":")
    return rest.replace(":", " · ", 1) if kind == "pool" else f"{kind} {rest}"


def _use_of(played: Played, holder: str, dimension: str) -> LimitUse | None:
    _, _, name = holder.partition(":")
    return next((use for use in played.uses if _holder(use) == name and use.dimension == dimension), None)


def _holder(use: LimitUse) -> str:
    scope = use.scope.removesuffix("-own") + "/own" if use.scope.endswith("-own") else use.scope
    return f"{use.provider}:{scope}"


def _next(at_most: Played, binding: tuple[Binding, ...]) -> LimitUse | None:
    """The fullest limit of a kind that does not bind yet."""
    first = {(each.use.provider, each.use.limit) for each in binding if each.use is not None}
    return next((use for use in at_most.uses if (use.provider, use.limit) not in first and use.mean > 0), None)


def _long(asked: Played, looked_at_s: float) -> tuple[tuple[LimitUse, float], ...]:
    """What would be full before its window is over if the workload went on like this."""
    found = []
    for use in asked.uses:
        if use.window_s is not None and use.window_s > looked_at_s and use.mean > 0:
            full_s = looked_at_s / use.mean
            if full_s < use.window_s:
                found.append((use, full_s))
    return tuple(found)
