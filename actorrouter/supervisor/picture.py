"""A supervision tree as text, drawn from `Supervisor.describe()`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

ALIKE_MAX = 20
"""More siblings that differ in nothing but their name are shown as the first few and a number."""

_SHOWN = 3


def draw(tree: Mapping[str, Any]) -> str:
    """One line for each actor and supervisor; siblings beyond counting become one line."""
    return "\n".join(_lines(tree, "", ""))


def _lines(node: Mapping[str, Any], first: str, rest: str) -> Iterator[str]:
    yield first + _label(node)
    rows = list(_summarised(node.get("children", ())))
    for place, row in enumerate(rows, 1):
        branch, below = ("└─ ", "   ") if place == len(rows) else ("├─ ", "│  ")
        if isinstance(row, str):
            yield rest + branch + row
        else:
            yield from _lines(row, rest + branch, rest + below)


def _label(node: Mapping[str, Any]) -> str:
    words = [str(node["id"]), node.get("strategy") or node["kind"], node["status"]]
    if node.get("restarts"):
        words.append(f"restarts {node['restarts']}")
    if node.get("mailbox"):
        words.append(f"mailbox {node['mailbox']}")
    if node.get("last_crash"):
        words.append(f"last crash: {node['last_crash']}")
    return "  ".join(words)


def _summarised(children: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any] | str]:
    """The children in order; of a large crowd alike the first few and, in the place of the next, how many more."""
    rows = list(children)
    crowds = Counter(_kind(row) for row in rows)
    seen: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        kind = _kind(row)
        seen[kind] += 1
        if crowds[kind] <= ALIKE_MAX or seen[kind] <= _SHOWN:
            yield row
        elif seen[kind] == _SHOWN + 1:
            what, status, trouble = kind
            yield f"... {crowds[kind] - _SHOWN:,} more  {what}  {status}{trouble}"


def _kind(row: Mapping[str, Any]) -> tuple[str, str, str]:
    trouble = "  with crashes" if row.get("last_crash") else ""
    return row.get("strategy") or row["kind"], row["status"], trouble
