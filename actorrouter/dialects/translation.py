"""From one dialect into another: read, then written. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actorrouter.dialects.framing import Event
from actorrouter.dialects.losses import merged
from actorrouter.dialects.neutral import Loss, Request
from actorrouter.dialects.port import Dialect, StreamReader, StreamWriter


def translate_request(
    body: Mapping[str, Any], source: Dialect, target: Dialect
) -> tuple[dict[str, Any], Request, tuple[Loss, ...]]:
    """The body for `target`, without its model, what was asked for, and what is left out. Raises Malformed."""
    request, unread = source.read_request(body)
    written, unsaid = target.write_request(request)
    return written, request, merged(unread, unsaid)


def translate_answer(document: Any, source: Dialect, target: Dialect) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """A plain answer's document for those who speak `target`, and what is left out. Raises Malformed."""
    answer, unread = source.read_answer(document)
    written, unsaid = target.write_answer(answer)
    return written, merged(unread, unsaid)


class StreamTranslation:
    """A streamed answer on its way: a provider's events in, a caller's bytes out. One for each answer."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What was left out so far, each name once."""
        return merged(self._reader.losses, self._writer.losses)

    def feed(self, event: Event) -> bytes:
        """The whole events this one stands for, or b"". Raises Malformed."""
        return b"".join(self._writer.write(step) for step in self._reader.read(event))

    def close(self) -> bytes:
        """The provider's bytes have ended cleanly: the events that means, or b""."""
        return b"".join(self._writer.write(step) for step in self._reader.close())


def error_status(status: int | None) -> int:
    """The status an error has for its caller: one that came with a good status, or with none, is a bad gateway's."""
    return status if status is not None and status >= 400 else 502
