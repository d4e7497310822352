"""Reading a message as it streams. Sans-IO.

Source: anthropic SDK 2.12.0 `_streaming.py` and `types/raw_*`: pings and events without data are passed over,
`event: error` is an error whatever the status, usage is cumulative and may come in parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from actorrouter.adapters.anthropic_errors import refused_inside
from actorrouter.adapters.anthropic_usage import settled, usage_said
from actorrouter.adapters.rules import broken
from actorrouter.adapters.streaming import EventReader, EventStream
from actorrouter.adapters.tokens import text_tokens
from actorrouter.dialects.documents import decode_json, dig
from actorrouter.dialects.framing import Event
from actorrouter.values import OUTPUT_TOKENS, Outcome, QuotaObservation, Usage

# Inside a JSON string quotes are escaped, so these match keys only.
_NEWS: Final = re.compile(rb'"type"\s*:\s*"(?:message_|error")')
_TEXT: Final = re.compile(rb'"(?:text|thinking|partial_json)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"')
_NOT_CONTENT: Final = frozenset({"type", "index"})


class MessagesStream(EventStream):
    """A streamed message. Only `message_stop` is its end. `wall`: epoch seconds. `settle`, `refuse`: how whoever serves
    the dialect counts usage, and what its errors mean."""

    news = _NEWS
    text = _TEXT

    def __init__(
        self,
        status: int,
        observations: tuple[QuotaObservation, ...],
        counted_input: Callable[[], int],
        wall: float,
        *,
        reader: EventReader | None = None,
        settle: Callable[[Mapping[str, int], object, int, int], Usage] = settled,
        refuse: Callable[[int, Any, bytes, float, Usage | None], Outcome] = refused_inside,
    ) -> None:
        super().__init__(status, observations, reader)
        self._counted_input = counted_input
        self._wall = wall
        self._settle = settle
        self._refuse = refuse
        self._began = False
        self._model: object = None
        self._said: dict[str, int] = {}

    def _study(self, event: Event) -> bool:
        data = event.data or b""
        document = decode_json(data)
        if not isinstance(document, dict):
            return self._fail(event, broken(self._status, "an event is not a JSON object", self._usage_if_any()))
        kind = document.get("type")
        if event.name == b"error" or kind == "error":
            return self._fail(event, self._refuse(self._status, document, data, self._wall, self._usage_if_any()))
        if kind == "message_stop":
            self.over = True
            self.content_started = self.content_started or self._began
        elif isinstance(kind, str) and kind in _STEPS:
            _STEPS[kind](self, document)
        return True

    def _message_start(self, document: dict[str, Any]) -> None:
        """The output it states is of the first tokens only: until a later event tells, what is delivered is counted."""
        self._began = True
        self._model = dig(document, "message.model")
        self._said |= usage_said(dig(document, "message.usage"))
        self._said.pop(OUTPUT_TOKENS, None)

    def _block_start(self, document: dict[str, Any]) -> None:
        self._note(document.get("content_block"))

    def _block_delta(self, document: dict[str, Any]) -> None:
        self._note(document.get("delta"))

    def _note(self, part: Any) -> None:
        """A part that says more than its kind is content: the start of a tool call, but not of an empty text."""
        says = isinstance(part, dict) and any(said for name, said in part.items() if name not in _NOT_CONTENT)
        self.content_started = self.content_started or says

    def _message_delta(self, document: dict[str, Any]) -> None:
        self._said |= usage_said(document.get("usage"))  # cumulative: what is said again replaces, the rest stands
        self.content_started = self.content_started or bool(dig(document, "delta.stop_reason"))

    def _missing(self, *, complete: bool) -> str:
        del complete  # a clean end of the bytes is not the end of a message
        if not self.over:
            return "the stream ended before the answer did"
        return "" if self._began else "the stream holds no message"

    def _usage_if_any(self) -> Usage | None:
        return self._usage() if self._said or self._text_bytes else None

    def _usage(self) -> Usage:
        return self._settle(self._said, self._model, self._counted_input(), text_tokens(self._text_bytes))


_STEPS: Final[Mapping[str, Callable[[MessagesStream, dict[str, Any]], None]]] = {
    "message_start": MessagesStream._message_start,
    "content_block_start": MessagesStream._block_start,
    "content_block_delta": MessagesStream._block_delta,
    "message_delta": MessagesStream._message_delta,
}
