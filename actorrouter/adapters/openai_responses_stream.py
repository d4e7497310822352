"""Reading a streamed answer of OpenAI's responses API. Sans-IO.

Source: openai SDK 3.54.0, types/responses: each event names its type, also in its data; usage and errors stand in the
response of the last one. There is no `[DONE]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from actorrouter.adapters.openai_usage import usage_said
from actorrouter.adapters.profiles import Profile
from actorrouter.adapters.rules import broken, error_in, failure_inside
from actorrouter.adapters.streaming import EventStream
from actorrouter.adapters.tokens import text_tokens, usage_of
from actorrouter.dialects.documents import decode_json, dig
from actorrouter.dialects.framing import Event
from actorrouter.values import Outcome, QuotaObservation, Usage

_ENDS: Final = frozenset({"response.completed", "response.incomplete"})
_FAILS: Final = frozenset({"response.failed", "error"})


class ResponsesStream(EventStream):
    """A streamed response. Content is any delta; the end is a response that is completed, incomplete or failed."""

    # Inside a JSON string quotes are escaped, so these match keys only.
    news = re.compile(rb'"type"\s*:\s*"(?:response\.(?:completed|incomplete|failed)|error)"')
    text = re.compile(rb'"delta"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"')
    loud = frozenset(name.encode() for name in _ENDS | _FAILS)

    def __init__(
        self,
        status: int,
        observations: tuple[QuotaObservation, ...],
        profile: Profile,
        counted_input: Callable[[], int],
    ) -> None:
        super().__init__(status, observations)
        self._profile = profile
        self._counted_input = counted_input
        self._said: dict[str, int] = {}

    def _study(self, event: Event) -> bool:
        document = decode_json(event.data or b"")
        if not isinstance(document, dict):
            return self._fail(event, broken(self._status, "an event is not a JSON object", self._usage_if_any()))
        told = document.get("type")
        kind = told if isinstance(told, str) and told else event.name.decode("ascii", "replace")
        response = document.get("response")
        self._said = usage_said(response, self._profile.usage) or self._said
        if kind in _FAILS or (kind not in _ENDS and document.get("error")):
            return self._fail(event, self._refusal(document))
        self.over = kind in _ENDS
        self.content_started = self.content_started or self.over or kind.endswith(".delta")
        return True

    def _refusal(self, document: dict[str, Any]) -> Outcome:
        said = dig(document, "response.error") or document.get("error") or document
        return failure_inside(self._profile.errors, self._status, error_in(said), self._usage_if_any())

    def _missing(self, *, complete: bool) -> str:
        del complete  # a clean end of the transport is not the end of a response
        return "" if self.over else "the stream ended before the response did"

    def _usage_if_any(self) -> Usage | None:
        return self._usage() if self._said or self._text_bytes else None

    def _usage(self) -> Usage:
        return usage_of(self._said, self._counted_input(), text_tokens(self._text_bytes))
