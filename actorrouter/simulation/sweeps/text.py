"""Runs, sweeps and comparisons as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from actorrouter.simulation.reports.text import columns
from actorrouter.simulation.sweeps.comparing import Compared
from actorrouter.simulation.sweeps.coverage import KNOWN, never
from actorrouter.simulation.sweeps.jobs import Line
from actorrouter.simulation.sweeps.sweep import Swept

_TOLD_MAX: Final = 12


def figure(value: Any) -> str:
    """A number for people."""
    return "-" if value is None else f"{value:,.6g}"


def _bounded(told: Sequence[str]) -> list[str]:
    more = [f"  and {len(told) - _TOLD_MAX} more"] if len(told) > _TOLD_MAX else []
    return [f"  {each}" for each in told[:_TOLD_MAX]] + more


def failure_text(line: Line) -> str:
    """A run that failed: how, and what plays it again."""
    more = f" (and {len(line.told) - 1} more)" if len(line.told) > 1 else ""
    return f"FAILED {line.job.staged.name} seed {line.job.seed}: {line.told[0]}{more}\n  replay: {line.job.replay}"


def swept_text(swept: Swept) -> str:
    """What came of a sweep."""
    told, cost = swept.result(), swept.cost()
    lines: list[str] = []
    for source, each in told["scenarios"].items():
        failing = f", {len(each['failures'])} FAILED: seeds {_seeds(each['failures'])}" if each["failures"] else ""
        lines.append(f"{source}: {each['runs']} runs, {each['calls']:,} calls{failing}")
        rows = [(name, *map(figure, spread.values())) for name, spread in each["figures"].items()]
        lines += [columns([("", "min", "median", "max"), *rows])] if rows else []
    lines += ["", *_coverage(swept.reached), ""]
    not_run = f", {cost['not_run']} not run" if cost["not_run"] else ""
    lines.append(
        f"{told['runs']} runs, {told['failing']} failed{not_run}; {told['calls']:,} calls in {cost['wall_s']:.1f} s by"
        f" {cost['jobs']} processes ({cost['calls_per_s']:,.0f} calls/s), {cost['cpu_s']:.1f} s of processor time"
    )
    return "\n".join(lines)


def _seeds(failures: Sequence[Mapping[str, Any]]) -> str:
    seeds = [str(each["seed"]) for each in failures]
    return ", ".join(seeds[:_TOLD_MAX]) + (", ..." if len(seeds) > _TOLD_MAX else "")


def _coverage(seen: Mapping[str, int]) -> Iterator[str]:
    missing, grouped = never(seen), dict[str, list[str]]()
    for name in missing:
        what, _, which = name.partition(" ")
        grouped.setdefault(what, []).append(which)
    yield f"reached {len(KNOWN) - len(missing)} of {len(KNOWN)} known states, transitions and endings; never:"
    for what, names in grouped.items():
        yield f"  {what}: {len(names)} places (see --json)" if what == "crash" else f"  {what}: {', '.join(names)}"


def compared_text(compared: Compared) -> str:
    """What differs, side by side; how far from the first."""
    names, endings = compared.names, compared.endings
    rows = [("", *names, *(f"{name} - {names[0]}" for name in names[1:]))]
    rows.append(("verdict", *("holds" if each.holds else "does not" for each in endings), *[""] * (len(names) - 1)))
    for name in compared.figures():
        values = [each.figures.get(name) for each in endings]
        rows.append((name, *map(figure, values), *(_difference(values[0], value) for value in values[1:])))
    alike = [name for name in compared.figures(alike=True) if name not in compared.figures()]
    lines = [columns(rows), f"  {len(alike)} figures are the same"]
    for name, each in zip(names, endings, strict=True):
        lines += [f"{name}: {what}" for what in (*each.violations[:_TOLD_MAX], *each.broken)]
    return "\n".join(lines)


def _difference(first: float | None, other: float | None) -> str:
    if first is None or other is None:
        return "-"
    share = f" ({(other - first) / first:+.1%})" if first else ""
    return f"{other - first:+,.6g}{share}"
