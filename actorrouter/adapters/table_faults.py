"""What is wrong with a provider's table, by field, without ever repeating what it holds. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from actorrouter.adapters import TABLES
from actorrouter.adapters.resets import until_s
from actorrouter.adapters.wire import is_credential, path_fault
from actorrouter.config import Charge
from actorrouter.config.faults import Fault, Path, expected, line, one_of, suggestion
from actorrouter.values import OutcomeClass, Scope

_Check: TypeAlias = Callable[[Path, Any], Iterator[Fault]]

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_WINDOW_MAX_S: Final = 366 * 86400


def table_faults(table: Mapping[str, Any]) -> list[str]:
    """Every fault, as `errors[2].outcome: what is wrong`; none when the table can be used."""
    return [line(fault) for fault in _fields((), table, _TABLE)]


def _fields(path: Path, given: Any, known: Mapping[str, _Check], required: Collection[str] = ()) -> Iterator[Fault]:
    if not isinstance(given, Mapping):
        yield path, expected("a table", given)
        return
    for name in given:
        if name in known:
            yield from known[name]((*path, name), given[name])
        else:
            yield (*path, name), f"unknown field{suggestion(name, known)}"
    for name in required:
        if name not in given:
            yield (*path, name), "required and missing"


def _text(path: Path, given: Any) -> Iterator[Fault]:
    if not isinstance(given, str):
        yield path, expected("text", given)
    elif not given.isascii() or not given.isprintable():
        yield path, "expected printable ASCII"


def _flag(path: Path, given: Any) -> Iterator[Fault]:
    if not isinstance(given, bool):
        yield path, expected("true or false", given)


def _texts(path: Path, given: Any) -> Iterator[Fault]:
    if not isinstance(given, list):
        yield path, expected("a list", given)
        return
    for index, each in enumerate(given):
        yield from _text((*path, index), each)


def _path(path: Path, given: Any) -> Iterator[Fault]:
    if not isinstance(given, str):
        yield path, expected("text", given)
    elif given and (fault := path_fault(given)):
        yield path, fault


def _url(path: Path, given: Any) -> Iterator[Fault]:
    if not isinstance(given, str):
        yield path, expected("text", given)
        return
    try:
        parts = urlsplit(given)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or not given.isascii() or not given.isprintable() or set(given) & set(" ?#"):
        yield path, "expected http or https, without credentials, query or fragment"


def _header(path: Path, given: Any) -> Iterator[Fault]:
    if not isinstance(given, str) or not _NAME.fullmatch(given):
        yield path, "expected a header's name"


def _secret_format(path: Path, given: Any) -> Iterator[Fault]:
    if not isinstance(given, str) or given.count("{secret}") != 1 or not given.isprintable() or not given.isascii():
        yield path, "expected text that holds {secret} once"


def _headers(path: Path, given: Any) -> Iterator[Fault]:
    if not isinstance(given, Mapping):
        yield path, expected("a table", given)
        return
    for name, text in given.items():
        if is_credential(name):
            yield (*path, name), "must hold no credentials; they belong in a key's secret"
        else:
            yield from _header((*path, name), name)
            yield from _text((*path, name), text)


def _renames(path: Path, given: Any) -> Iterator[Fault]:
    if not isinstance(given, Mapping):
        yield path, expected("a table", given)
        return
    for name, text in given.items():
        yield from _text((*path, name), text)


def _charge(path: Path, given: Any) -> Iterator[Fault]:
    if not isinstance(given, Mapping):
        yield path, expected("a table", given)
        return
    for dimension, mode in given.items():
        yield from _word(tuple(Charge))((*path, dimension), mode)


def _word(words: Collection[str]) -> _Check:
    def check(path: Path, given: Any) -> Iterator[Fault]:
        if not isinstance(given, str) or given not in words:
            yield path, one_of(words, given)

    return check


def _whole(low: int, high: int) -> _Check:
    def check(path: Path, given: Any) -> Iterator[Fault]:
        if type(given) is not int or not low <= given <= high:
            yield path, f"expected a whole number from {low} to {high}"

    return check


def _until(path: Path, given: Any) -> Iterator[Fault]:
    try:
        until_s(given if isinstance(given, str) else "", 0.0)
    except (ValueError, KeyError, OSError):  # also of zoneinfo: no such zone, no name of one
        yield path, 'expected "month" or "midnight ZONE", a time zone such as UTC'


def _window(path: Path, given: Any) -> Iterator[Fault]:
    if type(given) not in (int, float) or not 0 < given <= _WINDOW_MAX_S:
        yield path, "expected seconds, more than 0 and at most a year"


def _list_of(known: Mapping[str, _Check], required: Collection[str]) -> _Check:
    def check(path: Path, given: Any) -> Iterator[Fault]:
        if not isinstance(given, list):
            yield path, expected("a list of tables", given)
            return
        for index, each in enumerate(given):
            yield from _fields((*path, index), each, known, required)

    return check


def _table_of(known: Mapping[str, _Check]) -> _Check:
    return lambda path, given: _fields(path, given, known)


_LIMIT: Final = {"dimension": _text, "limit": _header, "remaining": _header, "reset": _header, "window_s": _window}
_RULE: Final = {
    "outcome": _word([word for word in OutcomeClass if word is not OutcomeClass.SUCCEEDED]),
    "status": _whole(100, 599),
    "type": _text,
    "code": _text,
    "contains": _text,
    "begins": _text,
    "scope": _word(tuple(Scope)),
    "until": _until,
}
_USAGE: Final = {
    **dict.fromkeys(("at", "input", "output", "total", "cached"), _texts),
    "cached_in_input": _flag,
}


def _rules(path: Path, given: Any) -> Iterator[Fault]:
    yield from _list_of(_RULE, ("outcome",))(path, given)
    for index, rule in enumerate(given if isinstance(given, list) else ()):
        if isinstance(rule, Mapping) and not rule.keys() & {"status", "type", "code", "contains", "begins"}:
            yield (*path, index), "matches everything: expected a status, type, code or text it contains"


_TABLE: Final[Mapping[str, _Check]] = {
    "like": _word(TABLES),
    "base_url": _url,
    **dict.fromkeys(("chat_path", "responses_path", "embeddings_path", "probe_path"), _path),
    "secret_header": _header,
    "secret_format": _secret_format,
    "headers": _headers,
    "output_maxima": _texts,
    "renames": _renames,
    "include_usage": _flag,
    "usage": _table_of(_USAGE),
    "charge": _charge,
    "limits": _list_of(_LIMIT, ("dimension",)),
    "wait_headers": _texts,
    "wait_fields": _texts,
    "errors": _rules,
}
"""Every field a table may have."""
