"""Play a scenario: the same seed gives the same run, event for event, in any process."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import attrs

from actorrouter.runtime.collector import frozen, uncollected
from actorrouter.simulation.world.fast import play_fast
from actorrouter.simulation.world.figures import figures_of
from actorrouter.simulation.world.scenario import PathKind, Scenario
from actorrouter.simulation.world.stage import Run

_ONE_AT_A_TIME: Final = threading.Lock()
"""A run sets what belongs to the process: the collector, trio's scheduler, the HTTP client's clock."""


@attrs.frozen
class Ending:
    """A run that is over. `holds`: no law was broken and every expectation was kept."""

    run: Run
    path: PathKind
    figures: Mapping[str, Any]
    books: Mapping[str, Any]
    trace_hash: str
    violations: tuple[str, ...]
    broken: tuple[str, ...]
    """Expectations that were not kept, and what was measured."""
    wall_s: float

    @property
    def holds(self) -> bool:
        """Nothing to complain about."""
        return not self.violations and not self.broken


def rehearse(scenario: Scenario, seed: int | None = None, path: PathKind | None = None) -> Ending:
    """Play it. `seed`, `path`: in place of the scenario's own. Other threads that rehearse wait."""
    seed, path = scenario.seed if seed is None else seed, path or scenario.path
    began = time.perf_counter()
    with _ONE_AT_A_TIME, uncollected(), frozen():  # what callers abandon is collected at instants of the run
        if path == "full":
            from actorrouter.simulation.world.full import play_full

            run, finished = play_full(scenario, seed)
        else:
            run, finished = play_fast(scenario, seed)
    return conclude(run, path, finished=finished, wall_s=time.perf_counter() - began)


def conclude(run: Run, path: PathKind, *, finished: bool, wall_s: float) -> Ending:
    """What it comes to."""
    books = run.upstream.books(run.ended_at)
    trace_hash = run.recorder.seal(books)
    violations = list(run.violations)
    if not finished:
        late = f"{run.under_way} calls under way {run.scenario.settle_s:g} s after the last came"
        violations.append(f"liveness: {late}; reservations or calls never ended")
    figures = figures_of(run, books, violated=run.violated + (not finished))
    broken = tuple(
        f"{each}: it is {figures.get(each.figure, 'not measured')}"
        for each in run.scenario.expect
        if not each.held(figures)
    )
    return Ending(run, path, figures, books, trace_hash, tuple(violations), broken, wall_s)
