"""What waiting needs of an event loop: anyio's, or one whose time is a number (see `simulation.world.heap`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Protocol, Self

import anyio
from anyio import lowlevel

from actorrouter.runtime.clock import loop_caller, loop_clock

Work = Callable[[], Coroutine[Any, Any, None]]


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

    def cancel(self) -> object:
        """End it now."""

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

    async def together(self, first: Work, second: Work) -> None:
        """Run both to their ends. What one raises ends the other and comes out as it is, never in a group; whoever
        cancels the caller cancels both."""

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
    async def together(first: Work, second: Work) -> None:
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(second)
                await first()
        except BaseExceptionGroup as errors:
            raise _alone(errors) from None

    @staticmethod
    def within(deadline: float) -> anyio.CancelScope:
        return anyio.CancelScope(deadline=deadline)


def _alone(error: BaseException) -> BaseException:
    """The first of a group, and of the groups in it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
