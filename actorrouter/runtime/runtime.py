"""How any actor runs. Knows no key and no quota.

Turns run inline: one event-loop thread is the only lock. When an actor is idle the sender's own task runs the turn;
when it is busy or restarting the message waits in the bounded mailbox and the pump runs it. One at a time, first in
first out per sender, at most once. A turn is decide, then evolve, then append, then readers, then commands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

import attrs

from actorrouter.errors import ActorDown, ActorFailed
from actorrouter.events import ActorCrashed, ActorRestarted, ActorStopped, DeadLettered
from actorrouter.runtime.cell import Cell, Envelope, Parked, Status
from actorrouter.runtime.interrupts import uninterrupted
from actorrouter.runtime.journal import Journal, MemoryJournal
from actorrouter.runtime.timers import Timers
from actorrouter.turns import DEFER, Answer, Behaviour, CancelTimer, Down, SetTimer, Tell, Turn
from actorrouter.values import INF, Basis, Refusal

TURNS_PER_YIELD = 64
"""A loop of asks gives way after this many; the pump as well."""


@attrs.define
class Crash:
    """A turn raised; the cell has been handed to its supervisor."""

    error: ActorFailed


@attrs.define
class Late:
    """What a restarting holder has yet to take part in."""

    apply: Callable[[Cell], Any]


class Runtime:
    """The actors of one router: their cells, one timer heap, one pump, one stream of events."""

    def __init__(self, clock: Callable[[], float], journal: Journal | None = None) -> None:
        self.clock = clock
        self.journal: Journal = MemoryJournal() if journal is None else journal
        self.cells: dict[str, Cell] = {}
        self.timers = Timers()
        self.readers: list[Callable[[Any], None]] = []
        """Each is called with every event, after it was applied. A reader that raises is dropped and counted."""
        self.dead_letters = 0
        self.reader_failures: list[str] = []
        self._ids = count(1)
        self.inline = 0
        self._mail: deque[Cell] = deque()
        self._soon: deque[Callable[[], None]] = deque()
        self.on_mail: Callable[[], None] = lambda: None
        """Called when there is something for the pump."""

    # ------------------------------------------------------------------------------------------------- life of actors

    def spawn(
        self,
        actor_id: str,
        behaviour: Behaviour,
        initial: Callable[[], Any],
        *,
        on_crash: Callable[[Cell, str], None] | None = None,
        on_undelivered: Callable[[Any], None] | None = None,
    ) -> Cell:
        """Start an actor on the state its log gives, or `initial()`. `on_crash`: its supervisor; restarts at once if
        None. `on_undelivered`: gets a reply whose asker has gone."""
        known = self.cells.get(actor_id)
        if known is not None and known.status is not Status.STOPPED:
            raise ValueError(f"actor {actor_id!r} is already {known.status}")
        cell = Cell(
            actor_id,
            behaviour,
            initial,
            self.journal.open(actor_id),
            None,
            incarnation=known.incarnation + 1 if known else 1,
            on_crash=on_crash,
            on_undelivered=on_undelivered,
        )
        cell.state = _rebuilt(cell)
        self.cells[actor_id] = cell
        return cell

    def suspend(self, cell: Cell, resumes_at: float) -> None:
        """Between incarnations: mail queues until `restart`. `resumes_at`: when that is planned."""
        cell.status, cell.resumes_at = Status.RESTARTING, resumes_at

    @uninterrupted
    def restart(self, cell: Cell) -> bool:
        """A new incarnation on state from snapshot and journal. Mail, parked askers and open reservations stay.

        False: the state could not be rebuilt; the cell is still restarting and its supervisor should count that."""
        try:
            cell.state = _rebuilt(cell)
        except Exception as error:  # the supervisor decides what a broken log means
            cell.last_crash = f"{type(error).__name__} while rebuilding"
            return False
        cell.incarnation += 1
        cell.status, cell.busy, cell.resumes_at = Status.RUNNING, cell.wake is not None, INF
        self.publish(ActorRestarted(self.clock(), cell.actor_id, cell.incarnation))
        if cell.depth:
            self.post(cell)
        return True

    def stop(self, cell: Cell, reason: str) -> None:
        """End an actor for good: its askers fail, its monitors hear exactly once, its mail is dead letters."""
        if cell.status is Status.STOPPED:
            return
        cell.status = Status.STOPPED
        down = ActorDown(f"actor {cell.actor_id} has stopped: {reason}")
        for parked in (cell.parked or {}).values():
            parked.fail(down)
        cell.parked = None
        for envelope in cell.mailbox or ():
            self._bury(cell, envelope.message, envelope.parked, down)
        cell.mailbox = cell.system = None
        if cell.wake is not None:
            cell.wake()
        self.publish(ActorStopped(self.clock(), cell.actor_id, reason))
        watchers, cell.watchers = cell.watchers or set(), None
        for watcher in sorted(watchers):
            self.tell(watcher, Down(cell.actor_id, reason))

    def remove(self, cell: Cell, reason: str) -> None:
        """Stop and forget: the actor's log goes too."""
        self.stop(cell, reason)
        del self.cells[cell.actor_id]
        forget = getattr(self.journal, "forget", None)
        if forget is not None:
            forget(cell.actor_id)

    def monitor(self, watcher: str, target: str) -> None:
        """Tell `watcher` Down once when `target` has stopped for good; at once if it has. A restart is not a stop."""
        cell = self.cells.get(target)
        if cell is None or cell.status is Status.STOPPED:
            self.tell(watcher, Down(target, "not running"))
            return
        cell.watchers = cell.watchers or set()
        cell.watchers.add(watcher)

    def demonitor(self, watcher: str, target: str) -> None:
        """No Down arrives after this."""
        cell = self.cells.get(target)
        if cell is not None and cell.watchers:
            cell.watchers.discard(watcher)
        mine = self.cells.get(watcher)
        if mine is not None and mine.system:
            mine.system = deque(m for m in mine.system if not (isinstance(m, Down) and m.actor == target))

    # -------------------------------------------------------------------------------------------------------- sending

    def new_id(self) -> int:
        """A number no other ask, reservation or decision of this runtime has."""
        return next(self._ids)

    def tell(self, actor_id: str, message: Any) -> None:
        """Send without waiting and without bound: for system messages, timers, settlements."""
        cell = self.cells.get(actor_id)
        if cell is None or cell.status is Status.STOPPED:
            self.dead_letter(actor_id, message)
        elif self.idle(cell):
            self.turn(cell, message)
        else:
            self.post_system(cell, message)

    def idle(self, cell: Cell) -> bool:
        """Whether a turn may run now, in the caller's task."""
        return cell.status is Status.RUNNING and not (cell.busy or cell.mailbox or cell.system)

    def post(self, cell: Cell) -> None:
        """There is mail for this actor: wake its task, or let the pump run a turn."""
        if cell.wake is not None:
            cell.wake()
            return
        self._mail.append(cell)
        self.on_mail()

    def soon(self, callback: Callable[[], None]) -> None:
        """Run a callback from the pump, after the present turn."""
        self._soon.append(callback)
        self.on_mail()

    def dead_letter(self, actor_id: str, message: Any) -> None:
        self.dead_letters += 1
        self.publish(DeadLettered(self.clock(), actor_id, type(message).__name__, self.dead_letters))

    def _bury(self, cell: Cell, message: Any, parked: Parked | None, down: ActorDown) -> None:
        if parked is not None:
            parked.fail(down)
        self.dead_letter(cell.actor_id, message)

    # ---------------------------------------------------------------------------------------------------------- turns

    @uninterrupted
    def turn(self, cell: Cell, message: Any, ask_id: int = 0, parked: Parked | None = None) -> Any:
        """Run one turn of an idle actor; give its reply, the Parked of a deferred one, or a Crash.

        `ask_id`: 0 = nobody waits. `parked`: where a queued asker waits already."""
        now = self.clock()
        cell.busy = True
        try:
            turn = self._decide(cell, message, now)
            for event in turn.events:
                cell.behaviour.evolve[type(event)](cell.state, event)
                self._append(cell, event)
                self.publish(event)
        except Exception as error:
            return Crash(self.crash(cell, error, message))
        finally:
            cell.busy = False
        reply = turn.reply
        if reply is DEFER and ask_id:
            cell.parked = cell.parked if cell.parked is not None else {}
            reply = cell.parked[ask_id] = parked or Parked()
        for command in turn.commands:
            self._perform(cell, command)
        if cell.mailbox or cell.system:
            self.post(cell)
        return reply

    def _decide(self, cell: Cell, message: Any, now: float) -> Turn:
        decide = cell.behaviour.decide.get(type(message))
        if decide is None:
            self.dead_letter(cell.actor_id, message)
            return Turn(Refusal(cell.actor_id, f"does not know {type(message).__name__}", final=True))
        return decide(cell.state, message, now)

    def _append(self, cell: Cell, event: Any) -> None:
        if cell.log.append(event):
            cell.log.save(cell.behaviour.copy(cell.state), cell.behaviour.weigh(cell.state))

    def publish(self, event: Any) -> None:
        """Show an event to every reader."""
        for reader in self.readers:
            try:
                reader(event)
            except Exception as error:  # a reader's fault must not stop a turn
                self._drop_reader(reader, error)

    def _drop_reader(self, reader: Callable[[Any], None], error: Exception) -> None:
        self.readers = [other for other in self.readers if other is not reader]
        self.reader_failures.append(f"{getattr(reader, '__qualname__', type(reader).__name__)}: {type(error).__name__}")

    def _perform(self, cell: Cell, command: Any) -> None:
        if isinstance(command, Answer):
            self._answer(cell, command)
        elif isinstance(command, Tell):
            self.soon(lambda: self.tell(command.actor, command.message))
        elif isinstance(command, SetTimer):
            due = command.message
            self.timers.set((cell.actor_id, command.key), command.at, lambda: self.tell(cell.actor_id, due))
        elif isinstance(command, CancelTimer):
            self.timers.cancel((cell.actor_id, command.key))

    def _answer(self, cell: Cell, answer: Answer) -> None:
        parked = (cell.parked or {}).pop(answer.ask_id, None)
        if isinstance(answer.reply, Exception) and parked is not None:
            parked.fail(answer.reply)
        elif parked is None or not parked.deliver(answer.reply):
            self.give_back(cell, answer.reply)

    def give_back(self, cell: Cell, reply: Any) -> None:
        """A reply nobody took returns to whoever can undo it."""
        if cell.on_undelivered is not None:
            cell.on_undelivered(reply)

    def crash(self, cell: Cell, error: Exception, what: Any) -> ActorFailed:
        """A turn raised: nothing of the half-done state is used again. The supervisor decides what follows."""
        failure = ActorFailed(f"actor {cell.actor_id} failed on {type(what).__name__}: {type(error).__name__}")
        failure.__cause__ = error
        if cell.status is Status.STOPPED:
            return failure  # a late event broke what has ended; it stays ended
        cell.status, cell.busy = Status.RESTARTING, False
        cell.last_crash = f"{type(error).__name__} in {type(what).__name__}"
        self.publish(
            ActorCrashed(self.clock(), cell.actor_id, cell.incarnation, type(error).__name__, type(what).__name__)
        )
        if cell.on_crash is not None:
            cell.on_crash(cell, cell.last_crash)
        else:
            self.restart(cell)
        return failure

    # ----------------------------------------------------------------------------------------------------------- mail

    @property
    def has_mail(self) -> bool:
        """Whether the pump has something to do."""
        return bool(self._mail or self._soon)

    def drain(self, turns: int) -> None:
        """Run at most `turns` queued callbacks and messages, fairly over actors."""
        for _ in range(turns):
            if self._soon:
                self._soon.popleft()()
            elif self._mail:
                self._serve_one(self._mail.popleft())
            else:
                return

    @uninterrupted
    def _serve_one(self, cell: Cell) -> None:
        if cell.status is not Status.RUNNING or cell.busy:
            return  # restart and the end of the turn post it again
        if cell.system:
            self._serve_system(cell, cell.system.popleft())
        elif cell.mailbox:
            self._serve_envelope(cell, cell.mailbox.popleft())
        else:
            return
        if cell.depth:
            self._mail.append(cell)

    def catch_up(self, cell: Cell) -> bool:
        """Run mail that waits for an actor that could take it. True: the actor is idle now."""
        for _ in range(TURNS_PER_YIELD):
            if not cell.depth or cell.busy or cell.status is not Status.RUNNING:
                break
            self._serve_one(cell)
        return self.idle(cell)

    def post_system(self, cell: Cell, message: Any) -> None:
        """Queue ahead of ordinary mail; never refused by a full mailbox."""
        cell.system = cell.system if cell.system is not None else deque()
        cell.system.append(message)
        self.post(cell)

    def _serve_system(self, cell: Cell, message: Any) -> None:
        if isinstance(message, Late):
            message.apply(cell)
        else:
            self.turn(cell, message)

    def _serve_envelope(self, cell: Cell, envelope: Envelope) -> None:
        parked = envelope.parked
        if parked is not None and parked.withdrawn:
            return
        reply = envelope.context.run(self.turn, cell, envelope.message, envelope.ask_id, parked)
        if parked is None or reply is parked:
            return
        if isinstance(reply, Crash):
            parked.fail(reply.error)
        elif not parked.deliver(reply):
            self.give_back(cell, reply)


def unavailable(cell: Cell) -> Refusal:
    """The refusal of an actor that cannot take a turn now."""
    return Refusal(
        cell.actor_id,
        f"actor is {'busy' if cell.status is Status.RUNNING else cell.status}",
        cell.resumes_at,
        Basis.UNKNOWN,
        final=not cell.takes_mail,
    )


def _rebuilt(cell: Cell) -> Any:
    snapshot, events = cell.log.load()
    state = cell.initial() if snapshot is None else cell.behaviour.copy(snapshot)
    for event in events:
        cell.behaviour.evolve[type(event)](state, event)
    return state
