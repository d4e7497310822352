"""Server-sent events off the wire, at the level of bytes (WHATWG HTML, section 9.2 "Server-sent events").

Lines end at CR, LF or CRLF and nowhere else: U+2028 inside data splits nothing. Each event keeps its original bytes, so
that a reader may observe while the stream passes through unchanged.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from actorrouter.dialects.framing import EVENT_BYTES_MAX, Event, Framing

_BOM: Final = b"\xef\xbb\xbf"
# The last byte of one line's end and all of the next. A CR that is the last byte so far may be half of a CRLF: it ends
# a line only once its successor is known.
_BLANK_LINE: Final = re.compile(rb"\n(?>\r\n|\n|\r(?=[\s\S]))|\r(?>\r\n|\r(?=[\s\S]))")
_LF: Final = 10


class SseFault(StrEnum):
    """Why a stream can no longer be read."""

    EVENT_TOO_LARGE = "event_too_large"


class SseReader(Framing):
    """See `Framing`. Bytes of an event without its blank line are discarded at the end of the stream."""

    __slots__ = ("_cr_seen",)

    too_large = SseFault.EVENT_TOO_LARGE
    end_bytes_max = 4

    def __init__(self, bytes_max: int = EVENT_BYTES_MAX) -> None:
        super().__init__(bytes_max)
        self._cr_seen = False

    def feed(self, received: bytes) -> list[Event]:
        """The events these bytes complete."""
        self._cr_seen = self._cr_seen or b"\r" in received
        return super().feed(received)

    def span(self, received: bytes, end: int) -> tuple[int, int]:
        """Where, in the first `end` bytes to come, those of an event already begun stop, and where whole events with
        one data line each stop after it: what lies between need not be fed. Equal if that is not plain to see."""
        start = received.find(b"\n\n") + 2 if self._buffer else 0
        if start == 1 or self._first or self._cr_seen or self.fault or b"\r" in received:
            return 0, 0
        cut = received.rfind(b"\n\n", start, end) + 2
        if cut - start < SseReader.end_bytes_max or len(received) > self._bytes_max or received[cut - 3] == _LF:
            return 0, 0
        plain = received.count(b"data:", start, cut) == received.count(b"\n\n", start, cut)
        return (start, cut) if plain else (0, 0)

    def close(self) -> list[Event]:
        """No more bytes will come: a CR held back for its LF ends a line after all."""
        if not self._buffer.endswith((b"\r\r", b"\n\r")) and self._buffer != b"\r":
            return []
        raw = bytes(self._buffer)
        self._buffer.clear()
        return [self._parsed(raw)]

    def _event_end(self, start: int) -> int:
        """Where the first blank line from `start` ends, or 0."""
        if not self._cr_seen:
            at = self._buffer.find(b"\n\n", start)
            return 0 if at < 0 else at + 2
        found = _BLANK_LINE.search(self._buffer, start)
        return found.end() if found else 0

    def _parsed(self, raw: bytes) -> Event:
        block = raw
        if self._first:
            self._first = False
            block = raw.removeprefix(_BOM)
        if block.startswith(b"data: ") and block.find(b"\n") == len(block) - 2 and not self._cr_seen:
            return Event(raw, block[6:-2])  # the one shape nearly every event has
        return _parsed_by_line(raw, block)


def _parsed_by_line(raw: bytes, block: bytes) -> Event:
    data: list[bytes] = []
    name = b""
    for line in block.splitlines():  # of bytes: at CR, LF and CRLF only
        field, _, content = line.partition(b":")
        if field == b"data":
            data.append(content.removeprefix(b" "))
        elif field == b"event":
            name = content.removeprefix(b" ")
    return Event(raw, b"\n".join(data) if data else None, name)
