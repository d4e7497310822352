"""Reservations that an earlier process left open in a journal that outlived it. Nobody owns them any more.

They end when their leases would have ended at the latest: charged in full, as every lease whose owner is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from actorrouter.events import Expired
from actorrouter.messages import Expire
from actorrouter.runtime.cell import Cell
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.transaction import conclude

_TIMER: Final = ("router", "orphans")


class Orphans:
    """Adopts them once, when everything has started. `on_room`: called when some have ended."""

    def __init__(self, runtime: Runtime, lease_s: float, on_room: Callable[[], None]) -> None:
        self._runtime = runtime
        self._lease_s = lease_s
        self._on_room = on_room

    def adopt(self) -> None:
        """Put an end to whatever is open."""
        left: dict[int, list[Cell]] = {}
        for actor_id in sorted(self._runtime.restored):
            cell = self._runtime.cells[actor_id]
            for number, what in getattr(cell.state, "opened", {}).items():
                if not has_expired(what):
                    left.setdefault(number, []).append(cell)
        if left:
            self._in_a_lease((), partial(self._end_all, left))

    def _in_a_lease(self, key: tuple[Any, ...], due: Callable[[], None]) -> None:
        self._runtime.timers.set((*_TIMER, *key), self._runtime.clock() + self._lease_s, due)

    def _end_all(self, left: dict[int, list[Cell]]) -> None:
        for number, cells in sorted(left.items()):
            self._end(number, cells)
        self._on_room()

    def _end(self, number: int, cells: Sequence[Cell]) -> None:
        runtime, again = self._runtime, partial(self._again, number)
        ids = tuple([cell.actor_id for cell in cells])
        key_id = next((each.removeprefix("key:") for each in ids if each.startswith("key:")), "")
        event = Expired(runtime.clock(), number, key_id, ids)
        for cell in conclude(runtime, cells, Expire(number), event, event.at, on_broken=again):
            again(cell)

    def _again(self, number: int, cell: Cell) -> None:
        """A holder that broke over it still has it."""
        self._in_a_lease((number, cell.actor_id), partial(self._end_late, number, cell))

    def _end_late(self, number: int, cell: Cell) -> None:
        self._end(number, (cell,))
        self._on_room()


def has_expired(opened: Any) -> bool:
    """Whether this entry of an actor's open reservations has been charged, and waits for a late settlement only."""
    charged_at = opened[2] if isinstance(opened, tuple) else getattr(opened, "expired_at", None)
    return charged_at is not None
