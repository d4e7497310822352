"""httpx and httpx2 behind the port: one file, as the second kept the first's interface.

Goes straight to the client's transport layer: no redirects, no cookies, no environment. What it adds: one deadline a
phase, how far a request got, errors without secrets, and connections that end with their context. What is said of the
clients was seen in httpx 0.28.1 with httpcore 1.0.9 and in httpx2 2.16.2.
"""

from __future__ import annotations

import functools
import logging
import ssl
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import ModuleType, TracebackType
from typing import Any, Final

import anyio
from anyio.lowlevel import checkpoint

from actorrouter.transport.httpx_dialled import use
from actorrouter.transport.httpx_faults import failure
from actorrouter.transport.httpx_progress import Progress
from actorrouter.transport.phases import Pieces, Stage, timed_out
from actorrouter.transport.port import Dial, Reached, Timeouts, TransportError
from actorrouter.transport.unpacking import Unpacker, unpacker
from actorrouter.values import HttpRequest

KEEPALIVE_MAX: Final = 20
KEEPALIVE_S: Final = 4.0
"""Less than the 5 s after which uvicorn and Node hang up: to write while they do is an outcome nobody can know."""

CLOSE_S: Final = 1.0
URLS_MAX: Final = 64


class HttpxTransport:
    """A pool of its own, which never queues: reservations bound it, and a bounded pool of httpx loses slots."""

    __slots__ = ("body", "client", "closed", "first", "handle", "pool", "url")

    def __init__(
        self, client: ModuleType, *, ssl_context: ssl.SSLContext, proxy: str | None = None, dial: Dial | None = None
    ) -> None:
        self.client = client
        self.first = Stage.CONNECTING if proxy is None else Stage.PROXYING
        self.closed = False
        self.body = type("Body", (_Body, client.AsyncByteStream), {})
        self.url = functools.lru_cache(URLS_MAX)(client.URL)
        self.pool = client.AsyncHTTPTransport(
            verify=ssl_context,
            limits=client.Limits(
                max_connections=None, max_keepalive_connections=KEEPALIVE_MAX, keepalive_expiry=KEEPALIVE_S
            ),
            proxy=_proxy(client, proxy, ssl_context),
            trust_env=False,
        )
        if dial is not None:
            use(dial, self.pool._pool, client)
        self.handle = self.pool.handle_async_request
        _hush(client)

    def open(self, request: HttpRequest, timeouts: Timeouts, on_written: Callable[[], None]) -> _Exchange:
        return _Exchange(self, request, Progress(self.first, timeouts, on_written))

    def evict(self, streams: list[Any]) -> None:
        """Take out of the pool what runs on `streams`.

        The clients' pools keep for ever, neither idle nor closed, a connection cancelled between its opening and its
        first request, and one whose tunnel through a proxy failed. They offer no way to say so.
        """
        pool = self.pool._pool
        if streams:
            pool._connections = [kept for kept in pool._connections if _stream_of(kept) not in streams]

    async def aclose(self) -> None:
        self.closed = True
        with anyio.move_on_after(CLOSE_S, shield=True), suppress(Exception):
            await self.pool.aclose()


def _stream_of(connection: Any) -> Any:
    while (inner := getattr(connection, "_connection", None)) is not None:
        connection = inner
    return getattr(connection, "_network_stream", None)


def _proxy(client: ModuleType, url: str | None, ssl_context: ssl.SSLContext) -> Any:
    if url is None:
        return None
    secure = url.lower().startswith("https:")
    proxy = client.Proxy(url, ssl_context=ssl_context if secure else None)
    if not proxy.url.host:
        raise ValueError("a proxy needs a host")
    return proxy


class _Body:
    """A body in one piece. The clients' own is an async generator, which a cancelled write would leave unfinished."""

    def __init__(self, body: bytes) -> None:
        self._rest = body

    def __aiter__(self) -> _Body:
        return self

    async def __anext__(self) -> bytes:
        piece, self._rest = self._rest, b""
        if not piece:
            raise StopAsyncIteration
        return piece


