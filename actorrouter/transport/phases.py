"""How far a request has come, what that means for whether it arrived, and what the system's own errors say of it."""

from __future__ import annotations

import os
import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, Self

import anyio

from actorrouter.transport.port import Reached, TransportError


class Stage(IntEnum):
    """How far a request has come."""

    PROXYING = 0  # until the proxy lets us through; without one this stage is skipped
    CONNECTING = 1
    SECURING = 2
    SENDING = 3
    WAITING = 4
    ANSWERED = 5


class Pieces(ABC):
    """A body as it comes. What ends it is raised where no other exception is being handled: none is its context."""

    __slots__ = ()

    @abstractmethod
    async def _read(self) -> bytes | TransportError | None:
        """The next piece; None: it was read to its end."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        outcome = await self._read()
        if isinstance(outcome, TransportError):
            raise outcome
        if outcome is None:
            raise StopAsyncIteration
        return outcome


REACHED: Final = (Reached.NO, Reached.NO, Reached.NO, Reached.MAYBE, Reached.MAYBE, Reached.YES)
LOST: Final = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)
"""How a connection ends that was not ours to end."""

MALFORMED: Final = "malformed answer"
CLOSED: Final = "the server closed the connection without an answer"
CUT_SHORT: Final = "the body was cut short"
UNPACKABLE: Final = "the body cannot be decompressed"

_PHASE: Final = ("connect, proxy", "connect", "connect, tls", "write", "first byte", "idle")


def timed_out(stage: Stage) -> TransportError:
    """The stage's own time is up."""
    return TransportError("timeout", REACHED[stage], _PHASE[stage])


def unconnected(error: Exception, stage: Stage) -> TransportError:
    """`error` ended the opening of a connection to the provider itself."""
    if stage is Stage.SECURING:
        kind = "tls"
    else:
        kind = "dns" if any(isinstance(cause, socket.gaierror) for cause in _causes(error)) else "connect"
    return TransportError(kind, Reached.NO, words(error))


def words(error: BaseException) -> str:
    """The operating system's or OpenSSL's words for what is behind `error`; never a client's own."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return str(cause.verify_message)
        if isinstance(cause, ssl.SSLError) and getattr(cause, "reason", None):
            return cause.reason.lower().replace("_", " ")
        if isinstance(cause, OSError) and cause.errno:  # a resolver's numbers are its own
            return (os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)).lower()
    return "the connection was lost"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        first = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = first or error.__cause__ or error.__context__
