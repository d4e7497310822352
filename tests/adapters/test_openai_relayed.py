"""Streams of paths nobody here understands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters import build
from actorrouter.config import ProviderConfig
from actorrouter.values import Call, Outcome, OutcomeClass
from tests.adapters.chunks import cut

ADAPTER = build("x", ProviderConfig())
CALL = Call("m", {"prompt": "hello", "stream": True}, path="/completions", stream=True)
EVENTS = {"content-type": "text/event-stream", "x-ratelimit-remaining-requests": "5"}
TEXT = b'data: {"choices":[{"text":"hello","index":0}],"usage":null}\n\n'
TOTAL = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}\n\n'
INSIDE = b'data: {"type":"x","response":{"usage":{"input_tokens":1,"output_tokens":2}}}\n\n'
DONE = b"data: [DONE]\n\n"


def run(*chunks: bytes, media: str = "text/event-stream", complete: bool = True) -> tuple[list[bytes], Outcome]:
    """What each chunk gave, and the outcome."""
    reading = ADAPTER.read(CALL, 200, {**EVENTS, "content-type": media}, 0.0, 0.0)
    handed = [reading.feed(chunk) for chunk in chunks]
    outcome = reading.end(complete=complete)
    assert reading.rest() == b""
    assert [seen.remaining for seen in reading.observations] == [5]
    return handed, outcome


def test_every_byte_goes_on_at_once() -> None:
    """Half an event too."""
    chunks = [TEXT[:10], TEXT[10:], TOTAL, DONE]
    handed, outcome = run(*chunks)
    assert handed == chunks
    assert outcome.outcome is OutcomeClass.SUCCEEDED


def test_the_last_usage_that_is_told_is_believed() -> None:
    """On top or in a response; nothing told leaves the reservation as it is."""
    outcome = run(TEXT, INSIDE, TOTAL, DONE)[1]
    assert outcome.usage is not None
    assert outcome.usage.amounts == {"input_tokens": 9, "output_tokens": 4, "tokens": 13}
    inside = run(TOTAL, INSIDE)[1]
    assert inside.usage is not None
    assert inside.usage.amounts["tokens"] == 3
    assert run(TEXT, DONE)[1].usage is None


def test_a_stream_cut_off_is_broken_and_still_tells_what_it_told() -> None:
    """Only the transport knows its end."""
    outcome = run(TOTAL, complete=False)[1]
    assert outcome.outcome is OutcomeClass.BROKEN
    assert outcome.usage is not None


def test_a_stream_of_something_else_is_relayed() -> None:
    """Audio, say; it is not searched."""
    handed, outcome = run(b"\x00\xff", TOTAL, media="audio/mpeg")
    assert (handed, outcome.usage) == ([b"\x00\xff", TOTAL], None)


@given(st.binary(max_size=200), st.data())
def test_whatever_comes_goes_on(body: bytes, data: st.DataObject) -> None:
    """Unchanged, in any chunks; nothing raises."""
    assert b"".join(run(*cut(body, data))[0]) == body
