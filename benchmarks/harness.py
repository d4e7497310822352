"""What every benchmark shares: `--smoke`, rounds that end in time, tables, the machine, one JSON line at the end."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

VERSIONS: Final = ("anyio", "attrs", "httptools", "httpx2", "openai", "trio")
_BEGAN: Final = time.perf_counter()


def _load() -> float | None:
    """How many processes wanted a processor during the last minute, where that is told."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


_LOAD_BEFORE: Final = _load()


def options(what: str, **extra: Any) -> argparse.Namespace:
    """Parse `--smoke` and what else the benchmark takes."""
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="a few seconds, to see that it runs")
    for name, default in extra.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default, help=f"({default})")
    return parser.parse_args()


def turns(most: int, within_s: float = 100.0, least: int = 3) -> Iterator[int]:
    """Number the rounds: `most` of them, fewer once `within_s` have passed, so that a slow machine ends in time."""
    began = time.perf_counter()
    for number in range(most):
        if number >= least and time.perf_counter() - began > within_s:
            return
        yield number


def percentile(samples: Sequence[float], share: float) -> float:
    """The value below which `share` of the samples lie."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(samples: Sequence[float], digits: int = 3) -> list[float]:
    """Median, least and most."""
    return [round(each, digits) for each in (statistics.median(samples), min(samples), max(samples))]


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under their heads, as Markdown that can also be read as it is. Numbers stand at the right."""
    cells = [[_told(cell) for cell in row] for row in (head, *rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(head))]
    left = [any(_is_word(row[i]) for row in rows) for i in range(len(head))]
    lines = [[_aligned(*cell) for cell in zip(row, widths, left, strict=True)] for row in cells]
    ruler = ["-" * width if at_left else "-" * (width - 1) + ":" for width, at_left in zip(widths, left, strict=True)]
    print(f"\n{title[:1].upper()}{title[1:]}:\n")
    for line in (lines[0], ruler, *lines[1:]):
        print(f"| {' | '.join(line)} |")


def _is_word(cell: Any) -> bool:
    return isinstance(cell, str) and bool(cell) and not cell.replace(".", "", 1).isdigit()


def _told(cell: Any) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:.3g}" if abs(cell) < 1000 else f"{cell:.0f}"


def _aligned(cell: str, width: int, at_left: bool) -> str:
    return cell.ljust(width) if at_left else cell.rjust(width)


def finish(**figures: Any) -> None:
    """Print what it ran on, and as the last line everything as JSON."""
    spec = sys.modules["__main__"].__spec__
    told = {
        "benchmark": spec.name.rpartition(".")[2] if spec else "",
        "smoke": "--smoke" in sys.argv[1:],
        **figures,
        "machine": machine(),
        "load": [_LOAD_BEFORE, _load()],
        "took_s": round(time.perf_counter() - _BEGAN, 1),
    }
    print(f"\n{_sentence(told)}\n")
    sys.stdout.flush()
    print(json.dumps(told))


def machine() -> dict[str, Any]:
    """The processors and how fast they are now, the system, the interpreter and the libraries that matter.

    `plain_call_us`: what Python takes for a call of a function that does nothing, at best.
    """
    return {
        "cpu": _cpu(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "plain_call_us": round(min(_plain_call_us() for _ in range(10)), 4),
        "versions": versions(VERSIONS),
    }


def versions(names: Sequence[str]) -> dict[str, str]:
    """Which of these are installed here."""
    told = {}
    for name in names:
        try:
            told[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return told


def _cpu() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _plain_call_us(rounds: int = 10_000) -> float:
    def nothing() -> None:
        return

    start = time.perf_counter()
    for _ in range(rounds):
        nothing()
    return (time.perf_counter() - start) / rounds * 1e6


def _sentence(told: dict[str, Any]) -> str:
    on = told["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in on["versions"].items())
    before, after = told["load"]
    return (
        f"{on['cpus']} x {on['cpu']}, {on['system']}, {on['python']} (a plain call {on['plain_call_us']:.3f} µs), "
        f"{libraries}; load {before} before, {after} after, {told['took_s']:.0f} s."
    )
