"""What outlives a process that is killed: a journal on a simulated disk, that may fail and may lose its tail."""

from __future__ import annotations

from collections import deque
from fnmatch import fnmatchcase
from typing import Any, Final, Protocol

from actorrouter.runtime.journal import MemoryLog
from actorrouter.simulation.world.scenario import TroubleConfig

_TAIL_MAX: Final = 10_000


class Injected(Exception):
    """A fault on purpose."""


class Strikes(Protocol):
    """Whether a trouble strikes now."""

    def __call__(self, trouble: TroubleConfig) -> bool: ...


class Disk:
    """The logs of one router through all its processes; `mount` it for each."""

    def __init__(self, strikes: Strikes, troubles: tuple[TroubleConfig, ...]) -> None:
        self._strikes = strikes
        self._troubles = troubles
        self.logs: dict[str, KeptLog] = {}
        self.appended: deque[tuple[KeptLog, Any]] = deque(maxlen=_TAIL_MAX)
        self._mounted: Mounted | None = None

    def mount(self) -> Mounted:
        """The journal of a new process."""
        self._mounted = Mounted(self)
        return self._mounted

    def died(self, *, keeps: bool, loses: int) -> None:
        """The process is dead: nothing it still does is written. `loses`: the last so many events never were."""
        if self._mounted is not None:
            self._mounted.alive = False
        if not keeps:
            self.logs.clear()
        for _ in range(min(loses, len(self.appended)) if keeps else 0):
            log, event = self.appended.pop()
            log.lose(event)

    def fails(self, actor_id: str, kind: str) -> bool:
        """Whether this actor's log fails in this way now."""
        return any(
            each.kind == kind and fnmatchcase(actor_id, each.target) and self._strikes(each) for each in self._troubles
        )


class Mounted:
    """A journal for one process."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.alive = True
        self._opened: dict[str, Log] = {}

    def open(self, actor_id: str) -> Log:
        log = self._opened.get(actor_id)
        if log is None:
            kept = self.disk.logs.setdefault(actor_id, KeptLog())
            log = self._opened[actor_id] = Log(self, actor_id, kept)
        return log

    def forget(self, actor_id: str) -> None:
        self._opened.pop(actor_id, None)
        if self.alive:
            self.disk.logs.pop(actor_id, None)


class KeptLog(MemoryLog):
    """One actor's log, on the disk."""

    __slots__ = ()

    def lose(self, event: Any) -> None:
        """It was the last that was appended, unless a snapshot has taken it in."""
        if self._tail and self._tail[-1] is event:
            self._tail.pop()


class Log:
    """One actor's log, as one process sees it."""

    __slots__ = ("_actor_id", "_kept", "_mounted")

    def __init__(self, mounted: Mounted, actor_id: str, kept: KeptLog) -> None:
        self._mounted = mounted
        self._actor_id = actor_id
        self._kept = kept

    def append(self, event: Any) -> bool:
        mounted = self._mounted
        if not mounted.alive:
            return False
        if mounted.disk.fails(self._actor_id, "journal_outage"):
            raise Injected("journal_outage")
        mounted.disk.appended.append((self._kept, event))
        return self._kept.append(event)

    def save(self, snapshot: Any, weight: int) -> None:
        if self._mounted.alive:
            self._kept.save(snapshot, weight)

    def load(self) -> tuple[Any, list[Any]]:
        if self._mounted.disk.fails(self._actor_id, "journal_corruption"):
            raise Injected("journal_corruption")
        return self._kept.load()
