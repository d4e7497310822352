"""Reading frames."""

from __future__ import annotations

import binascii
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters.aws_frames import PAYLOAD_BYTES_MAX, Frame, FrameReader, framed
from actorrouter.dialects.framing import Event
from tests.adapters.chunks import cut
from tests.adapters.frames import event, frame

FIRST, SECOND = event("messageStart", {"role": "assistant"}), event("messageStop", {"stopReason": "end_turn"})


def told(one: Frame) -> Event:
    return Event(one.raw, one.payload, one.headers.get(":event-type", "").encode())


def read(*chunks: bytes) -> tuple[list[Event], FrameReader]:
    reader = FrameReader(told)
    return [found for chunk in chunks for found in reader.feed(chunk)], reader


def test_a_frame_has_headers_and_a_payload() -> None:
    """And its own bytes."""
    (found,), reader = read(FIRST)
    assert (found.raw, found.data, found.name) == (FIRST, b'{"role": "assistant"}', b"messageStart")
    assert reader.close() == []
    assert not reader.fault


def test_headers_that_are_no_text_are_passed_over() -> None:
    """Truth, integers, bytes, an instant, a UUID: each has its size."""
    sizes = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
    more = b"".join(b"\x01x" + bytes([kind]) + b"\xff" * size for kind, size in sizes.items()) + b"\x01y\x06\x00\x03abc"
    (found,), _ = read(frame({"a": "b"}, b"p", more + b"\x0b:event-type\x07\x00\x02hi"))
    assert (found.data, found.name) == (b"p", b"hi")


@pytest.mark.parametrize("at", range(len(FIRST)))
def test_every_byte_is_guarded(at: int) -> None:
    """One bit turned anywhere, and neither this frame nor any after it is read."""
    turned = bytearray(FIRST)
    turned[at] ^= 1
    events, reader = read(SECOND + bytes(turned) + SECOND)
    reader.close()
    assert [found.raw for found in events] == [SECOND]
    assert reader.fault
    assert reader.feed(SECOND) == []


@pytest.mark.parametrize("length", range(1, len(FIRST)))
def test_a_part_of_a_frame_is_none(length: int) -> None:
    """It waits for the rest; an end in it is a fault."""
    events, reader = read(FIRST[:length])
    assert (events, reader.fault) == ([], "")
    reader.close()
    assert reader.fault == "it ends inside a frame"


@pytest.mark.parametrize(
    "head",
    [
        b"\x05ab",
        b"\x01a",
        b"\x01a\x0a",
        b"\x01a\x07",
        b"\x01a\x07\x00",
        b"\x01a\x07\x00\x05ab",
        b"\x01a\x09\x00",
        b"\xff",
    ],
)
def test_malformed_headers_are_a_fault(head: bytes) -> None:
    """Though every checksum is right."""
    events, reader = read(framed(head, b"{}"))
    assert (events, reader.fault) == ([], "a frame's headers are malformed")


def test_lengths_are_bounded() -> None:
    """A frame that says it is huge, or smaller than its headers, is not waited for."""
    huge = framed(b"", b"")
    for size, head_size in ((PAYLOAD_BYTES_MAX + 17, 0), (0xFFFFFFFF, 0), (20, 10), (0, 0), (2**20, 2**18)):
        lengths = size.to_bytes(4) + head_size.to_bytes(4)
        _, reader = read(lengths + framed(b"", b"")[8:])
        assert reader.fault  # the checksum is that of other lengths
        _, reader = read(_prelude(size, head_size) + huge)
        assert reader.fault == "a frame is too large, or smaller than its parts"


def _prelude(size: int, head_size: int) -> bytes:
    lengths = size.to_bytes(4) + head_size.to_bytes(4)
    return lengths + binascii.crc32(lengths).to_bytes(4)


def test_a_frame_of_five_megabytes_is_read() -> None:
    """In pieces of any size."""
    large = event("chunk", b'"' + b"x" * 5_000_000 + b'"')
    events, _ = read(*[large[at : at + 65536] for at in range(0, len(large), 65536)])
    assert [found.raw for found in events] == [large]


@given(st.lists(st.sampled_from([FIRST, SECOND, b"x", FIRST[:9], b""]) | st.binary(max_size=30), max_size=6), st.data())
def test_chunking_changes_nothing(pieces: list[bytes], data: Any) -> None:
    """The same frames and the same fault; nothing is raised."""
    stream = b"".join(pieces)
    events, reader = read(*cut(stream, data))
    whole, whole_reader = read(stream)
    assert ([found.raw for found in events], reader.fault) == ([found.raw for found in whole], whole_reader.fault)
    assert stream.startswith(b"".join(found.raw for found in events))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_frame_is_written_as_it_is_read(head: bytes, payload: bytes) -> None:
    """Whatever stands in it."""
    assert framed(head, payload) == frame({}, payload, head)
