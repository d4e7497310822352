"""Reading a chat answer as it streams: original bytes go through, usage and errors are noticed on the way. Sans-IO.

Source: openai SDK 3.54.0 `_streaming.py`; facts on other speakers of the dialect are cited where they matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from actorrouter.adapters.openai_errors import CHAT_RULES
from actorrouter.adapters.openai_usage import text_tokens, usage_of, usage_said
from actorrouter.adapters.reading import ERROR_BYTES_MAX, EndsOnce
from actorrouter.adapters.rules import broken, error_body, failure_inside, mask
from actorrouter.adapters.sse import Event, SseReader
from actorrouter.adapters.wire import decode_json, dig, listed
from actorrouter.values import Outcome, OutcomeClass, QuotaObservation, Scope, Usage

HOLD_BYTES_MAX: Final = 1024 * 1024
"""More than this is not held back for content to begin: from there on no other key may answer."""

_DONE: Final = b"[DONE]"
# Inside a JSON string quotes are escaped, so these match keys only; `"usage":null` comes with every chunk.
_NEWS: Final = re.compile(rb'"usage"\s*:\s*\{|"error"|"finish_reason"\s*:\s*"')
_TEXT: Final = re.compile(
    rb'"(?:content|reasoning_content|reasoning|refusal|arguments|text)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"'
)
_NOT_CONTENT: Final = frozenset({"role", "obfuscation"})


class ChatStream(EndsOnce):
    """A streamed chat answer.

    Everything before the first content is held back, at most `HOLD_BYTES_MAX`, so that another key may still answer.
    Nothing is handed on after `[DONE]` or an error. `choices`: how many the caller asked for. `strip_usage`: the
    caller did not ask for the usage chunk, so it is taken out again.
    """

    failed = False

    def __init__(
        self,
        status: int,
        observations: tuple[QuotaObservation, ...],
        counted_input: Callable[[], int],
        *,
        choices: int,
        strip_usage: bool,
    ) -> None:
        self.observations = observations
        self.content_started = False
        self._status = status
        self._counted_input = counted_input
        self._choices = choices
        self._strip_usage = strip_usage
        self._reader = SseReader()
        self._held = bytearray()
        self._over = False
        self._answered = False
        self._failure: Outcome | None = None
        self._finished: set[object] = set()
        self._said: dict[str, int] = {}
        self._text_bytes = 0

    def feed(self, received: bytes) -> bytes:
        """The whole events these bytes complete, as they came; b"" until content begins."""
        if not self._over:
            self._take(self._reader.feed(received))
        return self._hand_on() if self.content_started else b""

    def end(self, *, complete: bool) -> Outcome:
        """`[DONE]`, or every choice finished and a clean end, is success; anything shorter is broken.

        `[DONE]` is the end this dialect promises: a connection cut after it has lost nothing.
        """
        self._end_once()
        if not self._over:
            self._take(self._reader.close())
        outcome = self._failure or self._judge(complete)
        if outcome.outcome is not OutcomeClass.SUCCEEDED and not self.content_started:
            self._held = bytearray(mask(bytes(self._held[:ERROR_BYTES_MAX])))
        return outcome

    def rest(self) -> bytes:
        """See the port: after a success the bytes of an event that only the end completed."""
        return self._hand_on()

    def _hand_on(self) -> bytes:
        handed = bytes(self._held)
        self._held.clear()
        return handed

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if self._keep(event):
                self._held += event.raw
                self.content_started = self.content_started or len(self._held) > HOLD_BYTES_MAX
            if self._over:
                return

    def _keep(self, event: Event) -> bool:
        """Whether the event's own bytes go on. Most events after the first are not decoded."""
        if event.data is None:
            return True
        if event.data.startswith(_DONE):  # as the SDK looks for it
            return self._done()
        self._text_bytes += sum(map(len, _TEXT.findall(event.data)))
        if self.content_started and not _NEWS.search(event.data) and event.name != b"error":
            return True
        return self._study(event)

    def _done(self) -> bool:
        self._over = True
        self.content_started = self.content_started or self._answered
        return True

    def _study(self, event: Event) -> bool:
        document = unwrapped(decode_json(event.data or b""))
        if not isinstance(document, dict):
            return self._fail(event, broken(self._status, "an event is not a JSON object", self._usage_if_any()))
        if event.name == b"error" or error_inside(document):
            return self._fail(event, self._refusal(document, event.data or b""))
        self._said = usage_said(document) or self._said
        self._note_choices(listed(document, "choices"))
        return not (self._strip_usage and document.get("choices") == [] and document.get("usage"))

    def _note_choices(self, choices: list[Any]) -> None:
        for choice in choices:
            self._answered = True
            finish = dig(choice, "finish_reason")
            if finish:
                self._finished.add(repr(dig(choice, "index")))
            self.content_started = self.content_started or bool(finish) or has_content(dig(choice, "delta"))

    def _refusal(self, document: dict[str, Any], data: bytes) -> Outcome:
        error = error_body(error_inside(document) or document, data)
        return failure_inside(CHAT_RULES, self._status, error, self._usage_if_any())

    def _fail(self, event: Event, outcome: Outcome) -> bool:
        """Nothing after this event. Before content the caller never sees the stream, only the error."""
        self._over = True
        self._failure = outcome
        if self.content_started:
            self._held += mask(event.raw)
        else:
            self._held = bytearray(event.data or b"")
        return False

    def _judge(self, complete: bool) -> Outcome:
        if self._over or (complete and not self._reader.fault and len(self._finished) >= self._choices):
            if self._answered:
                return Outcome(OutcomeClass.SUCCEEDED, Scope.NONE, self._status, usage=self._usage())
            why = "the stream holds no choices"
        elif self._reader.fault:
            why = "an event of the stream is too large"
        else:
            why = "the stream ended before the answer did"
        return broken(self._status, why, self._usage_if_any())

    def _usage_if_any(self) -> Usage | None:
        """A failure's usage: None, so that the reservation stands, when nothing is known of it."""
        return self._usage() if self._said or self._text_bytes else None

    def _usage(self) -> Usage:
        return usage_of(self._said, self._counted_input(), text_tokens(self._text_bytes))


def unwrapped(document: Any) -> Any:
    """The only element of a list: Gemini's OpenAI endpoint wraps its errors so."""
    return document[0] if isinstance(document, list) and document else document


def error_inside(document: Any) -> Any:
    """The error an answer of status 200 carries: on top, under `x_groq` (groq 1.7.0) or in a choice (OpenRouter)."""
    if not isinstance(document, dict):
        return None
    error = document.get("error") or dig(document.get("x_groq"), "error")
    choices = [choice for choice in listed(document, "choices") if isinstance(choice, dict)]
    for choice in choices:
        error = error or choice.get("error")
    for choice in choices:
        error = error or (choice.get("finish_reason") == "error" and "the provider ended with an error")
    return error or None


def has_content(delta: Any) -> bool:
    """Whether a delta says more than who speaks."""
    return isinstance(delta, dict) and any(said for name, said in delta.items() if name not in _NOT_CONTENT)
