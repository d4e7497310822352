"""How a run begins: everything in its place, then callers, troubles and whoever watches."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from typing import Final

from actorrouter.simulation.world.callers import Callers
from actorrouter.simulation.world.recorder import BUCKETS, Recorder
from actorrouter.simulation.world.sabotage import Sabotage
from actorrouter.simulation.world.scenario import Scenario
from actorrouter.simulation.world.stage import Run, Stage, Wall
from actorrouter.simulation.world.troubles import Troubles
from actorrouter.simulation.world.upstream import Upstream

_COLLECT_EVERY: Final = 24
_COLLECT_LATE_S: Final = 5.0


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
