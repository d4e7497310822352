"""A day as ServeGen measured it: clients, each with its own rate and burstiness per window and sizes of its own.

Within a window a client's gaps follow the measured distribution, stretched to the measured rate. A window that is not
in the file has no calls.
"""

import csv
import heapq
from collections.abc import Callable, Iterator
from importlib.resources.abc import Traversable
from math import inf, isfinite
from pathlib import Path
from random import Random
from typing import Final

from attrs import define, field

from actorrouter.simulation.workloads.instants import Gap, Piece, gamma_gap, spread, weibull_gap
from actorrouter.simulation.workloads.sizes import between
from actorrouter.simulation.workloads.traces import TraceInvalid, locate

WINDOW_S: Final = 600.0
SIZES: Final = ("input_tokens", "output_tokens")
_GAPS: Final = {"Gamma": gamma_gap, "Weibull": weibull_gap}

Quantiles = list[tuple[float, float]]


@define
class Client:
    """One client of the day. `quantiles`: by field, then (window's start, points of its distribution)."""

    name: str
    pieces: list[Piece] = field(factory=list)
    quantiles: dict[str, list[tuple[float, Quantiles]]] = field(factory=dict)

    def size(self, what: str, at_s: float, chance: Random) -> int:
        """Draw `input_tokens` or `output_tokens` by what was measured at this time of the day."""
        windows = self.quantiles[what]
        known = next((points for from_s, points in reversed(windows) if from_s <= at_s), windows[0][1])
        return between(known, chance.random())


def read_clients(name: str, folder: Path | None = None) -> list[Client]:
    """The clients of a shipped day (`m-small`, `deepseek-r1`), or of PATH_rates.csv and PATH_tokens.csv."""
    clients: dict[str, Client] = {}

    def take_rate(cells: dict[str, str]) -> None:
        client = clients.setdefault(cells["client"], Client(cells["client"]))
        from_s = _number(cells, "t_s")
        if client.pieces and from_s < client.pieces[-1].to_s:
            raise ValueError(f"t_s: windows of client {client.name} overlap or go back in time")
        client.pieces.append(Piece(from_s, from_s + WINDOW_S, _number(cells, "rate_rps"), _gap(cells)))

    def take_sizes(cells: dict[str, str]) -> None:
        if client := clients.get(cells["client"]):
            points = [(float(column[1:]) / 100, _number(cells, column)) for column in cells if column[:1] == "p"]
            client.quantiles.setdefault(cells["field"], []).append((_number(cells, "window_s"), points))

    _read_each(_place(name, "rates", folder), ("client", "t_s", "rate_rps", "dist", "shape"), take_rate)
    _read_each(_place(name, "tokens", folder), ("client", "window_s", "field", "p50"), take_sizes)
    _require_sizes(clients, name)
    return list(clients.values())


def _place(name: str, part: str, folder: Path | None) -> Traversable:
    return locate(f"{name}_{part}.csv" if "/" in name else f"servegen_{name}_{part}", folder)


def _gap(cells: dict[str, str]) -> Gap:
    if cells["dist"] not in _GAPS:
        raise ValueError(f"dist: expected one of {', '.join(_GAPS)}, not {cells['dist']!r}")
    if (shape := _number(cells, "shape")) == 0:
        raise ValueError("shape: must be above 0")
    return _GAPS[cells["dist"]](shape)


def _number(cells: dict[str, str], column: str) -> float:
    try:
        value = float(cells[column])
    except (TypeError, ValueError):
        value = inf
    if not isfinite(value) or value < 0:
        raise ValueError(f"{column}: expected a number from 0 on, not {cells[column]!r}")
    return value


def _require_sizes(clients: dict[str, Client], name: str) -> None:
    for client in clients.values():
        for what in SIZES:
            if what not in client.quantiles:
                raise TraceInvalid(f"{name}: client {client.name} has rates and no {what}")


def _read_each(place: Traversable, needed: tuple[str, ...], take: Callable[[dict[str, str]], None]) -> None:
    try:
        with place.open("r", encoding="utf-8-sig") as lines:
            table = csv.DictReader(lines, strict=True)
            if missing := [column for column in needed if column not in (table.fieldnames or ())]:
                raise TraceInvalid(f"{place.name} line 1: no column {', '.join(missing)}")
            try:
                for cells in table:
                    take(cells)
            except (ValueError, OverflowError, csv.Error) as error:
                raise TraceInvalid(f"{place.name} line {table.line_num}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise TraceInvalid(f"{place.name}: cannot be read: {error}") from error


def instants(
    clients: list[Client], from_s: float, for_s: float, volume: float, seed: str
) -> Iterator[tuple[float, Client]]:
    """(instant, client) in order, counted from `from_s`; `volume` multiplies every rate."""
    streams = [_of_one(client, from_s, for_s, volume, Random(f"{seed}/{client.name}")) for client in clients]
    return heapq.merge(*streams, key=lambda one: one[0])


def _of_one(
    client: Client, from_s: float, for_s: float, volume: float, chance: Random
) -> Iterator[tuple[float, Client]]:
    until_s = from_s + for_s
    cut = [
        Piece(max(p.from_s, from_s) - from_s, min(p.to_s, until_s) - from_s, p.rate_per_s * volume, p.gap)
        for p in client.pieces
        if p.to_s > from_s and p.from_s < until_s
    ]
    return ((at, client) for at in spread(cut, chance))
