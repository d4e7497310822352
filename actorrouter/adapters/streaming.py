"""Reading an answer that comes as events: original bytes go through, usage, errors and the end are noticed on the way.

What every dialect's stream shares; a dialect says what its events mean. Sans-IO.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import ClassVar, Final, Protocol

from actorrouter.adapters.port import ERROR_BYTES_MAX
from actorrouter.adapters.reading import EndsOnce
from actorrouter.adapters.rules import broken, mask
from actorrouter.dialects.framing import Event
from actorrouter.dialects.sse import SseReader
from actorrouter.values import Outcome, OutcomeClass, QuotaObservation, Scope, Usage

HOLD_BYTES_MAX: Final = 1024 * 1024
"""More than this is not held back for content to begin: from there on no other key may answer."""


class EventReader(Protocol):
    """Bytes in, whole events out: of server-sent events, or of a framing that is handed on as such."""

    @property
    def fault(self) -> object:
        """Why nothing more can be read, as text; false-ish while it can."""

    def feed(self, received: bytes) -> list[Event]:
        """The events these bytes complete."""

    def close(self) -> list[Event]:
        """No more bytes will come: what the end completes."""


class EventStream(EndsOnce, ABC):
    """A streamed answer.

    Everything before the first content is held back, at most `HOLD_BYTES_MAX`, so that another key may still answer.
    Nothing is handed on after the end or an error. A dialect's `_study` sets `content_started` when a caller is about
    to be given content, `over` at the end the dialect promises, and calls `_fail` at an error.
    """

    failed = False
    news: re.Pattern[bytes]
    """Once content has begun, an event in whose data this is not found is not decoded."""
    text: ClassVar[re.Pattern[bytes]]
    """Group 1 is what the model wrote, in an event's data as it stands: counted where usage is missing."""
    loud: ClassVar[frozenset[bytes]] = frozenset({b"error"})
    """Events with these names are always decoded."""
    marks: ClassVar[tuple[bytes, ...]] = ()
    """Where one of these stands in an event, `_keep` looks at it even once content has begun."""

    def __init__(
        self, status: int, observations: tuple[QuotaObservation, ...], reader: EventReader | None = None
    ) -> None:
        self.observations = observations
        self.content_started = False
        self._status = status
        self._reader: EventReader = reader if reader is not None else SseReader()
        self._sse = self._reader if isinstance(self._reader, SseReader) else None
        self._alarms = (*self.marks, *self.loud)
        self._held = bytearray()
        self.over = False
        self._failure: Outcome | None = None
        self._text_bytes = 0

    # ---------------------------------------------------------------------------------------------- what a dialect says

    @abstractmethod
    def _study(self, event: Event) -> bool:
        """Take in an event that has data. Whether its own bytes go on."""

    @abstractmethod
    def _missing(self, *, complete: bool) -> str:
        """What the answer lacks now that its bytes have ended, or "". `complete`: the transport saw a clean end."""

    @abstractmethod
    def _usage(self) -> Usage | None:
        """What was said, and what was counted here for what was not."""

    @abstractmethod
    def _usage_if_any(self) -> Usage | None:
        """A failure's usage: None, so that the reservation stands, when nothing is known of it."""

    # -------------------------------------------------------------------------------------------------------- the port

    def feed(self, received: bytes) -> bytes:
        """The whole events these bytes complete, as they came; b"" until content begins."""
        written = self._text_bytes
        handed = self._pass_on(received)
        self.quiet = self._text_bytes == written and not self.over
        return handed

    def _pass_on(self, received: bytes) -> bytes:
        start, end = self._carried_on(received) if self.content_started else (0, 0)
        if start == end:
            return self._parse(received)
        self._text_bytes += sum(map(len, self.text.findall(received, start, end)))
        if end - start == len(received):
            return received
        before = self._parse(received[:start]) if start else b""
        return before + received[start:end] + self._parse(received[end:])

    def _parse(self, received: bytes) -> bytes:
        if not self.over:
            self._take(self._reader.feed(received))
        return self._hand_on() if self.content_started else b""

    def _carried_on(self, received: bytes) -> tuple[int, int]:
        """From where to where these bytes are whole events without anything new: they go through as they came."""
        if self._sse is None or self.over:
            return 0, 0
        news = self.news.search(received)
        end = news.start() if news else len(received)
        for alarm in self._alarms:
            at = received.find(alarm, 0, end)
            end = at if at >= 0 else end
        return self._sse.span(received, end)

    def end(self, *, complete: bool) -> Outcome:
        """The end the dialect promises is success, also if the connection was cut after it; anything less is broken."""
        self._end_once()
        if not self.over:
            self._take(self._reader.close())
        outcome = self._failure or self._judge(complete=complete)
        if outcome.outcome is not OutcomeClass.SUCCEEDED and not self.content_started:
            self._held = bytearray(mask(bytes(self._held[:ERROR_BYTES_MAX])))
        return outcome

    def rest(self) -> bytes:
        """See the port: after a success the bytes of an event that only the end completed."""
        return self._hand_on()

    def _judge(self, *, complete: bool) -> Outcome:
        unread = f"the stream cannot be read: {self._reader.fault}" if self._reader.fault and not self.over else ""
        why = unread or self._missing(complete=complete)
        if why:
            return broken(self._status, why, self._usage_if_any())
        return Outcome(OutcomeClass.SUCCEEDED, Scope.NONE, self._status, usage=self._usage())

    def _hand_on(self) -> bytes:
        handed = bytes(self._held)
        self._held.clear()
        return handed

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if self._keep(event):
                self._held += event.raw
                self.content_started = self.content_started or len(self._held) > HOLD_BYTES_MAX
            if self.over:
                return

    def _keep(self, event: Event) -> bool:
        """Whether the event's own bytes go on. Most events after the first are not decoded."""
        if event.data is None:
            return True
        self._text_bytes += sum(map(len, self.text.findall(event.data)))
        if self.content_started and not self.news.search(event.data) and event.name not in self.loud:
            return True
        return self._study(event)

    def _fail(self, event: Event, outcome: Outcome) -> bool:
        """Nothing after this event. Before content the caller never sees the stream, only the error."""
        self.over = True
        self._failure = outcome
        if self.content_started:
            self._held += mask(event.raw)
        else:
            self._held = bytearray(event.data or b"")
        return False
