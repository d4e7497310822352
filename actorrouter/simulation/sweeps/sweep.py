"""Many seeds of many scenarios over several processes, and what they come to."""

from __future__ import annotations

import itertools
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from actorrouter.simulation.sweeps.coverage import KNOWN, never
from actorrouter.simulation.sweeps.jobs import Job, Line, Staged
from actorrouter.simulation.sweeps.pool import Pool
from actorrouter.simulation.world.scenario import PathKind
from actorrouter.values import INF


@attrs.define
class Progress:
    """How far a sweep has come."""

    total: int
    done: int = 0
    failing: int = 0
    calls: int = 0
    elapsed_s: float = 0.0

    def __str__(self) -> str:
        rate = self.done / self.elapsed_s if self.elapsed_s else 0.0
        left = f", {(self.total - self.done) / rate:.0f} s to go" if rate and self.done < self.total else ""
        return f"{self.done}/{self.total} runs, {self.failing} failing, {rate:.1f} runs/s{left}"


@attrs.frozen
class Swept:
    """The lines of a sweep by scenario and seed, and what it cost. `total`: how many runs were asked for."""

    lines: tuple[Line, ...]
    total: int
    jobs: int
    wall_s: float
    interrupted: bool = False

    @property
    def failures(self) -> list[Line]:
        """Runs that failed, in order."""
        return [line for line in self.lines if line.faults]

    @property
    def cpu_s(self) -> float:
        """Processor seconds of all runs that came to an end."""
        return sum(line.cpu_s for line in self.lines)

    @property
    def calls(self) -> int:
        """Calls that came in all runs."""
        return sum(line.calls for line in self.lines)

    @property
    def reached(self) -> Counter[str]:
        """What happened in any run, and in all how often."""
        seen = Counter[str]()
        for line in self.lines:
            seen.update(line.reached)
        return seen

    def by_scenario(self) -> dict[str, list[Line]]:
        """Source -> its lines."""
        lines: dict[str, list[Line]] = {}
        for line in self.lines:
            lines.setdefault(line.job.staged.source, []).append(line)
        return lines

    def result(self) -> dict[str, Any]:
        """As plain data; the same for the same code, scenarios and seeds, on however many processes."""
        seen = self.reached
        return {
            "runs": len(self.lines),
            "failing": len(self.failures),
            "calls": self.calls,
            "scenarios": {source: _scenario(lines) for source, lines in self.by_scenario().items()},
            "coverage": {
                "known": len(KNOWN),
                "reached": dict(sorted(seen.items())),
                "never": never(seen),
            },
        }

    def cost(self) -> dict[str, Any]:
        """What it took, on this machine."""
        rate = self.calls / self.wall_s if self.wall_s else 0.0
        return {
            "jobs": self.jobs,
            "wall_s": round(self.wall_s, 3),
            "cpu_s": round(self.cpu_s, 3),
            "calls_per_s": round(rate, 1),
            "not_run": self.total - len(self.lines),
        }


def sweep(
    scenarios: Sequence[Staged],
    seeds: Sequence[int],
    jobs: int = 1,
    *,
    path: PathKind | None = None,
    cut_s: float | None = None,
    fail_fast: bool = False,
    within_s: float = INF,
    watch: Callable[[Progress, Line], None] = lambda _progress, _line: None,
    pool: Pool | None = None,
) -> Swept:
    """Play every seed of every scenario, the first seed of each first. `watch` is told of each run that has ended;
    after `within_s` no run begins. Ctrl-C ends it early: the result has what was played until then."""
    todo = [Job(staged, seed, path, cut_s) for seed in seeds for staged in scenarios]
    order = {(staged.source, seed): at for at, (staged, seed) in enumerate((a, s) for a in scenarios for s in seeds)}
    progress, lines, began, interrupted = Progress(len(todo)), list[Line](), time.perf_counter(), False
    begun = itertools.takewhile(lambda _: time.perf_counter() - began < within_s, todo)
    with pool or Pool(min(jobs, len(todo))) as playing:
        try:
            for line in _until_failure(playing.played(begun), fail_fast=fail_fast):
                lines.append(line)
                _count(progress, line, time.perf_counter() - began)
                watch(progress, line)
        except KeyboardInterrupt:
            interrupted = True
    lines.sort(key=lambda line: order[line.job.staged.source, line.job.seed])
    return Swept(tuple(lines), len(todo), playing.jobs, time.perf_counter() - began, interrupted)


def _until_failure(lines: Iterator[Line], *, fail_fast: bool) -> Iterator[Line]:
    for line in lines:
        yield line
        if fail_fast and line.faults:
            return


def _count(progress: Progress, line: Line, elapsed_s: float) -> None:
    progress.done += 1
    progress.failing += bool(line.faults)
    progress.calls += line.calls
    progress.elapsed_s = elapsed_s


def _scenario(lines: Sequence[Line]) -> dict[str, Any]:
    expected = [each.figure for each in lines[0].job.staged.scenario().expect]
    return {
        "runs": len(lines),
        "calls": sum(line.calls for line in lines),
        "failures": [line.result() for line in lines if line.faults],
        "figures": {figure: told for figure in expected if (told := spread(lines, figure))},
    }


def spread(lines: Iterable[Line], figure: str) -> Mapping[str, float]:
    """Least, median and most of a figure over the runs that measured it."""
    measured = [line.figures[figure] for line in lines if figure in line.figures]
    if not measured:
        return {}
    return {"min": min(measured), "median": statistics.median(measured), "max": max(measured)}
