"""Trouble inside the router's process: turns that raise, journals that fail. Installed in a router that has begun."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

import attrs

from actorrouter import Router
from actorrouter.runtime.cell import Cell
from actorrouter.simulation.world.disk import Disk, Injected, Mounted
from actorrouter.simulation.world.scenario import TroubleConfig

_SPOILT: Final[Mapping[str, str]] = {"poison": "decide", "tear": "evolve"}


@attrs.define(eq=False)
class Sabotage:
    """The troubles of a scenario that strike inside turns and logs. `elapsed`: seconds since the start."""

    troubles: tuple[TroubleConfig, ...]
    chance: random.Random
    elapsed: Callable[[], float]
    struck: int = 0
    _disk: Disk | None = None

    def strikes(self, trouble: TroubleConfig) -> bool:
        """Whether it is on and wins its draw."""
        if not trouble.on(self.elapsed()) or self.chance.random() >= trouble.probability:
            return False
        self.struck += 1
        return True

    def install(self, router: Router) -> None:
        """Spoil the turns of the actors that are aimed at."""
        for trouble in self.troubles:
            if trouble.kind in _SPOILT:
                for cell in aimed_at(router, trouble.target):
                    self._spoil(cell, trouble)

    def _spoil(self, cell: Cell, trouble: TroubleConfig) -> None:
        table = _SPOILT[trouble.kind]
        turns = {
            kind: self._spoilt(turn, trouble) if fnmatchcase(kind.__name__, trouble.message) else turn
            for kind, turn in getattr(cell.behaviour, table).items()
        }
        cell.behaviour = attrs.evolve(cell.behaviour, **{table: turns})  # type: ignore[misc] # a value is an attrs class

    def _spoilt(self, turn: Callable[..., Any], trouble: TroubleConfig) -> Callable[..., Any]:
        def raising(*arguments: Any) -> Any:
            if self.strikes(trouble):
                raise Injected(trouble.kind)
            return turn(*arguments)

        return raising

    def journal(self) -> Mounted | None:
        """What a new process writes to; None: the router's own memory, as nothing fails and nothing is kept."""
        if self._disk is None and any(each.kind.startswith("journal_") or each.keeps for each in self.troubles):
            self._disk = Disk(self.strikes, tuple(each for each in self.troubles if each.kind.startswith("journal_")))
        return self._disk.mount() if self._disk is not None else None

    def died(self, trouble: TroubleConfig) -> None:
        """The process has been killed."""
        if self._disk is not None:
            self._disk.died(keeps=trouble.keeps, loses=trouble.loses)


def aimed_at(router: Router, target: str) -> list[Cell]:
    """The actors whose ids match, in order of id."""
    cells = router.runtime.cells
    return [cells[actor_id] for actor_id in sorted(cells) if fnmatchcase(actor_id, target)]
