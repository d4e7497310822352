"""What the streams of all dialects share."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters import anthropic_stream, openai_responses_stream, openai_stream
from actorrouter.adapters.anthropic_stream import MessagesStream
from actorrouter.adapters.openai_responses_stream import ResponsesStream
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


def messages() -> MessagesStream:
    return MessagesStream(200, (), lambda: 3, 0.0)


def responses() -> ResponsesStream:
    return ResponsesStream(200, (), PROFILE, lambda: 3)


def chat() -> ChatStream:
    return ChatStream(200, (), PROFILE, lambda: 3, choices=1, strip_usage=True)


def block(text: str) -> bytes:
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    return b"event: content_block_delta\ndata: " + json.dumps(delta).encode() + b"\n\n"


def output(text: str) -> bytes:
    delta = {"type": "response.output_text.delta", "delta": text}
    return b"event: response.output_text.delta\ndata: " + json.dumps(delta).encode() + b"\n\n"


@pytest.mark.parametrize("size", [7, 100, 10_000])
@pytest.mark.parametrize(
    ("dialect", "first", "last"),
    [
        ((openai_stream, chat), HELLO, STOP),
        (
            (anthropic_stream, messages),
            block("hello"),
            b'data: {"type":"message_delta","usage":{"output_tokens":9}}\n\n',
        ),
        ((openai_responses_stream, responses), output("hello"), b'data: {"type":"error","message":"no"}\n\n'),
    ],
)
def test_nothing_is_decoded_that_is_no_news(
    monkeypatch: pytest.MonkeyPatch, dialect: Any, first: bytes, last: bytes, size: int
) -> None:
    """Of two hundred events after the first only the one with an end, usage or an error is decoded, however cut."""
    module, made = dialect
    decoded: list[bytes] = []
    decode = module.decode_json

    def counting(data: bytes) -> Any:
        decoded.append(data)
        return decode(data)

    monkeypatch.setattr(module, "decode_json", counting)
    reading = made()
    reading.feed(first)
    for chunk in chunked(first * 200 + last, size):
        reading.feed(chunk)
    assert len(decoded) == 2
