"""What the runtime keeps of one actor. Nobody outside this room touches it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextvars import Context
from enum import StrEnum
from typing import Any

import attrs

from actorrouter.runtime.journal import Log
from actorrouter.runtime.loop import Event
from actorrouter.turns import Behaviour
from actorrouter.values import INF, record


class Status(StrEnum):
    """`restarting`: between two incarnations; mail queues, calls are refused. `stopping`: a task actor that is to end
    takes no new mail and finishes what it has in hand."""

    RUNNING = "running"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Parked:
    """The place where one asker waits for its reply; also the protocol of who owns the reply.

    waiting -> answered -> taken. An asker that leaves while waiting withdraws; one that is cancelled after the answer
    but before it ran (asyncio can do that) hands the reply back.
    """

    __slots__ = ("_event", "answered", "failure", "reply", "withdrawn")

    def __init__(self, event: Event) -> None:
        self._event = event
        self.reply: Any = None
        self.failure: Exception | None = None
        self.answered = False
        self.withdrawn = False

    def deliver(self, reply: Any) -> bool:
        """Hand over the reply. False: the asker has gone and the reply is still the caller's."""
        if self.withdrawn or self.answered:
            return False
        self.reply, self.answered = reply, True
        self._event.set()
        return True

    def fail(self, failure: Exception) -> None:
        """Wake the asker with an error."""
        if not self.answered:
            self.failure, self.answered = failure, True
            self._event.set()

    async def wait(self) -> None:
        await self._event.wait()


@record
class Envelope:
    """A queued message: who waits for the reply, and the sender's context."""

    message: Any
    ask_id: int
    parked: Parked | None
    context: Context


@attrs.define(eq=False, weakref_slot=False)
class Cell:
    """One actor: its state, mailbox, parked askers and log. Mailboxes are made when first needed."""

    actor_id: str
    behaviour: Behaviour
    initial: Callable[[], Any]
    log: Log
    state: Any
    status: Status = Status.RUNNING
    busy: bool = False
    incarnation: int = 1
    resumes_at: float = INF
    mailbox: deque[Envelope] | None = None
    withdrawn: int = 0
    system: deque[Any] | None = None
    posted: bool = False
    """In line for the pump."""
    parked: dict[int, Parked] | None = None
    watchers: set[str] | None = None
    timers: set[str] | None = None
    """Keys it has set; some may have fired."""
    last_crash: str = ""
    on_crash: Callable[[Cell, str], None] | None = None
    on_undelivered: Callable[[Any], None] | None = None
    wake: Callable[[], None] | None = None
    """A task actor's: there is mail. Its mail is taken by its task, never run as turns."""

    @property
    def takes_mail(self) -> bool:
        """Whether what is sent now will be looked at, now or later."""
        return self.status is Status.RUNNING or self.status is Status.RESTARTING

    @property
    def depth(self) -> int:
        """Messages waiting."""
        return len(self.mailbox or ()) + len(self.system or ())


def rebuilt(log: Log, behaviour: Behaviour, initial: Callable[[], Any]) -> Any:
    """The state that snapshot and journal give; the initial one if there is neither."""
    snapshot, events = log.load()
    state = initial() if snapshot is None else behaviour.copy(snapshot)
    for event in events:
        behaviour.evolve[type(event)](state, event)
    return state
