"""HTTP clients, one a file, behind `port.Transport`. Only this room imports one, and only when asked to."""

from __future__ import annotations

import functools
import importlib
import ssl
from types import ModuleType
from typing import Final, cast

from actorrouter.errors import InvalidConfig
from actorrouter.transport.httpx_family import HttpxTransport
from actorrouter.transport.port import Dial, Transport

CLIENTS: Final = ("httpx2", "httpx")
"""What `auto` takes, in this order."""


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
    module = _module(client)
    context = ssl_context or shared_ssl_context(module.__name__)
    try:
        return HttpxTransport(module, ssl_context=context, proxy=proxy, dial=dial)
    except ImportError:
        fault = f"proxy: socks needs a package; pip install '{module.__name__}[socks]'"
    except Exception:  # the client's own words would show the proxy's password
        fault = "proxy: must be an http, https or socks5 URL"
    raise InvalidConfig([fault], "transport")


def prepare(client: str = "auto") -> None:
    """Import the client and build its TLS context now, so that no call has to wait for it. Raises InvalidConfig."""
    shared_ssl_context(_module(client).__name__)


def _module(client: str) -> ModuleType:
    for name in CLIENTS if client == "auto" else (client,):
        if name not in CLIENTS:
            raise InvalidConfig([f"client: unknown; choose auto, {' or '.join(CLIENTS)}"], "transport")
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    missing = CLIENTS[0] if client == "auto" else client
    raise InvalidConfig([f"client: {missing} is not installed; pip install {missing}"], "transport")


@functools.cache
def shared_ssl_context(client: str) -> ssl.SSLContext:
    """The process's one TLS context for `client`, made the client's way.

    httpx2 trusts the system's store, httpx certifi's; both honour SSL_CERT_FILE and SSL_CERT_DIR, read once.
    """
    return cast("ssl.SSLContext", importlib.import_module(client).create_ssl_context())
