"""An asker whose every wait is counted, and that can be cancelled at any of them."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import anyio

from actorrouter.values import INF

from .gate import Gate


@types.coroutine
def stepping(steps: Coroutine[Any, Any, Any], on_yield: Callable[[int], None]) -> Generator[Any, Any, Any]:
    """Run a coroutine; say before its k-th wait that it is about to wait."""
    result: Any = None
    error: BaseException | None = None
    count = 0
    while True:
        try:
            trap = steps.send(result) if error is None else steps.throw(error)
        except StopIteration as done:
            return done.value
        count += 1
        on_yield(count)
        result, error = None, None
        try:
            result = yield trap
        except BaseException as thrown:
            error = thrown


class Asker:
    """One ask in a task of its own, cancelled as it is about to wait for the k-th time."""

    def __init__(self, gate: Gate, cancel_at: int, *, native: bool, deadline: float = INF) -> None:
        self.gate, self.cancel_at, self.native, self.deadline = gate, cancel_at, native, deadline
        self.waits = 0
        self.permits: list[int] = []
        self.then: Callable[[], Any] = lambda: None
        """Happens after the first wait."""
        self.scope = anyio.CancelScope()

    def _about_to_wait(self, count: int) -> None:
        self.waits = count
        if count == 1:
            self.gate.runtime.soon(self.then)
        if count == self.cancel_at:
            self.cancel()

    def cancel(self) -> None:
        if self.native:
            self.task.cancel()
        else:
            self.scope.cancel()

    async def _ask(self) -> None:
        with self.scope:
            permit = await stepping(self.gate.acquire(deadline=self.deadline), self._about_to_wait)
            self.permits.append(permit)

    async def run(self) -> None:
        if not self.native:
            await self._ask()
            return
        self.task = asyncio.create_task(self._ask())
        await asyncio.wait([self.task])
