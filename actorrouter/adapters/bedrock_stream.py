"""Reading Bedrock's streamed answers: frames of the Converse API, and a message whose events come in frames. Sans-IO.

Source: botocore 1.44.5 `data/bedrock-runtime` (ConverseStreamOutput, ResponseStream); anthropic SDK 2.12.0
`lib/bedrock/_stream_decoder.py`.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, Final

from actorrouter.adapters.aws_frames import Frame, FrameReader, framed
from actorrouter.adapters.bedrock_errors import code_of, refused_inside
from actorrouter.adapters.cached_usage import WRITTEN, tokens_told
from actorrouter.adapters.rules import broken, mask
from actorrouter.adapters.streaming import EventStream
from actorrouter.adapters.tokens import CACHED, text_tokens
from actorrouter.dialects.documents import decode_json, dig, encode_json
from actorrouter.dialects.framing import Event
from actorrouter.values import INPUT_TOKENS, OUTPUT_TOKENS, QuotaObservation, Usage

STREAM_TYPE: Final = "application/vnd.amazon.eventstream"
_ERROR: Final = b"error"
_NAME: Final = re.compile(rb"\w{1,64}")
_LINE_END: Final = re.compile(rb"[\r\n]")
_NOTHING: Final = re.compile(b"(?!)")
_TEXT: Final = re.compile(rb'"(?:text|input)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"')
_NAMES: Final = {
    INPUT_TOKENS: "inputTokens",
    OUTPUT_TOKENS: "outputTokens",
    WRITTEN: "cacheWriteInputTokens",
    CACHED: "cacheReadInputTokens",
}


def usage_said(usage: object) -> dict[str, int]:
    """The tokens a `usage` object of the Converse API states believably, by our names."""
    return tokens_told(usage, _NAMES)


# ----------------------------------------------------------------------------------------------------- frames as events


def _exception(frame: Frame) -> dict[str, Any] | None:
    """What a frame that is no event says went wrong, as Anthropic's dialect shows errors."""
    headers = frame.headers
    if headers.get(":message-type", "event") == "event":
        return None
    named = headers.get(":exception-type") or headers.get(":error-code") or "unknown"
    said = dig(decode_json(frame.payload), "message")
    message = said if isinstance(said, str) else headers.get(":error-message", "")
    return {"type": "error", "error": {"type": code_of(named), "message": message}}


def as_frame(frame: Frame) -> Event:
    """The frame itself, named by its event. An exception's secrets are masked here: its checksum has to fit."""
    wrong = _exception(frame)
    if wrong is None:
        return Event(frame.raw, frame.payload or None, frame.headers.get(":event-type", "").encode())
    safe = mask(frame.payload)
    raw = frame.raw if safe == frame.payload else framed(frame.head, safe)
    return Event(raw, encode_json(wrong), _ERROR)


def as_message_event(frame: Frame) -> Event:
    """The server-sent event that the message's own API would send."""
    wrong = _exception(frame)
    if wrong is not None:
        return _sent(_ERROR, encode_json(wrong))
    if frame.headers.get(":event-type") != "chunk":
        return Event(b"", None)
    data = _chunk(frame.payload)
    document = decode_json(data)
    if not isinstance(document, dict):
        return Event(b"", b"", _ERROR)  # looked at wherever it comes, and broken: no JSON object
    kind = document.get("type")
    single = data if _LINE_END.search(data) is None else encode_json(document)
    return _sent(kind.encode("utf-8", "replace") if isinstance(kind, str) else b"", single)


def _chunk(payload: bytes) -> bytes:
    """The bytes a chunk carries; b"" when it carries none."""
    said = dig(decode_json(payload), "bytes")
    try:
        return b64decode(said, validate=True) if isinstance(said, str) else b""
    except (binascii.Error, ValueError):
        return b""


def _sent(name: bytes, data: bytes) -> Event:
    named = b"event: %b\n" % name if _NAME.fullmatch(name) else b""
    return Event(named + b"data: %b\n\n" % data, data, name)


# ------------------------------------------------------------------------------------------------------------- converse


class ConverseStream(EventStream):
    """A streamed answer of the Converse API, handed on frame by frame. It ends with `metadata`, which tells the usage;
    without it, with `messageStop` and a clean end. `settle`: how usage is counted."""

    news = _NOTHING
    text = _TEXT
    loud = frozenset({_ERROR, b"messageStop", b"metadata"})

    def __init__(
        self,
        status: int,
        observations: tuple[QuotaObservation, ...],
        counted_input: Callable[[], int],
        settle: Callable[[Mapping[str, int], int, int], Usage],
    ) -> None:
        super().__init__(status, observations, FrameReader(as_frame))
        self._counted_input = counted_input
        self._settle = settle
        self._stopped = False
        self._said: dict[str, int] = {}

    def _study(self, event: Event) -> bool:
        data = event.data or b""
        document = decode_json(data)
        if not isinstance(document, dict):
            return self._fail(event, broken(self._status, "an event is not a JSON object", self._usage_if_any()))
        if event.name == _ERROR:
            return self._fail(event, refused_inside(self._status, document, data, self._usage_if_any()))
        if event.name == b"messageStop":
            self._stopped = True
        elif event.name == b"metadata":
            self._said = usage_said(document.get("usage"))
            self.over = self._stopped
        self.content_started = self.content_started or self._stopped or _says_something(event.name, document)
        return True

    def _missing(self, *, complete: bool) -> str:
        ended = self.over or (complete and self._stopped)
        return "" if ended else "the stream ended before the answer did"

    def _usage_if_any(self) -> Usage | None:
        return self._usage() if self._said or self._text_bytes else None

    def _usage(self) -> Usage:
        return self._settle(self._said, self._counted_input(), text_tokens(self._text_bytes))


def _says_something(name: bytes, document: dict[str, Any]) -> bool:
    """Whether an event is content: a part's start that is more than empty, or what is added to one."""
    part = document.get("start") if name == b"contentBlockStart" else document.get("delta")
    return isinstance(part, dict) and any(part.values())
