"""What the two ways of running a scenario have in common for whoever acts in it: time, tasks, and the router's life."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import attrs

from actorrouter import Router
from actorrouter.observe.laws import LawBook
from actorrouter.runtime.loop import Loop
from actorrouter.simulation.world.recorder import Recorder
from actorrouter.simulation.world.sabotage import Sabotage
from actorrouter.simulation.world.scenario import Scenario
from actorrouter.simulation.world.upstream import Upstream


class Handle(Protocol):
    """Work under way."""

    def cancel(self) -> None:
        """End it."""


class Stage(Protocol):
    """Where a scenario is played: on a heap, or on trio."""

    loop: Loop

    @property
    def now(self) -> float:
        """Seconds."""

    def spawn(self, work: Coroutine[Any, Any, None], *, of_process: bool = True) -> Handle:
        """Start work. `of_process`: it dies with the router's process."""

    async def sleep_until(self, at: float) -> None:
        """Wait for an instant."""

    def stall(self, seconds: float) -> None:
        """Let time pass while nothing runs."""

    def kill(self) -> None:
        """The router's process dies where it is."""

    async def open(self) -> None:
        """A router's process starts: `run.process`."""


class Wall:
    """The wall clock, which can be set."""

    def __init__(self, epoch: float, clock: Callable[[], float]) -> None:
        self.step_s = epoch - clock()
        self._clock = clock

    def __call__(self) -> float:
        return self._clock() + self.step_s


@attrs.define(eq=False)
class Process:
    """One life of the router. What its callers see after its death is nobody's business."""

    router: Router
    laws: LawBook
    alive: bool = True


@attrs.define(eq=False)
class Run:
    """One rehearsal under way. Instants are seconds of the stage's clock; `elapsed` counts from the start."""

    scenario: Scenario
    seed: int
    stage: Stage
    started: float
    wall: Wall
    upstream: Upstream
    recorder: Recorder
    sabotage: Sabotage
    first_id: int = 1
    """The next process counts from here."""
    law_book: Callable[[Router], LawBook] = LawBook
    """Who watches each life of the router."""
    process: Process | None = None
    violations: list[str] = attrs.field(factory=list)
    violated: int = 0
    ended_at: float = 0.0
    under_way: int = 0
    """Calls that have begun and not ended."""
    arriving: int = 0
    """Sources of calls that have more to come."""

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.stage.now - self.started

    def chance(self, what: str) -> random.Random:
        """A chance of its own for one purpose."""
        return random.Random(f"{self.seed}/{what}")

    @property
    def done(self) -> bool:
        """Every call has come and ended, and nothing is reserved by any holder."""
        process = self.process
        if self.arriving or self.under_way or process is None or process.router.open_reservations:
            return False
        process.laws.check()
        return not any(booking.open for booking in process.laws.bookings.booked.values())

    def begin(self, router: Router) -> Process:
        """A router has begun to run."""
        laws = self.law_book(router)
        self.sabotage.install(router)
        self.recorder.begins(router)
        self.process = Process(router, laws)
        return self.process

    def end(self, *, killed: bool = False) -> None:
        """The router's life is over; what its law book found is kept."""
        process, self.process, self.ended_at = self.process, None, self.stage.now
        if process is None:
            return
        process.alive = False
        self.recorder.sample(self.elapsed, process.router)
        self.first_id = process.router.runtime.new_id() + 1
        if killed:
            process.laws.check()
            process.router.runtime.readers.clear()
        else:
            process.laws.close()
        self.violations += [str(each) for each in process.laws.violations]
        self.violated += process.laws.violated
        self.recorder.lived(process.router)
