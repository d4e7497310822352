"""Commands that rehearse: one scenario, many seeds of many, the same storm in several hands."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import attrs
from cyclopts import Parameter

from actorrouter.cli.reaching import UsageError
from actorrouter.cli.words import complain, harmless, say, say_json

if TYPE_CHECKING:  # a rehearsal's modules are loaded when one is asked for: help is quick
    from actorrouter.simulation.reports import RunRecord
    from actorrouter.simulation.sweeps import Line, Progress, Swept
    from actorrouter.simulation.world.scenario import Scenario

Way = Literal["fast", "full"]
_PLAIN_EVERY_S: Final = 5.0
_SHRUNK_MAX: Final = 3


def simulate(
    scenario: str,
    /,
    *,
    seed: int | None = None,
    path: Way | None = None,
    cut: float | None = None,
    baselines: bool = False,
    report: Path | None = None,
    json: bool = False,
) -> int:
    """Rehearse a scenario on simulated providers, in virtual time: does every law hold, and what was expected of it?

    Example: actorrouter simulate throttle-storm --seed 7 --report storm.html

    Parameters
    ----------
    scenario
        A scenario's TOML file, or the name of one in simulations/.
    seed
        The scenario's own if not given. The same seed gives the same run.
    path
        fast: sends are answered by the providers' models; full: through adapters and HTTP client.
    cut
        Play only the first so many seconds; then laws alone are judged.
    baselines
        Also let simpler key pickers serve the same calls, and tell what they serve, waste and violate.
    report
        Write a page with plots to this file.
    json
        Print everything as JSON.
    """
    from actorrouter.simulation import reports, sweeps
    from actorrouter.simulation.world.rehearse import rehearse
    from actorrouter.simulation.world.report import report_of

    _above_zero("--cut", cut)
    loaded = sweeps.cut(sweeps.stage(sweeps.find(scenario)).scenario(), cut)
    ending = rehearse(loaded, seed, path)
    record = report_of(ending, _others(loaded, ending.run.seed) if baselines else None)
    record = attrs.evolve(record, cut_s=cut)
    say(reports.to_json(record).rstrip("\n") if json else harmless(reports.summary(record)).rstrip("\n"))
    _write(report, lambda: reports.page(record))
    return 0 if ending.holds else 1


def _others(scenario: Scenario, seed: int) -> Mapping[str, Mapping[str, Any]]:
    from actorrouter.simulation.planning.naive import baselines

    return baselines(scenario, seed)


def _kept(file: Path) -> RunRecord:
    """A run that `simulate --json` has told."""
    from actorrouter.simulation import reports

    try:
        return reports.from_json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: {(getattr(error, 'strerror', None) or 'not UTF-8').lower()}") from error
    except reports.RecordInvalid as error:
        raise UsageError(f"{file}: {error}") from error


def _write(file: Path | None, page: Callable[[], str]) -> None:
    if file is None:
        return
    try:
        file.write_text(page(), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--report {file}: {(error.strerror or str(error)).lower()}") from error
    complain(f"the report is in {file}")


def sweep(
    *scenarios: str,
    seeds: int = 10,
    first_seed: int = 1,
    jobs: int | None = None,
    path: Way | None = None,
    cut: float | None = None,
    fail_fast: bool = False,
    within: float = float("inf"),
    shrink: Annotated[bool, Parameter(negative="--no-shrink")] = True,
    out: Path = Path("sweep-failures"),
    json: bool = False,
) -> int:
    """Rehearse many seeds of many scenarios on all processors; a seed that fails is shrunk to a small scenario.

    Example: actorrouter sweep simulations --seeds 100

    Parameters
    ----------
    scenarios
        Files, folders or names; everything in simulations/ if none is given.
    seeds
        How many seeds of each.
    first_seed
        The first of them.
    jobs
        How many processes; one for each processor if not given.
    path
        fast or full; each scenario's own if not given.
    cut
        Play only the first so many seconds of each; then laws alone are judged.
    fail_fast
        Stop at the first run that fails.
    within
        Seconds after which no run begins.
    shrink
        Look for the smallest scenario that fails in the same way, up to three times.
    out
        The folder for these.
    json
        Print everything as JSON.
    """
    from actorrouter.simulation import sweeps
    from actorrouter.simulation.sweeps.text import swept_text

    _above_zero("--cut", cut)
    _above_zero("--seeds", seeds)
    _above_zero("--jobs", jobs)
    if not within > 0:
        raise UsageError("--within must be above 0")
    staged = [sweeps.stage(file) for file in sweeps.find_all(scenarios)]
    numbers = range(first_seed, first_seed + seeds)
    watch = _watcher()
    swept = sweeps.sweep(
        staged, numbers, jobs or _processors(), path=path, cut_s=cut, fail_fast=fail_fast, within_s=within, watch=watch
    )
    shrunk = _shrink(swept, out) if shrink and not swept.interrupted else []
    if json:
        say_json(swept.result() | {"cost": swept.cost(), "interrupted": swept.interrupted, "shrunk": shrunk})
    else:
        say(harmless(swept_text(swept)))
    if swept.interrupted:
        return complain("interrupted: this is what was played until then", 130)
    if not swept.lines:
        return complain("nothing was played: no run began in time", 1)
    return 1 if swept.failures else 0


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _above_zero(name: str, said: float | None) -> None:
    if said is not None and not 0 < said < float("inf"):
        raise UsageError(f"{name} must be above 0")


def _watcher() -> Callable[[Progress, Line], None]:
    """Tells on stderr how far it has come: one line that changes, or plain lines now and then; failures at once."""
    from actorrouter.simulation.sweeps.text import failure_text

    terminal, told_at = sys.stderr.isatty(), time.monotonic()

    def watch(progress: Progress, line: Line) -> None:
        nonlocal told_at
        if line.faults:
            sys.stderr.write(("\r\x1b[K" if terminal else "") + harmless(failure_text(line)) + "\n")
        last = progress.done == progress.total
        if terminal:
            sys.stderr.write(f"\r\x1b[K{progress}" + ("\n" if last else ""))
        elif last or time.monotonic() - told_at >= _PLAIN_EVERY_S:
            told_at = time.monotonic()
            sys.stderr.write(f"{progress}\n")
        sys.stderr.flush()

    return watch


def _shrink(swept: Swept, out: Path) -> list[dict[str, Any]]:
    """Of each scenario and kind of failure the first; tells on stderr what came of it."""
    from actorrouter.simulation import sweeps

    first: dict[tuple[str, str], Line] = {}
    for line in swept.failures:
        if (fault := sweeps.shrinkable(line)) is not None:
            first.setdefault((line.job.staged.source, fault), line)
    made = []
    for line in list(first.values())[:_SHRUNK_MAX]:
        complain(f"shrinking {line.job.staged.name} seed {line.job.seed}")
        with sweeps.Pool(swept.jobs, run_max_s=max(30.0, 3 * line.wall_s)) as pool:
            shrunk = sweeps.shrink(line, pool)
        file = sweeps.write(shrunk, out)
        complain(f"{shrunk}\n  replay: actorrouter simulate {file} --seed {line.job.seed}")
        made.append(shrunk.result() | {"scenario": line.job.staged.source, "seed": line.job.seed, "file": str(file)})
    return made


def compare(
    scenario: str,
    other: str | None = None,
    /,
    *,
    policy: Annotated[list[str], Parameter(consume_multiple=False)] | None = None,
    router: Annotated[list[Path], Parameter(consume_multiple=False)] | None = None,
    seed: int | None = None,
    path: Way | None = None,
    report: Path | None = None,
    json: bool = False,
) -> int:
    """The same storm in several hands, side by side: two scenarios, one with other policies or another router, or two
    runs that were kept, e.g. of two commits.

    Example: actorrouter compare throttle-storm --policy headroom --policy ordered
    Example: actorrouter compare before.json after.json

    Parameters
    ----------
    scenario
        A scenario's TOML file, or the name of one in simulations/; or what `simulate --json` printed, as a .json file.
    other
        Another one.
    policy
        Every route ranks by this policy; may be given several times.
    router
        The router is told what stands in this file; callers and providers stay. May be given several times.
    seed
        The scenario's own if not given.
    path
        fast or full.
    report
        Write a page with plots to this file.
    json
        Print everything as JSON.
    """
    from actorrouter.simulation import reports, sweeps
    from actorrouter.simulation.sweeps import comparing
    from actorrouter.simulation.sweeps.text import compared_text
    from actorrouter.simulation.world.report import report_of

    policies, routers = policy or [], router or []
    if (other is None) == (not policies and not routers):
        raise UsageError("compare with what: give a second scenario, or --policy or --router")
    if other is not None and scenario.endswith(".json") and other.endswith(".json"):
        kept = reports.compare([_kept(Path(each)) for each in (scenario, other)])
        say(kept.json().rstrip("\n") if json else harmless(kept.text()).rstrip("\n"))
        _write(report, kept.html)
        return 1 if any(record.violations for record in kept.records) else 0
    staged = [sweeps.stage(sweeps.find(each)) for each in (scenario, other) if each is not None]
    loaded = [(each.name, each.scenario()) for each in staged]
    listed = loaded if other is not None else comparing.variants(*loaded[0], policies, routers)
    compared = comparing.compare(listed, seed, path)
    if json:
        say_json(compared.result())
    else:
        say(harmless(compared_text(compared)))
    _write(report, lambda: reports.compare([report_of(each) for each in compared.endings]).html())
    return 1 if any(each.violations for each in compared.endings) else 0
