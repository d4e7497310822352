"""JSON documents, one a line, off the wire: what Ollama's own API streams (`application/x-ndjson`).

A line ends at LF, with or without a CR before it, and nowhere else: U+2028 inside a string splits nothing. Each
document keeps its original bytes, so that a reader may observe while the stream passes through unchanged.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from actorrouter.dialects.documents import decode_json
from actorrouter.dialects.sse import Event

LINE_BYTES_MAX: Final = 16 * 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r\n"


class NdjsonFault(StrEnum):
    """Why a stream can no longer be read."""

    LINE_TOO_LARGE = "line_too_large"


class NdjsonReader:
    """Bytes in, whole lines out as events without a name, the same at any chunking. A blank line has no data.

    After a `fault` nothing more comes out. A last line without its LF comes out of `close` if it is a whole JSON
    object, because the format asks for no LF there; anything less is discarded, as it was cut off.
    """

    __slots__ = ("_buffer", "_bytes_max", "_first", "_scanned", "fault")

    def __init__(self, bytes_max: int = LINE_BYTES_MAX) -> None:
        self.fault: NdjsonFault | None = None
        self._bytes_max = bytes_max
        self._buffer = bytearray()
        self._scanned = 0
        self._first = True

    @property
    def incomplete(self) -> bool:
        """Bytes of a line without its end are left."""
        return bool(self._buffer)

    def feed(self, received: bytes) -> list[Event]:
        """The lines these bytes complete."""
        events: list[Event] = []
        if self.fault:
            return events
        self._buffer += received
        start, end = 0, self._buffer.find(b"\n", self._scanned) + 1
        while end:
            if end - start > self._bytes_max:
                return self._failed(events)
            events.append(self._parsed(bytes(self._buffer[start:end])))
            start, end = end, self._buffer.find(b"\n", end) + 1
        del self._buffer[:start]
        self._scanned = len(self._buffer)
        return self._failed(events) if len(self._buffer) > self._bytes_max else events

    def close(self) -> list[Event]:
        """No more bytes will come: a last line that looks whole needs no LF."""
        last = self._parsed(bytes(self._buffer))
        if last.data is None or not isinstance(decode_json(last.data), dict):
            return []
        self._buffer.clear()
        return [last]

    def _failed(self, events: list[Event]) -> list[Event]:
        self.fault = NdjsonFault.LINE_TOO_LARGE
        self._buffer.clear()
        return events

    def _parsed(self, raw: bytes) -> Event:
        line = raw
        if self._first:
            self._first = False
            line = raw.removeprefix(_BOM)
        return Event(raw, line.strip(_BLANK) or None)
