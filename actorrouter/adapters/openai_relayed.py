"""Reading a stream that is relayed as it comes, of a path nobody here understands, and looking out for its usage."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import attrs

from actorrouter.adapters.openai_usage import usage_said
from actorrouter.adapters.profiles import Profile
from actorrouter.adapters.reading import Relayed
from actorrouter.adapters.tokens import usage_of
from actorrouter.dialects.documents import decode_json
from actorrouter.dialects.framing import Event
from actorrouter.dialects.sse import SseReader
from actorrouter.values import OUTPUT_TOKENS, Outcome, QuotaObservation

_NEWS: Final = re.compile(rb'"usage"\s*:\s*\{')


class RelayedEvents(Relayed):
    """Every byte goes on at once. The last usage that an event's JSON tells, on top or in its response, is believed."""

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
        self._reader = SseReader()
        self._said: dict[str, int] = {}

    def feed(self, received: bytes) -> bytes:
        """Hand the bytes on, and look at the events they complete."""
        for event in self._reader.feed(received):
            self._look(event)
        return super().feed(received)

    def _look(self, event: Event) -> None:
        if event.data is None or not _NEWS.search(event.data):
            return
        document = decode_json(event.data)
        fields = self._profile.usage
        inside = document.get("response") if isinstance(document, dict) else None
        self._said = usage_said(document, fields) or usage_said(inside, fields) or self._said

    def end(self, *, complete: bool) -> Outcome:
        """As it was relayed, with the usage that was told."""
        outcome = super().end(complete=complete)
        if not self._said:
            return outcome
        usage = usage_of({OUTPUT_TOKENS: 0, **self._said}, self._counted_input(), 0)
        return attrs.evolve(outcome, usage=usage)  # type: ignore[misc] # a value is an attrs class
