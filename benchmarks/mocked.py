"""A transport that answers at once: what is left of a call is the router's own work."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final, Self

from anyio.lowlevel import checkpoint

from actorrouter.transport.port import Reached, Timeouts
from actorrouter.values import HttpRequest

ANSWER: Final = json.dumps(
    {
        "choices": [{"message": {"content": "word " * 16}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 16, "total_tokens": 116},
    }
).encode()


class Mocked:
    """A transport, and an exchange of it."""

    status = 200
    reached = Reached.YES
    headers: Mapping[str, str] = {"content-type": "application/json"}

    def open(self, request: HttpRequest, timeouts: Timeouts, on_written: Callable[[], None]) -> Self:  # noqa: ARG002
        """See the port."""
        on_written()
        return self

    async def aclose(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> Self:
        await checkpoint()
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield ANSWER


def mocked(_: str, *, proxy: str | None) -> Mocked:  # noqa: ARG001 (the port's)
    """Connects to nothing."""
    return Mocked()
