"""Reading generated content as it streams. Sans-IO.

Source: google-genai SDK 3.4.0 `_api_client.py`: chunks are server-sent events and there is no end mark; an error may
come as the lines of a JSON document, without `data:`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from actorrouter.adapters.gemini_errors import blocked, error_inside, refused_inside, says_something
from actorrouter.adapters.gemini_usage import usage_said
from actorrouter.adapters.native import only
from actorrouter.adapters.rules import broken
from actorrouter.adapters.streaming import EventStream
from actorrouter.adapters.tokens import text_tokens, usage_of
from actorrouter.dialects.documents import decode_json, dig, listed
from actorrouter.dialects.framing import Event
from actorrouter.dialects.sse import SseReader
from actorrouter.values import QuotaObservation, Usage

_ALL: Final = re.compile(b"")
_TEXT: Final = re.compile(rb'"text"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"')
_OPENINGS: Final = (b"{", b"[")


class GeminiReader:
    """Server-sent events, and raw JSON lines as an event called `error`."""

    def __init__(self) -> None:
        self._reader = SseReader()
        self._tail = bytearray()
        self._cut = False

    @property
    def fault(self) -> object:
        """See the port."""
        return self._reader.fault or ("it ends inside an event" if self._cut else None)

    def feed(self, received: bytes) -> list[Event]:
        """See the port."""
        if not self._reader.fault:
            self._tail += received
        return self._named(self._reader.feed(received))

    def close(self) -> list[Event]:
        """See the port. What no blank line has ended may be an error, but nothing else."""
        events = self._named(self._reader.close())
        left, self._tail = bytes(self._tail), bytearray()
        self._cut = bool(left.strip())
        return [*events, _error(Event(left, None))] if _is_raw(left) else events

    def _named(self, events: list[Event]) -> list[Event]:
        for event in events:
            del self._tail[: len(event.raw)]
        return [_error(event) if event.data is None and _is_raw(event.raw) else event for event in events]


def _is_raw(lines: bytes) -> bool:
    return lines.lstrip().startswith(_OPENINGS)


def _error(event: Event) -> Event:
    return Event(event.raw, event.raw.strip(), b"error")


class GeminiStream(EventStream):
    """A streamed answer. `choices`: how many candidates were asked for; the answer has ended when each has a finish
    reason and the bytes end cleanly. `wall`: epoch seconds."""

    news = _ALL  # every chunk may be the last to tell of usage
    text = _TEXT

    def __init__(
        self,
        status: int,
        observations: tuple[QuotaObservation, ...],
        counted_input: Callable[[], int],
        wall: float,
        *,
        choices: int,
    ) -> None:
        super().__init__(status, observations, GeminiReader())
        self._counted_input = counted_input
        self._wall = wall
        self._choices = choices
        self._finished: set[str] = set()
        self._said: dict[str, int] = {}

    def _study(self, event: Event) -> bool:
        data = event.data or b""
        document = only(decode_json(data))
        if not isinstance(document, dict):
            return self._fail(event, broken(self._status, "an event is not a JSON object", self._usage_if_any()))
        self._said = usage_said(document) or self._said
        if error_inside(document):
            return self._fail(event, refused_inside(self._status, document, data, self._wall, self._usage_if_any()))
        if not self.content_started and (withheld := blocked(self._status, document, self._usage_if_any())):
            return self._fail(event, withheld)
        for candidate in listed(document, "candidates"):
            finish = dig(candidate, "finishReason")
            if finish:
                self._finished.add(repr(dig(candidate, "index") or 0))
            self.content_started = self.content_started or bool(finish) or says_something(candidate)
        return True

    def _missing(self, *, complete: bool) -> str:
        ended = complete and len(self._finished) >= self._choices
        return "" if ended else "the stream ended before the answer did"

    def _usage_if_any(self) -> Usage | None:
        return self._usage() if self._said or self._text_bytes else None

    def _usage(self) -> Usage:
        return usage_of(self._said, self._counted_input(), text_tokens(self._text_bytes))
