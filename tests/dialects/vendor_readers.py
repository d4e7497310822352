"""What a reader makes of one document, and which of its fields make no difference to that."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from actorrouter.dialects.framing import Event
from actorrouter.dialects.neutral import Loss
from actorrouter.dialects.port import Malformed
from tests.dialects.vendor_types import Types, bare, members

Read: TypeAlias = Callable[[Any], tuple[Any, tuple[Loss, ...]]]


def silent(kind: Any, read: Read, types: Types) -> set[str]:
    """The fields that make no difference to what is read, whatever they say."""
    heard: dict[str, bool] = defaultdict(bool)
    assert members(bare(kind)) or _told(read, types.smallest(kind))[1] == ()
    for change in types.changes(kind):
        without = _told(read, change.without)
        if without[1] == ():  # else all of it is lost already, or malformed
            heard[change.where] |= without != _told(read, change.with_it)
    assert any(heard.values())
    return {where for where, is_heard in heard.items() if not is_heard}


def _told(read: Read, document: Any) -> tuple[Any, Any]:
    try:
        return read(document)
    except Malformed as error:
        return None, (error.where, error.why)


def streamed(dialect: Any, before: Callable[[Any], list[Any]], *after: Any) -> Read:
    """What one event among others says. `before` makes those that have to come first."""

    def read(document: Any) -> tuple[Any, tuple[Loss, ...]]:
        reader = dialect.stream_reader()
        events = (Event(b"", json.dumps(each).encode()) for each in (*before(document), document, *after))
        steps = [step for event in events for step in reader.read(event)]
        return [*steps, *reader.close()], reader.losses

    return read


def nothing(_: Any) -> list[Any]:
    """No event has to come first."""
    return []


def before_message_event(event: Any) -> list[Any]:
    """The message and the block that an event belongs to."""
    start = {"type": "message_start", "message": {"id": "msg_1", "model": "m"}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    return {"message_start": [], "content_block_start": [start]}.get(event["type"], [start, block])


def before_response_event(event: Any) -> list[Any]:
    """The response and the item that an event belongs to; one of another kind is a loss by then."""
    kind = event["type"]
    call = {"call_id": "call_1", "name": "f"}
    items = {"function_call_": {"type": "function_call", **call}, "reasoning_": {"type": "reasoning"}}
    plain = ("output_text", "refusal", "content_part", "output_item")
    other = {"type": "message"} if kind.split(".")[1:2] and kind.split(".")[1] in plain else {"type": "hosted"}
    item = next((item for name, item in items.items() if f".{name}" in kind), other)
    began = {"type": "response.created", "response": {"id": "resp_1", "model": "m"}}
    added = {"type": "response.output_item.added", "output_index": 0, "item": item}
    if kind.removeprefix("response.") in {"created", "queued", "in_progress"}:
        return []
    return [began] if kind in {"response.output_item.added", *_ENDS} else [began, added]


_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
MESSAGE_ENDS: Final = ({"type": "content_block_stop", "index": 0}, {"type": "message_stop"})
