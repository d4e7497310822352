"""What spans actors: one unbroken synchronous step over several holders, in which each appears once.

`propose` asks, `commit` applies one event to all, `conclude` applies an ending that is never refused. No holder waits
for another and no turn calls another actor, so there is no nesting, no cycle and no deadlock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from actorrouter.runtime.cell import Cell, Status
from actorrouter.runtime.engine import Late, unavailable
from actorrouter.runtime.interrupts import uninterrupted
from actorrouter.runtime.runtime import Runtime
from actorrouter.turns import CONSENT
from actorrouter.values import Refusal

OnBroken = Callable[[Cell], None]

_RUNNING: Final = Status.RUNNING  # an enum's member costs a call each time it is named, up to Python 3.11


@uninterrupted
def propose(runtime: Runtime, holders: Sequence[Cell], message: Any, now: float) -> list[Refusal]:
    """Ask every holder; change nothing. An empty list: all consent.

    Mail that waits for a holder is served before the first is asked, so that nothing happens between two of them."""
    if runtime.has_mail:
        for cell in holders:
            runtime.catch_up(cell)
    refusals: list[Refusal] = []
    kind = type(message)
    for cell in holders:
        if cell.status is not _RUNNING or cell.busy or cell.mailbox or cell.system:
            refusals.append(unavailable(cell, now))
            continue
        try:
            turn = cell.behaviour.decide[kind](cell.state, message, now)
        except Exception as error:
            runtime.crash(cell, error, message)
            refusals.append(unavailable(cell, now, "actor failed"))
            continue
        if turn is not CONSENT:
            refusals.extend(turn.reply)
    return refusals


@uninterrupted
def commit(runtime: Runtime, holders: Sequence[Cell], event: Any, *, shown: bool = False) -> list[Cell]:
    """Apply one event to every holder, then publish it. Returns the holders whose evolve raised.

    For each of those the event is dropped and the actor rebuilt; what the others must undo is the caller's to say.
    `shown`: the event was published before."""
    broken: list[tuple[Cell, Exception]] = []
    grown: list[Cell] = []
    kind = type(event)
    for cell in holders:
        try:
            cell.behaviour.evolve[kind](cell.state, event)
            if cell.log.append(event):
                grown.append(cell)
        except Exception as error:
            broken.append((cell, error))
            if cell.status is _RUNNING:
                cell.status = Status.RESTARTING  # what readers do must not meet its half-changed state
    if not shown:
        runtime.publish(event)
    for cell in grown:
        runtime.snapshot(cell)
    if not broken:
        return []
    for cell, crash in broken:
        runtime.crash(cell, crash, event)
    return [cell for cell, _ in broken]


@uninterrupted
def conclude(
    runtime: Runtime,
    holders: Sequence[Cell],
    message: Any,
    event: Any,
    now: float,
    *,
    on_broken: OnBroken | None = None,
) -> list[Cell]:
    """Apply an ending to each holder that consents: now, or as soon as it can. Never refused, never waits, published
    once. A holder that has stopped takes it when it is started again.

    Returns the holders that could not take it because they raised: there the reservation stays open until it expires.
    `on_broken`: called for those that raise later.
    """
    willing: list[Cell] = []
    late: list[Cell] = []
    broken: list[tuple[Cell, Exception]] = []
    kind = type(message)
    for cell in holders:
        if cell.status is not _RUNNING or cell.busy or cell.system:
            late.append(cell)
            continue
        try:
            consents = cell.behaviour.decide[kind](cell.state, message, now) is CONSENT
        except Exception as error:
            broken.append((cell, error))
            continue
        if consents:
            willing.append(cell)
    unsettled = commit(runtime, willing, event) if willing else []
    if late:
        if not willing:
            runtime.publish(event)
        ending = Late(message, partial(_conclude_late, runtime, message, event, on_broken))
        for cell in late:
            _post(runtime, cell, ending)
    for cell, crash in broken:
        runtime.crash(cell, crash, message)
        unsettled.append(cell)
    return unsettled


def _post(runtime: Runtime, cell: Cell, ending: Late) -> None:
    if cell.status is Status.STOPPED:
        runtime.dead_letter(cell.actor_id, ending.message)
    if runtime.cells.get(cell.actor_id) is cell:
        runtime.post_system(cell, ending)


def _conclude_late(runtime: Runtime, message: Any, event: Any, on_broken: OnBroken | None, cell: Cell) -> None:
    """The holder can take the ending now; it has been published."""
    failed = False
    try:
        if cell.behaviour.decide[type(message)](cell.state, message, runtime.clock()) is CONSENT:
            failed = bool(commit(runtime, (cell,), event, shown=True))
    except Exception as error:
        runtime.crash(cell, error, message)
        failed = True
    if failed and on_broken is not None:
        on_broken(cell)
