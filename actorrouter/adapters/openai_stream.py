"""Reading a chat answer as it streams: original bytes go through, usage and errors are noticed on the way. Sans-IO.

Source: openai SDK 3.54.0 `_streaming.py`; facts on other speakers of the dialect are cited where they matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from actorrouter.adapters.openai_answer import error_inside, unwrapped
from actorrouter.adapters.openai_usage import usage_said
from actorrouter.adapters.profiles import Profile
from actorrouter.adapters.rules import broken, error_in, failure_inside
from actorrouter.adapters.streaming import EventStream
from actorrouter.adapters.tokens import text_tokens, usage_of
from actorrouter.dialects.documents import decode_json, dig, listed
from actorrouter.dialects.framing import Event
from actorrouter.values import Outcome, QuotaObservation, Usage

_DONE: Final = b"[DONE]"
# Inside a JSON string quotes are escaped, so these match keys only; `"usage":null` comes with every chunk.
_NEWS: Final = re.compile(rb'"usage"\s*:\s*\{|"error"|"finish_reason"\s*:\s*"')
_TEXT: Final = re.compile(
    rb'"(?:content|reasoning_content|reasoning|refusal|arguments|text)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"'
)
_NOT_CONTENT: Final = frozenset({"role", "obfuscation"})


class ChatStream(EventStream):
    """A streamed chat answer. `choices`: how many the caller asked for. `strip_usage`: the caller did not ask for the
    usage chunk, so it is taken out again."""

    news = _NEWS
    text = _TEXT
    marks = (_DONE,)

    def __init__(
        self,
        status: int,
        observations: tuple[QuotaObservation, ...],
        profile: Profile,
        counted_input: Callable[[], int],
        *,
        choices: int,
        strip_usage: bool,
    ) -> None:
        super().__init__(status, observations)
        self._profile = profile
        self._counted_input = counted_input
        self._choices = choices
        self._strip_usage = strip_usage
        self._answered = False
        self._finished: set[object] = set()
        self._said: dict[str, int] = {}

    def _keep(self, event: Event) -> bool:
        if event.data is not None and event.data.startswith(_DONE):  # as the SDK looks for it
            self.over = True
            self.content_started = self.content_started or self._answered
            return True
        return super()._keep(event)

    def _study(self, event: Event) -> bool:
        document = unwrapped(decode_json(event.data or b""))
        if not isinstance(document, dict):
            return self._fail(event, broken(self._status, "an event is not a JSON object", self._usage_if_any()))
        if event.name == b"error" or error_inside(document):
            return self._fail(event, self._refusal(document))
        self._said = usage_said(document, self._profile.usage) or self._said
        self._note_choices(listed(document, "choices"))
        return not (self._strip_usage and document.get("choices") == [] and document.get("usage"))

    def _note_choices(self, choices: list[Any]) -> None:
        for choice in choices:
            self._answered = True
            finish = dig(choice, "finish_reason")
            if finish:
                self._finished.add(repr(dig(choice, "index")))
            self.content_started = self.content_started or bool(finish) or has_content(dig(choice, "delta"))

    def _refusal(self, document: dict[str, Any]) -> Outcome:
        error = error_in(error_inside(document) or document)
        return failure_inside(self._profile.errors, self._status, error, self._usage_if_any())

    def _missing(self, *, complete: bool) -> str:
        """`[DONE]`, or every choice finished and a clean end, is the end of an answer."""
        if not self.over and not (complete and len(self._finished) >= self._choices):
            return "the stream ended before the answer did"
        return "" if self._answered else "the stream holds no choices"

    def _usage_if_any(self) -> Usage | None:
        return self._usage() if self._said or self._text_bytes else None

    def _usage(self) -> Usage:
        return usage_of(self._said, self._counted_input(), text_tokens(self._text_bytes))


def has_content(delta: Any) -> bool:
    """Whether a delta says more than who speaks."""
    return isinstance(delta, dict) and any(said for name, said in delta.items() if name not in _NOT_CONTENT)
