"""Traces: requests with their times and sizes, read row by row from CSV, cut, stretched, thinned or repeated.

Columns: a time (`t_ms`, `at_s` or an RFC 3339 `timestamp`, counted from the first row), `input_tokens`,
`output_tokens`, and if present `cached_tokens`, `model`, `tenant`. Others are passed over.
"""

import csv
import heapq
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import takewhile
from math import inf, isfinite
from pathlib import Path
from random import Random
from typing import Final

from attrs import evolve, frozen

_SAME: Final = {
    "cached_prefix_tokens": "cached_tokens",
    "contexttokens": "input_tokens",
    "generatedtokens": "output_tokens",
}
_TIMES: Final = ("t_ms", "at_s", "timestamp")


class TraceInvalid(ValueError):
    """A trace cannot be read; the message names file, line and column."""


@frozen
class Row:
    """One request of a trace. `at_s`: as the trace counts."""

    at_s: float
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    model: str | None = None
    tenant: str | None = None


def locate(name: str, folder: Path | None = None) -> Traversable:
    """A shipped trace by its bare name, or a file: a relative path counts from `folder`. Raises TraceInvalid."""
    if "/" in name or name.endswith(".csv"):
        return (folder or Path()) / name
    shipped = files(__package__).joinpath("traces")
    known = sorted(place.name.removesuffix(".csv") for place in shipped.iterdir() if place.name.endswith(".csv"))
    if name not in known:
        raise TraceInvalid(
            f"no trace named {name} is shipped, there are {', '.join(known)}; a file's name ends in .csv"
        )
    return shipped.joinpath(f"{name}.csv")


def read_rows(place: Traversable) -> Iterator[Row]:
    """Rows in order of time, one at a time. Raises TraceInvalid."""
    try:
        with place.open("r", encoding="utf-8-sig") as lines:
            yield from parse_rows(lines, place.name)
    except (OSError, UnicodeDecodeError) as error:
        raise TraceInvalid(f"{place.name}: cannot be read: {error}") from error


def parse_rows(lines: Iterable[str], name: str) -> Iterator[Row]:
    """Rows of CSV text with a header. Raises TraceInvalid at the first faulty line."""
    table = csv.reader(lines, strict=True)
    header = [_column(text) for text in next(table, [])]
    time_column = next((column for column in _TIMES if column in header), None)
    missing = [column for column in ("input_tokens", "output_tokens") if column not in header]
    if time_column is None:
        missing.insert(0, "t_ms, at_s or timestamp")
    if missing or time_column is None:
        raise TraceInvalid(f"{name} line 1: no column {' and no column '.join(missing)}")
    read_time, last_s = _Clock(time_column).read, -inf
    try:
        for cells in table:
            if not cells:
                continue
            row = _row(header, cells, time_column, read_time)
            _require(row.at_s >= last_s, f"{time_column} goes back in time")
            last_s = row.at_s
            yield row
    except (ValueError, csv.Error) as error:
        raise TraceInvalid(f"{name} line {table.line_num}: {error}") from error


def _column(text: str) -> str:
    plain = text.strip().lower()
    return _SAME.get(plain, plain)


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise ValueError(why)


def _row(header: list[str], values: list[str], time_column: str, read_time: Callable[[str], float]) -> Row:
    _require(len(values) == len(header), f"{len(values)} fields where the header has {len(header)}")
    cells = dict(zip(header, values, strict=True))
    return Row(
        read_time(cells[time_column]),
        _whole(cells, "input_tokens"),
        _whole(cells, "output_tokens"),
        _whole(cells, "cached_tokens") if cells.get("cached_tokens") else 0,
        cells.get("model") or None,
        cells.get("tenant") or None,
    )


def _whole(cells: dict[str, str], column: str) -> int:
    text = cells[column].strip()
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{column}: expected a whole number, not {text!r}")
    return int(text)


class _Clock:
    """Reads one column of times in seconds; timestamps count from the first."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.first: datetime | None = None

    def read(self, text: str) -> float:
        if self.column == "timestamp":
            return self._since_first(text)
        try:
            value = float(text)
        except ValueError:
            value = inf
        if not isfinite(value) or value < 0:
            raise ValueError(f"{self.column}: expected a number from 0 on, not {text!r}")
        return value / 1000 if self.column == "t_ms" else value

    def _since_first(self, text: str) -> float:
        try:
            at = datetime.fromisoformat(text.strip())
        except ValueError:
            raise ValueError(f"timestamp: expected an RFC 3339 time, not {text!r}") from None
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        self.first = self.first or at
        return (at - self.first).total_seconds()


def excerpt(rows: Iterable[Row], from_s: float, for_s: float) -> Iterator[Row]:
    """The rows of one stretch, counted from its beginning."""
    inside = takewhile(lambda row: row.at_s < from_s + for_s, rows)
    return (evolve(row, at_s=row.at_s - from_s) for row in inside if row.at_s >= from_s)


def stretch(rows: Iterable[Row], time_scale: float) -> Iterator[Row]:
    return (evolve(row, at_s=row.at_s * time_scale) for row in rows)


def multiply(rows: Iterable[Row], volume: float, jitter_s: float, chance: Random) -> Iterator[Row]:
    """`volume` times as many rows, in order: each kept or not, or repeated up to `jitter_s` later."""
    waiting: list[tuple[float, int, Row]] = []
    made = 0
    for row in rows:
        while waiting and waiting[0][0] <= row.at_s:
            yield heapq.heappop(waiting)[2]
        copies = int(volume) + (chance.random() < volume % 1)
        if copies:
            yield row
        for _ in range(copies - 1):
            at_s = row.at_s + chance.random() * jitter_s
            made += 1
            heapq.heappush(waiting, (at_s, made, evolve(row, at_s=at_s)))
    while waiting:
        yield heapq.heappop(waiting)[2]
