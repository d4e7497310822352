"""Processes that play runs: each is started fresh, inherits nothing, and has one run at a time.

A worker that dies, or a run that does not end in time, is a failed run with its seed. Ctrl-C is the parent's business:
workers ignore it and end with the pool.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Final, Self

import attrs

from actorrouter.simulation.sweeps.jobs import Job, Line, play

RUN_MAX_S: Final = 900.0
Player = Callable[[Job], Line]


@attrs.define(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: Job | None = None
    until: float = 0.0
    place: int = 0


class Pool:
    """`jobs` processes. `run_max_s`: real seconds after which a run counts as endless."""

    def __init__(self, jobs: int = 1, player: Player = play, run_max_s: float = RUN_MAX_S) -> None:
        self.jobs = max(1, jobs)
        self._player = player
        self._run_max_s = run_max_s
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in list(self._workers):
            self._end(worker)

    def played(self, jobs: Iterable[Job]) -> Generator[Line]:
        """Play them all; the lines come as the runs end. Leaving it early ends what is under way."""
        for _, line in self._played(jobs):
            yield line

    def in_order(self, jobs: Iterable[Job]) -> list[Line]:
        """Play them all; the lines stand in the order of the jobs."""
        return [line for _, line in sorted(self._played(jobs), key=lambda each: each[0])]

    def _played(self, jobs: Iterable[Job]) -> Iterator[tuple[int, Line]]:
        todo = enumerate(jobs)
        try:
            for place, job in todo:
                self._give(place, job)
                if len(self._busy()) == self.jobs:
                    yield from self._next()
            while self._busy():
                yield from self._next()
        finally:
            for worker in self._busy():
                self._end(worker)

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.job is not None]

    def _give(self, place: int, job: Job) -> None:
        """To a worker that is free, or to a new one."""
        for worker in [each for each in self._workers if each.job is None]:
            if worker.process.is_alive():
                break
            self._end(worker)
        else:
            worker = self._start()
        worker.job, worker.place, worker.until = job, place, time.monotonic() + self._run_max_s
        with contextlib.suppress(OSError):  # it died just now: its pipe ends, and the run with it
            worker.pipe.send(job)

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._player), daemon=True)
        with _deaf():
            process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _next(self) -> Iterator[tuple[int, Line]]:
        """What ends next: lines, deaths, and runs whose time is over."""
        busy = self._busy()
        left = max(0.0, min(worker.until for worker in busy) - time.monotonic())
        ready = wait([worker.pipe for worker in busy], left)
        for worker in busy:
            if worker.pipe in ready:
                yield worker.place, self._answer(worker)
            elif time.monotonic() >= worker.until:
                job = self._end(worker)
                yield worker.place, Line(job, ("endless",), (f"did not end within {self._run_max_s:g} s",))

    def _answer(self, worker: _Worker) -> Line:
        try:
            line: Line = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join()
            code = worker.process.exitcode
            return Line(self._end(worker), ("died",), (f"its process died: {_why(code)}",))
        worker.job = None
        return line

    def _end(self, worker: _Worker) -> Job:
        """Kill it: a run has nothing to tidy up. Returns what it was at."""
        worker.process.kill()
        worker.process.join()
        worker.process.close()
        worker.pipe.close()
        self._workers.remove(worker)
        job, worker.job = worker.job, None
        return job  # type: ignore[return-value] # callers who ask know that it had one


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Whoever is started now never hears of Ctrl-C, not even before its first line; it stays pending for us."""
    resource_tracker.ensure_running()  # it would let the signal through in between
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _why(code: int | None) -> str:
    return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"


def _work(pipe: Connection, player: Player) -> None:
    """What a worker does until its pool is gone."""
    try:
        while True:
            pipe.send(player(pipe.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
