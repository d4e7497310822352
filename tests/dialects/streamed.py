"""Events of a stream by hand, what a writer made of steps, and what a reader makes of that."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from actorrouter.dialects.framing import Event
from actorrouter.dialects.neutral import Request, Step
from actorrouter.dialects.port import Dialect, StreamReader, StreamWriter
from actorrouter.dialects.sse import SseReader

ASKED: Final = Request((), stream=True, stream_usage=True)


def event(document: Any, name: str = "") -> Event:
    """One event with this document as its data; a string stands as it is."""
    text = document if isinstance(document, str) else json.dumps(document)
    return Event(b"", text.encode(), name.encode())


def read_all(reader: StreamReader, events: Iterable[Event]) -> list[Step]:
    """The steps of these events and a clean end."""
    return [step for each in events for step in reader.read(each)] + reader.close()


def write_all(writer: StreamWriter, steps: Iterable[Step]) -> list[Any]:
    """The documents of what is written; text that is no JSON as it is."""
    read = SseReader().feed(b"".join(map(writer.write, steps)))
    return [_document(each.data or b"") for each in read]


def _document(content: bytes) -> Any:
    return json.loads(content) if content.startswith(b"{") else content.decode()


def written(dialect: Dialect, steps: Iterable[Step]) -> bytes:
    """The bytes of a stream, none of which may be a loss."""
    writer = dialect.stream_writer(ASKED)
    stream = b"".join(map(writer.write, steps))
    assert writer.losses == ()
    return stream


def events_of(chunks: Iterable[bytes]) -> list[Event]:
    """The events of a stream that comes in these chunks."""
    reader = SseReader()
    return [each for chunk in chunks for each in reader.feed(chunk)]


def steps_of(dialect: Dialect, events: Iterable[Event]) -> list[Step]:
    """What the events of a stream stand for, without a loss."""
    reader = dialect.stream_reader()
    steps = read_all(reader, events)
    assert reader.losses == ()
    return steps
