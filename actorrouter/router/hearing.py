"""The board's part of the event stream: the rare events after which somebody may be asked again."""

from __future__ import annotations

from typing import Any

from actorrouter.events import ActorRestarted, Cleared, Disabled, Draining, Enqueued, Observed, Withdrawn
from actorrouter.router.board import close, freshen, freshen_pool
from actorrouter.router.fleet import Fleet
from actorrouter.router.waiting import Waiting
from actorrouter.runtime.runtime import Runtime

_HEARD = frozenset({Enqueued, Withdrawn, Observed, Disabled, Draining, Cleared, ActorRestarted})


class Hearing:
    """The first reader of all events: by what it does, the others see the board as it is now."""

    def __init__(self, runtime: Runtime, fleet: Fleet, waiting: Waiting) -> None:
        self._runtime, self._fleet, self._waiting = runtime, fleet, waiting

    def __call__(self, event: Any) -> None:
        kind = type(event)
        if kind not in _HEARD:
            return
        if kind is Enqueued or kind is Withdrawn:
            self._waiting.changed(self._fleet.routes[event.holders[0].partition(":")[2]])
        elif kind is Observed:
            self._heard(event.holders)
        elif kind is Disabled or kind is Draining:
            self._went(event.holders)
        elif kind is Cleared:
            self._came_back(event.holders)
        elif kind is ActorRestarted:
            self._came_back((event.actor,))

    def _went(self, holders: tuple[str, ...]) -> None:
        for entry, _ in map(self._fleet.by_actor, holders):
            for seat in entry.seats if entry is not None else ():
                close(seat)
        self._waiting.look_soon()

    def _heard(self, holders: tuple[str, ...]) -> None:
        """What a provider said may leave room, in a pool that follows it."""
        if any(pool is not None and pool.config.mirror for _, pool in map(self._fleet.by_actor, holders)):
            self._came_back(holders)

    def _came_back(self, holders: tuple[str, ...]) -> None:
        now = self._runtime.clock()
        for entry, pool in map(self._fleet.by_actor, holders):
            if entry is not None:
                freshen(entry, now)
            if pool is not None:
                freshen_pool(pool, now)
        self._waiting.look_soon()

    def refresh_all(self) -> None:
        """Anybody may have room: ask everybody again."""
        now = self._runtime.clock()
        for entry in self._fleet.keys.values():
            freshen(entry, now)
            for pool in entry.pools:
                freshen_pool(pool, now)
        self._waiting.look_soon()
