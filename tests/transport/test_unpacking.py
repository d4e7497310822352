"""Decompressing: what goes in comes out, a bomb comes out a piece at a time, and what is not whole is no success."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.transport.unpacking import PIECE_BYTES, Unpackable, unpacker


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
}


def unpacked(encoding: str, *pieces: bytes) -> bytes:
    found = unpacker(encoding)
    assert found is not None
    out = b"".join(part for piece in pieces for part in found.feed(piece))
    found.end()
    return out


@given(st.sampled_from(sorted(PACKERS)), st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=5))
def test_what_was_packed_comes_out(encoding: str, content: bytes, at: list[int]) -> None:
    """However the packed bytes are cut."""
    packed = PACKERS[encoding](content)
    ends = sorted({place % (len(packed) + 1) for place in at} | {0, len(packed)})
    assert unpacked(encoding, *(packed[a:b] for a, b in itertools.pairwise(ends))) == content


@given(st.sampled_from(["gzip", "deflate", "Deflate"]), st.binary(min_size=1, max_size=60), st.integers(0, 60))
def test_garbage_is_unpackable_however_cut(encoding: str, garbage: bytes, at: int) -> None:
    """Or, by chance, something: the same at any cut."""

    def outcome(*pieces: bytes) -> bytes | None:
        try:
            return unpacked(encoding, *pieces)
        except Unpackable:
            return None

    assert outcome(garbage) == outcome(garbage[:at], garbage[at:])


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "Deflate"])
def test_a_bomb_comes_a_piece_at_a_time(encoding: str) -> None:
    """A hundred megabytes of noughts never take more than a few pieces of memory."""
    packed = PACKERS[encoding](bytes(100_000_000))
    found = unpacker(encoding)
    assert found is not None
    total = 0
    tracemalloc.start()
    try:
        for piece in found.feed(packed):
            assert len(piece) <= PIECE_BYTES
            total += len(piece)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000 + 2 * len(packed)
    finally:
        tracemalloc.stop()
    assert total == 100_000_000


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "Deflate"])
def test_a_packed_body_without_its_end_is_no_success(encoding: str) -> None:
    """Nor is one with more after its end."""
    packed = PACKERS[encoding](b"whole" * 100)
    for wrong in (packed[:-1], packed[:1], packed + b"xx"):
        with pytest.raises(Unpackable):
            unpacked(encoding, wrong)
    assert unpacked(encoding) == b""  # no body at all


def test_gzip_members_follow_each_other() -> None:
    """RFC 1952, section 2.2."""
    assert unpacked("gzip", gzip.compress(b"one") + gzip.compress(b"two")) == b"onetwo"


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, br", "gzip, gzip", "deflate, gzip"])
def test_what_nobody_asked_for_is_refused(encoding: str) -> None:
    """Before a byte of it."""
    with pytest.raises(Unpackable):
        unpacker(encoding)


@pytest.mark.parametrize("encoding", ["", "identity", " Identity , "])
def test_nothing_to_unpack(encoding: str) -> None:
    """`identity` says so."""
    assert unpacker(encoding) is None
