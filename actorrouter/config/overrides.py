"""Single settings from environment variables, put into the tables before anything is checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import attrs

from actorrouter.config import RouterConfig
from actorrouter.config.faults import Fault, Path, replaced

PREFIX: Final = "ACTORROUTER__"


def overridden(tree: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Mapping[str, Any], list[Fault]]:
    """`tree` with each `ACTORROUTER__SECTION__NAME__FIELD=value` of `environ` in it, and what is wrong with them.

    Words are separated by two underscores. A field is matched without regard to case. A name (of a provider, key,
    pool, route, budget, dimension or header) must already stand in `tree`; case, and which signs stand between its
    letters and digits, do not matter: `GPT_4_1` finds `gpt-4.1`. A list's item is its position from 0. The value is
    read as a TOML value (`5`, `true`, `[1, 2]`, `{day = 1}`, `"4"`); what is not one is text (`1m`, `env:NAME`).
    Variables with fewer words are applied first, then in alphabetic order. The prefix is upper case.
    """
    faults: list[Fault] = []
    named = [variable for variable in environ if variable.startswith(PREFIX)]
    for variable in sorted(named, key=lambda name: (name.count("__"), name)):
        path = _target(variable.removeprefix(PREFIX).split("__"), tree)
        if path is None:
            faults.append(((variable,), "names no field, or no name that the configuration has"))
        else:
            tree = replaced(tree, path, parsed(environ[variable]))
    return tree, faults


def _target(words: list[str], tree: Any) -> Path | None:
    """Where the words lead, following the schema for fields and the tree for names."""
    path: list[Any] = []
    schema: Any = RouterConfig
    for word in words:
        steps = _steps(schema, tree)
        found = [step for step in steps if _plain(word) and _plain(str(step)) == _plain(word)]
        if len(found) != 1:
            return None
        path.append(found[0])
        schema = steps[found[0]]
        tree = _inside(tree, found[0])
    return tuple(path)


def _steps(schema: Any, tree: Any) -> dict[Any, Any]:
    """What may come next, and the schema behind it."""
    if get_origin(schema) in (UnionType, Union):
        schema = get_args(schema)[0]
    if attrs.has(schema):
        return get_type_hints(schema)
    if get_origin(schema) is Mapping and isinstance(tree, Mapping):
        return dict.fromkeys(tree, get_args(schema)[1])
    if get_origin(schema) is tuple and isinstance(tree, list | tuple):
        return dict.fromkeys(range(len(tree)), get_args(schema)[0])
    return {}


def _inside(tree: Any, step: Any) -> Any:
    if isinstance(tree, list | tuple):
        return tree[step] if isinstance(step, int) else None
    return tree.get(step) if isinstance(tree, Mapping) else None


def _plain(word: str) -> str:
    return re.sub(r"[\W_]+", "_", word.casefold()).strip("_")


def parsed(text: str) -> Any:
    """`text` as a TOML value; what is not one is text."""
    try:
        tables = tomllib.loads(f"value = {text}", parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return text
    return tables["value"] if len(tables) == 1 else text
