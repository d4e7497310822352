"""Take what `make bench` kept into `RESULTS.md`: under each benchmark's heading what it printed, tables and machine.

    python -m benchmarks.results [NAME...]

What people wrote around the printed part stays; a benchmark without a heading gets one at the end. Smoke runs are
refused: their figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
KEPT: Final = ROOT / "bench-results"
RESULTS: Final = ROOT / "benchmarks" / "RESULTS.md"


def printed(output: str) -> str:
    """All that a benchmark printed but its last line. Raises ValueError for a smoke run, or if that is no JSON."""
    shown, _, line = output.rstrip().rpartition("\n")
    told = json.loads(line)
    if told.get("smoke"):
        raise ValueError("a smoke run's figures mean nothing")
    return f"Not measured: {told['skipped']}." if "skipped" in told else shown.strip()


def placed(text: str, name: str, shown: str) -> str:
    """The text with this under the benchmark's heading, in place of what stood there from an earlier run."""
    block = f"<!-- printed: {name} -->\n\n{shown}\n\n<!-- end -->"
    earlier = re.compile(rf"<!-- printed: {re.escape(name)} -->.*?<!-- end -->", re.DOTALL)
    if earlier.search(text):
        return earlier.sub(lambda _: block, text)
    heading = f"## `python -m benchmarks.{name}`\n"
    if heading not in text:
        text = f"{text.rstrip()}\n\n{heading}"
    return text.replace(heading, f"{heading}\n{block}\n", 1)


def main() -> None:
    """Take over what is named, or all that was kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="benchmarks (all that were kept)")
    names = parser.parse_args().names or sorted(path.stem for path in KEPT.glob("*.txt"))
    text = RESULTS.read_text()
    for name in names:
        text = placed(text, name, printed((KEPT / f"{name}.txt").read_text()))
    RESULTS.write_text(text)
    print(f"{RESULTS.relative_to(ROOT)}: {', '.join(names) or 'nothing was kept'}")


if __name__ == "__main__":
    main()
