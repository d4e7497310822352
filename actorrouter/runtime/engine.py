"""How a turn runs, and how mail waits for one.

Turns run inline: one event-loop thread is the only lock. When an actor is idle the sender's own task runs the turn;
when it is busy or restarting the message waits in the bounded mailbox and the pump runs it. One at a time, first in
first out per sender, at most once. A turn is decide, then evolve, then append, then readers, then commands.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

from actorrouter.errors import ActorFailed
from actorrouter.events import ActorCrashed
from actorrouter.runtime.cell import Cell, Envelope, Parked, Status, rebuilt
from actorrouter.runtime.interrupts import uninterrupted
from actorrouter.runtime.loop import Loop
from actorrouter.runtime.stream import Stream
from actorrouter.runtime.timers import Timers
from actorrouter.turns import DEFER, Answer, CancelTimer, SetTimer, Tell, Turn
from actorrouter.values import INF, Basis, Refusal, record

TURNS_PER_YIELD = 64
"""A loop of asks gives way after this many; the pump as well."""


@record
class Crash:
    """A turn raised; the cell has been handed to its supervisor."""

    error: ActorFailed


@record
class Late:
    """What a holder has yet to take part in. Kept while it is stopped, until it is started again."""

    message: Any
    apply: Callable[[Cell], None]


class Engine(Stream, ABC):
    """Turns, mail and crashes of all actors. Their lives are told in `runtime`."""

    def __init__(self, clock: Callable[[], float], loop: Loop) -> None:
        super().__init__(clock)
        self.loop = loop
        self.cells: dict[str, Cell] = {}
        self.timers = Timers()
        self.inline = 0
        """Asks since one gave way."""
        self._work: deque[Cell | Callable[[], None]] = deque()
        self.on_mail: Callable[[], None] = lambda: None
        """Called when there is something for the pump."""

    @abstractmethod
    def restart(self, cell: Cell) -> bool:
        """Begin a new incarnation. False: its state could not be rebuilt."""

    @abstractmethod
    def stop(self, cell: Cell, reason: str) -> None:
        """End an actor for good."""

    # ---------------------------------------------------------------------------------------------------------- turns

    def idle(self, cell: Cell) -> bool:
        """Whether a turn may run now, in the caller's task."""
        return cell.status is Status.RUNNING and not (cell.busy or cell.mailbox or cell.system or self.showing)

    @uninterrupted
    def turn(self, cell: Cell, message: Any, ask_id: int = 0, parked: Parked | None = None) -> Any:
        """Run one turn of an idle actor; give its reply, the Parked of a deferred one, or a Crash.

        `ask_id`: 0 = nobody waits. `parked`: where a queued asker waits already."""
        cell.busy = True
        try:
            turn = self._decide(cell, message, self.clock())
            events, grown = turn.events, False
            for event in events:
                cell.behaviour.evolve[type(event)](cell.state, event)
            for event in events:
                if cell.log.append(event):
                    grown = True
        except Exception as error:
            return Crash(self.crash(cell, error, message))
        except BaseException:  # nobody's crash, but the state may be torn
            cell.state, cell.busy = rebuilt(cell.log, cell.behaviour, cell.initial), False
            raise
        reply = turn.reply
        if reply is DEFER and ask_id:
            cell.parked = cell.parked if cell.parked is not None else {}
            reply = cell.parked[ask_id] = parked or Parked(self.loop.event())
        try:
            for event in events:
                self.publish(event)
        finally:
            cell.busy = False
        if grown:
            self.snapshot(cell)
        for command in turn.commands:
            self._perform(cell, command)
        return reply

    def _decide(self, cell: Cell, message: Any, now: float) -> Turn:
        decide = cell.behaviour.decide.get(type(message))
        if decide is None:
            self.dead_letter(cell.actor_id, message)
            return Turn(Refusal(cell.actor_id, f"does not know {type(message).__name__}", final=True))
        return decide(cell.state, message, now)

    def snapshot(self, cell: Cell) -> None:
        """Shorten the log. A state that cannot be copied is broken: it is rebuilt, its events stand."""
        try:
            cell.log.save(cell.behaviour.copy(cell.state), cell.behaviour.weigh(cell.state))
        except Exception as error:
            self.crash(cell, error, cell.log)

    def _perform(self, cell: Cell, command: Any) -> None:
        """A command that cannot be performed is its actor's crash; the turn's others are performed all the same."""
        try:
            if isinstance(command, Answer):
                self._answer(cell, command)
            elif isinstance(command, Tell):
                self.soon(lambda: self.tell(command.actor, command.message))
            elif isinstance(command, SetTimer):
                self._set_timer(cell, command)
            elif isinstance(command, CancelTimer):
                self.timers.cancel((cell.actor_id, command.key))
            else:
                raise TypeError(f"unknown command {type(command).__name__}")  # noqa: TRY301 (one way to fail)
        except Exception as error:
            self.crash(cell, error, command)

    def _answer(self, cell: Cell, answer: Answer) -> None:
        parked = (cell.parked or {}).pop(answer.ask_id, None)
        if isinstance(answer.reply, Exception) and parked is not None:
            parked.fail(answer.reply)
        elif parked is None or not parked.deliver(answer.reply):
            self.give_back(cell, answer.reply)

    def _set_timer(self, cell: Cell, command: SetTimer) -> None:
        if cell.status is Status.STOPPED:
            return
        self.timers.set((cell.actor_id, command.key), command.at, lambda: self.tell(cell.actor_id, command.message))
        cell.timers = cell.timers if cell.timers is not None else set()
        cell.timers.add(command.key)

    def give_back(self, cell: Cell, reply: Any) -> None:
        """A reply nobody took returns to whoever can undo it. If that fails it is a dead letter."""
        if cell.on_undelivered is None:
            return
        try:
            cell.on_undelivered(reply)
        except Exception:  # must not take the place of the asker's cancellation
            self.dead_letter(cell.actor_id, reply)

    def crash(self, cell: Cell, error: Exception, what: Any) -> ActorFailed:
        """A turn raised: nothing of the half-done state is used again. The supervisor decides what follows."""
        failure = ActorFailed(f"actor {cell.actor_id} failed on {type(what).__name__}: {type(error).__name__}")
        failure.__cause__ = error
        if cell.status is Status.STOPPED:
            return failure  # a late event broke what has ended; it stays ended
        cell.status, cell.busy = Status.RESTARTING, False
        cell.last_crash = f"{type(error).__name__} in {type(what).__name__}"
        about = getattr(what, "reservation_id", 0)
        told = type(error).__name__, type(what).__name__
        self.publish(ActorCrashed(self.clock(), cell.actor_id, cell.incarnation, *told, about))
        if cell.on_crash is not None:
            cell.on_crash(cell, cell.last_crash)
        elif not self.restart(cell):
            self.stop(cell, cell.last_crash)
        return failure

    # ----------------------------------------------------------------------------------------------------------- mail

    def tell(self, actor_id: str, message: Any) -> None:
        """Send without waiting and without bound: for system messages, timers, settlements."""
        cell = self.cells.get(actor_id)
        if cell is None or cell.status is Status.STOPPED:
            self.dead_letter(actor_id, message)
        elif self.idle(cell):
            self.turn(cell, message)
        else:
            self.post_system(cell, message)

    def post_system(self, cell: Cell, message: Any) -> None:
        """Queue ahead of ordinary mail; never refused by a full mailbox."""
        cell.system = cell.system if cell.system is not None else deque()
        cell.system.append(message)
        self.post(cell)

    def post(self, cell: Cell) -> None:
        """There is mail for this actor: wake its task, or let the pump run a turn."""
        if cell.wake is not None:
            cell.wake()
            return
        if not cell.posted:
            cell.posted = True
            self._work.append(cell)
        self.on_mail()

    def soon(self, callback: Callable[[], None]) -> None:
        """Run a callback from the pump, after the present turn."""
        self._work.append(callback)
        self.on_mail()

    @property
    def has_mail(self) -> bool:
        """Whether the pump has something to do."""
        return bool(self._work)

    def drain(self, turns: int) -> None:
        """Run at most `turns` queued callbacks and messages. First come first served; an actor with more mail waits
        for its turn again."""
        for _ in range(turns):
            if not self._work:
                return
            work = self._work.popleft()
            if isinstance(work, Cell):
                work.posted = False
                self._serve_one(work)
            else:
                work()

    def catch_up(self, cell: Cell) -> None:
        """Run mail that waits for an actor, as far as one go of the pump would."""
        for _ in range(TURNS_PER_YIELD):
            if not cell.depth:
                return
            self._serve_one(cell)

    @uninterrupted
    def _serve_one(self, cell: Cell) -> None:
        if cell.status is not Status.RUNNING or cell.busy:
            return  # a restart posts it again
        if cell.system:
            self._serve_system(cell, cell.system.popleft())
        elif cell.mailbox:
            self._serve_envelope(cell, cell.mailbox.popleft())
        if cell.mailbox or cell.system:
            self.post(cell)

    def _serve_system(self, cell: Cell, message: Any) -> None:
        if isinstance(message, Late):
            message.apply(cell)
        else:
            self.turn(cell, message)

    def _serve_envelope(self, cell: Cell, envelope: Envelope) -> None:
        parked = envelope.parked
        if parked is not None and parked.withdrawn:
            cell.withdrawn -= 1
            return
        reply = envelope.context.run(self.turn, cell, envelope.message, envelope.ask_id, parked)
        if parked is None or reply is parked:
            return
        if isinstance(reply, Crash):
            parked.fail(reply.error)
        elif not parked.deliver(reply):
            self.give_back(cell, reply)


def unavailable(cell: Cell, now: float, reason: str = "") -> Refusal:
    """The refusal of an actor that cannot take a turn now. One that runs can as soon as its mail is served."""
    running = cell.status is Status.RUNNING
    return Refusal(
        cell.actor_id,
        reason or f"actor is {'busy' if running else cell.status}",
        now if running else cell.resumes_at,
        Basis.UNKNOWN,
        latest=now if running else INF,
        final=not cell.takes_mail,
    )
