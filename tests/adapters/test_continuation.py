"""Two streams made one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters.continuation import TEXT_CHARS_MAX, Splice, fault
from actorrouter.dialects import ANTHROPIC_MESSAGES, GEMINI, OPENAI_CHAT, OPENAI_RESPONSES
from actorrouter.values import Call

CALL = Call("m", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}, stream=True, content=b"{}")
DONE = b"data: [DONE]\n\n"


def chunk(delta: Any = None, *, finish: str | None = None, index: int = 0, number: str = "one") -> bytes:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": number, "choices": [choice]}).encode() + b"\n\n"


def deltas(stream: bytes) -> list[Any]:
    return [json.loads(line[6:]) for line in stream.split(b"\n\n") if line.startswith(b"data: {")]


def test_a_stream_that_does_not_break_passes_as_it_is() -> None:
    """Not a byte of a good stream is changed, comments and the end included."""
    stream = [b": ping\n\n", chunk({"role": "assistant"}), chunk({"content": "a"}), chunk(finish="stop"), DONE]
    splice = Splice()
    assert [splice.hand(each) for each in stream] == stream
    assert splice.text == "a"


def test_an_end_in_the_oldest_line_ends_passes() -> None:
    """An event that only the end of the bytes completes is not lost."""
    assert Splice().hand(b"data: [DONE]\r\r", last=True) == b"data: [DONE]\r\r"


@given(st.lists(st.text(max_size=8), max_size=8), st.integers(0, 8), st.integers(1, 7))
def test_wherever_it_broke(words: list[str], at: int, cut: int) -> None:
    """However the words are divided and the bytes are cut: the text is that of both, the id the first's, one end."""
    first, rest = words[:at], words[at:]
    splice = Splice()
    before = b"".join([chunk({"role": "assistant", "content": ""}), *(chunk({"content": word}) for word in first)])
    got = b"".join(splice.hand(before[i : i + cut]) for i in range(0, len(before), cut))
    asked = splice.follow_up(CALL).body["messages"][1:]
    assert asked == ([{"role": "assistant", "content": "".join(first)}] if "".join(first) else [])
    splice.resume()
    two = [chunk({"role": "assistant", "content": ""}, number="two")]
    two += [chunk({"content": word}, number="two") for word in rest]
    got += b"".join(map(splice.hand, [*two, chunk(finish="stop", number="two"), DONE]))
    told = deltas(got)
    assert "".join(each["choices"][0]["delta"].get("content", "") for each in told) == splice.text == "".join(words)
    assert {each["id"] for each in told} == {"one"}
    assert got.count(b"[DONE]") == 1
    assert sum("role" in each["choices"][0]["delta"] for each in told) == 1


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}), "a tool call had begun"),
        (chunk({"function_call": {"name": "f"}}), "a tool call had begun"),
        (chunk({"content": "b"}, index=1), "it has several choices"),
        (chunk({"refusal": "no"}), "the model had refused"),
        (chunk(finish="stop"), "the answer had finished"),
        (chunk({"content": "x" * (TEXT_CHARS_MAX + 1)}), "it is too long to be sent again"),
        (chunk({"audio": {"data": "AAAA"}}), "it holds more than text"),
        (chunk({"content": [{"type": "text", "text": "b"}]}), "it holds more than text"),
        (chunk({"content": "a"}), ""),
        (chunk({"reasoning_content": "hm"}), ""),
        (b"data: [1]\n\n", ""),
    ],
)
def test_what_cannot_be_continued(event: bytes, why: str) -> None:
    """What was delivered in part and is no text, and what has ended, is not asked for again."""
    splice = Splice()
    assert splice.hand(chunk({"content": "a"}) + event) == chunk({"content": "a"}) + event
    assert splice.why_not == why


@pytest.mark.parametrize(
    ("changes", "dialects", "why"),
    [
        ({}, (OPENAI_CHAT, OPENAI_RESPONSES), None),
        ({"path": "/chat/completions?v=1"}, (OPENAI_CHAT,), None),
        ({"dialect": OPENAI_CHAT}, (ANTHROPIC_MESSAGES,), None),  # translated, and continued as what the caller sees
        ({"dialect": ANTHROPIC_MESSAGES}, (OPENAI_CHAT,), f"a stream in {ANTHROPIC_MESSAGES} cannot be continued"),
        ({}, (GEMINI,), f"a stream in {GEMINI} cannot be continued"),
        ({}, (), "a stream in no dialect cannot be continued"),
        ({"path": "/responses"}, (OPENAI_CHAT,), "a stream of /responses cannot be continued"),
        ({"path": "/completions"}, (OPENAI_CHAT,), "a stream of /completions cannot be continued"),
        ({"path": "/responses", "stream": False}, (OPENAI_CHAT,), None),
        ({"dialect": GEMINI, "continue_stream": False}, (GEMINI,), None),
    ],
)
def test_what_could_be_continued(changes: dict[str, Any], dialects: tuple[str, ...], why: str | None) -> None:
    """Chat alone; of all other streams a caller who asks for it is told before anything is sent."""
    asked: dict[str, Any] = {"body": CALL.body, "stream": True, "continue_stream": True, **changes}
    said = fault(Call("m", **asked), dialects)
    assert (said is None) == (why is None)
    assert (why or "") in (said or "")


def test_an_error_event_is_kept_back() -> None:
    """The caller gets what came before it; the error waits for what becomes of the stream."""
    splice = Splice()
    error = b'data: {"error": {"message": "no"}}\n\n'
    assert splice.hand(chunk({"content": "a"}) + error) == chunk({"content": "a"})
    assert splice.withheld == error


def test_the_callers_maximum_holds_for_both() -> None:
    """What was written is taken off the most that may be written, but never all of it; the caller's body stays."""
    splice = Splice()
    splice.hand(chunk({"content": "word " * 20}))
    again = splice.follow_up(CALL)
    assert 1 <= again.body["max_tokens"] < 100
    assert again.content is None
    assert CALL.body["max_tokens"] == 100
    assert len(CALL.body["messages"]) == 1
    splice.hand(chunk({"content": "word " * 2000}))
    assert splice.follow_up(CALL).body["max_tokens"] == 1


def test_half_a_character_is_written_text() -> None:
    """A stream that broke between the two escapes of one character is continued like any other."""
    splice = Splice()
    splice.hand(chunk({"content": "a \ud83d"}))
    again = splice.follow_up(CALL)
    assert again.body["messages"][-1]["content"] == splice.text == "a \ud83d"
    assert again.body["max_tokens"] == 98


def test_what_is_kept_of_the_text_is_bounded() -> None:
    """A stream without end costs no memory without end: beyond what could be sent again nothing is kept."""
    splice = Splice()
    word = chunk({"content": "x" * (TEXT_CHARS_MAX // 4)})
    for _ in range(4):
        splice.hand(word)
    assert (len(splice.text or ""), splice.why_not) == (TEXT_CHARS_MAX, "")
    for _ in range(8):
        splice.hand(word)
    assert (splice.text, splice.why_not) == (None, "it is too long to be sent again")
    assert splice._written.tell() < 2 * TEXT_CHARS_MAX
