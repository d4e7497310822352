"""The byte-level reader of JSON lines."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.dialects.documents import encode_json
from actorrouter.dialects.framing import Event
from actorrouter.dialects.ndjson import NdjsonFault, NdjsonReader
from tests.adapters.chunks import chunked, cut


def read(chunks: list[bytes], bytes_max: int = 2**24) -> tuple[list[Event], NdjsonReader]:
    """All lines of a stream, and the reader after its end."""
    reader = NdjsonReader(bytes_max)
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events + reader.close(), reader


CASES: dict[str, tuple[bytes, list[bytes]]] = {
    "LF": (b'{"a":1}\n{"a":2}\n', [b'{"a":1}', b'{"a":2}']),
    "CRLF": (b'{"a":1}\r\n{"a":2}\r\n', [b'{"a":1}', b'{"a":2}']),
    "a CR alone ends nothing": (b'{"a":\r1}\n', [b'{"a":\r1}']),
    "byte order mark": (b'\xef\xbb\xbf{"a":1}\n', [b'{"a":1}']),
    "blank lines": (b'\n\r\n  \n{"a":1}\n\n', [b'{"a":1}']),
    "white space around": (b' {"a":1}\t\n', [b'{"a":1}']),
    "separators of other alphabets": (
        '{"a":"\u2028\u2029\x0b\x0c\x1c\x85"}\n'.encode(),
        ['{"a":"\u2028\u2029\x0b\x0c\x1c\x85"}'.encode()],
    ),
    "letters of several bytes": ('{"a":"zażółć 漢字 🙂"}\n'.encode(), ['{"a":"zażółć 漢字 🙂"}'.encode()]),
    "an escaped line end": (b'{"a":"x\\ny"}\n', [b'{"a":"x\\ny"}']),
    "what is no JSON": (b"<html>\n", [b"<html>"]),
    "an error's line": (
        b'{"message":{"content":"a"}}\n{"error":"out of memory"}\n',
        [b'{"message":{"content":"a"}}', b'{"error":"out of memory"}'],
    ),
    "whole last line without LF": (b'{"a":1}\n{"done":true}', [b'{"a":1}', b'{"done":true}']),
    "last line cut off": (b'{"a":1}\n{"done":tr', [b'{"a":1}']),
    "last line cut off after a brace": (b'{"a":1}\n{"a":{"b":1}', [b'{"a":1}']),
    "last line no object": (b'{"a":1}\n17', [b'{"a":1}']),
    "four megabytes": (b'{"a":"' + b"x" * 2**22 + b'"}\n', [b'{"a":"' + b"x" * 2**22 + b'"}']),
}


@pytest.mark.parametrize("size", [1, 3, 2**30], ids=["byte by byte", "by threes", "at once"])
@pytest.mark.parametrize("name", CASES)
def test_the_cases(name: str, size: int) -> None:
    """Each is read right, at each chunk size."""
    stream, expected = CASES[name]
    if len(stream) > 1000:
        size *= 1009
    events, _ = read(chunked(stream, size))
    assert [event.data for event in events if event.data is not None] == expected


def test_a_last_line_that_was_cut_off_shows_as_incomplete() -> None:
    """A whole one, with or without its LF, leaves nothing."""
    assert not read([b'{"a":1}\n'])[1].incomplete
    assert not read([b'{"a":1}'])[1].incomplete
    assert read([b'{"a":'])[1].incomplete


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_line_beyond_the_bound_is_a_fault(size: int) -> None:
    """Lines before it come out, it and all after it do not, at any chunking."""
    events, reader = read(chunked(b'{"a":1}\n{"a":"' + b"x" * 20 + b'"}\n{"a":2}\n', size), bytes_max=16)
    assert [event.data for event in events] == [b'{"a":1}']
    assert reader.fault is NdjsonFault.LINE_TOO_LARGE
    assert reader.feed(b'{"a":3}\n') == []
    assert not reader.incomplete


def test_ten_megabytes_in_small_chunks_take_linear_time() -> None:
    """Sixteen times the line takes far less than its square."""

    def seconds(size: int) -> float:
        chunks = chunked(b'{"a":"' + b"x" * size + b'"}\n', 512)
        began = time.process_time()
        events, reader = read(chunks)
        assert ([len(event.raw) for event in events], reader.fault) == ([size + 9], None)
        return time.process_time() - began

    small = min(seconds(625_000) for _ in range(3))
    assert min(seconds(10_000_000) for _ in range(2)) < 80 * small + 0.1


DOCUMENTS = st.lists(st.dictionaries(st.text(max_size=3), st.none() | st.integers() | st.text(max_size=5)), max_size=8)
PIECES = st.sampled_from(
    [b"{", b"}", b'"a":1', b"\n", b"\r", b"\r\n", b" ", b"\xef\xbb\xbf", b"\xff", "\u2028".encode()]
)
STREAMS = st.lists(PIECES, max_size=40).map(b"".join)


@given(DOCUMENTS, st.sampled_from([b"\n", b"\r\n"]), st.data())
def test_documents_come_out_as_they_went_in(documents: list[Any], end: bytes, data: st.DataObject) -> None:
    """Whatever text is in them, wherever the stream is cut."""
    stream = b"".join(encode_json(document) + end for document in documents)
    events, reader = read(cut(stream, data))
    assert [json.loads(event.data or b"null") for event in events] == documents
    assert not reader.incomplete


@given(STREAMS, st.data())
def test_chunking_changes_nothing(stream: bytes, data: st.DataObject) -> None:
    """Cut anywhere, a stream gives the same lines, raw bytes included, as in one piece."""
    events, reader = read(cut(stream, data))
    whole, whole_reader = read([stream])
    assert events == whole
    assert reader.incomplete == whole_reader.incomplete


@given(STREAMS)
def test_raw_bytes_are_the_stream(stream: bytes) -> None:
    """Put together, the lines' raw bytes are the stream up to the discarded tail."""
    events, reader = read([stream])
    raw = b"".join(event.raw for event in events)
    assert stream.startswith(raw)
    assert reader.incomplete == (len(raw) < len(stream))
