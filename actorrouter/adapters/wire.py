"""What adapters share on the way to the wire and back: JSON, URLs, header lists, dotted paths. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from importlib.metadata import version
from typing import Any, Final

from actorrouter.values import COST, Amount, Amounts

USER_AGENT: Final = f"actorrouter/{version('actorrouter')}"
AMOUNT_MAX: Final = 10**15
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_ESCAPING: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def encode_json(document: object) -> bytes:
    """Compact JSON in UTF-8. Raises TypeError, ValueError (NaN, circles) or RecursionError for what is not JSON."""
    try:
        return _ENCODER.encode(document).encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can only write escaped
        return _ESCAPING.encode(document).encode()


def decode_json(body: bytes) -> Any:
    """The document, or None when it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def not_json(document: object) -> str | None:
    """Why this cannot be sent as JSON, or None."""
    try:
        encode_json(document)
    except (TypeError, ValueError, RecursionError) as error:
        return f"body is not JSON: {str(error)[:100]}"
    return None


def join_url(base: str, path: str, query: str = "") -> str:
    """`path` below `base`; queries of the base, the path and `query` are all kept. The host is always the base's."""
    root, _, base_query = base.partition("?")
    below, _, path_query = path.partition("?")
    url = f"{root.rstrip('/')}/{below.lstrip('/')}"
    for more in (base_query, path_query, query):
        url = with_query(url, more)
    return url


def with_query(url: str, query: str) -> str:
    """The URL with more of a query; an empty one changes nothing."""
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{query}"


def header_list(*layers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Headers with lower-case names, each once: a later layer wins."""
    merged = {name.lower(): content for layer in layers for name, content in layer.items()}
    return tuple(merged.items())


def dig(document: Any, path: str) -> Any:
    """What stands at a dotted path, or None. A segment is a key of an object or an index into a list."""
    for segment in path.split("."):
        if type(document) is dict or isinstance(document, Mapping):  # most are, and asking an ABC is slow
            document = document.get(segment)
        elif isinstance(document, list) and segment.isdecimal() and int(segment) < len(document):
            document = document[int(segment)]
        else:
            return None
    return document


def amount(said: object) -> Amount | None:
    """A believable amount: a number, not a boolean, not negative, finite, at most 10^15."""
    if isinstance(said, bool) or not isinstance(said, int | float | Decimal):
        return None
    if isinstance(said, Decimal) and not said.is_finite():
        return None
    return said if 0 <= said <= AMOUNT_MAX else None


def exact(dimension: str, size: Amount) -> Amount:
    """The amount in its dimension's own kind: money is a Decimal, everything else a plain number."""
    if dimension == COST:
        return Decimal(str(size))
    return float(size) if isinstance(size, Decimal) else size


def exact_units(units: Amounts) -> dict[str, Amount]:
    """The caller's units, each in its dimension's own kind."""
    return {dimension: exact(dimension, size) for dimension, size in units.items()}


def units_fault(units: Amounts) -> str | None:
    """Why the caller's units cannot be reserved, or None."""
    wrong = [name for name, said in units.items() if amount(said) is None]
    return f"units must be numbers of at least 0: {wrong[0]}" if wrong else None


def path_fault(path: str) -> str | None:
    """Why a caller's path cannot be sent, or None. It may not leave the base URL."""
    plain = path.isascii() and path.isprintable() and not set(path) & set(" #\\")
    segments = path.partition("?")[0].lower().replace("%2e", ".").split("/")
    if not plain or not path.startswith("/") or ".." in segments:
        return "path must begin with / and hold no .., spaces, # or \\"
    return None


class SecretUrl(str):
    """A URL that holds a secret in its query: its repr does not show the query. Its text is still the whole URL."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(f"{self.partition('?')[0]}?***")


def listed(document: Any, name: str) -> list[Any]:
    """The list at `name` of an object, or an empty one."""
    found = document.get(name) if isinstance(document, Mapping) else None
    return found if isinstance(found, list) else []
