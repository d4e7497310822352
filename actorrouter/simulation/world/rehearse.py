"""Play a scenario: the same seed gives the same run, event for event, in any process."""

from __future__ import annotations

import gc
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import attrs

from actorrouter.simulation.world.callers import Callers
from actorrouter.simulation.world.fast import FastStage
from actorrouter.simulation.world.figures import figures_of
from actorrouter.simulation.world.recorder import BUCKETS, Recorder
from actorrouter.simulation.world.sabotage import Sabotage
from actorrouter.simulation.world.scenario import PathKind, Scenario
from actorrouter.simulation.world.stage import Run, Stage, Wall
from actorrouter.simulation.world.troubles import Troubles
from actorrouter.simulation.world.upstream import Upstream

_COLLECT_EVERY: Final = 24
_COLLECT_LATE_S: Final = 5.0
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
    with _ONE_AT_A_TIME, _collecting_on_cue():
        if path == "full":
            from actorrouter.simulation.world.full import play_full

            run, finished = play_full(scenario, seed)
        else:
            run, finished = play_fast(scenario, seed)
    return conclude(run, path, finished=finished, wall_s=time.perf_counter() - began)


@contextmanager
def _collecting_on_cue() -> Iterator[None]:
    """What callers abandon is collected at instants of the run, not whenever the process has allocated enough."""
    enabled = gc.isenabled()
    gc.disable()
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


def play_fast(scenario: Scenario, seed: int) -> tuple[Run, bool]:
    """On the heap. False: it did not come to an end in time."""
    stage = FastStage()
    run = stage.run = make_run(scenario, seed, stage)
    try:
        stage.heap.spawn(stage.open())
        stage.heap.run(stage.now)
        start(run)
        finished = stage.play()
        run.end()
    finally:
        stage.heap.close()
    return run, finished


def make_run(scenario: Scenario, seed: int, stage: Stage) -> Run:
    """Everything but the router, which comes with `stage.open`."""
    started = stage.now
    clock: Callable[[], float] = lambda: stage.now  # noqa: E731 - one expression
    return Run(
        scenario,
        seed,
        stage,
        started,
        Wall(scenario.epoch.timestamp(), clock),
        Upstream.of(scenario, seed, started),
        Recorder(scenario.duration_s, started),
        Sabotage(scenario.troubles, random.Random(f"{seed}/sabotage"), lambda: stage.now - started),
    )


def start(run: Run, callers: Callers | None = None) -> None:
    """Callers, troubles and whoever watches. `callers`: others than those who ask the run's router."""
    Troubles(run).start()
    (callers or Callers(run)).start()
    run.stage.spawn(_watch(run), of_process=False)


async def _watch(run: Run) -> None:
    """Look at everything once in a bucket while calls come."""
    every_s, abandoning = run.recorder.bucket_s, any(each.kind == "abandon" for each in run.scenario.troubles)
    for number in range(BUCKETS):
        at = run.started + (number + 0.5) * every_s
        await run.stage.sleep_until(at)
        if abandoning or number % _COLLECT_EVERY == 0:
            gc.collect()
        if run.process is not None:
            run.recorder.sample(run.elapsed, run.process.router)
        for name, model in run.upstream.models.items():
            run.recorder.sample_use(run.elapsed, name, model.sample(at))
    while True:  # until the stage ends
        await run.stage.sleep_until(run.stage.now + max(_COLLECT_LATE_S, every_s))
        gc.collect()


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
