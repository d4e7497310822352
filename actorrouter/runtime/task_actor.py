"""An actor with a task of its own, for I/O, behind the same `Ref` as any other.

Its mail is not run as turns: the task takes it from an `Inbox`, system letters first. The mailbox belongs to the cell
and survives the task: a crash fails the letters in hand, those behind them are served by the next incarnation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any

import anyio
from anyio import lowlevel

from actorrouter.errors import ActorDown, ActorFailed
from actorrouter.events import ActorCrashed
from actorrouter.runtime.cell import Cell, Parked, Status
from actorrouter.runtime.interrupts import uninterrupted
from actorrouter.runtime.runtime import Runtime
from actorrouter.turns import AskWithdrawn, Behaviour

KILLED_WITHIN_S = 1.0
"""How long a cancelled task may take to unwind before it is left to itself."""

Run = Callable[["Inbox"], Awaitable[None]]


class InboxClosed(Exception):
    """The task was asked to end. Letting it through ends the task in good order."""


class Letter:
    """One message, and the right to answer it once. `context`: the sender's; None for system messages."""

    __slots__ = ("_ask_id", "_cell", "_parked", "context", "message")

    def __init__(self, cell: Cell, message: Any, ask_id: int, parked: Parked | None, context: Context | None) -> None:
        self._cell, self._ask_id, self._parked = cell, ask_id, parked
        self.message = message
        self.context = context

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for the answer."""
        return self._parked is not None and not (self._parked.withdrawn or self._parked.answered)

    def reply(self, value: Any) -> bool:
        """Answer. False: nobody waits (any more), and the value is still the caller's to undo."""
        parked = self._let_go()
        return parked is not None and parked.deliver(value)

    def fail(self, failure: Exception) -> bool:
        """Answer with an error. False: nobody waits (any more)."""
        wanted, parked = self.wanted, self._let_go()
        if parked is not None:
            parked.fail(failure)
        return wanted

    def _let_go(self) -> Parked | None:
        held = self._cell.parked
        if held and held.get(self._ask_id) is self._parked:
            del held[self._ask_id]
        return self._parked


