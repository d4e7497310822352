"""What a transport keeps, whichever client it is. For tests that must look inside."""

from __future__ import annotations

import socket
from typing import Any

from actorrouter.transport.httpx_family import HttpxTransport
from actorrouter.transport.lean import LeanTransport
from actorrouter.transport.port import Response, Transport


def busy(transport: Transport) -> list[Any]:
    """Connections that are neither idle nor closed."""
    if isinstance(transport, LeanTransport):
        return list(transport.busy)
    assert isinstance(transport, HttpxTransport)
    pool = transport.pool._pool
    return [*(link.info() for link in pool.connections if "IDLE" not in link.info()), *pool._requests]


def forget(transport: Transport) -> None:
    """As when `aclose` ran while a request was connecting: the pool knows its connection no more."""
    assert isinstance(transport, LeanTransport | HttpxTransport)
    transport.closed = True
    if isinstance(transport, LeanTransport):
        transport.busy.clear()
    else:
        transport.pool._pool._connections = []


def socket_of(answered: Response) -> socket.socket:
    """What the answer comes through, while it comes."""
    inside: Any = answered
    if hasattr(inside, "_link"):
        return inside._link.socket  # type: ignore[no-any-return]
    return inside._response.extensions["network_stream"].get_extra_info("socket")  # type: ignore[no-any-return]
