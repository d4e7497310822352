"""From a failing seed to a smaller scenario that fails in the same way: less time, fewer calls, faults and parts.

Delta debugging: large parts are left out first, then halves of them, then single ones, until nothing more can go or the
runs or the time are used up. What is tried next depends on results alone: as long as neither bound is met, any number
of processes finds the same.
"""

from __future__ import annotations

import os
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import attrs

from actorrouter.config.writing import toml
from actorrouter.errors import InvalidConfig
from actorrouter.simulation.providers.config import ConfigInvalid
from actorrouter.simulation.sweeps import cuts
from actorrouter.simulation.sweeps.cuts import Cut, Tree
from actorrouter.simulation.sweeps.jobs import Line, Staged
from actorrouter.simulation.sweeps.pool import Pool

RUNS_MAX: Final = 300
SECONDS_MAX: Final = 120.0
_OF_ANY_FLEET: Final = frozenset(
    {"violations", "lost", "under_way_at_end", "provider_429_ours", "overshoots", "overshoot_worst"}
)
"""Figures that no fleet, however small, may spoil. Others are broken by leaving out keys: that would tell nothing."""
_TOLD_MAX: Final = 3
_SHARES: Final = ("served_share", "fairness")


@attrs.frozen
class Shrunk:
    """The smallest scenario that was found. `line`: its run. `before`, `after`: seconds, calls and settings."""

    fault: str
    origin: Line
    line: Line
    tree: Tree
    before: dict[str, float]
    after: dict[str, float]
    runs: int
    took_s: float
    complete: bool
    """Nothing more can be left out; false: a bound was met first."""

    def result(self) -> dict[str, Any]:
        """As plain data."""
        told: dict[str, Any] = {"fault": self.fault, "runs": self.runs, "took_s": round(self.took_s, 2)}
        return told | {"complete": self.complete, "before": self.before, "after": self.after}

    def __str__(self) -> str:
        parts = [f"{self.before[name]:g} -> {self.after[name]:g} {name}" for name in self.before]
        bound = "" if self.complete else ", a bound was met"
        return f"{self.fault}: {', '.join(parts)}; {self.runs} runs, {self.took_s:.1f} s{bound}"


def shrinkable(line: Line) -> str | None:
    """The fault to keep while shrinking, if there is one that a smaller scenario could still explain."""
    for fault in line.faults:
        _, expected, said = fault.partition("expect ")
        asks_for_more = expected and ">" in said and not said.startswith(_SHARES)
        if fault != "endless" and not asks_for_more and not fault.endswith("(not measured)"):
            return fault
    return None


def shrink(
    line: Line, pool: Pool, *, runs_max: int = RUNS_MAX, seconds_max: float = SECONDS_MAX, fault: str | None = None
) -> Shrunk:
    """Make a failing run's scenario smaller. `fault`: what must still happen, else the first that can be kept."""
    kept = fault or shrinkable(line)
    if kept is None:
        raise ValueError(f"nothing to keep while shrinking: {', '.join(line.faults) or 'the run has not failed'}")
    search = _Search(line, kept, pool, runs_max, time.monotonic() + seconds_max)
    began, before = time.monotonic(), search.measures()
    complete = search.run()
    return Shrunk(
        kept, line, search.line, search.tree, before, search.measures(), search.runs, time.monotonic() - began, complete
    )


