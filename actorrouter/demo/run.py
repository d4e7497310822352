"""One run from start to end: providers up, router open, traffic and faults, drained, books read."""

from __future__ import annotations

import random
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any

import anyio
import attrs
from anyio.abc import TaskGroup
from rich.console import Console

from actorrouter import Router, open_router
from actorrouter.demo import faults, providers
from actorrouter.demo.lateness import Lateness
from actorrouter.demo.progress import Progress
from actorrouter.demo.record import Record
from actorrouter.demo.traffic import Traffic, read_trace
from actorrouter.demo.world import World
from actorrouter.observe.laws import LawBook
from actorrouter.runtime.collector import frozen

_DRAIN_S = 2.0
_CHECK_EVERY_S = 0.1


@attrs.frozen
class Options:
    """What a person may choose. `rows`: only so many calls from the trace's beginning."""

    speed: float = 75.0
    rows: int | None = None
    seed: int = 1
    backend: str = "asyncio"
    json_only: bool = False
    quiet: bool = False


@attrs.frozen
class Run:
    """What is known when it is over. `books`: provider -> its own account. `laws`: what our checkers, who watched every
    event, found. `idle`: nothing was left reserved."""

    traffic: Traffic
    record: Record
    books: Mapping[str, Any]
    status: Mapping[str, Any]
    laws: LawBook
    idle: bool
    lateness_s: float
    wall_s: float
    span_s: float


async def run(options: Options, world: World, console: Console) -> Run:
    """Rehearse the trace. SIGINT and SIGTERM end it early and in order. Raises ProvidersGone."""
    async with anyio.create_task_group() as group:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            stop = _Stop(group)
            group.start_soon(stop.watch, signals)
            ended = await _with_providers(options, world, console, stop)
        group.cancel_scope.cancel()
    return ended


@attrs.define
class _Stop:
    """Hands each signal to whoever can stop; one that came earlier is handed on at once."""

    group: TaskGroup
    signals: int = 0
    _stop: Callable[[], Coroutine[Any, Any, None]] | None = None

    async def watch(self, signals: AsyncIterator[signal.Signals]) -> None:
        async for _ in signals:
            self.signals += 1
            if self._stop is not None:
                self.group.start_soon(self._stop)

    async def to(self, stop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._stop = stop
        if self.signals:
            await stop()


async def _with_providers(options: Options, world: World, console: Console, stop: _Stop) -> Run:
    began, rows = anyio.current_time(), read_trace(options.rows)
    span_s = rows[-1].at_s
    record = Record()
    async with providers.start(world.provider_side(faults.schedule(world, span_s))) as upstream:
        config = world.router_side(upstream.ports)
        async with open_router(config, observers=[record.read], rng=random.Random(options.seed)) as router:
            laws = LawBook(router)
            await _warm_up(router)
            await upstream.reset()
            traffic = Traffic(router, world, rows, random.Random(options.seed), laws)
            await stop.to(traffic.stop)
            progress = None if options.quiet or options.json_only else Progress(console, traffic, record, span_s)
            with frozen():
                lateness_s = await _drive(traffic, world, progress, span_s)
            idle = await router.drain(_DRAIN_S)
            status, books = router.status(), await upstream.books()
            laws.close()
            wall_s = anyio.current_time() - began
    return Run(traffic, record, books, status, laws, idle, lateness_s, wall_s, span_s)


async def _warm_up(router: Router) -> None:
    """Prove every key and open its connections, which builds the TLS context."""
    async with anyio.create_task_group() as group:
        for key_id in router.config.keys:
            group.start_soon(router.test_key, key_id)


async def _drive(traffic: Traffic, world: World, progress: Progress | None, span_s: float) -> float:
    """Traffic and all that goes on beside it. Returns the loop's worst lateness in seconds."""
    lateness = Lateness()
    async with anyio.create_task_group() as beside:
        beside.start_soon(lateness.watch)
        beside.start_soon(_check, traffic.laws)
        beside.start_soon(faults.crash_on_schedule, traffic.router, world, span_s)
        if progress is not None:
            beside.start_soon(progress.show)
        await traffic.run()
        beside.cancel_scope.cancel()
    return lateness.worst_s


async def _check(laws: LawBook) -> None:
    """Compare what the law book expects with the actors' books, again and again, until cancelled."""
    while True:
        await anyio.sleep(_CHECK_EVERY_S)
        laws.check()
