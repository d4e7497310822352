"""What the streams of all dialects share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters.openai_stream import ChatStream
from actorrouter.adapters.profiles import shipped
from actorrouter.values import Outcome
from tests.adapters.chunks import chunked
from tests.adapters.streams.openai import DONE, ERROR, HELLO, PING, ROLE, STOP, TOTAL, WORLD

PIECES = [
    HELLO,
    WORLD,
    STOP,
    PING,
    ROLE,
    TOTAL,
    DONE,
    ERROR,
    WORLD + WORLD,
    HELLO + STOP + TOTAL + DONE,
    WORLD.replace(b"\n", b"\r\n"),
    b'data: {"choices":[{"delta":{"content":"split' + b'"}\ndata: }]}\n\n',
    b'data: {"choices":[],"usage":\ndata: {"prompt_tokens":5}}\n\n',
    b"event: error\n" + WORLD,
    b"event: chunk\n" + WORLD,
    b"id: 7\n\n",
    b'data: {"choices":[{"index":0,"delta":{"content":"[DONE] data: error"}}]}\n\n',
    WORLD[:20],
    WORLD[20:],
    b"\n\n",
    b"\n",
]


PROFILE = shipped("openai")


def stream_of(chunks: list[bytes], *, strip_usage: bool) -> tuple[bytes, Outcome]:
    """All that is handed on of an answer that has begun, and how it ended."""
    reading = ChatStream(200, (), PROFILE, lambda: 3, choices=1, strip_usage=strip_usage)
    handed = b"".join(reading.feed(chunk) for chunk in [HELLO, *chunks])
    outcome = reading.end(complete=True)
    return handed + reading.rest(), outcome


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.booleans())
def test_what_goes_through_unparsed_is_what_would_have_been_parsed(pieces: list[bytes], strip_usage: bool) -> None:
    """In whole events or byte by byte, the same bytes are handed on, with the same outcome and the same usage."""
    whole = stream_of(pieces, strip_usage=strip_usage)
    assert whole == stream_of(chunked(b"".join(pieces), 1), strip_usage=strip_usage)


@pytest.mark.parametrize("chunk", [WORLD, WORLD + WORLD, b"event: chunk\n" + WORLD])
def test_whole_events_without_news_are_the_bytes_that_came(chunk: bytes) -> None:
    """Nothing is copied once content has begun."""
    reading = ChatStream(200, (), PROFILE, lambda: 3, choices=1, strip_usage=False)
    reading.feed(HELLO)
    assert reading.feed(chunk) is chunk
