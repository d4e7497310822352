"""A provider of OpenAI's family as a table: where it is, what its headers, errors and usage say. Pure but for reading.

The tables that are shipped stand in `providers.toml`; a user's own is a file of the same form. Both are read only when
an adapter is built that needs them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from actorrouter.adapters.limit_headers import LimitHeaders
from actorrouter.adapters.rules import Rule
from actorrouter.config import OWN_TABLE, Charge
from actorrouter.errors import InvalidConfig
from actorrouter.values import OutcomeClass, Scope, value

FILE_BYTES_MAX: Final = 1024 * 1024


@value
class UsageFields:
    """Where an answer says what was used. `at`: dotted paths of the objects that may hold it, best first; the others:
    fields in there. `cached_in_input`: the cached tokens are a part of the input, and not beside it."""

    at: tuple[str, ...] = ("usage", "x_groq.usage")
    input: tuple[str, ...] = ("prompt_tokens", "input_tokens")
    output: tuple[str, ...] = ("completion_tokens", "output_tokens")
    total: tuple[str, ...] = ("total_tokens",)
    cached: tuple[str, ...] = (
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
        "prompt_cache_hit_tokens",
    )
    cached_in_input: bool = True


@value
class Profile:
    """One table. A path that is empty: the provider does not speak that.

    `renames`: what a chat's fields are called here, for requests that were translated; "" where there is none.
    `include_usage`: a streamed chat tells its usage only when asked, and may be asked. `wait_headers`, `wait_fields`:
    where else than in `retry-after` a refusal says how long to wait: headers, fields anywhere in the body.
    """

    base_url: str = ""
    chat_path: str = "/chat/completions"
    responses_path: str = ""
    embeddings_path: str = "/embeddings"
    probe_path: str = "/models"
    secret_header: str = "authorization"  # noqa: S105 - a place
    secret_format: str = "Bearer {secret}"  # noqa: S105 - a pattern
    headers: Mapping[str, str] = attrs.field(factory=dict)
    output_maxima: tuple[str, ...] = ("max_completion_tokens", "max_tokens", "max_output_tokens")
    renames: Mapping[str, str] = attrs.field(factory=dict)
    include_usage: bool = True
    usage: UsageFields = attrs.field(factory=UsageFields)
    charge: Mapping[str, Charge] = attrs.field(factory=dict)
    limits: tuple[LimitHeaders, ...] = ()
    wait_headers: tuple[str, ...] = ()
    wait_fields: tuple[str, ...] = ()
    errors: tuple[Rule, ...] = ()


def find(name: str, adapter: str) -> Profile:
    """The table of the provider called `name`: a shipped one, or that of `file:PATH`. Raises InvalidConfig."""
    if not adapter.startswith(OWN_TABLE):
        return shipped(adapter)
    from actorrouter.adapters.table_faults import table_faults  # few bring a table of their own

    text, why = _text_of(Path(adapter.removeprefix(OWN_TABLE)))
    table, why = ({}, why) if why else _table_of(text)
    faults = [why] if why else table_faults(table)
    if faults:
        raise InvalidConfig([f"providers.{name}.adapter: {adapter}: {fault}" for fault in faults])
    like = table.pop("like", None)
    return _profile(_laid_over(_shipped_tables()[like], table) if like else table)


def _laid_over(base: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    merged = {name: {**base.get(name, {}), **table.get(name, {})} for name in ("headers", "usage", "charge")}
    return {**base, **table, **merged, "errors": [*table.get("errors", ()), *base.get("errors", ())]}


@functools.cache
def shipped(adapter: str) -> Profile:
    """A table of `providers.toml`. KeyError."""
    return _profile(_shipped_tables()[adapter])


@functools.cache
def _shipped_tables() -> Mapping[str, Any]:
    import tomllib
    from importlib.resources import files

    return tomllib.loads(files(__package__).joinpath("providers.toml").read_text(encoding="utf-8"))


def _text_of(path: Path) -> tuple[str, str]:
    """The file's text, or why there is none."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        return "", f"cannot be read: {(reason or 'it is no file').lower()}"
    if len(content) > FILE_BYTES_MAX:
        return "", f"larger than {FILE_BYTES_MAX} bytes"
    try:
        return content.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return "", "not UTF-8"


def _table_of(text: str) -> tuple[dict[str, Any], str]:
    """The text's table, or why it is not TOML."""
    import tomllib

    try:
        return tomllib.loads(text), ""
    except RecursionError:
        return {}, "not TOML: nested too deeply"
    except ValueError as error:  # what it says may repeat a character; where, is enough
        return {}, f"not TOML at {str(error).rpartition('(at ')[2].removesuffix(')')}"


def _profile(table: Mapping[str, Any]) -> Profile:
    """From a table without faults. What it says comes before what the whole family says."""
    family: Mapping[str, Any] = _shipped_tables()["family"]
    said: dict[str, Any] = {name: tuple(held) if isinstance(held, list) else held for name, held in table.items()}
    said |= {
        "secret_header": table.get("secret_header", "authorization").lower(),
        "headers": {name.lower(): text for name, text in table.get("headers", {}).items()},
        "usage": _usage(table.get("usage", {})),
        "charge": {name: Charge(mode) for name, mode in {**family["charge"], **table.get("charge", {})}.items()},
        "limits": tuple(_limit(each) for each in table.get("limits", family["limits"])),
        "errors": tuple(_rule(each) for each in (*table.get("errors", ()), *family["errors"])),
    }
    return Profile(**said)


def _usage(table: Mapping[str, Any]) -> UsageFields:
    said: dict[str, Any] = {name: tuple(held) if isinstance(held, list) else held for name, held in table.items()}
    return UsageFields(**said)


def _limit(table: Mapping[str, Any]) -> LimitHeaders:
    names = {what: table[what].lower() for what in ("limit", "remaining", "reset") if what in table}
    return LimitHeaders(table["dimension"], **names, window_s=table.get("window_s"))


def _rule(table: Mapping[str, Any]) -> Rule:
    scope = table.get("scope")
    return Rule(
        OutcomeClass(table["outcome"]),
        table.get("status"),
        table.get("type"),
        table.get("code"),
        table.get("contains"),
        table.get("begins"),
        None if scope is None else Scope(scope),
        table.get("until", ""),
    )
