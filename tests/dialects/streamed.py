"""Events of a stream by hand, and what a writer made of steps."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from actorrouter.dialects.neutral import Step
from actorrouter.dialects.port import StreamReader, StreamWriter
from actorrouter.dialects.sse import Event, SseReader


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
