"""Messages as plain answers."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.dialects import ANTHROPIC_MESSAGES, OPENAI_RESPONSES
from actorrouter.dialects.anthropic_messages import DIALECT
from actorrouter.dialects.neutral import (
    Answer,
    Choice,
    Denial,
    Finish,
    Medium,
    Part,
    Reasoning,
    Text,
    Tokens,
    ToolCall,
)
from actorrouter.dialects.port import Malformed

TEXT = {"type": "text", "text": "hi"}
CITED = {"type": "page_location", "cited_text": "x"}


def document(*blocks: dict[str, Any], reason: str | None = "end_turn", **fields: Any) -> dict[str, Any]:
    """A message with these blocks."""
    return {
        "id": "i",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": list(blocks),
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 2},
    } | fields


def answer(*parts: Part, finish: Finish | None = Finish.STOP, stop_sequence: str = "") -> Answer:
    """What that message says."""
    return Answer("i", "m", (Choice(parts, finish, stop_sequence),), Tokens(1, 2))


SAID: dict[str, tuple[dict[str, Any], Answer]] = {
    "text": (document(TEXT), answer(Text("hi"))),
    "cited text": (document(TEXT | {"citations": [CITED]}), answer(Text("hi", None, (CITED,)))),
    "thoughts": (
        document(
            {"type": "thinking", "thinking": "hm", "signature": "sig"}, {"type": "redacted_thinking", "data": "x"}, TEXT
        ),
        answer(Reasoning("hm", "sig", "", ANTHROPIC_MESSAGES), Reasoning("", "", "x", ANTHROPIC_MESSAGES), Text("hi")),
    ),
    "a call": (
        document({"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}, reason="tool_use"),
        answer(ToolCall("a", "f", '{"x":1}'), finish=Finish.TOOL_CALLS),
    ),
    "a maximum": (document(TEXT, reason="max_tokens"), answer(Text("hi"), finish=Finish.LENGTH)),
    "a pause": (document(TEXT, reason="pause_turn"), answer(Text("hi"), finish=Finish.PAUSE)),
    "a refusal": (document(reason="refusal"), answer(finish=Finish.CONTENT)),
    "a stop sequence": (
        document(TEXT, reason="stop_sequence", stop_sequence="###"),
        answer(Text("hi"), finish=Finish.STOP, stop_sequence="###"),
    ),
    "a refusal in words": (
        document(TEXT, reason="refusal", stop_details={"type": "refusal", "category": None, "explanation": "no"}),
        answer(Text("hi"), Denial("no"), finish=Finish.CONTENT),
    ),
    "no end": (document(TEXT, reason=None), answer(Text("hi"), finish=None)),
}


@pytest.mark.parametrize(("said", "meaning"), SAID.values(), ids=SAID)
def test_a_message_is_read_and_written(said: dict[str, Any], meaning: Answer):
    """It says what it says, and is written in the same words."""
    assert DIALECT.read_answer(said) == (meaning, ())
    assert DIALECT.write_answer(meaning) == (said, ())


def test_a_full_context_window_is_a_length():
    """Nobody else tells them apart."""
    read, losses = DIALECT.read_answer(document(TEXT, reason="model_context_window_exceeded"))
    assert (read, losses) == (answer(Text("hi"), finish=Finish.LENGTH), ())


def test_cached_tokens_stand_beside_the_rest():
    """Neutral input is the sum, and is taken apart again."""
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 30,
        "output_tokens": 20,
        "output_tokens_details": {"thinking_tokens": 5},
    }
    more = {"cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 0}, "service_tier": None}
    read, losses = DIALECT.read_answer(document(TEXT, usage=usage | more))
    assert (read.tokens, losses) == (Tokens(100, 20, 60, 30, 5), ())
    assert DIALECT.write_answer(read)[0]["usage"] == usage


UNREAD: dict[str, tuple[dict[str, Any], set[str]]] = {
    "a search": (
        document({"type": "server_tool_use", "id": "x", "name": "web_search", "input": {}}),
        {"server_tool_use"},
    ),
    "fields of the message": (document(TEXT, container={"id": "c"}, brand_new=1), {"container", "brand_new"}),
    "an end of another kind": (document(TEXT, reason="compaction"), {"stop_reason"}),
    "a refusal's category": (document(stop_details={"type": "refusal", "category": "bio"}), {"category"}),
    "how it was served": (document(usage={"output_tokens": 1, "service_tier": "priority"}), {"service_tier"}),
}


@pytest.mark.parametrize(("said", "names"), UNREAD.values(), ids=UNREAD)
def test_what_nobody_else_can_be_told_is_named(said: dict[str, Any], names: set[str]):
    """A loss has the name of its field or kind of content."""
    assert {loss.name for loss in DIALECT.read_answer(said)[1]} == names


BAD: dict[str, tuple[Any, str]] = {
    "nothing": (None, ""),
    "content of no kind": (document() | {"content": 7}, "content"),
    "a block that is none": (document() | {"content": ["x"]}, "content.0"),
    "usage of no kind": (document(usage={"input_tokens": "1"}), "usage.input_tokens"),
}


@pytest.mark.parametrize(("said", "where"), BAD.values(), ids=BAD)
def test_what_is_no_message_is_refused_by_its_path(said: Any, where: str):
    """The path tells where."""
    with pytest.raises(Malformed) as refused:
        DIALECT.read_answer(said)
    assert refused.value.where == where


UNSAID: dict[str, tuple[Answer, set[str]]] = {
    "a second choice": (Answer("i", "m", (Choice(()), Choice(())), Tokens(1, 2)), {"n"}),
    "usage": (Answer("i", "m", ()), {"usage"}),
    "an image": (answer(Medium("image", "image/png", "AAAA")), {"image"}),
    "another's proof": (answer(Reasoning("x", "", "y", OPENAI_RESPONSES)), {"encrypted_content"}),
    "arguments that are none": (answer(ToolCall("a", "f", '{"x":')), {"arguments"}),
}


@pytest.mark.parametrize(("meaning", "names"), UNSAID.values(), ids=UNSAID)
def test_what_a_message_cannot_say_is_named(meaning: Answer, names: set[str]):
    """A loss has the name of what is left out."""
    assert {loss.name for loss in DIALECT.write_answer(meaning)[1]} == names


def test_anothers_thoughts_are_shown_unsigned():
    """They can be read; sent back they are nobody's, so whoever thinks in the open takes them again."""
    said, _ = DIALECT.write_answer(answer(Reasoning("hm")))
    assert said["content"] == [{"type": "thinking", "thinking": "hm", "signature": ""}]
    history, _ = DIALECT.read_request({"messages": [{"role": "assistant", "content": said["content"]}]})
    assert history.messages[0].parts == (Reasoning("hm"),)


ERRORS = [(400, "invalid_request_error"), (413, "invalid_request_error"), (500, "api_error"), (529, "overloaded_error")]


@pytest.mark.parametrize(("status", "kind"), ERRORS)
def test_an_error_has_anthropics_shape(status: int, kind: str):
    """A code of somebody else's is a detail, the type itself is not said twice."""
    assert DIALECT.error(status, kind, "words") == {"type": "error", "error": {"type": kind, "message": "words"}}
    assert DIALECT.error(status, "other", "words")["error"]["details"] == {"error_code": "other"}
