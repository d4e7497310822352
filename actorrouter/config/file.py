"""The configuration from a file, text, tables or Python: read, overridden, checked; every fault at once, never a value.

Environment overrides, secret references and durations: see `config.overrides`, `config.secrets`, `config.reading`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs

from actorrouter.config import OWN_TABLE, ProviderConfig, RouterConfig
from actorrouter.config.checks import Names, relation_faults
from actorrouter.config.faults import Fault, expected, line
from actorrouter.config.fields import type_faults
from actorrouter.config.overrides import overridden
from actorrouter.config.reading import read
from actorrouter.config.secrets import SecretReader
from actorrouter.config.writing import effective
from actorrouter.errors import InvalidConfig

__all__ = ["effective", "load", "loads", "structure", "validate"]

FILE_BYTES_MAX: Final = 64 * 2**20


def load(path: str | os.PathLike[str], environ: Mapping[str, str] = os.environ) -> RouterConfig:
    """The configuration in a TOML file. Raises InvalidConfig with every fault. `file:` secrets are relative to it."""
    text, fault = _text_of(Path(path))
    if fault:
        raise InvalidConfig([fault], os.fspath(path))
    return loads(text, os.fspath(path), environ, Path(path).parent)


def _text_of(path: Path) -> tuple[str, str]:
    """The file's text, or why there is none."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        return "", f"cannot be read: {(error.strerror or 'it is no file').lower()}; expected a TOML file"
    except ValueError:
        return "", "cannot be read: its path is no path; expected a TOML file"
    if len(content) > FILE_BYTES_MAX:
        return "", f"larger than {FILE_BYTES_MAX} bytes"
    try:
        return content.decode("utf-8-sig"), ""
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        return "", f"line {row}: not UTF-8; TOML is written in UTF-8"


def loads(
    text: str, source: str = "config", environ: Mapping[str, str] = os.environ, directory: Path | None = None
) -> RouterConfig:
    """The configuration in TOML text. `source`: what messages call it. `directory`: what `file:` secrets start from."""
    tree, fault = _tree_of(text)
    if fault:
        raise InvalidConfig([fault], source)
    return structure(tree, source, environ, directory)


def _tree_of(text: str) -> tuple[dict[str, Any], str]:
    """The text's tables, or why it is not TOML. Numbers with a point stay exact."""
    if not text.strip():
        return {}, "empty; expected at least [providers.NAME], [keys.NAME] and [routes.NAME]"
    try:
        return tomllib.loads(text, parse_float=Decimal), ""
    except tomllib.TOMLDecodeError as error:
        return {}, _syntax_fault(str(error), text)
    except (ValueError, ArithmeticError):
        return {}, "not TOML: a number is too large to read"
    except RecursionError:
        return {}, "not TOML: nested too deeply"


def _syntax_fault(message: str, text: str) -> str:
    """`line 3, column 5: not TOML: ...`. A character of the file is not repeated: it may be part of a secret."""
    what, _, place = message.removesuffix(")").rpartition(" (at ")
    if place == "end of document":
        rows = text.split("\n")
        place = f"line {len(rows)}, column {len(rows[-1]) + 1}"
    what = re.sub(r"""character ('.*'|".*")""", "character", what)
    return f"{place}: not TOML: {what[:1].lower()}{what[1:]}"


def structure(
    tree: Mapping[str, Any],
    source: str = "config",
    environ: Mapping[str, str] = os.environ,
    directory: Path | None = None,
) -> RouterConfig:
    """The configuration in tables as TOML has them; a secret may also be a `Secret` or an async callable."""
    if not isinstance(tree, Mapping):
        raise InvalidConfig([expected("a table", tree)], source)
    tree, unmatched = overridden(tree, environ)
    config, misread = read(tree, SecretReader(environ, directory or Path()))
    config = attrs.evolve(
        config,
        control=_in_folder(config.control, directory),
        providers={name: _table_in_folder(each, directory) for name, each in config.providers.items()},
    )
    related = _judgeable(relation_faults(config, Names.of(tree)), misread)
    _refuse([*unmatched, *misread, *related], source)
    return config


def _in_folder(control: str | None, directory: Path | None) -> str | None:
    return os.fspath(directory / control) if control and directory else control


def _table_in_folder(provider: ProviderConfig, directory: Path | None) -> ProviderConfig:
    """A table of the user's own is looked for where the configuration stands."""
    path = provider.adapter.removeprefix(OWN_TABLE)
    if path == provider.adapter or directory is None:
        return provider
    return attrs.evolve(provider, adapter=f"{OWN_TABLE}{os.fspath(directory / path)}")


def control_of(path: str | os.PathLike[str], environ: Mapping[str, str] = os.environ) -> str | None:
    """Only the control socket a TOML file names: operators need none of its secrets. Raises InvalidConfig."""
    text, fault = _text_of(Path(path))
    tree, fault = ({}, fault) if fault else _tree_of(text)
    if fault:
        raise InvalidConfig([fault], os.fspath(path))
    control = overridden(tree, environ)[0].get("control")
    if control is not None and not isinstance(control, str):
        raise InvalidConfig([line((("control",), expected("text", control)))], os.fspath(path))
    return _in_folder(control, Path(path).parent)


def _judgeable(related: Iterable[Fault], misread: Iterable[Fault]) -> Iterator[Fault]:
    """Nothing is said of what could not be read, nor of a table as a whole while a part of it could not."""
    unread = {path for path, _ in misread}
    with_unread_parts = {path[:end] for path in unread for end in range(3, len(path))}
    for path, text in related:
        if path not in with_unread_parts and not any(path[:end] in unread for end in range(1, len(path) + 1)):
            yield path, text


def validate(config: RouterConfig, source: str = "config") -> None:
    """Check a configuration built in Python. Raises InvalidConfig with every fault; types first, then the rest."""
    _refuse(type_faults(config), source)
    names = Names.of(attrs.asdict(config, recurse=False))
    _refuse(list(relation_faults(config, names)), source)


def _refuse(found: list[Fault], source: str) -> None:
    if found:
        raise InvalidConfig(list(dict.fromkeys(map(line, found))), source)
