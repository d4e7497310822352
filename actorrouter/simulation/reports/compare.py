"""Several runs side by side: as a page, as JSON and as text."""

import json
from collections.abc import Sequence
from math import ceil
from typing import Any, Final

from attrs import asdict, evolve, frozen

from actorrouter.simulation.reports.page import CALLS, document, quantile_cells, section, table
from actorrouter.simulation.reports.plots import Line, lines_plot
from actorrouter.simulation.reports.record import RunRecord
from actorrouter.simulation.reports.svg import element, escape
from actorrouter.simulation.reports.text import columns
from actorrouter.simulation.reports.words import (
    count_text,
    figure_text,
    name_text,
    replay_text,
    share_text,
    time_text,
    verdict_text,
)

_MISSING: Final = "-"
_COMPARED: Final = ("served", "refused", "failed", "waiting")
_LINES_MAX: Final = 8  # looks there are


@frozen
class Comparison:
    """The same facts of every run, a column each."""

    records: tuple[RunRecord, ...]
    names: tuple[str, ...]

    def json(self) -> str:
        """Figures, verdicts and quantiles by run: the same text for the same records."""
        told = {name: _facts(record) for name, record in zip(self.names, self.records, strict=True)}
        return json.dumps(told, sort_keys=True, indent=1, allow_nan=False) + "\n"

    def text(self) -> str:
        """A table for a terminal."""
        return columns([["", *self.names], *self._rows()]) + "\n"

    def html(self) -> str:
        """A page with the table, and each series of every run in one plot."""
        title = "Runs side by side"
        replays = [element("p", element("code", escape(replay_text(record)))) for record in self.records]
        plots = [self._plot(name) for name in _COMPARED]
        return document(
            title,
            element("h1", title),
            section("Figures", table(["", *self.names], self._rows())),
            section("Over time", *plots, self._left_out() if any(plots) else ""),
            section("Replay", *replays),
        )

    def _left_out(self) -> str:
        more = len(self.records) - _LINES_MAX
        return element("p", f"The plots show the first {_LINES_MAX} runs.", class_="soft") if more > 0 else ""

    def _rows(self) -> list[list[str]]:
        runs = self.records
        rows = [["verdict", *("held" if record.held else "not held" for record in runs)]]
        rows.append(["violations", *(count_text(len(record.violations)) for record in runs)])
        rows.append(["simulated", *(time_text(record.duration_s) for record in runs)])
        for name in dict.fromkeys(name for record in runs for name in record.figures):
            told = [figure_text(name, record.figures[name]) if name in record.figures else _MISSING for record in runs]
            rows.append([name_text(name), *told])
        for title, quantiles in (
            ("waiting", [record.waits.quantiles for record in runs]),
            ("first token", [record.ttft for record in runs]),
        ):
            if any(one.count for one in quantiles):
                cells = [quantile_cells(one) for one in quantiles]
                rows += [[f"{title} {q}", *(cell[at] for cell in cells)] for at, q in ((1, "p50"), (3, "p99"))]
        peaks = [share_text(max(limit.peak for limit in one.limits)) if one.limits else _MISSING for one in runs]
        rows.append(["highest use of a limit", *peaks])
        for reason in sorted({reason for record in runs for reason in record.refusals}):
            rows.append([f"refused: {reason}", *(count_text(record.refusals.get(reason, 0)) for record in runs)])
        return rows

    def _plot(self, name: str) -> str:
        per_s = name in CALLS
        unit = "calls per second" if per_s else "calls"
        lines, shared = [], max(self.records, key=lambda record: record.duration_s)
        for at, (run, record) in enumerate(zip(self.names[:_LINES_MAX], self.records, strict=False)):
            values = _on_buckets(record, name, shared.bucket_s)
            lines.append(Line(run, [value / shared.bucket_s for value in values] if per_s else values, f"s{at}"))
        return lines_plot(name_text(name), unit, lines, count_text, evolve(shared, faults=(), restarts=()))


def _on_buckets(record: RunRecord, name: str, bucket_s: float) -> list[float]:
    """A series on other buckets: calls are spread evenly over their bucket, of loads the highest counts."""
    values = record.series.get(name, ())
    if record.bucket_s == bucket_s:
        return list(values)
    made = [0.0] * ceil(len(values) * record.bucket_s / bucket_s)
    for at, value in enumerate(values):
        begin, end = at * record.bucket_s, (at + 1) * record.bucket_s
        for target in range(int(begin / bucket_s), min(len(made), ceil(end / bucket_s))):
            overlap = min(end, (target + 1) * bucket_s) - max(begin, target * bucket_s)
            if name in CALLS:
                made[target] += value * max(0.0, overlap) / record.bucket_s
            elif overlap > 0:
                made[target] = max(made[target], value)
    return made


def _facts(record: RunRecord) -> dict[str, Any]:
    highest = max((limit.peak for limit in record.limits), default=None)
    return {
        "title": record.title,
        "seed": record.seed,
        "path": record.path,
        "trace_hash": record.trace_hash,
        "held": record.held,
        "verdict": verdict_text(record),
        "violations": list(record.violations),
        "expectations": [asdict(one) for one in record.expectations],
        "duration_s": record.duration_s,
        "figures": record.figures,
        "waiting": asdict(record.waits.quantiles),
        "first_token": asdict(record.ttft),
        "refusals": record.refusals,
        "highest_use": highest,
        "replay": replay_text(record),
    }


def compare(records: Sequence[RunRecord]) -> Comparison:
    """Put runs side by side. Runs of one title are told apart by seed and path, then by number."""
    titles = [record.title for record in records]
    named = [
        title if titles.count(title) == 1 else f"{title} (seed {record.seed}, {record.path})"
        for title, record in zip(titles, records, strict=True)
    ]
    unique = [name if named.count(name) == 1 else f"{name} #{at + 1}" for at, name in enumerate(named)]
    if not records:
        raise ValueError("nothing to compare")
    return Comparison(tuple(records), tuple(unique))
