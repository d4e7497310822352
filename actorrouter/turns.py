"""How an actor speaks: a turn is what `decide` returns. Shared by actors and runtime; pure.

An actor is a state and two tables. `decide[type(message)](state, message, now) -> Turn` reads the state and changes
nothing; `evolve[type(event)](state, event)` changes the state and decides nothing. Neither does I/O, reads a clock or
draws at random. The commands of a turn are performed after its events are applied, and never on replay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from actorrouter.values import value


@value
class Turn:
    """One decision: what to answer, what happened, what else to do."""

    reply: Any = None
    events: tuple[Any, ...] = ()
    commands: tuple[Any, ...] = ()


class _Defer:
    """The reply comes later, by an Answer command."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "DEFER"


DEFER: Final = _Defer()
CONSENT: Final = Turn()
"""A holder has nothing against it."""

NOTHING: Final = Turn()


@value
class Answer:
    """Wake the parked asker `ask_id` with `reply`."""

    ask_id: int
    reply: Any = attrs.field(repr=False)


@value
class Tell:
    """Send a message to another actor after this turn."""

    actor: str
    message: Any


@value
class SetTimer:
    """Tell this actor `message` at monotonic second `at`; replaces the timer of the same key."""

    key: str
    at: float
    message: Any


@value
class CancelTimer:
    """Forget the timer of this key; it never fires late."""

    key: str


@value
class AskWithdrawn:
    """System message: a parked asker has gone (cancelled, or past its deadline)."""

    ask_id: int


@value
class Down:
    """System message to a monitor: the actor has stopped for good. Arrives exactly once."""

    actor: str
    reason: str


Decide = Callable[[Any, Any, float], Turn]
Evolve = Callable[[Any, Any], None]


@value
class Behaviour:
    """What kind of actor this is. `copy` makes a snapshot of a state; `weigh` says how many items one holds."""

    name: str
    decide: Mapping[type, Decide]
    evolve: Mapping[type, Evolve]
    copy: Callable[[Any], Any]
    weigh: Callable[[Any], int]
    mailbox_max: int = 10_000
