"""HTTP/1.1 over one connection: h11 speaks the protocol, anyio moves the bytes.

Bounded: BODY_MAX and HEAD_MAX of a request, EARLY_MAX that a caller may send ahead while its request is being answered.
"""

import json
from typing import Any

import anyio
import h11
from anyio.abc import ByteStream
from attrs import Factory, define, frozen

from actorrouter.simulation.providers.headers import Headers

BODY_MAX = 8 * 1024 * 1024
HEAD_MAX = 64 * 1024
EARLY_MAX = 1024 * 1024


class CallerGone(Exception):
    """The caller closed the connection, or sends without end."""


class DropConnection(Exception):
    """Close without another word."""


class Faulty(Exception):
    """The request cannot be understood."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


@frozen
class Asked:
    """One request as it came in."""

    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    body: bytes

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Faulty("the body is not JSON") from error


@define
class Wire:
    """One connection: whole requests in, answers out. Raises CallerGone as soon as the other side has closed."""

    _stream: ByteStream
    _http: h11.Connection = Factory(lambda: h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_MAX))
    _early_bytes: int = 0
    _head_only: bool = False

    async def next_request(self) -> Asked | None:
        """Wait for a whole request; None when the connection is over. Raises Faulty."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._early_bytes, self._head_only = 0, False
        if self._http.our_state is not h11.IDLE:
            return None
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        self._head_only = head.method == b"HEAD"
        body = bytearray()
        while isinstance(part := await self._event(), h11.Data):
            body += part.data
            if len(body) > BODY_MAX:
                raise Faulty("the body is too long", 413)
        path, _, query = head.target.decode("latin-1").partition("?")
        return Asked(head.method.decode("latin-1"), path, query, dict(head.headers), bytes(body))

    async def _event(self) -> object:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                raise Faulty("not HTTP/1.1", error.error_status_hint) from error
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            try:
                self._http.receive_data(await self._stream.receive())
            except anyio.EndOfStream:
                self._http.receive_data(b"")

    async def pause_until(self, deadline: float) -> None:
        """Wait for an instant, listening all the while."""
        while (wait_s := deadline - anyio.current_time()) > 0:
            with anyio.move_on_after(wait_s):
                early = await self._receive_early()
                self._http.receive_data(early)

    async def _receive_early(self) -> bytes:
        try:
            early = await self._stream.receive()
        except anyio.EndOfStream:
            raise CallerGone from None
        self._early_bytes += len(early)
        if self._early_bytes > EARLY_MAX:
            raise CallerGone
        return early

    async def answer(
        self,
        status: int,
        body: object,
        headers: Headers | None = None,
        *,
        last: bool = False,
        content_type: str = "application/json",
    ) -> None:
        """Send a whole answer: bytes as they are, anything else as JSON. `last`: the connection ends with it."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        about = [("content-type", content_type), ("content-length", str(len(content)))]
        ending = [("connection", "close")] if last else []
        head = h11.Response(status_code=status, headers=[*about, *ending, *(headers or ())], reason=b"")
        data = [] if self._head_only else [h11.Data(data=content)]
        await self._send(head, *data, h11.EndOfMessage())

    async def start_events(self, headers: Headers, first: bytes) -> None:
        about = [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")]
        await self._send(h11.Response(status_code=200, headers=[*about, *headers], reason=b""), h11.Data(data=first))

    async def send_events(self, events: bytes) -> None:
        await self._send(h11.Data(data=events))

    async def end_events(self, events: bytes = b"") -> None:
        await self._send(h11.Data(data=events), h11.EndOfMessage())

    async def _send(self, *events: h11.Event) -> None:
        await self._stream.send(b"".join(self._http.send(event) or b"" for event in events))
