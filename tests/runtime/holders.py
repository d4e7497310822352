"""Three gates that take part in transactions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actorrouter.runtime.cell import Cell
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.transaction import commit, conclude, propose
from actorrouter.values import Refusal

from .actors_for_tests import HandClock, recorded
from .gate import Book, Booked, Close, Closed, Gate


class World:
    """Three gates and the events."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.runtime = Runtime(self.clock)
        self.gates = [Gate(self.runtime, 2, name) for name in "abc"]
        self.cells = [gate.cell for gate in self.gates]
        self.events = recorded(self.runtime)

    def when_one_fails(self, act: Callable[[Cell], Any]) -> None:
        """Its supervisor does this to all."""

        def on_crash(cell: Cell, reason: str) -> None:
            for each in self.cells:
                act(each)

        for cell in self.cells:
            cell.on_crash = on_crash

    def propose(self, booking: int = 1, broken_by: str = "") -> list[Refusal]:
        return propose(self.runtime, self.cells, Book(booking, broken_by), self.clock())

    def commit(self, booking: int = 1, broken_by: str = "") -> list[Cell]:
        return commit(self.runtime, self.cells, Booked(self.clock(), booking, broken_by))

    def conclude(self, booking: int = 1, broken_by: str = "", **more: Any) -> list[Cell]:
        now = self.clock()
        return conclude(
            self.runtime, self.cells, Close(booking, broken_by), Closed(now, booking, broken_by), now, **more
        )

    def free(self) -> list[int]:
        return [gate.state.free for gate in self.gates]

    def shown(self, kind: type) -> int:
        return sum(isinstance(event, kind) for event in self.events)