class Inbox:
    """Where one incarnation of a task takes its mail."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._event: anyio.Event | None = None
        self.closing = False
        """The task was asked to end."""
        self.over = False
        """Its incarnation has ended, or is taken to have."""
        self.last: Any = None
        """The message taken last."""

    async def get(self) -> Letter:
        """Wait for a letter. Raises InboxClosed as soon as the task is to end, whatever is queued: see `take`."""
        await lowlevel.checkpoint()
        while not self.is_closed:
            letter = self._next()
            if letter is not None:
                return letter
            await self._changed()
        raise InboxClosed(self._cell.actor_id)

    def take(self) -> Letter | None:
        """The next letter if there is one now. When the actor ends for good, this still gives what was told to it."""
        deaf = self.is_closed and (self.over or self._cell.status is not Status.STOPPING)
        return None if deaf else self._next()

    async def closed(self) -> None:
        """Wait until the task is asked to end."""
        while not self.is_closed:
            await self._changed()

    @property
    def is_closed(self) -> bool:
        return self.closing or self._cell.status is Status.STOPPED

    def wake(self) -> None:
        """There is mail, or the end."""
        self.closing = self.is_closed
        if self._event is not None:
            self._event.set()
            self._event = None

    async def _changed(self) -> None:
        if self._event is None:
            self._event = anyio.Event()
        await self._event.wait()

    def _next(self) -> Letter | None:
        cell = self._cell
        while cell.system:
            message = cell.system.popleft()
            if not isinstance(message, AskWithdrawn):  # `Letter.wanted` says so
                return self._in_hand(Letter(cell, message, 0, None, None))
        while cell.mailbox:
            envelope = cell.mailbox.popleft()
            if envelope.parked is None or not envelope.parked.withdrawn:
                return self._in_hand(Letter(cell, envelope.message, envelope.ask_id, envelope.parked, envelope.context))
        return None

    def _in_hand(self, letter: Letter) -> Letter:
        self.last = letter.message
        if letter._parked is not None:
            cell = self._cell
            cell.parked = cell.parked if cell.parked is not None else {}
            cell.parked[letter._ask_id] = letter._parked
        return letter


class Incarnation:
    """One life of a task actor: from `live` being started to its end, which `on_end` hears of exactly once.

    A crash goes to the cell's supervisor instead (`Cell.on_crash`). What is not an Exception ends the actor and goes on
    its way: nothing here swallows a cancellation from outside, a SystemExit or a MemoryError.
    """

    def __init__(
        self,
        runtime: Runtime,
        cell: Cell,
        run: Run,
        shutdown_s: float | None,
        on_end: Callable[[Incarnation], None],
    ) -> None:
        self._runtime, self.cell, self._run = runtime, cell, run
        self._shutdown_s = shutdown_s
        self._on_end = on_end
        self._scope = anyio.CancelScope()
        self._timer = ("grace", cell.actor_id, cell.incarnation)
        self._reason = ""
        self.inbox = Inbox(cell)
        self.ended = False
        cell.wake = self.inbox.wake

    async def live(self) -> None:
        """The task's body."""
        crash: Exception | None = None
        try:
            with self._scope:
                await self._run(self.inbox)
        except MemoryError:
            self._cut_off("out of memory")
            raise
        except Exception as error:  # for the supervisor
            crash = None if _in_good_order(error) else error
        except BaseException:
            self._cut_off("cancelled from outside")
            raise
        self._end(crash)

    def close(self, reason: str, *, for_good: bool) -> bool:
        """Ask the task to end, and cancel it when its time is up. True: it has ended. Repeats ask only once.

        `for_good`: queued askers fail now. Otherwise the caller suspends the cell, and mail waits.
        """
        if self.ended:
            return True
        self._reason = reason
        if for_good and self.cell.status is not Status.STOPPING:
            self.cell.status = Status.STOPPING
            _fail_queued(self._runtime, self.cell, reason)
        if not self.inbox.closing:
            self.inbox.closing = True
            self.inbox.wake()
            self._allow(self._shutdown_s)
        return False

    def kill(self) -> None:
        """Cancel the task now, and leave it to itself if it does not end."""
        if not self.ended:
            self.inbox.closing = True
            self._scope.cancel()
            self._runtime.timers.set(self._timer, self._runtime.clock() + KILLED_WITHIN_S, self.abandon)

    def abandon(self) -> None:
        """Count the task as ended though it still runs: it hears and answers nothing any more."""
        self._end(None)

    def _allow(self, shutdown_s: float | None) -> None:
        if shutdown_s == 0:
            self.kill()
        elif shutdown_s is not None:
            self._runtime.timers.set(self._timer, self._runtime.clock() + shutdown_s, self.kill)

    @uninterrupted
    def _end(self, crash: Exception | None) -> None:
        if self.ended:
            return
        asked = self.inbox.is_closed
        self._finish()
        if crash is not None and not asked:
            self._crashed(crash)
            return
        if crash is not None:
            self._tell_of(crash)
        if self.cell.status is Status.STOPPING:
            self._runtime.stop(self.cell, self._reason)
        else:
            _fail_all(_taken(self.cell), ActorFailed(f"actor {self.cell.actor_id} ended before it answered"))
        self._on_end(self)

    def _crashed(self, crash: Exception) -> None:
        taken = _taken(self.cell)
        failure = self._runtime.crash(self.cell, crash, self.inbox.last if taken else self.inbox)
        _fail_all(taken, failure)

    def _tell_of(self, crash: Exception) -> None:
        cell, cause = self.cell, type(crash).__name__
        cell.last_crash = f"{cause} while ending"
        self._runtime.publish(ActorCrashed(self._runtime.clock(), cell.actor_id, cell.incarnation, cause, "ending"))

    def _cut_off(self, reason: str) -> None:
        if not self.ended:
            self._finish()
            self._runtime.stop(self.cell, reason)
            self._on_end(self)

    def _finish(self) -> None:
        self.ended = self.inbox.over = self.inbox.closing = True
        self._runtime.timers.cancel(self._timer)
        self.cell.wake = _nobody


def spawn_task_actor(
    runtime: Runtime,
    actor_id: str,
    mailbox_max: int,
    *,
    on_crash: Callable[[Cell, str], None],
    on_undelivered: Callable[[Any], None] | None = None,
) -> Cell:
    """Make the cell of a task actor; an Incarnation makes it live. To the runtime it is always busy."""
    behaviour = Behaviour("task", {}, {}, _same, _nothing, mailbox_max)
    cell = runtime.spawn(actor_id, behaviour, _no_state, on_crash=on_crash, on_undelivered=on_undelivered)
    cell.busy, cell.wake = True, _nobody
    return cell


def _in_good_order(error: Exception) -> bool:
    """Whether the task, or the tasks it started, only let InboxClosed through."""
    if isinstance(error, ExceptionGroup):
        return all(_in_good_order(each) for each in error.exceptions)
    return isinstance(error, InboxClosed)


def _taken(cell: Cell) -> list[Parked]:
    taken, cell.parked = cell.parked, None
    return list((taken or {}).values())


def _fail_all(askers: list[Parked], failure: Exception) -> None:
    for parked in askers:
        parked.fail(failure)


def _fail_queued(runtime: Runtime, cell: Cell, reason: str) -> None:
    queued, cell.mailbox = cell.mailbox or deque(), deque()
    for envelope in queued:
        if envelope.parked is None:
            cell.mailbox.append(envelope)
        else:
            envelope.parked.fail(ActorDown(f"actor {cell.actor_id} is stopping: {reason}"))
            runtime.dead_letter(cell.actor_id, envelope.message)


def _nobody() -> None:
    """No task listens: mail waits for the next incarnation."""


def _no_state() -> None:
    return None


def _same(state: Any) -> Any:
    return state


def _nothing(_: Any) -> int:
    return 0
