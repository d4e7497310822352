"""The byte-level reader of server-sent events."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.dialects.framing import Event
from actorrouter.dialects.sse import SseFault, SseReader
from tests.adapters.chunks import chunked, cut


def read(chunks: list[bytes], bytes_max: int = 2**24) -> tuple[list[Event], SseReader]:
    """All events of a stream, and the reader after its end."""
    reader = SseReader(bytes_max)
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events + reader.close(), reader


CASES = {
    "LF": (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    "CR": (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    "mixed line ends": (b"data: a\r\n\ndata: b\r\r\ndata: c\n\r\n", [b"a", b"b", b"c"]),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    "comments": (b": OPENROUTER PROCESSING\n\n: keep-alive\ndata: a\n\n", [b"a"]),
    "several data lines": (b"data: a\ndata:\ndata: b\n\n", [b"a\n\nb"]),
    "no space after the colon": (b"data:a\n\ndata:  b\n\n", [b"a", b" b"]),
    "separators of other alphabets": (
        "data: a\u2028b\u2029c\x0b\x0c\x1c\x85d\n\n".encode(),
        ["a\u2028b\u2029c\x0b\x0c\x1c\x85d".encode()],
    ),
    "letters of several bytes": ("data: zażółć 漢字 🙂\n\n".encode(), ["zażółć 漢字 🙂".encode()]),
    "events without data": (b"event: ping\n\nid: 7\n\nretry: 5\n\ndata: a\n\n", [b"a"]),
    "field without colon, empty data": (b"data\n\ndata:\n\nxdata: no\n\n", [b"", b""]),
    "unterminated tail": (b"data: a\n\ndata: b\n", [b"a"]),
    "four megabytes": (b"data: " + b"x" * 2**22 + b"\n\n", [b"x" * 2**22]),
}


@pytest.mark.parametrize("size", [1, 3, 2**30], ids=["byte by byte", "by threes", "at once"])
@pytest.mark.parametrize("name", CASES)
def test_the_fourteen_cases(name: str, size: int) -> None:
    """Each case that some public parser fails is read right, at each chunk size."""
    stream, expected = CASES[name]
    if len(stream) > 1000:
        size *= 1009
    events, _ = read(chunked(stream, size))
    assert [event.data for event in events if event.data is not None] == expected


def test_the_name_of_an_event_is_kept() -> None:
    """`event:` names the event, and only its own."""
    events, _ = read([b"event: error\ndata: {}\n\ndata: {}\n\n"])
    assert [event.name for event in events] == [b"error", b""]


def test_an_unterminated_tail_shows_as_incomplete() -> None:
    """After a whole event nothing is left; after half of one something is."""
    assert not read([b"data: a\n\n"])[1].incomplete
    assert read([b"data: a\n\ndata: b\n"])[1].incomplete
    assert read([b"data: a\n\ndata: [DONE]"])[1].incomplete


def test_an_event_of_ten_megabytes_is_whole() -> None:
    """The default bound of 16 MiB lets it through in 16 KiB chunks."""
    stream = b"data: " + b"x" * 10_000_000 + b"\n\n"
    events, reader = read(chunked(stream, 16384))
    assert [len(event.raw) for event in events] == [len(stream)]
    assert reader.fault is None


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("line", [b"x" * 10_000, b"x", b""], ids=["long lines", "short lines", "empty lines"])
def test_ten_megabytes_in_small_chunks_take_linear_time(line: bytes, end: bytes) -> None:
    """Sixteen times the event takes far less than its square, however its lines are and end."""

    def seconds(size: int) -> float:
        one = b"data: " + line + end
        chunks = chunked(one * (size // len(one)) + end, 512)
        began = time.process_time()
        events, reader = read(chunks)
        assert (len(events), reader.fault, reader.incomplete) == (1, None, False)
        return time.process_time() - began

    small = min(seconds(625_000) for _ in range(2))
    assert min(seconds(10_000_000) for _ in range(2)) < 80 * small + 0.1


@pytest.mark.parametrize("size", [1, 7, 100])
def test_an_event_beyond_the_bound_is_a_fault(size: int) -> None:
    """Events before it come out, it and all after it do not, at any chunking."""
    events, reader = read(chunked(b"data: a\n\ndata: " + b"x" * 20 + b"\n\ndata: c\n\n", size), bytes_max=16)
    assert [event.data for event in events] == [b"a"]
    assert reader.fault is SseFault.EVENT_TOO_LARGE
    assert reader.feed(b"data: d\n\n") == []


def test_an_endless_line_is_a_fault_and_holds_no_memory() -> None:
    """A stream that never ends an event is given up at the bound."""
    _, reader = read([b"x" * 10] * 100, bytes_max=64)
    assert reader.fault is SseFault.EVENT_TOO_LARGE
    assert not reader.incomplete


def test_an_event_at_the_bound_passes() -> None:
    """The bound counts the event's raw bytes and allows itself."""
    assert read([b"data: abcd\n\n"], bytes_max=12)[1].fault is None
    assert read([b"data: abcde\n\n"], bytes_max=12)[1].fault is SseFault.EVENT_TOO_LARGE


def by_the_book(stream: bytes) -> list[bytes]:
    """WHATWG's algorithm, line by line: the data of every dispatched event."""
    dispatched: list[bytes] = []
    data: list[bytes] = []
    for line in stream.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True):
        text = line.rstrip(b"\r\n")
        if text == line:
            continue  # the last line never ended
        if not text and data:
            dispatched.append(b"\n".join(data))
        if not text:
            data = []
        field, _, content = text.partition(b":")
        if field == b"data":
            data.append(content.removeprefix(b" "))
    return dispatched


PIECES = st.sampled_from(
    [
        b"data",
        b"data:",
        b"data: ",
        b"event: e",
        b":",
        b" ",
        b"x",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\xef\xbb\xbf",
        b"\xff",
    ]
)
STREAMS = st.lists(PIECES, max_size=40).map(b"".join)


@given(STREAMS)
def test_events_are_those_of_the_standard(stream: bytes) -> None:
    """Any stream gives the events that WHATWG's algorithm gives."""
    events, _ = read([stream])
    assert [event.data for event in events if event.data is not None] == by_the_book(stream)


@given(STREAMS, st.data())
def test_chunking_changes_nothing(stream: bytes, data: st.DataObject) -> None:
    """Cut anywhere, a stream gives the same events, raw bytes included, as in one piece."""
    events, reader = read(cut(stream, data))
    whole, whole_reader = read([stream])
    assert events == whole
    assert reader.incomplete == whole_reader.incomplete


@given(STREAMS)
def test_raw_bytes_are_the_stream(stream: bytes) -> None:
    """Put together, the events' raw bytes are the stream up to the discarded tail."""
    events, reader = read([stream])
    raw = b"".join(event.raw for event in events)
    assert stream.startswith(raw)
    assert reader.incomplete == (len(raw) < len(stream))
