"""One run as plain text for a terminal."""

from collections.abc import Sequence
from typing import Final

from actorrouter.simulation.reports.page import quantile_cells
from actorrouter.simulation.reports.plots import highest
from actorrouter.simulation.reports.record import RunRecord
from actorrouter.simulation.reports.svg import downsample
from actorrouter.simulation.reports.words import (
    count_text,
    figure_text,
    name_text,
    replay_text,
    share_text,
    time_text,
    unjudged_text,
    verdict_text,
)

_TOLD_MAX: Final = 8
_BARS: Final = " ▁▂▃▄▅▆▇█"
_COLUMNS: Final = 60
_BESIDE: Final = ("served", "served_share", "arrived", "provider_429_ours", "overshoots", "wait_p99_s", "took_p99_s")


def summary(record: RunRecord) -> str:
    """What a reader of a terminal needs: verdict, figures, what was not held, the busiest limits, the replay line."""
    played = f"seed {record.seed}, {record.path} path, {time_text(record.duration_s)} of calls"
    parts = [
        f"{_plain(record.title)}\n{played}: {verdict_text(record)}",
        _plain(unjudged_text(record)),
        *_not_held(record),
        _figures(record),
        _over_time(record),
    ]
    parts += [_times(record), _limits(record), _refusals(record), _baselines(record)]
    traced = f"trace:  {_plain(record.trace_hash[:16])}\n" if record.trace_hash else ""
    parts.append(f"{traced}replay: {_plain(replay_text(record))}")
    return "\n\n".join(part for part in parts if part) + "\n"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows under each other: the first column on the left, the others on the right. No control characters."""
    clean = [[_plain(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in clean) for at in range(len(clean[0]))] if clean else []
    return "\n".join(
        "  "
        + "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in clean
    )


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _not_held(record: RunRecord) -> list[str]:
    broken = [f"  ✗ {_plain(told)}" for told in record.violations[:_TOLD_MAX]]
    if more := len(record.violations) - len(broken):
        broken.append(f"    and {count_text(more)} more")
    expected = [
        f"  {'✓' if one.held else '✗'} {_plain(one.text)}, measured {_plain(one.measured)}"
        for one in record.expectations
    ]
    titled = (("laws broken", broken), ("expected", expected))
    return [f"{title}:\n" + "\n".join(lines) for title, lines in titled if lines]


def _figures(record: RunRecord) -> str:
    return columns([(name_text(name), figure_text(name, value)) for name, value in record.first_figures.items()])


def _over_time(record: RunRecord) -> str:
    rows = [
        (name_text(name), sparkline(record.series[name]), f"most {count_text(highest(record.series[name]))}")
        for name in ("offered", "served", "refused", "failed", "waiting")
        if any(record.series.get(name, ()))
    ]
    return f"over {time_text(record.duration_s)}:\n{columns(rows)}" if rows else ""


def sparkline(values: Sequence[float]) -> str:
    """A series in a line of blocks; a block is the highest value of its stretch, and nothing is a space."""
    peaks = [value for _, _, value in downsample(values, _COLUMNS)]
    most = max(peaks, default=0)
    return "".join(_BARS[max(1, round(peak / most * (len(_BARS) - 1))) if peak > 0 else 0] for peak in peaks)


def _times(record: RunRecord) -> str:
    measured = (("waiting", record.waits.quantiles), ("first token", record.ttft))
    rows = [[name, *quantile_cells(quantiles)] for name, quantiles in measured if quantiles.count]
    return columns([["", "calls", "p50", "p90", "p99", "most"], *rows]) if rows else ""


def _limits(record: RunRecord) -> str:
    busiest = sorted(record.limits, key=lambda limit: -limit.peak)[:_TOLD_MAX]
    rows = [(f"{limit.provider} {limit.scope} {limit.limit}", share_text(limit.peak)) for limit in busiest]
    return f"peak use of the limits:\n{columns(rows)}" if rows else ""


def _baselines(record: RunRecord) -> str:
    """Others on the same calls: what they serve, waste and violate."""
    if not record.baselines:
        return ""
    columns_of = [("actorrouter", record.figures), *((one.name, one.figures) for one in record.baselines)]
    rows = [
        [name_text(name), *(figure_text(name, figures[name]) if name in figures else "-" for _, figures in columns_of)]
        for name in _BESIDE
    ]
    return "the same calls in other hands:\n" + columns([["", *(name for name, _ in columns_of)], *rows])


def _refusals(record: RunRecord) -> str:
    ordered = sorted(record.refusals.items(), key=lambda item: (-item[1], item[0]))[:_TOLD_MAX]
    return f"refusals:\n{columns([(name, count_text(count)) for name, count in ordered])}" if ordered else ""
