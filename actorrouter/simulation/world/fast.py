"""The fast way: the production router on a heap of instants, its sends answered by the providers' models directly."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import Any

from actorrouter import Call, Router
from actorrouter.router.grants import Grant
from actorrouter.runtime.loop import Loop
from actorrouter.simulation.world.beginning import make_run, start
from actorrouter.simulation.world.direct import DirectExchange
from actorrouter.simulation.world.heap import HeapLoop, Task
from actorrouter.simulation.world.scenario import Scenario
from actorrouter.simulation.world.stage import Run


class FastRouter(Router):
    """A router whose sends need no network."""

    def __init__(self, run: Run, loop: HeapLoop, **options: Any) -> None:
        super().__init__(run.scenario.router, loop=loop, **options)
        self._run = run

    def exchange(self, grant: Grant, call: Call) -> Any:
        """One send over this grant."""
        return DirectExchange(self.runtime, self._run, grant, call)


class FastStage:
    """A scenario on a heap. No tasks, no sockets, no threads."""

    loop: Loop

    def __init__(self) -> None:
        self.loop = self.heap = HeapLoop()
        self.run: Run
        self._work: dict[Task, None] = {}
        self._opened = 0

    @property
    def now(self) -> float:
        return self.heap.now

    def spawn(self, work: Coroutine[Any, Any, None], *, of_process: bool = True) -> Task:
        task = self.heap.spawn(work)
        if of_process:
            self._work[task] = None
            if len(self._work) > 1024 + 2 * self.run.under_way:
                self._work = {each: None for each in self._work if not each.done}
        return task

    async def sleep_until(self, at: float) -> None:
        await self.heap.sleep_until(at)

    def stall(self, seconds: float) -> None:
        self.heap.now += seconds

    async def open(self) -> None:
        run, self._opened = self.run, self._opened + 1
        router = FastRouter(
            run,
            self.heap,
            journal=run.sabotage.journal(),
            first_id=run.first_id,
            wall=run.wall,
            rng=random.Random(f"{run.seed}/router/{self._opened}"),
            observers=[run.recorder.read],
        )
        router.begin()
        self.heap.runtimes = [router.runtime]
        run.begin(router)

    def kill(self) -> None:
        self.run.end(killed=True)
        self.heap.runtimes = []
        for task in list(self._work):
            if not task.done:
                task.drop()
        self._work.clear()

    def play(self) -> bool:
        """Until all is done, or the scenario's time is over: False."""
        run = self.run
        self.heap.run(run.started + run.scenario.duration_s + run.scenario.settle_s, lambda: run.done)
        return run.done


def play_fast(scenario: Scenario, seed: int, prepare: Callable[[Run], None] = lambda _: None) -> tuple[Run, bool]:
    """On the heap. False: it did not come to an end in time. `prepare`: what else is to be known of the run."""
    stage = FastStage()
    run = stage.run = make_run(scenario, seed, stage)
    prepare(run)
    try:
        stage.heap.spawn(stage.open())
        stage.heap.run(stage.now)
        start(run)
        finished = stage.play()
        run.end()
    finally:
        stage.heap.close()
    return run, finished
