"""What adapters share on the way to the wire: URLs, header lists, amounts. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from actorrouter.values import COST, Amount, Amounts
from actorrouter.version import __version__

USER_AGENT: Final = f"actorrouter/{__version__}"
AMOUNT_MAX: Final = 10**15
JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"


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
    {"authorization", "api-key", "x-api-key", "x-goog-api-key", "x-goog-user-project", "cookie",
     "proxy-authorization", "openai-organization", "openai-project", "x-amz-date", "x-amz-security-token",
     "x-amz-content-sha256"}
)  # fmt: skip
# RFC 9110 section 7.6.1, and what the transport itself decides: framing, host, codings it can undo.
_OF_THE_CONNECTION: Final = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding",
     "upgrade", "host", "content-length", "expect", "accept-encoding"}
)  # fmt: skip
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """A caller's headers that go on to the provider, names in lower case: no credentials, nothing of the connection."""
    if not headers:
        return {}
    lower = {name.lower(): text for name, text in headers.items()}
    named = {name.strip().lower() for name in lower.get("connection", "").split(",")}
    dropped = _CREDENTIALS | _OF_THE_CONNECTION | named
    return {name: text for name, text in lower.items() if name not in dropped}


def is_credential(name: str) -> bool:
    """Whether a header of this name carries a credential, or says on whose account a request goes."""
    return name.lower() in _CREDENTIALS


def headers_fault(headers: Mapping[str, str]) -> str | None:
    """Why a caller's headers cannot be sent, or None. What they hold is not repeated."""
    for name, text in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            return "headers: expected names of headers"
        if not text.isascii() or not text.isprintable():
            return f"headers: {name} must be printable ASCII"
    return None


def positive(said: object) -> bool:
    """A whole number of at least 1."""
    return type(said) is int and said >= 1


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
