"""The journal port: what an actor's state can be rebuilt from; and the one kept in memory.

An actor's log is a snapshot and the events since. Only events that were applied are appended. The memory journal
survives actor crashes, not the process.
"""

from __future__ import annotations

from typing import Any, Protocol

_TAIL_MIN = 8


class Log(Protocol):
    """One actor's part of the journal."""

    def append(self, event: Any) -> bool:
        """Take down an applied event. True: the tail is long, a snapshot is due."""

    def save(self, snapshot: Any, weight: int) -> None:
        """Replace snapshot and tail by this snapshot, which nobody else holds; `weight`: how many items it has."""

    def load(self) -> tuple[Any, list[Any]]:
        """The snapshot (None: the initial state) and the events since."""


class Journal(Protocol):
    """Where logs come from."""

    def open(self, actor_id: str) -> Log:
        """The log of one actor; the same one when asked again."""


class MemoryLog:
    """A snapshot replaces a tail longer than 8 events and twice the items it holds: copying is O(1) an event."""

    __slots__ = ("_limit", "_snapshot", "_tail")

    def __init__(self) -> None:
        self._snapshot: Any = None
        self._tail: list[Any] | None = None
        self._limit = _TAIL_MIN

    def append(self, event: Any) -> bool:
        tail = self._tail
        if tail is None:
            tail = self._tail = []
        tail.append(event)
        return len(tail) > self._limit

    def save(self, snapshot: Any, weight: int) -> None:
        self._snapshot = snapshot
        self._tail = None
        self._limit = max(_TAIL_MIN, 2 * weight)

    def load(self) -> tuple[Any, list[Any]]:
        return self._snapshot, self._tail or []


class MemoryJournal:
    """Logs in memory."""

    def __init__(self) -> None:
        self._logs: dict[str, MemoryLog] = {}

    def open(self, actor_id: str) -> MemoryLog:
        log = self._logs.get(actor_id)
        if log is None:
            log = self._logs[actor_id] = MemoryLog()
        return log

    def forget(self, actor_id: str) -> None:
        """An actor that was removed for good."""
        self._logs.pop(actor_id, None)
