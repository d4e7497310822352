"""Decompressing a body, piece by piece: whatever it unpacks to, only one piece of it is in memory at a time."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

PIECE_BYTES: Final = 64 * 1024
_GZIP, _ZLIB, _RAW = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS


class Unpackable(Exception):
    """The body is not what its content-encoding says, or that is an encoding nobody asked for."""


class Unpacker(Protocol):
    """One encoding."""

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """What these bytes unpack to, in bounded pieces. Raises Unpackable."""

    def end(self) -> None:
        """Raises Unpackable when the packed bytes have begun and not ended."""


def unpacker(encodings: str) -> Unpacker | None:
    """For the text of a content-encoding header; None when there is nothing to unpack. Raises Unpackable.

    One encoding at most: of two, a kilobyte unpacks to a gigabyte that unpacks to nothing, with nobody else's turn."""
    names = [name for name in (part.strip().lower() for part in encodings.split(",")) if name not in ("", "identity")]
    if not names:
        return None
    if len(names) > 1 or names[0] not in _KNOWN:
        raise Unpackable
    return _KNOWN[names[0]]()


class _Gzip:
    """RFC 1952: members, one after the other."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False

    def feed(self, packed: bytes) -> Iterator[bytes]:
        while packed:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
            self._begun = True
            yield from _unpacked(self._member, packed)
            packed = self._member.unused_data

    def end(self) -> None:
        if self._begun and not self._member.eof:
            raise Unpackable


class _Deflate:
    """RFC 1950, or RFC 1951 bare, which some send for it: the first two bytes tell."""

    def __init__(self) -> None:
        self._start = b""
        self._stream: zlib._Decompress | None = None

    def feed(self, packed: bytes) -> Iterator[bytes]:
        if self._stream is None:
            packed = self._start + packed
            if len(packed) < 2:
                self._start = packed
                return
            wrapped = packed[0] & 15 == 8 and int.from_bytes(packed[:2]) % 31 == 0
            self._stream = zlib.decompressobj(_ZLIB if wrapped else _RAW)
        if packed and self._stream.eof:
            raise Unpackable
        yield from _unpacked(self._stream, packed)
        if self._stream.unused_data:
            raise Unpackable

    def end(self) -> None:
        if self._start if self._stream is None else not self._stream.eof:
            raise Unpackable


def _unpacked(stream: zlib._Decompress, packed: bytes) -> Iterator[bytes]:
    piece = b"-"
    while packed or len(piece) == PIECE_BYTES:
        try:
            piece = stream.decompress(packed, PIECE_BYTES)
        except zlib.error:
            raise Unpackable from None
        packed = b"" if stream.eof else stream.unconsumed_tail
        if piece:
            yield piece
        if stream.eof:
            return


_KNOWN: Final[Mapping[str, Callable[[], Unpacker]]] = {"gzip": _Gzip, "x-gzip": _Gzip, "deflate": _Deflate}
