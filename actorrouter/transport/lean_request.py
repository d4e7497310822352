"""What goes on the wire: where to, and the request's head. Refuses what could be read in two ways."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlsplit

from actorrouter.values import HttpRequest, value

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_CONTENT: Final = re.compile(r"[\t -~]*")
_HOST: Final = re.compile(r"[A-Za-z0-9._\-]+|\[[0-9A-Fa-f:.%]+\]")
_PORTS: Final = {"http": 80, "https": 443}
_KEPT: Final = "!#$%&'()*+,/:;=?@[]~-._"
_NO_BODY: Final = ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE")
_ONCE: Final = ("host", "content-length")


class Unsendable(ValueError):
    """Tells nothing of what it refuses."""


@value
class Target:
    """Where a URL points. `authority`: the Host header's text. `path`: with its query, which may hold a secret."""

    secure: bool
    host: str
    port: int
    authority: str
    path: str
    origin: tuple[bool, str, int]

    def __repr__(self) -> str:
        return f"Target({self.authority!r})"


def target(url: str) -> Target:
    """Raises Unsendable."""
    if not url.isprintable():  # urlsplit would drop line ends without a word
        raise Unsendable("invalid url or header")
    try:
        split = urlsplit(url)
        port, host = split.port, split.hostname
    except ValueError:
        raise Unsendable("invalid url or header") from None
    if split.scheme not in _PORTS or not host:
        raise Unsendable("the url needs http or https and a host")
    shown = f"[{host}]" if ":" in host else host
    if not _HOST.fullmatch(shown) or "@" in split.netloc or port == 0:
        raise Unsendable("invalid url or header")
    path = quote(f"{split.path or '/'}{'?' if split.query else ''}{split.query}", safe=_KEPT)
    default = port is None or port == _PORTS[split.scheme]
    origin = (split.scheme == "https", host, port or _PORTS[split.scheme])
    return Target(*origin, shown if default else f"{shown}:{port}", path, origin)


def head(request: HttpRequest, to: Target) -> bytes:
    """The request's head but for what `tail` adds. Raises Unsendable."""
    names = [name.lower() for name, _ in request.headers]
    if not _TOKEN.fullmatch(request.method) or any(names.count(name) > 1 for name in _ONCE):
        raise Unsendable("invalid url or header")
    if "transfer-encoding" in names:
        raise Unsendable("a body is sent by its length")
    lines = [f"{request.method} {to.path} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {to.authority}")
    for name, content in request.headers:
        if not _TOKEN.fullmatch(name) or not _CONTENT.fullmatch(content):
            raise Unsendable("invalid url or header")
        lines.append(f"{name}: {content}")
    return "\r\n".join([*lines, ""]).encode("ascii")


def sized(request: HttpRequest) -> bool:
    """Whether the request's own headers say how long its body is."""
    return any(name.lower() == "content-length" for name, _ in request.headers)


def tail(request: HttpRequest, *, sized: bool) -> bytes:
    """The length of the body, unless the request says it, and a blank line. Raises Unsendable."""
    if sized:
        said = [content for name, content in request.headers if name.lower() == "content-length"]
        if said != [str(len(request.body))]:
            raise Unsendable("content-length is not the body's")
    if sized or (not request.body and request.method in _NO_BODY):
        return b"\r\n"
    return b"Content-Length: %d\r\n\r\n" % len(request.body)


def closes(request: HttpRequest) -> bool:
    """Whether the request itself asks for the connection's end."""
    return any(name.lower() == "connection" and "close" in content.lower() for name, content in request.headers)
