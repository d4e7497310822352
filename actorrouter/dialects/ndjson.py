"""JSON documents, one a line, off the wire: what Ollama's own API streams (`application/x-ndjson`).

A line ends at LF, with or without a CR before it, and nowhere else: U+2028 inside a string splits nothing. Each
document keeps its original bytes, so that a reader may observe while the stream passes through unchanged.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from actorrouter.dialects.documents import decode_json
from actorrouter.dialects.framing import Event, Framing

_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r\n"


class NdjsonFault(StrEnum):
    """Why a stream can no longer be read."""

    LINE_TOO_LARGE = "line_too_large"


class NdjsonReader(Framing):
    """See `Framing`. Lines are events without a name; a blank one has no data.

    A last line without its LF comes out of `close` if it is a whole JSON object, because the format asks for no LF
    there; anything less is discarded, as it was cut off.
    """

    __slots__ = ()

    too_large = NdjsonFault.LINE_TOO_LARGE
    end_bytes_max = 0

    def close(self) -> list[Event]:
        """No more bytes will come: a last line that looks whole needs no LF."""
        last = self._parsed(bytes(self._buffer))
        if last.data is None or not isinstance(decode_json(last.data), dict):
            return []
        self._buffer.clear()
        return [last]

    def _event_end(self, start: int) -> int:
        return self._buffer.find(b"\n", start) + 1

    def _parsed(self, raw: bytes) -> Event:
        line = raw
        if self._first:
            self._first = False
            line = raw.removeprefix(_BOM)
        return Event(raw, line.strip(_BLANK) or None)
