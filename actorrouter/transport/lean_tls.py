"""TLS over any connection. Everything that has come is decrypted at once, so that nothing unasked stays hidden."""

from __future__ import annotations

import errno
import os
import ssl
from contextlib import suppress
from typing import Final

from actorrouter.transport.lean_dial import READ_BYTES, Link
from actorrouter.transport.phases import LOST

SLICE_BYTES: Final = 256 * 1024
"""So much of a request is encrypted at a time."""

PROTOCOL: Final = "http/1.1"
IGNORE_EOF: Final[int] = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)  # unknown before OpenSSL 3
_EOF: Final = "UNEXPECTED_EOF_WHILE_READING"  # of a plain SSLError up to Python 3.11.2


class TornError(Exception):
    """The connection ended without TLS saying so: what came may have been cut by anybody."""


def _vouching(context: ssl.SSLContext, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, host: str) -> ssl.SSLObject:
    """One connection for which an end that TLS does not vouch for is an error. Some Pythons (3.11.2) take it for a
    clean end by default; the context, which others may share, stays as it is."""
    options = context.options
    context.options = options & ~IGNORE_EOF
    try:
        return context.wrap_bio(incoming, outgoing, server_hostname=host)
    finally:
        context.options = options


class TlsLink:
    """One TLS client connection."""

    __slots__ = ("_ended", "_incoming", "_lower", "_outgoing", "_rest", "_tls")

    def __init__(self, lower: Link, context: ssl.SSLContext, host: str) -> None:
        self._lower = lower
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _vouching(context, self._incoming, self._outgoing, host)
        self._rest = memoryview(b"")
        self._ended = False

    async def handshake(self) -> None:
        """Raises SSLError, or what the connection raises."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._send_out()
                self._put(await self._lower.receive())
            except ssl.SSLError:
                with suppress(*LOST):
                    await self._send_out()  # the alert that tells the server why
                raise
            else:
                break
        await self._send_out()
        if self._tls.selected_alpn_protocol() not in (None, PROTOCOL):
            raise OSError(errno.EPROTONOSUPPORT, os.strerror(errno.EPROTONOSUPPORT))

    async def _send_out(self) -> None:
        while self._outgoing.pending:
            if not self._lower.begin(self._outgoing.read()):
                await self._lower.flush()

    def _put(self, received: bytes) -> None:
        if received:
            self._incoming.write(received)
        else:
            self._incoming.write_eof()

    def begin(self, request: bytes) -> bool:
        """See the port."""
        self._rest = memoryview(request)
        return self._lower.begin(self._encrypted()) and not self._rest

    def _encrypted(self) -> bytes:
        self._tls.write(self._rest[:SLICE_BYTES])
        self._rest = self._rest[SLICE_BYTES:]
        return self._outgoing.read()

    async def flush(self) -> None:
        """See the port."""
        await self._lower.flush()
        while self._rest:
            if not self._lower.begin(self._encrypted()):
                await self._lower.flush()

    async def receive(self) -> bytes:
        """See the port. Raises TornError at an end that TLS does not vouch for."""
        while True:
            if self._ended:
                return b""
            self._put(await self._lower.receive())
            plain = self._decrypted()
            if self._outgoing.pending:
                await self._send_out()
            if plain:
                return plain

    def _decrypted(self) -> bytes:
        pieces: list[bytes] = []
        try:
            while piece := self._tls.read(READ_BYTES):
                pieces.append(piece)
            self._ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._ended = True
        except ssl.SSLError as error:
            if not (isinstance(error, ssl.SSLEOFError) or error.reason == _EOF):
                raise
            if not pieces:
                raise TornError from None
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def take(self) -> bytes | None:
        """See the port."""
        received = self._lower.take()
        if received is None:
            return None
        self._put(received)
        plain = self._decrypted()
        return plain if plain or self._ended else None

    def ended(self) -> bool:
        """A session ticket is no end: what has come is looked at."""
        if not self._ended and self._lower.ended():
            try:
                self._ended = self.take() is not None or self._lower.ended()
            except Exception:
                self._ended = True
        return self._ended

    async def aclose(self) -> None:
        """Say goodbye if that can be said at once."""
        if not self._ended:
            self._ended = True
            with suppress(ssl.SSLError, ValueError):
                self._tls.unwrap()
            with suppress(OSError):
                self._lower.begin(self._outgoing.read())
        await self._lower.aclose()
