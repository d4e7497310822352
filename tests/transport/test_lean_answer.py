"""Reading answers: what is believed, where each bound lies, and that cutting the bytes otherwise changes nothing."""

from __future__ import annotations

import itertools

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actorrouter.transport.lean_answer import HEADERS_MAX, INFORMATIONAL_MAX, STEP_BYTES, Answer
from actorrouter.transport.port import Reached

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
NO, MAYBE, YES = Reached
MALFORMED = ("protocol", YES, "protocol: malformed answer")
CUT = ("read", YES, "read: the body was cut short")


def read(*pieces: bytes, method: str = "POST", clean: bool | None = True):
    """Status, headers, body, whether it is complete, its fault and whether the connection may be used again.

    `clean`: how the connection ends; None: it stays open."""
    answer = Answer(method)
    body = b""
    for piece in pieces:
        answer.feed(piece)
        body += answer.take()
    reusable = answer.reusable
    if clean is not None:
        answer.eof(clean=clean)
    fault = answer.fault and (answer.fault.kind, answer.fault.reached, str(answer.fault))
    return answer.status, answer.headers, body, answer.complete, fault, reusable and answer.complete


def fault_of(*pieces: bytes, clean: bool | None = None):
    return read(*pieces, clean=clean)[4]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(stream) + 1) for place in places} | {0, len(stream)})
    return [stream[start:end] for start, end in itertools.pairwise(ends)]


