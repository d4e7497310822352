"""Trouble inside the router's process: turns that raise, journals that fail. Installed in a router that has begun."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

import attrs

from actorrouter import Router
from actorrouter.runtime.cell import Cell
from actorrouter.runtime.journal import MemoryLog
from actorrouter.simulation.world.scenario import TroubleConfig

_SPOILT: Final[Mapping[str, str]] = {"poison": "decide", "tear": "evolve"}


class Injected(Exception):
    """A fault on purpose."""


@attrs.define(eq=False)
class Sabotage:
    """The troubles of a scenario that strike inside turns and logs. `elapsed`: seconds since the start."""

    troubles: tuple[TroubleConfig, ...]
    chance: random.Random
    elapsed: Callable[[], float]
    struck: int = 0

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

    def journal(self) -> FailingJournal | None:
        """A journal that fails as described; None: nothing is described."""
        failing = tuple(each for each in self.troubles if each.kind.startswith("journal_"))
        return FailingJournal(self, failing) if failing else None


class FailingJournal:
    """Logs in memory that fail on cue."""

    def __init__(self, sabotage: Sabotage, troubles: tuple[TroubleConfig, ...]) -> None:
        self._sabotage = sabotage
        self._troubles = troubles
        self._logs: dict[str, _FailingLog] = {}

    def open(self, actor_id: str) -> _FailingLog:
        log = self._logs.get(actor_id)
        if log is None:
            aimed = [each for each in self._troubles if fnmatchcase(actor_id, each.target)]
            log = self._logs[actor_id] = _FailingLog(self._sabotage, aimed)
        return log

    def forget(self, actor_id: str) -> None:
        self._logs.pop(actor_id, None)


class _FailingLog(MemoryLog):
    """One of them."""

    __slots__ = ("_sabotage", "_troubles")

    def __init__(self, sabotage: Sabotage, troubles: list[TroubleConfig]) -> None:
        super().__init__()
        self._sabotage = sabotage
        self._troubles = troubles

    def _fails(self, kind: str) -> bool:
        return any(each.kind == kind and self._sabotage.strikes(each) for each in self._troubles)

    def append(self, event: Any) -> bool:
        if self._fails("journal_outage"):
            raise Injected("journal_outage")
        return super().append(event)

    def load(self) -> tuple[Any, list[Any]]:
        if self._fails("journal_corruption"):
            raise Injected("journal_corruption")
        return super().load()


def aimed_at(router: Router, target: str) -> list[Cell]:
    """The actors whose ids match, in order of id."""
    cells = router.runtime.cells
    return [cells[actor_id] for actor_id in sorted(cells) if fnmatchcase(actor_id, target)]
