"""HTTP clients behind `port.Transport`. Only this room imports one, and only when asked to."""

from __future__ import annotations

import functools
import importlib
import ssl
import sys
from types import ModuleType
from typing import Final, cast

from actorrouter.errors import InvalidConfig
from actorrouter.transport.port import Dial, Transport

LEAN: Final = "lean"
FAMILY: Final = ("httpx2", "httpx")
"""One interface, two clients; the first is preferred."""

CLIENTS: Final = (LEAN, *FAMILY)
"""What `auto` takes, in this order; through a proxy the first of the family."""

_MODULES: Final = {LEAN: "httptools"}
_NO_PROXY: Final = "proxy: the lean client speaks to no proxy; choose auto, httpx2 or httpx"


def connect(
    client: str = "auto",
    *,
    proxy: str | None = None,
    ssl_context: ssl.SSLContext | None = None,
    dial: Dial | None = None,
) -> Transport:
    """A pool of connections of its own. Opens nothing yet. The first call builds the TLS context unless `prepare` did.

    `proxy`: an http, https or socks5 URL. The proxy variables of the environment are not read. `dial`: opens each
    connection in place of TCP. Raises InvalidConfig.
    """
    module = _module(client, proxied=proxy is not None)
    context = ssl_context or shared_ssl_context(_name(module))
    if _name(module) == LEAN:
        from actorrouter.transport.lean import LeanTransport

        return LeanTransport(ssl_context=context, dial=dial)
    from actorrouter.transport.httpx_family import HttpxTransport

    try:
        return HttpxTransport(module, ssl_context=context, proxy=proxy, dial=dial)
    except ImportError:
        fault = f"proxy: socks needs a package; pip install '{module.__name__}[socks]'"
    except Exception:  # the client's own words would show the proxy's password
        fault = "proxy: must be an http, https or socks5 URL"
    raise InvalidConfig([fault], "transport")


def prepare(client: str = "auto", *, proxied: bool = False) -> None:
    """Import the client and build its TLS context now, so that no call has to wait for it. Raises InvalidConfig."""
    name = _name(_module(client, proxied=proxied))
    importlib.import_module(f"{__name__}.{'lean' if name == LEAN else 'httpx_family'}")
    shared_ssl_context(name)


def _module(client: str, *, proxied: bool) -> ModuleType:
    if client not in ("auto", *CLIENTS):
        raise InvalidConfig([f"client: unknown; choose auto, {', '.join(FAMILY)} or {LEAN}"], "transport")
    if client == LEAN and proxied:
        raise InvalidConfig([_NO_PROXY], "transport")
    fitting = FAMILY if proxied else CLIENTS
    for name in fitting if client == "auto" else (client,):
        try:
            return importlib.import_module(_MODULES.get(name, name))
        except ImportError:
            continue
    missing = fitting[0] if client == "auto" else client
    missing = _MODULES.get(missing, missing)
    raise InvalidConfig([f"client: {missing} is not installed; pip install {missing}"], "transport")


def _name(module: ModuleType) -> str:
    return LEAN if module.__name__ == _MODULES[LEAN] else module.__name__


@functools.cache
def shared_ssl_context(client: str) -> ssl.SSLContext:
    """The process's one TLS context for `client`, made the client's way.

    lean trusts OpenSSL's store (on macOS and Windows, where that is empty, the system's), httpx2 the system's, httpx
    certifi's; all honour SSL_CERT_FILE and SSL_CERT_DIR, read once.
    """
    if client != LEAN:
        return cast("ssl.SSLContext", importlib.import_module(client).create_ssl_context())
    if sys.platform in ("darwin", "win32"):
        return shared_ssl_context(FAMILY[0])
    return ssl.create_default_context()
