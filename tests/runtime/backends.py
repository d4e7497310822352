"""The event loops tests run on, as anyio wants them named; and asyncio's with a clock that jumps."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import anyio
import trio.testing

_T = TypeVar("_T")


class JumpingLoop(asyncio.SelectorEventLoop):
    """As soon as every task waits, time jumps to the next timer. What trio's MockClock does for trio."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        scheduled: list[Any] = self._scheduled  # type: ignore[attr-defined]
        while scheduled and scheduled[0].cancelled():
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
            heapq.heappop(scheduled)._scheduled = False
        if scheduled and not self._ready:  # type: ignore[attr-defined]
            self._now = max(self._now, scheduled[0].when())
        super()._run_once()  # type: ignore[misc]


def _asyncio() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": JumpingLoop}


def _uvloop() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": True}


def _trio() -> tuple[str, dict[str, Any]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


BACKENDS: Final[dict[str, Callable[[], tuple[str, dict[str, Any]]]]] = {
    "asyncio": _asyncio,
    "uvloop": _uvloop,
    "trio": _trio,
}


def run_on(name: str, main: Callable[[], Awaitable[_T]]) -> _T:
    """Run a whole program on one of them."""
    backend, options = BACKENDS[name]()
    return anyio.run(main, backend=backend, backend_options=options)
