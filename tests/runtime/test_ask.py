"""Asks on a running loop: how they end, and whom they let go first."""

from __future__ import annotations

from contextvars import ContextVar
from itertools import pairwise
from typing import Any

import anyio
import pytest
from anyio import lowlevel

from actorrouter.errors import ActorDown, ActorFailed
from actorrouter.runtime.cell import Cell
from actorrouter.runtime.engine import TURNS_PER_YIELD
from actorrouter.runtime.ref import Ref
from actorrouter.turns import NOTHING, Behaviour, Turn
from actorrouter.values import INF

from .actors_for_tests import (
    Do,
    Note,
    Read,
    counter,
    passes,
    running,
)

_REQUEST: ContextVar[str] = ContextVar("request", default="unset")


@pytest.mark.anyio
class TestAsk:
    async def test_stopped_actor_fails_promptly(self) -> None:
        """An ask to a stopped actor raises ActorDown without waiting."""
        async with running() as runtime:
            ref = counter(runtime)
            runtime.stop(ref.cell, "test")
            with pytest.raises(ActorDown):
                await ref.ask(Read())

    async def test_failed_turn(self) -> None:
        """The asker of a turn that raises gets ActorFailed with the cause."""
        async with running() as runtime:
            ref = counter(runtime)
            with pytest.raises(ActorFailed) as failure:
                await ref.ask(Do(Turn(events=(NOTHING,))))
            assert isinstance(failure.value.__cause__, KeyError)

    async def test_a_loop_of_asks_gives_way(self) -> None:
        """A task that does nothing but ask lets the others run once in 64 asks."""
        async with running() as runtime, anyio.create_task_group() as group:
            ref = counter(runtime)
            beats = 0

            async def heart() -> None:
                nonlocal beats
                while True:
                    beats += 1
                    await lowlevel.checkpoint()

            group.start_soon(heart)
            await passes(2)
            before = beats
            for _ in range(10 * TURNS_PER_YIELD):
                await ref.ask(Read())
            assert 9 <= beats - before <= 22
            group.cancel_scope.cancel()

    async def test_the_pump_gives_way(self) -> None:
        """Any amount of queued mail is served 64 at a time; others run in between."""
        async with running() as runtime, anyio.create_task_group() as group:
            ref = counter(runtime)
            runtime.suspend(ref.cell, INF)
            for _ in range(10 * TURNS_PER_YIELD):
                runtime.tell("counter", Note())
            counts: list[int] = []

            async def heart() -> None:
                while ref.cell.depth:
                    counts.append(ref.cell.depth)
                    await lowlevel.checkpoint()

            group.start_soon(heart)
            runtime.restart(ref.cell)
            await passes(20)
            assert len(counts) >= 8
            assert max(a - b for a, b in pairwise(counts)) <= 2 * TURNS_PER_YIELD

    async def test_context_travels_with_queued_mail(self) -> None:
        """A turn that waited sees the context variables of its sender, not of whoever runs it."""
        seen: list[str] = []

        def note(state: None, message: Note, now: float) -> Turn:
            seen.append(_REQUEST.get())
            return NOTHING

        async with running() as runtime:
            cell: Cell = runtime.spawn("a", Behaviour("a", {Note: note}, {}, lambda s: s, lambda s: 0), lambda: None)
            ref = Ref(runtime, cell)

            async def send(name: str, how: Any) -> None:
                _REQUEST.set(name)
                await how()

            async def tell() -> None:
                ref.tell(Note())

            async with anyio.create_task_group() as group:
                group.start_soon(send, "inline", tell)
                await passes(2)
                runtime.suspend(cell, INF)
                group.start_soon(send, "told", tell)
                group.start_soon(send, "asked", lambda: ref.ask(Note()))
                await passes(2)
                runtime.restart(cell)
            await passes(2)
            assert (seen[0], sorted(seen[1:])) == ("inline", ["asked", "told"])
            assert _REQUEST.get() == "unset"
