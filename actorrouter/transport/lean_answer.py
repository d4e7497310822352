"""An HTTP/1.1 answer off the wire, sans-IO: llhttp reads the syntax, this decides what may be believed of it.

Everything is bounded, and no bytes make it raise. What comes out does not depend on how the bytes were cut.
"""

from __future__ import annotations

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from actorrouter.transport.phases import CLOSED, CUT_SHORT, MALFORMED
from actorrouter.transport.port import Reached, TransportError

STEP_BYTES: Final = 64 * 1024
"""A head, informational ones before it included, is whole within one step; every later step brings the body on."""

HEADERS_MAX: Final = 256
"""Of one head, trailers included."""

INFORMATIONAL_MAX: Final = 16
_LENGTH_DIGITS_MAX: Final = 15
_BODILESS: Final = (204, 304)


class _Malformed(Exception):
    """Ends the parser's run from inside its callback."""


class Answer:
    """`headers` is None until the head is in. Then the body's bytes are taken as they come, until `complete`.

    `fault`: what is wrong with it; what came before the fault is still good. `reusable`: another request may follow.
    """

    __slots__ = ("_bodiless", "_fields", "_informational", "_left", "_parser", "_pieces", "_progress", "_until_close",
                 "complete", "fault", "headers", "reusable", "status")  # fmt: skip

    def __init__(self, method: str) -> None:
        self.status = 0
        self.headers: dict[str, str] | None = None
        self.complete = False
        self.reusable = False
        self.fault: TransportError | None = None
        self._pieces: list[bytes] = []
        self._fields: list[tuple[bytes, bytes]] = []
        self._bodiless = method == "HEAD"
        self._until_close = False
        self._informational = 0
        self._left = STEP_BYTES
        self._progress = False
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    def feed(self, received: bytes) -> None:
        """Take bytes off the wire."""
        if len(received) < self._left:
            self._left -= len(received)
            self._parse(received)
            return
        rest = memoryview(received)
        while len(rest) >= self._left:
            self._parse(rest[: self._left])
            rest = rest[self._left :]
            self._step()
        if rest:
            self.feed(bytes(rest))

    def _step(self) -> None:
        if not self._progress and not self.complete:
            self._fail()
        self._progress, self._left = False, STEP_BYTES

    def _parse(self, received: bytes | memoryview) -> None:
        parser = self._parser
        if parser is None:
            self.reusable = False  # more than was asked for
            return
        try:
            parser.feed_data(received)
        except (HttpParserError, HttpParserUpgrade):
            self.reusable = False
            if not self.complete:
                self._fail()
        if self.complete:
            self._parser = None  # which holds this: without it both go at once

    def _fail(self) -> None:
        self.fault = self.fault or TransportError("protocol", Reached.YES, MALFORMED)
        self.reusable, self._parser = False, None

    def eof(self, *, clean: bool = True) -> None:
        """No more bytes will come. `clean`: the other side said so, where TLS lets it."""
        if self.fault is None and not self.complete:
            if self.headers is None:
                self.fault = TransportError("read", Reached.MAYBE, CLOSED)
            elif self._until_close and clean:
                self.complete = True
            else:
                self.fault = TransportError("read", Reached.YES, CUT_SHORT)
        self.reusable, self._parser = False, None

    def take(self) -> bytes:
        """The body's bytes since last time."""
        pieces = self._pieces
        if not pieces:
            return b""
        self._pieces = []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    # ------------------------------------------------------------------------------------------ what the parser tells

    def on_message_begin(self) -> None:
        """llhttp goes on to a next answer by itself: after the last one nobody asked for it."""
        if self.complete:
            self.reusable = False
            raise _Malformed

    def on_header(self, name: bytes, content: bytes) -> None:
        """A header, or a trailer, of which only the number is of interest."""
        if len(self._fields) >= HEADERS_MAX:
            raise _Malformed
        self._fields.append((name, content))

    def on_headers_complete(self) -> None:
        """A head, informational or final."""
        assert self._parser is not None
        status = self._parser.get_status_code()
        headers = _joined(self._fields)
        if status < 200:
            self._skip(status, headers)
            return
        self._frame(status, headers, self._parser.get_http_version())
        self.status, self.headers = status, headers
        self.reusable = self._parser.should_keep_alive() and not self._until_close
        self._progress = True
        self.complete = self._bodiless

    def _skip(self, status: int, headers: dict[str, str]) -> None:
        self._informational += 1
        framed = "content-length" in headers or "transfer-encoding" in headers
        if status < 100 or status == 101 or framed or self._informational > INFORMATIONAL_MAX:
            raise _Malformed
        self._fields.clear()

    def _frame(self, status: int, headers: dict[str, str], version: str) -> None:
        """Where the body ends (RFC 9112, section 6.3). llhttp has refused a length given twice, or beside chunks."""
        length, coding = headers.get("content-length"), headers.get("transfer-encoding")
        if version not in ("1.1", "1.0"):
            raise _Malformed
        if coding is not None and (coding.lower() != "chunked" or length is not None or version == "1.0"):
            raise _Malformed
        if length is not None and not (length.isascii() and length.isdecimal() and len(length) <= _LENGTH_DIGITS_MAX):
            raise _Malformed
        self._bodiless = self._bodiless or status in _BODILESS
        self._until_close = length is None and coding is None and not self._bodiless

    def on_chunk_header(self) -> None:
        """A chunk's size line is over."""
        self._progress = True

    def on_body(self, piece: bytes) -> None:
        """Bytes of the body."""
        if self._bodiless:
            self.reusable = False
            return
        self._progress = True
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """The end, or an informational head's."""
        self.complete = self.headers is not None


def _joined(fields: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Names in lower case, each once; what came several times is joined by commas (RFC 9110, section 5.3)."""
    headers: dict[str, str] = {}
    for raw, content in fields:
        name, text = raw.decode("ascii").lower(), _text(content.strip(b" \t"))
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")