class _Redacted(logging.Filter):
    """Leaves of a record its event's name."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = record.getMessage().partition(" ")[0], None
        return True


_REDACTED: Final = _Redacted()


def _hush(client: ModuleType) -> None:
    """At DEBUG the clients' core logs answers' headers, and errors that quote a rejected header, secret and all.

    A filter on the very loggers that do keeps this from whatever handlers the program has, and changes nothing else.
    The INFO line with the full URL is written by the layer above, which is not used here.
    """
    core = client.__name__.replace("httpx", "httpcore")
    for part in ("connection", "http11", "proxy", "socks"):
        logging.getLogger(f"{core}.{part}").addFilter(_REDACTED)


class _Exchange:
    """The context of one request: the head on entry, the connection given back or closed on exit."""

    __slots__ = ("_answer", "_progress", "_request", "_transport")

    def __init__(self, transport: HttpxTransport, request: HttpRequest, progress: Progress) -> None:
        self._transport = transport
        self._request = request
        self._progress = progress

    @property
    def reached(self) -> Reached:
        """Whether any of it can have arrived by now."""
        stage = self._progress.stage
        if stage < Stage.SENDING:
            return Reached.NO
        return Reached.YES if stage is Stage.ANSWERED else Reached.MAYBE

    async def __aenter__(self) -> _Answer:
        outcome = self._build()
        if not isinstance(outcome, TransportError):
            outcome = await self._send(outcome)
        if isinstance(outcome, TransportError):
            raise outcome  # from here: no exception is being handled, no local holds a header
        self._answer = _Answer(self._transport, outcome)
        return self._answer

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._answer.close()

    def _build(self) -> Any:
        client, request, progress = self._transport.client, self._request, self._progress
        if self._transport.closed:
            return TransportError("connect", Reached.NO, "the transport is closed")
        try:
            url = self._transport.url(request.url)
            built = client.Request(
                request.method, url, headers=request.headers, content=request.body, extensions=progress.extensions
            )
            built.stream = self._transport.body(request.body)
        except Exception:  # the client's own words would show the header
            return TransportError("protocol", Reached.NO, "invalid url or header")
        if url.scheme not in ("http", "https") or not url.host:
            return TransportError("protocol", Reached.NO, "the url needs http or https and a host")
        progress.extensions = built.extensions
        return built

    async def _send(self, request: Any) -> Any:
        """The client's response, or what went wrong. If not a response, no connection stays, cancelled or not."""
        progress, answer = self._progress, None
        try:
            with progress.start():
                answer = await self._transport.handle(request)
                progress.answered()
                return answer
            return timed_out(progress.stage)
        except Exception as error:
            if error is progress.bug:
                raise
            return failure(self._transport.client, error, progress.stage, write_failed=progress.write_failed)
        finally:
            if progress.stage is not Stage.ANSWERED:
                await self._abandon(answer)

    async def _abandon(self, answer: Any) -> None:
        """Close what this request opened: cancelled in TLS or just after it, the clients leave the socket open."""
        self._transport.evict(self._progress.streams)
        with anyio.move_on_after(CLOSE_S, shield=True), suppress(Exception):
            for stream in self._progress.streams[-1:]:
                await stream.aclose()
            if answer is not None:
                await answer.aclose()


class _Answer(Pieces):
    """Status, headers, and the body as it comes. A class, not an async generator: its end is not left to chance."""

    __slots__ = ("_chunks", "_complete", "_open", "_pieces", "_received", "_response", "_transport", "_unpacker",
                 "headers", "status")  # fmt: skip

    def __init__(self, transport: HttpxTransport, response: Any) -> None:
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers.items())
        self._transport = transport
        self._response = response
        self._unpacker: Unpacker | None = None
        self._chunks: AsyncGenerator[bytes, None] | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._open = True
        self._received = False  # in full: the client has given the connection back
        self._complete = False  # and so has all been handed out

    async def _read(self) -> bytes | TransportError | None:
        if not self._open:
            return None if self._complete else TransportError("read", Reached.YES, "the body was not read to its end")
        fault = None
        try:
            while True:
                for piece in self._pieces:
                    if piece:
                        if self._unpacker is not None:
                            await checkpoint()  # a packet may unpack to a thousand pieces
                        return piece
                self._pieces = iter(await self._receive())
        except StopAsyncIteration:
            self._complete = True
        except Exception as error:
            fault = failure(self._transport.client, error, Stage.ANSWERED)
        await self.close()
        return fault

    async def _receive(self) -> Iterable[bytes]:
        """Unpacked here, not by the client: what it does not know it hands on packed, what was cut off as if whole."""
        if self._received:
            raise StopAsyncIteration
        if self._chunks is None:
            self._chunks = self._response.aiter_raw()
            self._unpacker = unpacker(self.headers.get("content-encoding", ""))
        chunk = await anext(self._chunks, b"")  # the client gives no empty chunk
        self._received = not chunk
        if self._unpacker is None:
            return (chunk,)
        if self._received:
            self._unpacker.end()
        return self._unpacker.feed(chunk)

    async def close(self) -> None:
        """Close the connection, unless the body's end has given it back already. Repeats change nothing."""
        if self._open and (self._transport.closed or not self._received):
            with anyio.move_on_after(CLOSE_S, shield=True):
                await self._cut()
                with suppress(Exception):
                    await self._response.aclose()
        self._open = False

    async def _cut(self) -> None:
        """End the body where it is.

        The clients nest async generators and httpx closes only the outermost: so after the connection is closed what
        had been received is run through them, until each ends by itself.
        """
        with suppress(Exception):
            await self._response.extensions["network_stream"].aclose()
            while self._chunks is not None:
                await anext(self._chunks)
