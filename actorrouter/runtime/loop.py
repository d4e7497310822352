"""What waiting needs of an event loop: anyio's, or one whose time is a number (see `simulation.world.heap`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Protocol, Self

import anyio
from anyio import lowlevel

from actorrouter.runtime.clock import loop_caller, loop_clock


class Event(Protocol):
    """Set once; whoever waits goes on."""

    def set(self) -> object:
        """Let them go on."""

    async def wait(self) -> object:
        """Until it is set."""


class Scope(Protocol):
    """A block that ends at its deadline."""

    @property
    def cancelled_caught(self) -> bool:
        """It ended by its deadline."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None: ...


class Loop(Protocol):
    """Time, and waiting for it."""

    def clock(self) -> Callable[[], float]:
        """Monotonic seconds on the running loop."""

    def caller(self) -> Callable[[Callable[[], object]], object]:
        """Calls a function on this loop, soon: from any thread, and from finalizers. RuntimeError when it has ended."""

    def within(self, deadline: float) -> Scope:
        """A block that is cancelled at this instant."""

    def event(self) -> Event:
        """One not yet set."""

    @property
    def sleep(self) -> Callable[[float], Awaitable[None]]:
        """Wait so many seconds."""

    @property
    def checkpoint(self) -> Callable[[], Awaitable[None]]:
        """Let others run."""

    @property
    def checkpoint_if_cancelled(self) -> Callable[[], Awaitable[None]]:
        """Raise if the caller has been cancelled."""


class AnyioLoop:
    """The running loop of asyncio or trio."""

    clock = staticmethod(loop_clock)
    caller = staticmethod(loop_caller)
    event = staticmethod(anyio.Event)
    sleep = staticmethod(anyio.sleep)
    checkpoint = staticmethod(lowlevel.checkpoint)
    checkpoint_if_cancelled = staticmethod(lowlevel.checkpoint_if_cancelled)

    @staticmethod
    def within(deadline: float) -> anyio.CancelScope:
        return anyio.CancelScope(deadline=deadline)
