"""What adapters share on the way to the wire: URLs, header lists, amounts. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from importlib.metadata import version
from typing import Final

from actorrouter.values import COST, Amount, Amounts

USER_AGENT: Final = f"actorrouter/{version('actorrouter')}"
AMOUNT_MAX: Final = 10**15


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


_CREDENTIALS: Final = frozenset(
    {
        *("authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie"),
        *("openai-organization", "openai-project"),  # whose limits are drawn on (facts: ecosystem.md section 11)
        *("x-amz-date", "x-amz-security-token", "x-amz-content-sha256"),
    }
)
# RFC 9110 section 7.6.1; what the transport says itself: how long the body is, whom it asks, what it can unpack.
_OF_ONE_HOP: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding"),
        *("upgrade", "expect", "host", "content-length", "accept-encoding"),
    }
)


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """The caller's headers, lower case, without credentials and without what belongs to one connection only."""
    named = {name.lower(): text for name, text in headers.items()}
    listed = {name.strip().lower() for name in named.get("connection", "").split(",")}
    return {name: text for name, text in named.items() if name not in _CREDENTIALS | _OF_ONE_HOP | listed}


_HEADER_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_HEADER_TEXT: Final = re.compile(r"[\t -~]*")


def headers_fault(headers: Mapping[str, str]) -> str | None:
    """Why a caller's headers cannot be sent, or None."""
    sound = all(_HEADER_NAME.fullmatch(name) and _HEADER_TEXT.fullmatch(text) for name, text in headers.items())
    return None if sound else "headers must be names and texts of printable ASCII"


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