@attrs.define(eq=False)
class _Search:
    line: Line
    fault: str
    pool: Pool
    runs_max: int
    ends_at: float
    tree: Tree = attrs.field(factory=dict)
    runs: int = 0
    tried: set[str] = attrs.field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.tree = whole(self.line.job.staged)
        if self.line.job.cut_s is not None:
            duration_s = float(self.tree.get("duration_s", 600.0))
            self.tree["duration_s"] = min(duration_s, self.line.job.cut_s)
        kept = {str(each.figure) for each in self.line.job.staged.scenario().expect if f"expect {each}" == self.fault}
        self.tree["expect"] = {name: said for name, said in self.tree.get("expect", {}).items() if name in kept}

    def measures(self) -> dict[str, float]:
        duration_s = float(self.tree.get("duration_s", 600.0))
        return {"seconds": duration_s, "calls": self.line.calls, "settings": cuts.size(self.tree)}

    def run(self) -> bool:
        """Until nothing more can go: true; or a bound is met."""
        size = None
        while size != (size := (cuts.size(self.tree), self.tree.get("duration_s"), self.line.calls)) and not self.over:
            while self.first(cuts.shorter(self.tree, self.line.first_at_s)):
                pass
            self._leave_out(cuts.events)
            while self.first(cuts.thinner(self.tree)):
                pass
            if self._of_any_fleet:
                self._leave_out(cuts.fleet)
            self._leave_out(cuts.settings if self._of_any_fleet else cuts.settings_of_events)
        return not self.over

    @property
    def _of_any_fleet(self) -> bool:
        said = self.fault.partition("expect ")[2]
        return not said or said.partition(" ")[0] in _OF_ANY_FLEET

    @property
    def over(self) -> bool:
        return self.runs >= self.runs_max or time.monotonic() >= self.ends_at

    def _leave_out(self, listed: Callable[[Tree], list[list[Cut]]]) -> None:
        """Of each list: all, halves, quarters, single ones."""
        for at in range(len(listed(self.tree))):
            chunk = len(listed(self.tree)[at])
            while chunk:
                while self.first(_chunks(self.tree, listed(self.tree)[at], chunk)):
                    pass
                chunk //= 2

    def first(self, smaller: Iterable[Tree]) -> bool:
        """Go on from the first of these that still fails so."""
        readable = (tree for tree in smaller if tree != self.tree and self._reads(tree))
        while not self.over and (batch := list(islice(readable, self.pool.jobs))):
            self.runs += len(batch)
            jobs = [attrs.evolve(self.line.job, staged=self._staged(tree), cut_s=None) for tree in batch]
            for tree, line in zip(batch, self.pool.in_order(jobs), strict=True):
                if self._fails_so(line):
                    self.tree, self.line = tree, line
                    return True
        return False

    def _fails_so(self, line: Line) -> bool:
        """In the way that is to be kept. Of no calls nothing can be expected."""
        return self.fault in line.faults and (line.calls > 0 or not self.fault.startswith("expect "))

    def _staged(self, tree: Tree) -> Staged:
        return attrs.evolve(self.line.job.staged, text=toml(tree))

    def _reads(self, tree: Tree) -> bool:
        """Whether it is a scenario, and a new one."""
        staged = self._staged(tree)
        if staged.text in self.tried:
            return False
        self.tried.add(staged.text)
        try:
            staged.scenario()
        except (InvalidConfig, ConfigInvalid, ValueError, KeyError, TypeError):
            return False
        return True


def _chunks(tree: Tree, listed: list[Cut], chunk: int) -> Iterator[Tree]:
    for start in range(0, len(listed), chunk):
        yield cuts.without(tree, listed[start : start + chunk])


def whole(staged: Staged) -> Tree:
    """A scenario's tables with the router's own file put in."""
    tree = tomllib.loads(staged.text)
    if isinstance(tree.get("router"), str):
        tree["router"] = tomllib.loads((staged.directory / tree["router"]).read_text(encoding="utf-8"))
    return tree


def write(shrunk: Shrunk, folder: Path) -> Path:
    """The shrunken scenario as a file of its own, with what it shows and how it is played."""
    origin, seed = shrunk.origin.job, shrunk.line.job.seed
    path = folder / f"{origin.staged.name}-seed-{seed}.toml"
    tree = {**shrunk.tree, "seed": seed, "story": f"Shrunk from {origin.staged.source}, seed {seed}: {shrunk.fault}."}
    tree["workload"] = {
        name: {**each, "trace": _from(folder, origin.staged.directory, each["trace"])} if "trace" in each else each
        for name, each in tree.get("workload", {}).items()
    }
    job = attrs.evolve(shrunk.line.job, staged=attrs.evolve(origin.staged, source=str(path)), cut_s=None)
    head = "\n".join(f"# {_printable(each)}" for each in [*shrunk.line.told[:_TOLD_MAX], job.replay])
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{head}\n\n{toml(tree)}", encoding="utf-8")
    return path


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _from(folder: Path, directory: Path, trace: str) -> str:
    """A trace's name as it is called from another folder."""
    return os.path.relpath(directory / trace, folder) if "/" in trace or trace.endswith(".csv") else trace
