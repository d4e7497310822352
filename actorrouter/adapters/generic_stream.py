"""A streamed answer of an API that is described by data: server-sent events, or JSON documents one a line. Sans-IO."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from actorrouter.adapters.streaming import EventReader, EventStream
from actorrouter.dialects.documents import decode_json
from actorrouter.dialects.framing import Event
from actorrouter.dialects.ndjson import NdjsonReader
from actorrouter.dialects.sse import SseReader
from actorrouter.values import Amount, Outcome, Usage

READERS: Final[Mapping[str, Callable[[], EventReader]]] = {
    "text/event-stream": SseReader,
    "application/x-ndjson": NdjsonReader,
    "application/ndjson": NdjsonReader,
    "application/jsonl": NdjsonReader,
}
"""By media type. What comes as anything else is relayed unread."""


def news_of(paths: Iterable[str]) -> re.Pattern[bytes]:
    """Found in every document in which one of these dotted paths may lead anywhere."""
    names = sorted({re.escape(path.partition(".")[0].encode()) for path in paths})
    return re.compile(rb'"(?:' + b"|".join(names) + rb')"\s*:')


class DescribedStream(EventStream):
    """Its first event may be an error, in place of which another key answers. The last word on a usage counts.

    It has no end of its own: what the transport saw whole is whole, unless a line was cut off. `error_inside`: the
    failure that a document of such a status means, `said`: the usage it tells, `settled`: the usage to settle then.
    """

    text = re.compile(rb"(?!)()")  # where in a document a model has written, nobody here knows
    loud = frozenset()

    def __init__(
        self,
        status: int,
        reader: EventReader,
        *,
        news: re.Pattern[bytes],
        error_inside: Callable[[Any, int, bytes], Outcome | None],
        said: Callable[[Any], Mapping[str, Amount]],
        settled: Callable[[Mapping[str, Amount]], Usage],
    ) -> None:
        super().__init__(status, (), reader)
        self.news = news
        self._error_inside, self._told, self._settled = error_inside, said, settled
        self._said: dict[str, Amount] = {}

    def feed(self, received: bytes) -> bytes:
        """See the port. Which of its events are mere pings is not known either."""
        handed = super().feed(received)
        self.quiet = False
        return handed

    def _study(self, event: Event) -> bool:
        document = decode_json(event.data or b"")
        if error := self._error_inside(document, self._status, event.data or b""):
            return self._fail(event, error)
        self.content_started = True
        self._said.update(self._told(document))
        return True

    def _missing(self, *, complete: bool) -> str:
        cut = isinstance(self._reader, NdjsonReader) and self._reader.incomplete
        return "" if complete and not cut else "the answer was cut off"

    def _usage(self) -> Usage | None:
        return self._settled(self._said) if self._said else None

    _usage_if_any = _usage
