"""How one actor is reached: ask, call, tell; and who owns a reply whose asker has gone."""

from __future__ import annotations

from collections import deque
from contextvars import copy_context
from typing import Any

from actorrouter.errors import ActorDown, MailboxFull
from actorrouter.runtime.cell import Cell, Envelope, Parked
from actorrouter.runtime.engine import TURNS_PER_YIELD, Crash, unavailable
from actorrouter.runtime.interrupts import uninterrupted
from actorrouter.runtime.runtime import Runtime
from actorrouter.turns import AskWithdrawn
from actorrouter.values import INF


class Ref:
    """How to reach one actor. Cheap; hold as many as you like."""

    __slots__ = ("_cell", "_runtime")

    def __init__(self, runtime: Runtime, cell: Cell) -> None:
        self._runtime = runtime
        self._cell = cell

    @property
    def actor_id(self) -> str:
        return self._cell.actor_id

    @property
    def cell(self) -> Cell:
        """For the rooms that run actors: supervisor and router."""
        return self._cell

    async def ask(self, message: Any, *, deadline: float = INF, ask_id: int = 0) -> Any:
        """Send and wait for the reply. Raises ActorFailed, ActorDown, MailboxFull, or TimeoutError at `deadline`
        (monotonic seconds). When it raises or is cancelled, the asker holds nothing: a reply on its way is handed back.
        """
        runtime, cell = self._runtime, self._cell
        await runtime.loop.checkpoint_if_cancelled()
        runtime.inline += 1
        if runtime.inline >= TURNS_PER_YIELD:
            runtime.inline = 0
            await runtime.loop.checkpoint()
        ask_id = ask_id or runtime.new_id()
        if runtime.idle(cell):
            reply = runtime.turn(cell, message, ask_id)
            if type(reply) is not Parked:
                return _raise_crash(reply)
            parked = reply
        else:
            parked = self._enqueue(message, ask_id)
        return await self._wait(parked, ask_id, deadline)

    def call(self, message: Any) -> Any:
        """Run the turn now, in this task, never suspending. An actor that cannot answers with a Refusal saying when.

        A deferred reply comes back as DEFER: nobody waits for it."""
        if not self._runtime.idle(self._cell):
            return unavailable(self._cell, self._runtime.clock())
        return _raise_crash(self._runtime.turn(self._cell, message))

    def tell(self, message: Any) -> None:
        """Send without waiting. Raises MailboxFull when the actor is busy and its mailbox is at its bound."""
        runtime, cell = self._runtime, self._cell
        if runtime.idle(cell):
            runtime.turn(cell, message)
        elif not cell.takes_mail:
            runtime.dead_letter(cell.actor_id, message)
        else:
            self._enqueue(message, 0, wanted=False)

    @uninterrupted
    def _enqueue(self, message: Any, ask_id: int, *, wanted: bool = True) -> Parked:
        cell = self._cell
        if not cell.takes_mail:
            raise ActorDown(f"actor {cell.actor_id} is {cell.status}")
        mailbox = cell.mailbox = cell.mailbox if cell.mailbox is not None else deque()
        if len(mailbox) >= cell.behaviour.mailbox_max:
            raise MailboxFull(f"mailbox of actor {cell.actor_id} is at its bound of {cell.behaviour.mailbox_max}")
        parked = Parked(self._runtime.loop.event())
        mailbox.append(Envelope(message, ask_id, parked if wanted else None, copy_context()))
        self._runtime.post(cell)
        return parked

    async def _wait(self, parked: Parked, ask_id: int, deadline: float) -> Any:
        try:
            with self._runtime.loop.within(deadline) as scope:
                await parked.wait()
        except BaseException:
            self._leave(parked, ask_id)
            raise
        if scope.cancelled_caught and not parked.answered:
            self._leave(parked, ask_id)
            raise TimeoutError(f"no reply from actor {self._cell.actor_id} in time")
        if parked.failure is not None:
            raise parked.failure
        return parked.reply

    @uninterrupted
    def _leave(self, parked: Parked, ask_id: int) -> None:
        if parked.answered:
            if parked.failure is None:
                self._runtime.give_back(self._cell, parked.reply)
            return
        parked.withdrawn = True
        cell = self._cell
        if cell.parked and cell.parked.pop(ask_id, None) is not None:
            self._runtime.tell(cell.actor_id, AskWithdrawn(ask_id))
        else:
            self._clear_withdrawn(cell)

    @staticmethod
    def _clear_withdrawn(cell: Cell) -> None:
        """Take the letters of askers that have gone out of the mailbox, once they are half of it: O(1) a cancel."""
        cell.withdrawn += 1
        if cell.mailbox and 2 * cell.withdrawn > len(cell.mailbox):
            cell.mailbox = deque(e for e in cell.mailbox if e.parked is None or not e.parked.withdrawn)
            cell.withdrawn = 0


def _raise_crash(reply: Any) -> Any:
    if isinstance(reply, Crash):
        raise reply.error
    return reply