@pytest.mark.parametrize(
    ("answer", "method", "body"),
    [
        pytest.param(OK + b"content-length: 2\r\n\r\n{}", "POST", b"{}", id="length"),
        pytest.param(OK + b"content-length: 0\r\n\r\n", "POST", b"", id="no length"),
        pytest.param(CHUNKED + b"2;x=y\r\n{}\r\n0\r\nt: u\r\n\r\n", "POST", b"{}", id="chunks, extension, trailer"),
        pytest.param(OK + b"content-length: 2\r\n\r\n", "HEAD", b"", id="head"),
        pytest.param(CHUNKED, "HEAD", b"", id="head of chunks"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", "POST", b"", id="204"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", "GET", b"", id="304"),
        pytest.param(b"HTTP/1.1 103 E\r\nlink: x\r\n\r\n" + OK + b"content-length: 1\r\n\r\nx", "GET", b"x", id="103"),
        pytest.param(b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\nx", "GET", b"x", id="1.0"),
    ],
)
def test_framed_answers_leave_the_connection_usable(answer: bytes, method: str, body: bytes) -> None:
    """In one piece or byte by byte; one byte more and it is not."""
    for pieces in ([answer], [answer[at : at + 1] for at in range(len(answer))]):
        _, _, got, complete, fault, reusable = read(*pieces, method=method)
        assert (got, complete, fault, reusable) == (body, True, None, True)
        *_, complete, fault, reusable = read(*pieces, b"x", method=method)
        assert (complete, fault, reusable) == (True, None, False)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"connection: close\r\ncontent-length: 1\r\n\r\nx",
        b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx",
        OK + b"\r\nx",
    ],
)
def test_answers_after_which_the_connection_ends(answer: bytes) -> None:
    """The server says so, or its close is the body's end."""
    _, _, body, complete, fault, reusable = read(answer)
    assert (body, complete, fault, reusable) == (b"x", True, None, False)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(OK + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", id="length and chunks"),
        pytest.param(OK + b"transfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n", id="chunks and length"),
        pytest.param(OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nxx", id="two lengths"),
        pytest.param(OK + b"content-length: 1\r\ncontent-length: 1\r\n\r\nx", id="a length twice"),
        pytest.param(OK + b"content-length: 1, 1\r\n\r\nx", id="a list of lengths"),
        pytest.param(OK + b"content-length: +1\r\n\r\nx", id="signed length"),
        pytest.param(OK + b"content-length: 0x1\r\n\r\nx", id="hex length"),
        pytest.param(OK + b"content-length:\r\n\r\nx", id="empty length"),
        pytest.param(OK + b"content-length: " + b"9" * 30 + b"\r\n\r\nx", id="absurd length"),
        pytest.param(OK + b"transfer-encoding: gzip\r\n\r\nx", id="another coding"),
        pytest.param(OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", id="two codings"),
        pytest.param(OK + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", id="twice"),
        pytest.param(b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", id="chunks in 1.0"),
        pytest.param(OK + b"x: y\r\n z\r\ncontent-length: 0\r\n\r\n", id="folded header"),
        pytest.param(OK + b"x : y\r\ncontent-length: 0\r\n\r\n", id="space before the colon"),
        pytest.param(OK + b"x: a\x00b\r\ncontent-length: 0\r\n\r\n", id="nul"),
        pytest.param(OK + b"x: a\rb\r\ncontent-length: 0\r\n\r\n", id="bare carriage return"),
        pytest.param(b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n", id="another version"),
        pytest.param(b"HTTP/1.1 099 No\r\ncontent-length: 0\r\n\r\n", id="status below 100"),
        pytest.param(b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", id="upgrade"),
        pytest.param(b"HTTP/1.1 101 Switching\r\n\r\n" + OK + b"content-length: 0\r\n\r\n", id="bare 101"),
        pytest.param(b"HTTP/1.1 100 C\r\ncontent-length: 3\r\n\r\nabc" + OK, id="informational with a body"),
        pytest.param(CHUNKED + b"-1\r\n", id="signed chunk"),
        pytest.param(CHUNKED + b"1\r\nab\r\n", id="chunk longer than said"),
        pytest.param(CHUNKED + b"1" * 20 + b"\r\n", id="absurd chunk"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(wrong: bytes) -> None:
    """In one piece or byte by byte."""
    assert fault_of(wrong) == MALFORMED
    assert fault_of(*(wrong[at : at + 1] for at in range(len(wrong)))) == MALFORMED


def headers(count: int) -> bytes:
    return b"".join(b"x%d: y\r\n" % number for number in range(count))


@pytest.mark.parametrize(
    ("inside", "beyond"),
    [
        pytest.param(
            OK + headers(HEADERS_MAX - 1) + b"content-length: 0\r\n\r\n",
            OK + headers(HEADERS_MAX) + b"content-length: 0\r\n\r\n",
            id="headers",
        ),
        pytest.param(
            CHUNKED + b"0\r\n" + headers(HEADERS_MAX - 1) + b"\r\n",
            CHUNKED + b"0\r\n" + headers(HEADERS_MAX) + b"\r\n",
            id="trailers",
        ),
        pytest.param(
            b"HTTP/1.1 100 C\r\n\r\n" * INFORMATIONAL_MAX + OK + b"content-length: 0\r\n\r\n",
            b"HTTP/1.1 100 C\r\n\r\n" * (INFORMATIONAL_MAX + 1),
            id="informational",
        ),
        pytest.param(
            (OK + b"content-length: 0\r\nx: ").ljust(STEP_BYTES - 4, b"x") + b"\r\n\r\n",
            (OK + b"content-length: 0\r\nx: ").ljust(STEP_BYTES - 3, b"x") + b"\r\n\r\n",
            id="head bytes",
        ),
        pytest.param(
            CHUNKED + b"1;".ljust(STEP_BYTES, b"x") + b"\r\nx\r\n0\r\n\r\n",
            CHUNKED + b"1;".ljust(2 * STEP_BYTES, b"x") + b"\r\nx\r\n0\r\n\r\n",
            id="chunk line",
        ),
        pytest.param(
            CHUNKED + b"0\r\nx: ".ljust(STEP_BYTES, b"x") + b"\r\n\r\n",
            CHUNKED + b"0\r\nx: ".ljust(2 * STEP_BYTES, b"x") + b"\r\n\r\n",
            id="trailer bytes",
        ),
    ],
)
def test_bounds(inside: bytes, beyond: bytes) -> None:
    """What is within a bound is read, what is beyond is refused, however it comes."""
    for size in (1 << 20, 1000):
        assert read(*pieces_of(inside, size))[3:] == (True, None, True)
        assert fault_of(*pieces_of(beyond, size)) == MALFORMED


def pieces_of(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def test_an_end_in_the_wrong_place() -> None:
    """Before the head nobody knows what happened; in the body it is cut short, also where TLS did not vouch for it."""
    assert fault_of(clean=True) == ("read", MAYBE, "read: the server closed the connection without an answer")
    assert fault_of(OK, clean=True) == ("read", MAYBE, "read: the server closed the connection without an answer")
    assert fault_of(OK + b"content-length: 2\r\n\r\nx", clean=True) == CUT
    assert fault_of(CHUNKED + b"1\r\nx\r\n", clean=True) == CUT
    assert fault_of(CHUNKED + b"1\r\nx\r\n0\r\n", clean=True) == CUT
    assert fault_of(OK + b"\r\nx", clean=True) is None
    assert fault_of(OK + b"\r\nx", clean=False) == CUT


def test_what_came_before_a_fault_is_good() -> None:
    """The head and the bytes before it."""
    status, head, body, complete, fault, _ = read(CHUNKED + b"1\r\nx\r\nzz", clean=None)
    assert (status, head, body, complete, fault) == (200, {"transfer-encoding": "chunked"}, b"x", False, MALFORMED)


def test_header_texts() -> None:
    """White space around is dropped, an empty one is empty, UTF-8 is read as such and anything else as Latin-1."""
    head = read(OK + b"A: \t b \t\r\nE:\r\nU: \xc3\xa9\r\nL: \xe9\r\nc: 1\r\nC: 2\r\ncontent-length: 0\r\n\r\n")[1]
    assert head == {"a": "b", "e": "", "u": "é", "l": "é", "c": "1, 2", "content-length": "0"}


places = st.lists(st.integers(0, 1 << 20), max_size=12)
scraps = st.sampled_from(
    [OK, b"HTTP/1.1 ", b"HTTP/1.0 204 x\r\n", b"HTTP/1.1 100 C\r\n\r\n", b"\r\n", b"\r\n\r\n", b"content-length: 5\r\n",
     b"transfer-encoding: chunked\r\n", b"connection: close\r\n", b"5\r\nhello\r\n", b"0\r\n", b"x: y\r\n", b" z\r\n",
     b"hello", b"1" * 40, b"x" * 70_000, b"\x00", b"\n"]
)  # fmt: skip
streams = st.lists(st.one_of(scraps, st.binary(max_size=30)), max_size=12).map(b"".join)


@given(streams, places, st.sampled_from(["GET", "HEAD"]), st.sampled_from([True, False]))
@example(CHUNKED + b"1;" + b"x" * 140_000, [100_000], "GET", True)
def test_any_bytes_give_an_answer_or_a_fault_however_cut(
    stream: bytes, at: list[int], method: str, clean: bool
) -> None:
    """Nothing raises, and whoever cuts the stream elsewhere reads the same."""
    whole = read(stream, method=method, clean=clean)
    assert whole[3] != bool(whole[4])  # complete, or a fault
    assert read(*cut(stream, at), method=method, clean=clean) == whole


tokens = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12).filter(
    lambda name: name not in ("content-length", "transfer-encoding", "connection", "upgrade", "keep-alive", "te")
)
texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.strip)


@given(
    st.integers(200, 599),
    st.lists(st.tuples(tokens, texts), max_size=8),
    st.lists(st.binary(min_size=1, max_size=50), max_size=5),
    st.sampled_from(["length", "chunked", "close"]),
    places,
)
def test_valid_answers_are_read_as_h11_reads_them(
    status: int, fields: list[tuple[str, str]], parts: list[bytes], framing: str, at: list[int]
) -> None:
    """Status, headers, body and end, of what h11 itself wrote."""
    stream = written_by_h11(status, fields, parts, framing)
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(stream)
    client.receive_data(b"") if framing == "close" else None
    told = client.next_event()
    assert isinstance(told, h11.Response)
    body = b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    joined: dict[str, str] = {}
    for name, text in told.headers:
        key, content = name.decode(), text.decode()
        joined[key] = f"{joined[key]}, {content}" if key in joined else content
    got = read(*cut(stream, at), method="GET")
    assert got[:5] == (told.status_code, joined, body, True, None)
    assert got[5] == (client.our_state is h11.DONE and client.their_state is h11.DONE)


def written_by_h11(status: int, fields: list[tuple[str, str]], parts: list[bytes], framing: str) -> bytes:
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    while server.next_event() is not h11.PAUSED and server.their_state is h11.SEND_BODY:
        pass
    if status in (204, 304):
        parts, framing = [], "length" if status == 304 else framing
    framed = {
        "length": [("content-length", str(sum(map(len, parts))))],
        "chunked": [("transfer-encoding", "chunked")],
        "close": [("connection", "close")],
    }[framing]
    written = server.send(h11.Response(status_code=status, headers=[*fields, *framed])) or b""
    for part in parts:
        written += server.send(h11.Data(data=part)) or b""
    return written + (server.send(h11.EndOfMessage()) or b"")
