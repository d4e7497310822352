"""The actors of one router, and their lives: start, restart, stop, and who is told. Knows no key and no quota.

How a turn runs, and how mail waits for one, is in `engine`; how an actor is reached, in `ref`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from actorrouter.errors import ActorDown
from actorrouter.events import ActorRestarted, ActorStopped
from actorrouter.runtime.cell import Cell, Status, rebuilt
from actorrouter.runtime.engine import Crash, Engine, Late
from actorrouter.runtime.interrupts import uninterrupted
from actorrouter.runtime.journal import Journal, MemoryJournal
from actorrouter.runtime.loop import AnyioLoop, Loop
from actorrouter.turns import AskWithdrawn, Behaviour, Down
from actorrouter.values import INF

__all__ = ["Crash", "Runtime"]

_ANYIO: Final = AnyioLoop()


class Runtime(Engine):
    """The actors of one router: their cells, one timer heap, one pump, one stream of events."""

    def __init__(
        self,
        clock: Callable[[], float],
        journal: Journal | None = None,
        loop: Loop = _ANYIO,
        first_id: int = 1,
    ) -> None:
        super().__init__(clock, loop)
        self.journal: Journal = MemoryJournal() if journal is None else journal
        self.restored: set[str] = set()
        """Actors whose logs an earlier process has left."""
        self._ids = count(first_id)

    def new_id(self) -> int:
        """A number no other ask, reservation or decision of this runtime has."""
        return next(self._ids)

    # ---------------------------------------------------------------------------------------------------- start, stop

    def spawn(
        self,
        actor_id: str,
        behaviour: Behaviour,
        initial: Callable[[], Any],
        *,
        on_crash: Callable[[Cell, str], None] | None = None,
        on_undelivered: Callable[[Any], None] | None = None,
    ) -> Cell:
        """Start an actor on the state its log gives, or `initial()`. One that has stopped is started again: its refs
        hold good. `on_crash`: its supervisor; restarts at once if None. `on_undelivered`: gets a reply whose asker has
        gone."""
        cell = self.cells.get(actor_id)
        if cell is not None and cell.status is not Status.STOPPED:
            raise ValueError(f"actor {actor_id!r} is already {cell.status}")
        log = self.journal.open(actor_id)
        state = rebuilt(log, behaviour, initial)
        if cell is None:
            snapshot, tail = log.load()
            if snapshot is not None or tail:
                self.restored.add(actor_id)
            cell = Cell(actor_id, behaviour, initial, log, state)
            self.cells[actor_id] = cell
        else:
            cell.behaviour, cell.initial, cell.log, cell.state = behaviour, initial, log, state
            cell.wake, cell.busy, cell.last_crash = None, False, ""
            self._begin(cell)
        cell.on_crash, cell.on_undelivered = on_crash, on_undelivered
        return cell

    def suspend(self, cell: Cell, resumes_at: float) -> None:
        """Between incarnations: mail queues until `restart`. `resumes_at`: when that is planned."""
        assert cell.status is not Status.STOPPED, "what has stopped is spawned again"
        cell.status, cell.resumes_at = Status.RESTARTING, resumes_at

    @uninterrupted
    def restart(self, cell: Cell) -> bool:
        """A new incarnation on state from snapshot and journal. Mail, parked askers and open reservations stay.

        False: the state could not be rebuilt; the cell is still restarting and its supervisor should count that."""
        assert cell.status is not Status.STOPPED, "what has stopped is spawned again"
        try:
            cell.state = rebuilt(cell.log, cell.behaviour, cell.initial)
        except Exception as error:  # the supervisor decides what a broken log means
            cell.last_crash = f"{type(error).__name__} while rebuilding"
            return False
        self._begin(cell)
        return True

    def _begin(self, cell: Cell) -> None:
        cell.incarnation += 1
        cell.status, cell.busy, cell.resumes_at = Status.RUNNING, cell.wake is not None, INF
        self.publish(ActorRestarted(self.clock(), cell.actor_id, cell.incarnation))
        if cell.depth:
            self.post(cell)

    @uninterrupted
    def stop(self, cell: Cell, reason: str) -> None:
        """End an actor for good: its askers fail, its monitors hear exactly once, its mail is dead letters."""
        if cell.status is Status.STOPPED:
            return
        cell.status = Status.STOPPED
        self._fail_askers(cell, reason)
        self._bury_mail(cell)
        for key in cell.timers or ():
            self.timers.cancel((cell.actor_id, key))
        cell.timers = None
        if cell.wake is not None:
            cell.wake()
        self.publish(ActorStopped(self.clock(), cell.actor_id, reason))
        watchers, cell.watchers = cell.watchers or set(), None
        for watcher in sorted(watchers):
            self.tell(watcher, Down(cell.actor_id, reason))

    def _fail_askers(self, cell: Cell, reason: str) -> None:
        waiting = list((cell.parked or {}).values())
        waiting += [envelope.parked for envelope in cell.mailbox or () if envelope.parked is not None]
        for parked in waiting:  # an error of its own each: raising one adds to its traceback
            parked.fail(ActorDown(f"actor {cell.actor_id} has stopped: {reason}"))

    def _bury_mail(self, cell: Cell) -> None:
        """What its books still need is kept until it is started again: endings, and that its askers have gone."""
        system, mailbox, parked = cell.system or (), cell.mailbox or (), cell.parked or ()
        kept = [message for message in system if isinstance(message, Late | AskWithdrawn)]
        kept += [AskWithdrawn(ask_id) for ask_id in parked]
        cell.system, cell.mailbox, cell.parked, cell.withdrawn = deque(kept) or None, None, None, 0
        for message in system:
            self.dead_letter(cell.actor_id, message.message if isinstance(message, Late) else message)
        for envelope in mailbox:
            if envelope.parked is None or not envelope.parked.withdrawn:
                self.dead_letter(cell.actor_id, envelope.message)

    def remove(self, cell: Cell, reason: str) -> None:
        """Stop and forget: the actor's log goes too."""
        self.stop(cell, reason)
        if self.cells.get(cell.actor_id) is not cell:
            return
        del self.cells[cell.actor_id]
        self.forget(cell.actor_id)

    def forget(self, actor_id: str) -> None:
        """Drop the log of an actor that is not there."""
        forget = getattr(self.journal, "forget", None)
        if forget is not None:
            forget(actor_id)

    # ------------------------------------------------------------------------------------------------------- monitors

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
