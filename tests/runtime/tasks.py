"""Task actors for tests, and who asks them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from actorrouter.runtime.ref import Ref
from actorrouter.runtime.task_actor import Inbox, Letter
from actorrouter.supervisor.specs import (
    SupervisorSpec,
    TaskSpec,
)
from actorrouter.supervisor.tree import Supervisor
from tests.supervisor.world import AT_ONCE, World

TRIO_ONLY = pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)


ASYNCIO_ONLY = pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)


async def settled() -> None:
    """Every task waits. On asyncio a task that is about to go on may look blocked for a pass."""
    for _ in range(5):
        await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()


@asynccontextmanager
async def running(world: World, spec: SupervisorSpec) -> AsyncIterator[Supervisor]:
    """A tree whose tasks live until the end of the block."""
    async with anyio.create_task_group() as tasks:
        tree = world.tree(spec, spawn_task=tasks.start_soon)
        await settled()
        yield tree
        tasks.cancel_scope.cancel()


def task(run: Callable[[Inbox], Any], child_id: str = "t", **more: Any) -> TaskSpec:
    return TaskSpec(child_id, run, **({"backoff": AT_ONCE} | more))


async def echo(inbox: Inbox) -> None:
    """Answers with the message; crashes on "boom"."""
    while True:
        letter = await inbox.get()
        if letter.message == "boom":
            raise ZeroDivisionError("boom")
        letter.reply(letter.message)


class Fatal(BaseException):
    """Stands for SystemExit and KeyboardInterrupt, which would end the test run on asyncio."""


class Hand:
    """A task that takes letters only when the test says so, and keeps them."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.inboxes: list[Inbox] = []
        self.cancelled = 0
        self._more = anyio.Event()

    async def run(self, inbox: Inbox) -> None:
        self.inboxes.append(inbox)
        try:
            while True:
                await self._more.wait()
                self._more = anyio.Event()
                self.letters.append(await inbox.get())
        except anyio.get_cancelled_exc_class():
            self.cancelled += 1
            raise

    async def take(self) -> Letter:
        self._more.set()
        await settled()
        return self.letters[-1]


class Asker:
    """One ask in a task of its own, and what came of it."""

    def __init__(self, ref: Ref, message: Any) -> None:
        self.scope = anyio.CancelScope()
        self.answer: Any = None
        self.error: Exception | None = None
        self._ref, self._message = ref, message

    async def run(self) -> None:
        with self.scope:
            try:
                self.answer = await self._ref.ask(self._message)
            except Exception as error:
                self.error = error
