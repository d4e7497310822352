"""Bodies packed as providers pack them; of br and zstd, whose libraries may be missing, blocks stored as they are."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping
from typing import Final


def brotli(content: bytes) -> bytes:
    """RFC 7932: a window of 16 bits, one meta-block that is not compressed, and the empty last one."""
    bits = 0b0 | 0b00 << 2 | (len(content) - 1) << 4 | 1 << 20
    return bits.to_bytes(3, "little") + content + b"\x03"


def zstandard(content: bytes) -> bytes:
    """RFC 8878: one frame with its size, one raw block, the last."""
    block = (1 | len(content) << 3).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd\xa0" + len(content).to_bytes(4, "little") + block + content


PACK: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
    "br": brotli,
    "zstd": zstandard,
    "gzip, gzip": lambda content: gzip.compress(gzip.compress(content)),
}
"""By the word of a content-encoding header."""
