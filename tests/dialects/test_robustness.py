"""Whatever comes over the wire is translated or refused as malformed; nothing else is raised."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.dialects import ANTHROPIC_MESSAGES, OPENAI_CHAT, find
from actorrouter.dialects.documents import decode_json, not_json
from actorrouter.dialects.framing import Event
from actorrouter.dialects.neutral import Request
from actorrouter.dialects.port import Dialect, Malformed
from actorrouter.dialects.sse import SseReader
from actorrouter.dialects.translation import StreamTranslation, translate_answer, translate_request
from tests.dialects.conversations import answers, requests, streams

CHAT, ANTHROPIC = find(OPENAI_CHAT), find(ANTHROPIC_MESSAGES)
PAIRS = pytest.mark.parametrize(("source", "target"), [(CHAT, ANTHROPIC), (ANTHROPIC, CHAT)], ids=["chat", "anthropic"])
WORDS = st.sampled_from(
    ["text", "function", "tool_use", "user", "tool", "image", "base64", "auto", "", "x", "{}", "data:;base64,"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)


def spoiled(document: Any, data: st.DataObject) -> Any:
    """The document with one value, anywhere in it, replaced by another."""
    document = copy.deepcopy(document)
    places = list(_places(document))
    if not places:
        return data.draw(JSON)
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(JSON)
    return document


def _places(document: Any) -> Any:
    inside = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in inside:
        yield document, key
        yield from _places(value)


@PAIRS
@given(request=requests(), data=st.data())
def test_any_request_is_translated_or_refused(source: Dialect, target: Dialect, request: Request, data: st.DataObject):
    """What is translated can be sent."""
    body = spoiled(source.write_request(request)[0], data)
    with contextlib.suppress(Malformed):
        assert not_json(translate_request(body, source, target)[0]) is None


@PAIRS
@given(answer=answers(), data=st.data())
def test_any_answer_is_translated_or_refused(source: Dialect, target: Dialect, answer: Any, data: st.DataObject):
    """What is translated can be sent."""
    document = spoiled(source.write_answer(answer)[0], data)
    with contextlib.suppress(Malformed):
        assert not_json(translate_answer(document, source, target)[0]) is None


@PAIRS
@given(data=st.data(), steps=answers().flatmap(streams))
def test_any_stream_is_translated_or_refused(source: Dialect, target: Dialect, data: st.DataObject, steps: Any):
    """Events that are missing, repeated, spoiled or out of order, too; what is written are whole events."""
    writer = source.stream_writer(Request((), stream_usage=True))
    events = SseReader().feed(b"".join(map(writer.write, steps)))
    order = data.draw(st.lists(st.sampled_from(events), max_size=8)) if data.draw(st.booleans()) else events
    spoiled_one = data.draw(st.integers(0, len(order)))
    translation = StreamTranslation(source.stream_reader(), target.stream_writer(Request(())))
    written = b""
    with contextlib.suppress(Malformed):
        for number, event in enumerate(order):
            written += translation.feed(_spoiled_event(event, data) if number == spoiled_one else event)
        written += translation.close()
    reader = SseReader()
    reader.feed(written)
    assert not reader.incomplete


def _spoiled_event(event: Event, data: st.DataObject) -> Event:
    return Event(b"", json.dumps(spoiled(decode_json(event.data or b""), data)).encode(), event.name)
