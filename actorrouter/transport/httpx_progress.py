"""How far one request of httpx or httpx2 got, and what time the phase it is in may take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import anyio

from actorrouter.transport.phases import Stage
from actorrouter.transport.port import Timeouts


class Progress:
    """How far one request got, as the client's `trace` extension tells; moves the deadline from phase to phase."""

    __slots__ = ("_tell", "_timeouts", "bug", "extensions", "scope", "stage", "streams", "write_failed")

    def __init__(self, first: Stage, timeouts: Timeouts, on_written: Callable[[], None]) -> None:
        self.stage = first
        self.streams: list[Any] = []  # opened by this request, TLS after what it runs on
        self.extensions: dict[str, Any] = {"trace": self.trace, "timeout": {}}
        self.write_failed = False
        self.bug: Exception | None = None
        self._timeouts = timeouts
        self._tell: Callable[[], None] | None = on_written

    def start(self) -> anyio.CancelScope:
        self.scope = anyio.CancelScope(deadline=anyio.current_time() + self._timeouts.connect_s)
        return self.scope

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        note = _NOTES.get(event)
        if note is not None:
            note(self, info)

    def opened(self, info: Mapping[str, Any]) -> None:
        self.streams.append(info["return_value"])

    def securing(self, _: Mapping[str, Any]) -> None:
        if self.stage is Stage.CONNECTING:
            self.stage = Stage.SECURING

    def securing_through_proxy(self, _: Mapping[str, Any]) -> None:
        self.stage = Stage.SECURING

    def sending(self, info: Mapping[str, Any]) -> None:
        if info["request"].method != b"CONNECT":  # which asks the proxy for a tunnel and holds nothing of ours
            self._enter(Stage.SENDING, self._timeouts.write_s)

    def unwritten(self, info: Mapping[str, Any]) -> None:
        """Not the end, unless cancelled: the client now reads, as the server may have answered early."""
        if self.stage is Stage.SENDING and isinstance(info["exception"], Exception):
            self.write_failed = True
            self._enter(Stage.WAITING, self._timeouts.first_byte_s)

    def written(self, _: Mapping[str, Any]) -> None:
        if self.stage is Stage.SENDING:
            self._enter(Stage.WAITING, self._timeouts.first_byte_s)
            self.extensions["trace"] = None  # nothing later is of interest
            self._tell_written()

    def answered(self) -> None:
        self._tell_written()
        self.stage = Stage.ANSWERED
        self.extensions["timeout"]["read"] = self._timeouts.idle_s  # the client looks when the body is first read

    def _tell_written(self) -> None:
        tell, self._tell = self._tell, None
        try:
            if tell is not None:
                tell()
        except Exception as bug:
            self.bug = bug
            raise

    def _enter(self, stage: Stage, seconds: float) -> None:
        self.stage = stage
        self.scope.deadline = anyio.current_time() + seconds


_NOTES: Final[Mapping[str, Callable[[Progress, Mapping[str, Any]], None]]] = {
    "connection.connect_tcp.complete": Progress.opened,
    "connection.start_tls.started": Progress.securing,
    "connection.start_tls.complete": Progress.opened,
    "proxy.start_tls.started": Progress.securing_through_proxy,
    "proxy.start_tls.complete": Progress.opened,
    "socks.connect_tcp.complete": Progress.opened,
    "socks.start_tls.started": Progress.securing_through_proxy,
    "socks.start_tls.complete": Progress.opened,
    "http11.send_request_headers.started": Progress.sending,
    "http11.send_request_headers.failed": Progress.unwritten,
    "http11.send_request_body.complete": Progress.written,
    "http11.send_request_body.failed": Progress.unwritten,
}
"""The clients' event names (httpcore docs, "Request extensions", `trace`)."""
