"""How the command line speaks: answers on stdout, complaints on stderr, tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_CONTROLS = dict.fromkeys({*range(32), *range(127, 160)} - {ord("\n"), ord("\t")})
_ROWS_MAX = 50
_WIDTH = 120


def say(text: str) -> None:
    """One answer, with its end of line."""
    sys.stdout.write(text + "\n")


def complain(text: str, code: int = 0) -> int:
    """One message on stderr. Returns `code`."""
    sys.stdout.flush()
    sys.stderr.write(f"actorrouter: {harmless(text)}\n")
    return code


def harmless(text: str) -> str:
    """`text` without control characters: what a provider says must not command the terminal."""
    return text.translate(_CONTROLS)


def say_json(told: Any) -> None:
    """Plain data as JSON for programs."""
    say(json.dumps(told, indent=2, default=str, allow_nan=False))


def say_status(told: Mapping[str, Any]) -> None:
    """A router's status as tables."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    notes = [f"{told['open']} open"] + [f"{told[n]} {n.replace('_', ' ')}" for n in ("dead_letters",) if told[n]]
    notes += [f"observer failed: {each}" for each in told["failed_observers"]]
    console.print(Text(f"router {told['state']}, {', '.join(notes)}"))
    for title, head, rows in (
        _providers(told),
        _pools(told),
        _keys(told),
        _budgets(told),
        _routes(told),
        _estimates(told),
    ):
        if rows:
            console.print(_table(title, head, rows))


_Section: TypeAlias = tuple[str, Sequence[str], Sequence[Sequence[str]]]


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    hidden = len(rows) - _ROWS_MAX
    caption = f"and {hidden:,} more: see --json" if hidden > 0 else None
    table = Table(*head, title=title, title_justify="left", caption=caption, box=box.SIMPLE_HEAD)
    for row in rows[:_ROWS_MAX]:
        table.add_row(*map(Text, row))
    return table


def _providers(told: Mapping[str, Any]) -> _Section:
    rows = [
        (name, f"quarantined: {p['quarantined']}" if p["quarantined"] else p["state"], _soon(p), str(p["in_flight"]))
        for name, p in told["providers"].items()
    ]
    return "Providers", ("provider", "circuit", "again in", "in flight"), rows


def _pools(told: Mapping[str, Any]) -> _Section:
    rows = [
        (name, pool["state"], _soon(pool), limit["dimension"], *_figures(limit, ("free", "held", "level", "capacity")))
        for name, pool in _troubled_first(told["pools"])
        for limit in pool["limits"]
    ]
    return "Quota pools", ("pool", "state", "again in", "limit", "free", "held", "charged", "capacity"), rows


def _keys(told: Mapping[str, Any]) -> _Section:
    rows = [
        (name, key["state"], key["reason"], _soon(key), str(key["in_flight"]), str(key["served"]))
        for name, key in _troubled_first(told["keys"])
    ]
    return "Keys", ("key", "state", "reason", "again in", "in flight", "served"), rows


def _budgets(told: Mapping[str, Any]) -> _Section:
    fields = ("usd", "free", "held", "charged", "spent_in_all")
    rows = [(name, *(budget[field] for field in fields)) for name, budget in told["budgets"].items()]
    return "Budgets (US dollars)", ("budget", "cap", "free", "held", "charged", "spent in all"), rows


def _routes(told: Mapping[str, Any]) -> _Section:
    rows = [(name, f"{route['waiting']} of {route['waiting_max']}") for name, route in told["routes"].items()]
    return "Routes", ("route", "waiting"), rows


def _estimates(told: Mapping[str, Any]) -> _Section:
    rows = [
        (
            name,
            str(each["calls"]),
            *(f"{each[field]:.3g}" for field in ("ratio", "factor", "error_tokens", "bias_tokens", "covered")),
        )
        for name, each in told["estimates"].items()
        if each["calls"]
    ]
    return "Estimates of input tokens", ("model", "calls", "used/estimated", "factor", "error", "bias", "covered"), rows


def _troubled_first(parts: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return sorted(parts.items(), key=lambda part: part[1]["state"] == "available")


def _figures(part: Mapping[str, Any], fields: Sequence[str]) -> list[str]:
    return [f"{float(part[field]):,.6g}" for field in fields]


def _soon(part: Mapping[str, Any]) -> str:
    return "" if part["retry_in_s"] is None else f"{part['retry_in_s']:.1f} s"
