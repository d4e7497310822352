"""What spans actors: one unbroken synchronous step over several holders, in which each appears once.

`propose` asks, `commit` applies one event to all, `conclude` applies an ending that is never refused. No holder waits
for another and no turn calls another actor, so there is no nesting, no cycle and no deadlock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from actorrouter.runtime.cell import Cell, Status
from actorrouter.runtime.interrupts import uninterrupted
from actorrouter.runtime.runtime import Late, Runtime, unavailable
from actorrouter.turns import CONSENT
from actorrouter.values import Refusal


@uninterrupted
def propose(runtime: Runtime, holders: Iterable[Cell], message: Any, now: float) -> list[Refusal]:
    """Ask every holder; change nothing. An empty list: all consent."""
    refusals: list[Refusal] = []
    kind = type(message)
    for cell in holders:
        if (cell.status is not Status.RUNNING or cell.busy or cell.mailbox or cell.system) and not runtime.catch_up(
            cell
        ):
            refusals.append(unavailable(cell))
            continue
        try:
            turn = cell.behaviour.decide[kind](cell.state, message, now)
        except Exception as error:
            runtime.crash(cell, error, message)
            refusals.append(unavailable(cell))
            continue
        if turn is not CONSENT:
            refusals.extend(turn.reply)
    return refusals


@uninterrupted
def commit(runtime: Runtime, holders: Sequence[Cell], event: Any) -> list[Cell]:
    """Apply one event to every holder, then publish it. Returns the holders whose evolve raised.

    For each of those the event is dropped and the actor rebuilt; what the others must undo is the caller's to say.
    """
    crashes: list[tuple[Cell, Exception]] = []
    kind = type(event)
    for cell in holders:
        try:
            behaviour, state = cell.behaviour, cell.state
            behaviour.evolve[kind](state, event)
            if cell.log.append(event):
                cell.log.save(behaviour.copy(state), behaviour.weigh(state))
        except Exception as error:
            crashes.append((cell, error))
    runtime.publish(event)
    for cell, crash in crashes:
        runtime.crash(cell, crash, event)
    return [cell for cell, _ in crashes]


@uninterrupted
def conclude(runtime: Runtime, holders: Sequence[Cell], message: Any, event: Any, now: float) -> list[Cell]:
    """Apply an ending to each holder that consents: now, or when its restart is over. Never refused, never waits.

    Returns the holders that could not take it because they raised: there the reservation stays open until it expires.
    """
    willing: list[Cell] = []
    broken: list[Cell] = []
    kind = type(message)
    for cell in holders:
        if cell.status is not Status.RUNNING or cell.busy:
            _later(runtime, cell, message, event)
            continue
        try:
            consents = cell.behaviour.decide[kind](cell.state, message, now) is CONSENT
        except Exception as error:
            runtime.crash(cell, error, message)
            broken.append(cell)
            continue
        if consents:
            willing.append(cell)
    return broken + (commit(runtime, willing, event) if willing else [])


def _later(runtime: Runtime, cell: Cell, message: Any, event: Any) -> None:
    if cell.status is Status.STOPPED:
        runtime.dead_letter(cell.actor_id, message)
    else:
        runtime.post_system(cell, Late(lambda it: conclude(runtime, (it,), message, event, runtime.clock())))
