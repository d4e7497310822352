"""The configuration as TOML text, defaults written out and credentials redacted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import attrs

from actorrouter.config import RouterConfig
from actorrouter.config.checks import REDACTED
from actorrouter.config.reading import NONE_WORDS
from actorrouter.values import Secret

_CREDENTIAL: Final = re.compile("auth|key|secret|token|cookie|password|signature", re.IGNORECASE)
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def effective(config: RouterConfig) -> str:
    """`config` as TOML that loads again once each `"<secret>"` is put back. What is None by default is left out."""
    return toml(_tree(config))


def toml(tree: Mapping[str, Any]) -> str:
    """Tables, lists and plain values as TOML text that reads back equal."""
    return "\n".join(_table(tree, "")).lstrip("\n") + "\n"


def _tree(value: Any) -> Any:
    """Tables, lists and plain values."""
    if attrs.has(type(value)):
        fields = {field: _field(value, field.name) for field in attrs.fields(type(value))}
        return {field.name: item for field, item in fields.items() if item is not None}
    if isinstance(value, Mapping):
        return {name: _tree(item) for name, item in value.items()}
    return [_tree(item) for item in value] if isinstance(value, tuple) else value


def _field(owner: Any, name: str) -> Any:
    value = getattr(owner, name)
    if isinstance(value, Secret) or callable(value):
        return REDACTED
    if name == "proxy" and value is not None:
        return re.sub("//.*@", f"//{REDACTED}@", value)
    if name == "headers":
        return {header: REDACTED if _CREDENTIAL.search(header) else text for header, text in value.items()}
    return NONE_WORDS.get((type(owner), name)) if value is None else _tree(value)


def _table(table: Mapping[str, Any], name: str) -> Iterator[str]:
    """Plain values first, then the tables below."""
    below = {field: item for field, item in table.items() if _is_table(item)}
    yield from (f"{_key(field)} = {_plain(item)}" for field, item in table.items() if field not in below)
    for field, item in below.items():
        inner = f"{name}.{_key(field)}" if name else _key(field)
        for each in [item] if isinstance(item, dict) else item:
            if not isinstance(item, dict) or not item or not all(map(_is_table, item.values())):
                yield from ("", f"[{inner}]" if isinstance(item, dict) else f"[[{inner}]]")
            yield from _table(each, inner)


def _is_table(item: Any) -> bool:
    return isinstance(item, dict) or (isinstance(item, list) and bool(item) and isinstance(item[0], dict))


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _plain(name)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value.value if isinstance(value, Enum) else value, ensure_ascii=False).replace(
            "\x7f", "\\u007f"
        )
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value) if isinstance(value, int | Decimal) else repr(value)
