"""HTTP/1.1 with no more than this router needs: one request, one answer, a connection kept for the next.

No redirects, cookies, proxies, HTTP/2, and nothing is ever sent twice. What goes wrong is told in the port's words.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Final

import anyio

from actorrouter.transport.lean_answer import Answer
from actorrouter.transport.lean_body import Body
from actorrouter.transport.lean_dial import DialledLink, Link, tcp
from actorrouter.transport.lean_pool import Pool
from actorrouter.transport.lean_request import Target, Unsendable, closes, head, sized, tail, target
from actorrouter.transport.lean_tls import TlsLink, TornError
from actorrouter.transport.phases import LOST, REACHED, Stage, timed_out, unconnected, words
from actorrouter.transport.port import Dial, Reached, Sending, Timeouts, TransportError
from actorrouter.values import HttpRequest

URLS_MAX: Final = 64
JOINED_BYTES_MAX: Final = 64 * 1024
"""A body up to this goes out in one piece with its head."""


class LeanTransport(Pool):
    """A pool of its own, which never queues: reservations bound it."""

    __slots__ = ("_context", "_dial", "_head", "_known", "_sized", "head_closes", "target")

    def __init__(self, *, ssl_context: ssl.SSLContext, dial: Dial | None = None) -> None:
        super().__init__()
        self._context = ssl_context
        self._dial = dial
        self._known: tuple[str, str, tuple[tuple[str, str], ...]] | None = None
        self._head = b""
        self._sized = False
        self.head_closes = False
        """Whether the request whose head was made last asks for the connection's end."""
        self.target = functools.lru_cache(URLS_MAX)(target)

    def open(self, request: HttpRequest, timeouts: Timeouts, on_written: Callable[[], None]) -> Exchange:
        """See the port."""
        return Exchange(self, request, timeouts, on_written)

    def head(self, request: HttpRequest, to: Target) -> bytes:
        """The request's whole head. A key's requests differ in their bodies only, so the last head is remembered."""
        asked = (request.method, request.url, request.headers)
        if asked != self._known:
            self._known = None
            self._head, self.head_closes, self._sized = head(request, to), closes(request), sized(request)
            self._known = asked
        return self._head + tail(request, sized=self._sized)

    async def connect(self, to: Target, own: Exchange) -> None:
        """Open a connection for `own`, which closes it whatever happens. Raises what the network raises."""
        link: Link = DialledLink(await self._dial(to.host, to.port)) if self._dial else await tcp(to.host, to.port)
        self.busy.add(link)
        own.link = link
        if to.secure:
            own.stage = Stage.SECURING
            secured = own.link = TlsLink(link, self._context, to.host)
            self.busy.discard(link)
            self.busy.add(secured)
            await secured.handshake()


class Exchange(Sending):
    """The context of one request: the head on entry, the connection given back or closed on exit."""

    __slots__ = ("_body", "_on_written", "_origin", "_request", "_timeouts", "_transport", "_write_failed", "link",
                 "stage")  # fmt: skip

    def __init__(
        self, transport: LeanTransport, request: HttpRequest, timeouts: Timeouts, on_written: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._request = request
        self._timeouts = timeouts
        self._on_written: Callable[[], None] | None = on_written
        self._write_failed = False
        self.link: Link | None = None
        self.stage = Stage.CONNECTING

    @property
    def reached(self) -> Reached:
        """Whether any of it can have arrived by now."""
        return REACHED[self.stage]

    async def __aenter__(self) -> Body:
        outcome = await self._send()
        if isinstance(outcome, TransportError):
            raise outcome  # from here: no exception is being handled, no local holds a header
        self._body = outcome
        return outcome

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._body.close()

    async def _send(self) -> Body | TransportError:
        """The answer, or what went wrong. If not an answer, no connection stays, cancelled or not."""
        transport, request = self._transport, self._request
        if transport.closed:
            return TransportError("connect", Reached.NO, "the transport is closed")
        try:
            to = transport.target(request.url)
            message = transport.head(request, to)
        except Unsendable as fault:
            return TransportError("protocol", Reached.NO, str(fault))
        once = transport.head_closes
        try:
            answer = await self._exchanged(to, message)
            if isinstance(answer, TransportError):
                return answer
            self.stage = Stage.ANSWERED
        finally:
            if self.stage is not Stage.ANSWERED and self.link is not None:
                await transport.release(self.link, None)
        assert self.link is not None
        origin = None if once or self._write_failed else to.origin
        body = Body(transport, self.link, answer, origin, self._timeouts.idle_s)
        if answer.complete:
            await body.arrived()
        return body

    async def _exchanged(self, to: Target, message: bytes) -> Answer | TransportError:
        """Most often only the last of these waits."""
        now = anyio.current_time()
        self.link = self._transport.newest(to.origin, now)
        fault = None if self.link is not None else await self._connect(to, now)
        fault = fault or self._begin(message)
        if fault is None and self.stage is Stage.SENDING:
            fault = await self._flush()
        return fault or await self._read_head()

    async def _connect(self, to: Target, now: float) -> TransportError | None:
        transport = self._transport
        self.link = await transport.kept(to.origin, now)
        if self.link is not None:
            return None
        await transport.sweep(now)
        try:
            with anyio.CancelScope(deadline=now + self._timeouts.connect_s):
                await transport.connect(to, self)
                if transport.closed:
                    return TransportError("connect", Reached.NO, "the transport is closed")
                return None
        except (*LOST, TornError) as error:
            return unconnected(error, self.stage)
        return timed_out(self.stage)

    def _begin(self, message: bytes) -> TransportError | None:
        """Hand over what the network takes at once: most often all of it."""
        link, body = self.link, self._request.body
        assert link is not None
        joined = len(body) <= JOINED_BYTES_MAX
        try:
            gone = link.begin(message + body if joined else message)
        except LOST as error:
            return TransportError("write", REACHED[self.stage], words(error))
        self.stage = Stage.SENDING
        if gone and joined:
            self._written()
        return None

    async def _flush(self) -> TransportError | None:
        """Hand over the rest. A write that breaks is not the end: see `_read_head`."""
        link, body = self.link, self._request.body
        assert link is not None
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + self._timeouts.write_s) as scope:
                await link.flush()
                if len(body) > JOINED_BYTES_MAX and not link.begin(body):
                    await link.flush()
        except LOST:
            self._write_failed = True
            self.stage = Stage.WAITING
            return None
        if scope.cancelled_caught:
            return timed_out(self.stage)
        self._written()
        return None

    def _written(self) -> None:
        self.stage = Stage.WAITING
        self._tell_written()

    def _tell_written(self) -> None:
        tell, self._on_written = self._on_written, None
        if tell is not None:
            tell()

    async def _read_head(self) -> Answer | TransportError:
        """Also after a write that broke: the server may have answered early."""
        assert self.link is not None
        answer = Answer(self._request.method)
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + self._timeouts.first_byte_s) as scope:
                while answer.headers is None and answer.fault is None:
                    received = await self.link.receive()
                    if received:
                        answer.feed(received)
                    else:
                        answer.eof()
        except TornError:
            answer.eof()
        except LOST as error:
            return TransportError(self._lost(), Reached.MAYBE, words(error))
        if scope.cancelled_caught:
            return timed_out(self.stage)
        if answer.headers is not None:
            self._tell_written()
            return answer
        assert answer.fault is not None
        if answer.fault.kind == "read":
            return TransportError(self._lost(), Reached.MAYBE, str(answer.fault).partition(": ")[2])
        return answer.fault

    def _lost(self) -> str:
        return "write" if self._write_failed else "read"
