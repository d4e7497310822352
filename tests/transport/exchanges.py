"""What the tests of this room send, and how they look at what came of it."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest

from actorrouter.transport.port import Reached, Timeouts, Transport, TransportError
from actorrouter.values import HttpRequest

SECRET = "sk-1a2b3c4d5e6f"
PATIENT = Timeouts(connect_s=2, write_s=2, first_byte_s=2, idle_s=2)


def post(url: str, body: bytes = b"{}", *headers: tuple[str, str]) -> HttpRequest:
    return HttpRequest("POST", url, (("Authorization", f"Bearer {SECRET}"), *headers), body)


def ignore() -> None:
    """What a test does with `on_written` when it is about something else."""


async def exchange(
    transport: Transport, request: HttpRequest, timeouts: Timeouts = PATIENT, on_written: Callable[[], None] = ignore
) -> tuple[int, bytes]:
    """Status and whole body."""
    async with transport.open(request, timeouts, on_written) as answered:
        return answered.status, b"".join([piece async for piece in answered])


async def fault(
    transport: Transport, request: HttpRequest, timeouts: Timeouts = PATIENT, on_written: Callable[[], None] = ignore
) -> tuple[str, Reached, str]:
    """Kind, reached and words of the error the exchange ends in. It must tell nothing more, nor its traceback."""
    with pytest.raises(TransportError) as caught:
        await exchange(transport, request, timeouts, on_written)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert SECRET not in f"{error!r} {error} {error.args} {vars(error)}"
    assert SECRET not in "".join(locals_of_the_library(error))
    return error.kind, error.reached, str(error).partition(": ")[2]


def locals_of_the_library(error: BaseException) -> list[str]:
    """As a traceback that prints local variables would print them."""
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    return [
        text for frame in frames if "actorrouter/transport" in frame.filename for text in (frame.locals or {}).values()
    ]
