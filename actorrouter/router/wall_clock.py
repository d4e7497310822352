"""Tells calendar limits where the wall clock stands: at the start, once a minute, and when it has jumped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice

from actorrouter.messages import ClockRead
from actorrouter.router.fleet import Fleet
from actorrouter.runtime.runtime import Runtime

_EVERY_S = 60.0
_AT_ONCE, _STEP_S = 16, 0.005
"""The pace at which calendar limits are told the time: 100,000 in half a minute, under a millisecond in one go."""
_JUMP_S = 1.0


class WallClock:
    """`wall`: epoch seconds. `jumped`: called when limits may be free at another instant than was said."""

    def __init__(self, runtime: Runtime, fleet: Fleet, wall: Callable[[], float], jumped: Callable[[], object]) -> None:
        self._runtime, self._fleet = runtime, fleet
        self._wall, self._jumped = wall, jumped
        self._offset, self._read_at = 0.0, 0.0

    def look(self) -> None:
        """Read it if it is time to, or if it has jumped."""
        now = self._runtime.clock()
        if now >= self._read_at or abs(self._wall() - now - self._offset) > _JUMP_S:
            self.read()

    def read(self) -> None:
        """Tell everybody; by and by, if it goes as it went."""
        now, wall = self._runtime.clock(), self._wall()
        steady = self._read_at > 0 and abs(wall - now - self._offset) <= _JUMP_S
        if self._read_at and not steady:
            self._jumped()
        self._offset, self._read_at = wall - now, now + _EVERY_S
        clocked = list(self._fleet.clocked)
        self._tell(iter(clocked), max(_AT_ONCE, len(clocked) // 8000) if steady else None)
        self._runtime.timers.set(("router", "clock"), self._read_at, self.read)

    def tell(self, actor_ids: Iterable[str]) -> None:
        """Tell these at once: they are new."""
        self._tell(iter(actor_ids), None)

    def _tell(self, actor_ids: Iterator[str], most: int | None) -> None:
        """Tell the next `most`, the others by and by: the loop must not stop for all of a large fleet. After a jump and
        at the start nobody may grant before all know."""
        now, wall = self._runtime.clock(), self._wall()
        told = 0
        for actor_id in islice(actor_ids, most):
            told += 1
            if actor_id in self._fleet.clocked:
                self._runtime.tell(actor_id, ClockRead(wall, now))
        if told == most:
            again = partial(self._tell, actor_ids, most)
            self._runtime.timers.set(("router", "clocked"), now + _STEP_S, again)
