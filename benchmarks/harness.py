"""What every benchmark shares: `--smoke`, a table for people, one JSON line at the end."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from typing import Any


def options(what: str, **extra: Any) -> argparse.Namespace:
    """Parse `--smoke` and what else the benchmark takes."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--smoke", action="store_true", help="a few seconds, to see that it runs")
    for name, default in extra.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    return parser.parse_args()


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under their heads, aligned."""
    cells = [[_told(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    print(f"\n{title}")
    for number, row in enumerate(cells):
        print("  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))


def _told(cell: Any) -> str:
    return (
        f"{cell:.3g}"
        if isinstance(cell, float) and abs(cell) < 1000
        else str(round(cell) if isinstance(cell, float) else cell)
    )


def finish(**figures: Any) -> None:
    """Print the figures as the last line."""
    figures["python"] = platform.python_version()
    figures["cpus"] = os.cpu_count()
    print()
    sys.stdout.flush()
    print(json.dumps(figures))


def percentile(samples: Sequence[float], share: float) -> float:
    """The value below which `share` of the samples lie."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median_of(times: int, measure: Callable[[], float]) -> float:
    """The median of several measurements."""
    return statistics.median(measure() for _ in range(times))
