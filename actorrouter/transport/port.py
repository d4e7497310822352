"""The port behind which an HTTP client lives. Nothing outside this room imports one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol

from anyio.abc import ByteStream

from actorrouter.values import HttpRequest, value

Dial = Callable[[str, int], Awaitable[ByteStream]]
"""Opens a connection to a host and port, to speak TLS or HTTP on. Raises OSError. What `Dialled` is asked, too."""


class Dialled(Protocol):
    """What a pool asks of a connection that it was dialled, before it uses it once more."""

    def ended(self) -> bool:
        """Whether the other side has closed it or sent what nobody asked for."""


class Reached(StrEnum):
    """Whether any of the request can have arrived at the provider."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


@value
class Timeouts:
    """Seconds. `first_byte_s`: from written to status line; `idle_s`: between two chunks of the body."""

    connect_s: float = 5.0
    write_s: float = 30.0
    first_byte_s: float = 120.0
    idle_s: float = 60.0


class TransportError(Exception):
    """An exchange failed. `kind`: connect, dns, tls, proxy, timeout, write, read or protocol. Never names a header."""

    def __init__(self, kind: str, reached: Reached, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.reached = reached


class Response(Protocol):
    """An answer whose head is in. Header names are lower case; iterate once for the body's chunks, decompressed."""

    status: int
    headers: Mapping[str, str]

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises TransportError when it ends before the protocol's end."""


class Sending(AbstractAsyncContextManager[Response], Protocol):
    """One request on its way: enter it for the answer's head."""

    @property
    def reached(self) -> Reached:
        """Whether any of it can have arrived by now; asked when entering it was broken off."""


class Transport(Protocol):
    """One pool of connections to one provider with one egress: a key's own."""

    def open(self, request: HttpRequest, timeouts: Timeouts, on_written: Callable[[], None]) -> Sending:
        """Send, and give the answer when its head is in. `on_written` is called once, when the request's last byte has
        been handed to the network. Leaving the context closes or returns the connection, cancelled or not."""

    async def aclose(self) -> None:
        """Close every connection. Repeats change nothing."""
