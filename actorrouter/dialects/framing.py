"""Bytes off the wire, cut into whole events: what server-sent events and lines of JSON share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import ClassVar, Final

from actorrouter.values import value

EVENT_BYTES_MAX: Final = 16 * 1024 * 1024


@value
class Event:
    """One event. `raw`: its bytes as received, comments and blank line included. `data`: None when there is none."""

    raw: bytes
    data: bytes | None
    name: bytes = b""


class Framing(ABC):
    """Bytes in, whole events out, the same at any chunking. After a `fault` nothing more comes out."""

    __slots__ = ("_buffer", "_bytes_max", "_first", "_scanned", "fault")

    too_large: ClassVar[StrEnum]
    """The fault of an event beyond the bound."""
    end_bytes_max: ClassVar[int]
    """So many of the bytes seen last may yet be part of an event's end."""

    def __init__(self, bytes_max: int = EVENT_BYTES_MAX) -> None:
        self.fault: StrEnum | None = None
        self._bytes_max = bytes_max
        self._buffer = bytearray()
        self._scanned = 0
        self._first = True

    @abstractmethod
    def _event_end(self, start: int) -> int:
        """Where the first event's end from `start` ends, or 0."""

    @abstractmethod
    def _parsed(self, raw: bytes) -> Event:
        """The event of these bytes."""

    @property
    def incomplete(self) -> bool:
        """Bytes of an event without its end are left."""
        return bool(self._buffer)

    def feed(self, received: bytes) -> list[Event]:
        """The events these bytes complete."""
        events: list[Event] = []
        if self.fault:
            return events
        self._buffer += received
        start, end = 0, self._event_end(self._scanned)
        while end:
            if end - start > self._bytes_max:
                return self._failed(events)
            events.append(self._parsed(bytes(self._buffer[start:end])))
            start, end = end, self._event_end(end)
        del self._buffer[:start]
        self._scanned = max(0, len(self._buffer) - self.end_bytes_max)
        return self._failed(events) if len(self._buffer) > self._bytes_max else events

    def _failed(self, events: list[Event]) -> list[Event]:
        self.fault = self.too_large
        self._buffer.clear()
        return events
