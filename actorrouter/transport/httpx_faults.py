"""What httpx and httpx2 raise, in the port's words.

Of an exception's own text nothing is kept: the clients quote rejected headers and received bytes in it. What is said is
ours, the operating system's or OpenSSL's.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from types import ModuleType
from typing import Final

import anyio

from actorrouter.transport.httpx_progress import Stage
from actorrouter.transport.port import Reached, TransportError

_REACHED: Final = (Reached.NO, Reached.NO, Reached.NO, Reached.MAYBE, Reached.MAYBE, Reached.YES)
_PHASE: Final = ("connect, proxy", "connect", "connect, tls", "write", "first byte", "idle")
_STREAM_ERRORS: Final = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


def timed_out(stage: Stage) -> TransportError:
    """The stage's own time is up."""
    return TransportError("timeout", _REACHED[stage], _PHASE[stage])


def failure(client: ModuleType, error: Exception, stage: Stage, *, write_failed: bool = False) -> TransportError:
    """What `error`, raised in `stage`, means. `write_failed`: the request could not be written in full."""
    if stage < Stage.SENDING:
        return _unconnected(error, stage)
    if isinstance(error, client.LocalProtocolError):  # raised for the request's head alone, before its first byte
        return TransportError("protocol", Reached.NO, "invalid header")
    lost = "write" if write_failed else "read"
    if isinstance(error, client.RemoteProtocolError):
        return _broken_answer(str(error), stage, lost)
    if isinstance(error, client.TimeoutException):
        return timed_out(stage)
    if isinstance(error, (client.NetworkError, *_STREAM_ERRORS)):
        return TransportError(lost, _REACHED[stage], _words(error))
    return TransportError("protocol", _REACHED[stage], type(error).__name__)


def _unconnected(error: Exception, stage: Stage) -> TransportError:
    kind, detail = "connect", _words(error)
    if stage is Stage.PROXYING:
        code = str(error).partition(" ")[0]  # "407 Proxy Authentication Required"
        kind, detail = "proxy", f"the proxy answered {code}" if code.isdecimal() else detail
    elif stage is Stage.SECURING:
        kind = "tls"
    elif any(isinstance(cause, socket.gaierror) for cause in _causes(error)):
        kind = "dns"
    return TransportError(kind, Reached.NO, detail)


def _broken_answer(text: str, stage: Stage, lost: str) -> TransportError:
    if text.startswith("Server disconnected"):  # also how a reused connection ends that the server had closed
        return TransportError(lost, _REACHED[stage], "the server closed the connection without an answer")
    if text.startswith("peer closed connection"):
        return TransportError("read", Reached.YES, "the body was cut short")
    return TransportError("protocol", Reached.YES, "malformed answer")


def _words(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError) and (said := _said(cause)):
            return said
        if isinstance(cause, OSError) and cause.errno:  # a resolver's numbers are its own
            return (os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)).lower()
    return "the connection was lost"


def _said(error: ssl.SSLError) -> str:
    """What OpenSSL says; nothing if the error was raised by somebody else, who need not set these."""
    verified = getattr(error, "verify_message", None)
    return str(verified) if verified else (getattr(error, "reason", None) or "").lower().replace("_", " ")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        first = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = first or error.__cause__ or error.__context__
