"""What httpx and httpx2 raise, in the port's words.

Of an exception's own text nothing is kept: the clients quote rejected headers and received bytes in it. What is said is
ours, the operating system's or OpenSSL's.
"""

from __future__ import annotations

from types import ModuleType

from actorrouter.transport.phases import (
    CLOSED,
    CUT_SHORT,
    LOST,
    MALFORMED,
    REACHED,
    UNPACKABLE,
    Stage,
    timed_out,
    unconnected,
    words,
)
from actorrouter.transport.port import Reached, TransportError
from actorrouter.transport.unpacking import Unpackable


def failure(client: ModuleType, error: Exception, stage: Stage, *, write_failed: bool = False) -> TransportError:
    """What `error`, raised in `stage`, means. `write_failed`: the request could not be written in full."""
    if stage is Stage.PROXYING:
        return _refused_by_proxy(error)
    if stage < Stage.SENDING:
        return unconnected(error, stage)
    if isinstance(error, client.LocalProtocolError):  # raised for the request's head alone, before its first byte
        return TransportError("protocol", Reached.NO, "invalid header")
    lost = "write" if write_failed else "read"
    if isinstance(error, client.RemoteProtocolError):
        return _broken_answer(str(error), stage, lost)
    if isinstance(error, Unpackable):
        return TransportError("protocol", Reached.YES, UNPACKABLE)
    if isinstance(error, client.TimeoutException):
        return timed_out(stage)
    if isinstance(error, (client.NetworkError, *LOST)):
        return TransportError(lost, REACHED[stage], words(error))
    return TransportError("protocol", REACHED[stage], type(error).__name__)


def _refused_by_proxy(error: Exception) -> TransportError:
    code = str(error).partition(" ")[0]  # "407 Proxy Authentication Required"
    return TransportError("proxy", Reached.NO, f"the proxy answered {code}" if code.isdecimal() else words(error))


def _broken_answer(text: str, stage: Stage, lost: str) -> TransportError:
    if text.startswith("Server disconnected"):  # also how a reused connection ends that the server had closed
        return TransportError(lost, REACHED[stage], CLOSED)
    if text.startswith("peer closed connection"):
        return TransportError("read", Reached.YES, CUT_SHORT)
    return TransportError("protocol", Reached.YES, MALFORMED)
