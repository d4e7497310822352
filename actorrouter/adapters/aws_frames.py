"""Frames of `application/vnd.amazon.eventstream`: lengths, headers, payload, each guarded by a checksum. Sans-IO.

Source, read 2026-11-23: botocore 1.44.5 `eventstream.py` (layout, types of headers, bounds).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final
from zlib import crc32

from actorrouter.dialects.framing import Event
from actorrouter.values import value

HEADERS_BYTES_MAX: Final = 128 * 1024
PAYLOAD_BYTES_MAX: Final = 24 * 1024 * 1024
_PRELUDE: Final = struct.Struct(">III")  # bytes of the frame, bytes of its headers, checksum of these two
_CHECKSUM: Final = struct.Struct(">I")
_AROUND: Final = _PRELUDE.size + _CHECKSUM.size
_FIXED_SIZES: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type: true, false, integers of 1 to 8 bytes, an instant, a UUID."""

_SIZED: Final = (6, 7)  # bytes and text, of which two bytes say how long
_TEXT: Final = 7


@value
class Frame:
    """One frame. `raw`: its bytes as received. `head`: its headers' own bytes; `headers`: those that are text."""

    raw: bytes
    head: bytes
    headers: dict[str, str]
    payload: bytes


class FrameReader:
    """Bytes in, the events that `tell` makes of whole frames out, the same at any chunking."""

    def __init__(self, tell: Callable[[Frame], Event]) -> None:
        self.fault = ""
        self._tell = tell
        self._buffer = bytearray()

    def feed(self, received: bytes) -> list[Event]:
        """See the port."""
        if self.fault:
            return []
        self._buffer += received
        events, start = [], 0
        while size := self._size(start):
            frame = self._frame(bytes(self._buffer[start : start + size]))
            if frame is None:
                break
            events.append(self._tell(frame))
            start += size
        del self._buffer[: len(self._buffer) if self.fault else start]
        return events

    def close(self) -> list[Event]:
        """See the port. What is left is no frame."""
        if self._buffer and not self.fault:
            self.fault = "it ends inside a frame"
        return []

    def _size(self, start: int) -> int:
        """How long the frame is that begins here; 0 when it is not whole yet, or can be none."""
        if len(self._buffer) - start < _PRELUDE.size:
            return 0
        size, head_size, checksum = _PRELUDE.unpack_from(self._buffer, start)
        if crc32(self._buffer[start : start + _PRELUDE.size - _CHECKSUM.size]) != checksum:
            return self._failed("the checksum of a frame's lengths is wrong")
        if head_size > HEADERS_BYTES_MAX or not 0 <= size - head_size - _AROUND <= PAYLOAD_BYTES_MAX:
            return self._failed("a frame is too large, or smaller than its parts")
        return int(size) if len(self._buffer) - start >= size else 0

    def _failed(self, why: str) -> int:
        self.fault = why
        return 0

    def _frame(self, raw: bytes) -> Frame | None:
        body, (checksum,) = raw[: -_CHECKSUM.size], _CHECKSUM.unpack(raw[-_CHECKSUM.size :])
        if crc32(body) != checksum:
            self.fault = "the checksum of a frame is wrong"
            return None
        _, head_size, _ = _PRELUDE.unpack_from(raw)
        head = body[_PRELUDE.size : _PRELUDE.size + head_size]
        headers = _texts(head)
        if headers is None:
            self.fault = "a frame's headers are malformed"
            return None
        return Frame(raw, head, headers, body[_PRELUDE.size + head_size :])


def _texts(head: bytes) -> dict[str, str] | None:
    """The headers that are text, or None when these bytes are no headers."""
    found: dict[str, str] = {}
    at = 0
    while at < len(head):
        name_end = at + 1 + head[at]
        if name_end >= len(head):
            return None
        kind, at_value = head[name_end], name_end + 1
        size = _FIXED_SIZES.get(kind)
        if kind in _SIZED and at_value + 2 <= len(head):
            size = int.from_bytes(head[at_value : at_value + 2])
            at_value += 2
        if size is None or at_value + size > len(head):
            return None
        if kind == _TEXT:
            name = head[at + 1 : name_end].decode("utf-8", "replace")
            found[name] = head[at_value : at_value + size].decode("utf-8", "replace")
        at = at_value + size
    return found


def framed(head: bytes, payload: bytes) -> bytes:
    """A frame of these headers, as they are written, and this payload."""
    lengths = struct.pack(">II", len(head) + len(payload) + _AROUND, len(head))
    body = lengths + _CHECKSUM.pack(crc32(lengths)) + head + payload
    return body + _CHECKSUM.pack(crc32(body))
