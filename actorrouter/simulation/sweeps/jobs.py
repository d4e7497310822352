"""One run of a sweep as data: what is to be played, and the line that comes of it. Both travel between processes."""

from __future__ import annotations

import re
import shlex
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from actorrouter.errors import InvalidConfig
from actorrouter.simulation.world.expectations import Expectation
from actorrouter.simulation.world.reached import reached
from actorrouter.simulation.world.rehearse import Ending, rehearse
from actorrouter.simulation.world.scenario import PathKind, Scenario, loads_scenario

_TOLD_MAX: Final = 20
_LAW: Final = re.compile(r"law (\d+) at (-?[\d.]+)")


@attrs.frozen
class Staged:
    """A scenario's text, and where it comes from: `router = "FILE"` and traces are looked for in `directory`."""

    name: str
    text: str
    source: str
    directory: Path

    def scenario(self) -> Scenario:
        """Read it. Raises InvalidConfig."""
        return loads_scenario(self.text, self.source, self.directory)


def stage(path: Path) -> Staged:
    """A scenario's file, seen to be readable. Raises InvalidConfig with what is wrong and where."""
    try:
        staged = Staged(path.stem, path.read_text(encoding="utf-8"), str(path), path.parent)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8"
        raise InvalidConfig([f"cannot be read: {why.lower()}"], str(path)) from error
    staged.scenario()
    return staged


@attrs.frozen
class Job:
    """One run: a scenario, a seed, a way. `cut_s`: only the first seconds are played, and laws alone are judged."""

    staged: Staged
    seed: int
    path: PathKind | None = None
    cut_s: float | None = None

    @property
    def replay(self) -> str:
        """The command that plays it again."""
        words = ["actorrouter", "simulate", self.staged.source, "--seed", str(self.seed)]
        words += ["--path", self.path] if self.path else []
        words += ["--cut", f"{self.cut_s:g}"] if self.cut_s is not None else []
        return shlex.join(words)


@attrs.frozen
class Line:
    """What came of one run. `faults`: the ways in which it failed, by name ("law 1", "expect lost == 0", "died");
    `told`: the same in words; `first_at_s`: when a law was first broken."""

    job: Job
    faults: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    figures: Mapping[str, float] = attrs.field(factory=dict)
    trace_hash: str = ""
    reached: Mapping[str, int] = attrs.field(factory=dict)
    first_at_s: float | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0

    @property
    def calls(self) -> int:
        """How many calls came."""
        return int(self.figures.get("offered", 0))

    def result(self) -> dict[str, Any]:
        """What does not depend on the machine."""
        return {
            "scenario": self.job.staged.name,
            "seed": self.job.seed,
            "faults": list(self.faults),
            "told": list(self.told),
            "replay": self.job.replay,
        }


def play(job: Job) -> Line:
    """Play it here. What goes wrong in the simulation itself is a failure of the run."""
    cpu, began = time.process_time(), time.perf_counter()
    try:
        line = _line(job, rehearse(cut(job.staged.scenario(), job.cut_s), job.seed, job.path))
    except Exception as error:  # a sweep goes on, and tells
        where = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        line = Line(job, (f"raised {type(error).__name__}",), (told,))
    return attrs.evolve(line, cpu_s=time.process_time() - cpu, wall_s=time.perf_counter() - began)


def cut(scenario: Scenario, cut_s: float | None) -> Scenario:
    """Its first seconds; what was expected of the whole is not expected of a part."""
    if cut_s is None or cut_s >= scenario.duration_s:
        return scenario
    return attrs.evolve(scenario, duration_s=cut_s, expect=())


def _line(job: Job, ending: Ending) -> Line:
    broken = [_broken(each, ending) for each in ending.run.scenario.expect if not each.held(ending.figures)]
    laws = [_LAW.match(each) for each in ending.violations]
    instants = [float(law[2]) - ending.run.started for law in laws if law]
    return Line(
        job,
        tuple(dict.fromkeys([*map(_fault, ending.violations), *broken])),
        (*ending.violations, *ending.broken)[:_TOLD_MAX],
        dict(ending.figures),
        ending.trace_hash,
        reached(ending),
        min(instants, default=None),
    )


def _fault(violation: str) -> str:
    law = _LAW.match(violation)
    return f"law {law[1]}" if law else violation.partition(":")[0]


def _broken(each: Expectation, ending: Ending) -> str:
    measured = "" if each.figure in ending.figures else " (not measured)"
    return f"expect {each}{measured}"
