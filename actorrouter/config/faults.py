"""Faults of a configuration: where, and what is wrong there, in words that never hold a value. Pure."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Final, TypeAlias

import attrs

Path: TypeAlias = tuple[Any, ...]
"""Field names, names and list positions from the top of the configuration."""

Fault: TypeAlias = tuple[Path, str]
"""Where, and what is wrong and what is expected there."""

NAME_MAX: Final = 100
"""Most characters of a name. A credential pasted where a name belongs is often longer, and is then not shown."""

_OPTIONS_MAX: Final = 1000  # names looked through for a near one
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


class Misfit(ValueError):
    """What is there cannot be read as what is expected. The message holds no value."""


def line(fault: Fault) -> str:
    """`path: what is wrong`, for people."""
    path, text = fault
    return f"{shown(path)}: {text}" if path else text


def shown(path: Path) -> str:
    """A path as TOML would spell it: `routes."gpt-4.1".candidates[0].model`."""
    parts = [f"[{step}]" if isinstance(step, int) else f".{_step(step)}" for step in path]
    return "".join(parts).removeprefix(".")


def _step(step: object) -> str:
    if not isinstance(step, str) or not step.isprintable() or len(step) > NAME_MAX:
        return "(a name that is not shown)"
    if _BARE.fullmatch(step):
        return step
    return '"' + step.replace("\\", "\\\\").replace('"', '\\"') + '"'


def kind(value: object) -> str:
    """What a value is, without saying what it holds."""
    for types, word in _KINDS:
        if isinstance(value, types):
            return word
    return "nothing" if value is None else "something else"


_KINDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (bool, "true or false"),
    ((int, float, Decimal), "a number"),
    (str, "text"),
    (Mapping, "a table"),
    ((list, tuple), "a list"),
)


def expected(words: str, value: object) -> str:
    """The usual sentence."""
    return f"expected {words}, got {kind(value)}"


def one_of(options: Iterable[str], value: object) -> str:
    """What could stand there, and the nearest to what does."""
    options = list(options)
    return f"expected one of {', '.join(options)}{suggestion(value, options)}"


def unknown(what: str, name: object, known: Collection[str]) -> str:
    """A name that names nothing."""
    return f"no such {what}{suggestion(name, known)}"


def suggestion(name: object, known: Iterable[str], cutoff: float = 0.6) -> str:
    """`; did you mean ...?`, or nothing when nothing is near."""
    if not isinstance(name, str) or len(name) > NAME_MAX:
        return ""
    by_word = {_word(option): option for option in islice(known, _OPTIONS_MAX) if name_fault(option) is None}
    near = difflib.get_close_matches(_word(name), by_word, n=1, cutoff=cutoff)
    return f"; did you mean {by_word[near[0]]}?" if near else ""


def _word(name: str) -> str:
    return name.lower().replace("-", "_")


def name_fault(name: object) -> str | None:
    """Why a name cannot be one: names are printed in logs, metrics and headers."""
    if not isinstance(name, str):
        return expected("a name", name)
    if not name or len(name) > NAME_MAX or not name.isprintable() or " " in name:
        return f"a name is 1 to {NAME_MAX} printable characters without spaces"
    return None


@attrs.frozen
class Bounds:
    """From `low` to `high`; `low` itself excluded when `above`."""

    low: float
    high: float
    above: bool = False

    def fault(self, number: Any) -> str | None:
        """Why a number lies outside. What is not a number lies outside everything."""
        inside = finite(number) and (number > self.low if self.above else number >= self.low)
        if inside and number <= self.high:
            return None
        return f"must be {'more than' if self.above else 'at least'} {self.low:.16g} and at most {self.high:.16g}"


def finite(number: Any) -> bool:
    """Neither NaN nor infinite; a Decimal NaN would raise when compared."""
    return number.is_finite() if isinstance(number, Decimal) else isinstance(number, int) or math.isfinite(number)


def replaced(tree: Any, path: Sequence[Any], value: Any) -> Any:
    """A copy of `tree` with `value` at `path`, made of tables where there was none. The rest is shared, not copied."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(tree, list | tuple) and isinstance(head, int):
        return [replaced(item, rest, value) if at == head else item for at, item in enumerate(tree)]
    table = dict(tree) if isinstance(tree, Mapping) else {}
    table[head] = replaced(table.get(head, {}), rest, value)
    return table


def without(tree: Mapping[str, Any], path: Sequence[Any]) -> Mapping[str, Any]:
    """A copy of `tree` (tables all the way) without what is at `path`."""
    if not path:
        return {}
    parent: Any = tree
    for step in path[:-1]:
        parent = parent[step]
    mended: Mapping[str, Any] = replaced(tree, path[:-1], {name: parent[name] for name in parent if name != path[-1]})
    return mended
