"""The full way: the production router, adapters and HTTP client on trio's virtual clock, over connections in memory.

Everything that draws is seeded, the order of trio's tasks included, so a run is repeated exactly.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import random
import types
import warnings
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from actorrouter import open_router
from actorrouter.errors import InvalidConfig
from actorrouter.runtime.loop import AnyioLoop, Loop
from actorrouter.simulation.providers.endpoints import Site
from actorrouter.simulation.world.beginning import make_run, start
from actorrouter.simulation.world.network import Network
from actorrouter.simulation.world.scenario import Scenario
from actorrouter.simulation.world.stage import Run
from actorrouter.transport import connect

_CLOCKED: Final = ("httpcore2._async.http11", "httpcore._async.http11")
"""Modules of HTTP clients that read the machine's clock to tell how long a connection has been idle."""


class FullStage:
    """A scenario on trio."""

    loop: Loop

    def __init__(self, group: TaskGroup, clock: Any) -> None:
        self.loop = AnyioLoop()
        self._members: dict[anyio.CancelScope, dict[anyio.CancelScope, None]] = {}
        self.group = group
        self._clock = clock
        self.run: Run
        self.network: Network
        self._process: anyio.CancelScope | None = None
        self._opened = 0

    @property
    def now(self) -> float:
        return anyio.current_time()

    def spawn(self, work: Coroutine[Any, Any, None], *, of_process: bool = True) -> anyio.CancelScope:
        scope, process = anyio.CancelScope(), self._process if of_process else None
        if process is not None:
            self._members.setdefault(process, {})[scope] = None
        self.group.start_soon(self._carry_out, work, scope, process)
        return scope

    async def _carry_out(
        self, work: Coroutine[Any, Any, None], scope: anyio.CancelScope, process: anyio.CancelScope | None
    ) -> None:
        with scope:
            await work
        if process is not None:
            self._members.get(process, {}).pop(scope, None)

    async def sleep_until(self, at: float) -> None:
        await anyio.sleep_until(at)

    def stall(self, seconds: float) -> None:
        self._clock.jump(seconds)

    async def open(self) -> None:
        self._opened += 1
        await self.group.start(self._live)

    async def _live(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        run = self.run
        self._process = process = anyio.CancelScope()
        with process:
            async with open_router(
                run.scenario.router,
                journal=run.sabotage.journal(),
                first_id=run.first_id,
                wall=run.wall,
                rng=random.Random(f"{run.seed}/router/{self._opened}"),
                observers=[run.recorder.read],
                connect=functools.partial(connect, dial=self.network.dial),
            ) as router:
                run.begin(router)
                task_status.started()
                await anyio.sleep_forever()

    def kill(self) -> None:
        self.run.end(killed=True)
        self.network.cut_all()
        process, self._process = self._process, None
        assert process is not None
        self._end(process)

    def _end(self, process: anyio.CancelScope) -> None:
        """Cancel it with all its work, begun or not."""
        for scope in self._members.pop(process, {}):
            scope.cancel()
        process.cancel()


def play_full(scenario: Scenario, seed: int) -> tuple[Run, bool]:
    """On trio. False: it did not come to an end in time. Raises InvalidConfig if trio is not installed."""
    try:
        trio = importlib.import_module("trio")
        clock = importlib.import_module("trio.testing").MockClock(autojump_threshold=0)
    except ImportError:
        raise InvalidConfig(
            ["the full path needs trio: pip install 'actorrouter[simulation]'"], scenario.source
        ) from None
    with _repeatable(seed), _virtual_clocks(trio.current_time), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # streams that are abandoned on purpose
        try:
            return trio.run(_play, scenario, seed, clock, clock=clock)  # type: ignore[no-any-return]
        except BaseExceptionGroup as group:
            raise _alone(group) from None


def _alone(error: BaseException) -> BaseException:
    """What one task raised, as it comes out of the fast path."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


async def _play(scenario: Scenario, seed: int, clock: Any) -> tuple[Run, bool]:
    async with anyio.create_task_group() as group:
        stage = FullStage(group, clock)
        run = stage.run = make_run(scenario, seed, stage)
        stage.network = Network(
            run.upstream, {name: Site.of(model) for name, model in run.upstream.models.items()}, group
        )
        await stage.open()
        start(run)
        with anyio.move_on_at(run.started + scenario.duration_s + scenario.settle_s):
            await _until_done(run)
        finished = run.done
        run.end()
        group.cancel_scope.cancel()
    return run, finished


async def _until_done(run: Run) -> None:
    await anyio.sleep_until(run.started + run.scenario.duration_s)
    while not run.done:  # noqa: ASYNC110 - virtual time: looking costs nothing
        await anyio.sleep(run.recorder.bucket_s)


@contextmanager
def _repeatable(seed: int) -> Iterator[None]:
    """Trio's order of tasks from a seed: it offers a deterministic mode to test frameworks only. Deadlines of the same
    instant pass in the order in which they were set, not in that of addresses in memory."""
    scheduler: Any = importlib.import_module("trio._core._run")
    serial = itertools.count()
    scheduler.id = lambda _: next(serial)  # hides the builtin there
    before = scheduler._ALLOW_DETERMINISTIC_SCHEDULING
    scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True
    scheduler._r.seed(f"{seed}/tasks")
    try:
        yield
    finally:
        del scheduler.id
        scheduler._ALLOW_DETERMINISTIC_SCHEDULING = before
        scheduler._r.seed()


@contextmanager
def _virtual_clocks(current_time: Any) -> Iterator[None]:
    """HTTP clients measure idle connections with the machine's clock; here they read the virtual one."""
    virtual = types.SimpleNamespace(monotonic=current_time)
    replaced = [module for module in map(_imported, _CLOCKED) if hasattr(module, "time")]
    before = [module.time for module in replaced]
    for module in replaced:
        module.time = virtual
    try:
        yield
    finally:
        for module, clock in zip(replaced, before, strict=True):
            module.time = clock


def _imported(name: str) -> Any:
    """The module, loaded now if need be: clients load it only with their first connection."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
