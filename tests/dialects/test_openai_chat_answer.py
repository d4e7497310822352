"""Plain chat answers, as OpenAI and others give them."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.dialects import ANTHROPIC_MESSAGES
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
from actorrouter.dialects.openai_chat import DIALECT
from actorrouter.dialects.port import Malformed

CITATION = {"type": "url_citation", "url_citation": {"url": "https://example.com", "title": "t"}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def document(message: dict[str, Any], finish: str | None = "stop", **fields: Any) -> dict[str, Any]:
    """An answer of one choice."""
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": finish, "logprobs": None}
    return {"id": "i", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]} | fields


SAID: dict[str, tuple[dict[str, Any], str | None, tuple[Part, ...], Finish | None]] = {
    "text": ({"content": "hi", "refusal": None}, "stop", (Text("hi"),), Finish.STOP),
    "cut text": ({"content": "hi"}, "length", (Text("hi"),), Finish.LENGTH),
    "withheld": ({"content": None}, "content_filter", (), Finish.CONTENT),
    "a refusal": ({"content": None, "refusal": "no"}, "stop", (Denial("no"),), Finish.STOP),
    "citations": ({"content": "hi", "annotations": [CITATION]}, "stop", (Text("hi", None, (CITATION,)),), Finish.STOP),
    "thoughts (DeepSeek)": (
        {"content": "x", "reasoning_content": "hm"},
        "stop",
        (Reasoning("hm"), Text("x")),
        Finish.STOP,
    ),
    "thoughts (OpenRouter)": ({"content": "x", "reasoning": "hm"}, "stop", (Reasoning("hm"), Text("x")), Finish.STOP),
    "calls": (
        {"content": None, "tool_calls": [CALL]},
        "tool_calls",
        (ToolCall("call_1", "f", "{}"),),
        Finish.TOOL_CALLS,
    ),
    "a demanded call": (
        {"content": "", "tool_calls": [CALL]},
        "stop",
        (ToolCall("call_1", "f", "{}"),),
        Finish.TOOL_CALLS,
    ),
    "no end": ({"content": "hi"}, None, (Text("hi"),), None),
}


@pytest.mark.parametrize(("message", "word", "parts", "finish"), SAID.values(), ids=SAID)
def test_what_is_said_is_read(
    message: dict[str, Any], word: str | None, parts: tuple[Part, ...], finish: Finish | None
):
    """Parts come in one order: thoughts, text, refusal, calls."""
    answer, losses = DIALECT.read_answer(document(message, word))
    assert (answer, losses) == (Answer("i", "m", (Choice(parts, finish),), None, 1), ())


def test_choices_come_in_their_order():
    """The index tells it, not the place."""
    several = [{"index": at, "message": {"content": str(at)}, "finish_reason": "stop"} for at in (1, 0)]
    answer, _ = DIALECT.read_answer({"choices": several})
    assert [choice.parts for choice in answer.choices] == [(Text("0"),), (Text("1"),)]


def test_cached_tokens_are_a_part_of_the_prompt():
    """Neutral input holds them, so nothing is added."""
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 5, "accepted_prediction_tokens": 0},
    }
    answer, losses = DIALECT.read_answer(document({"content": "x"}, usage=usage))
    assert (answer.tokens, losses) == (Tokens(100, 20, 60, None, 5), ())


UNREAD: dict[str, tuple[dict[str, Any], set[str]]] = {
    "fields of the answer": (
        document({"content": "x"}, system_fingerprint="fp", service_tier="flex", provider="x"),
        {"system_fingerprint", "service_tier", "provider"},
    ),
    "a sound": (document({"content": None, "audio": {"id": "a", "data": "AA", "transcript": "hi"}}), {"audio"}),
    "an old call": (document({"content": None, "function_call": {"name": "f", "arguments": ""}}), {"function_call"}),
    "a custom call": (document({"content": None, "tool_calls": [{"id": "1", "type": "custom"}]}), {"custom"}),
    "counts of sounds": (
        document({"content": "x"}, usage={"completion_tokens_details": {"audio_tokens": 9}}),
        {"audio_tokens"},
    ),
    "an end of another kind": (document({"content": "x"}, "tired"), {"finish_reason"}),
    "citations of nothing": (document({"content": None, "annotations": [CITATION]}), {"annotations"}),
}


@pytest.mark.parametrize(("said", "names"), UNREAD.values(), ids=UNREAD)
def test_what_nobody_else_can_be_told_is_named(said: dict[str, Any], names: set[str]):
    """A loss has the name of its field."""
    assert {loss.name for loss in DIALECT.read_answer(said)[1]} == names


def test_of_a_sound_the_transcript_is_kept():
    """The words are told as text."""
    said = document({"content": None, "audio": {"id": "a", "data": "AA", "expires_at": 1, "transcript": "hi"}})
    assert DIALECT.read_answer(said)[0].choices[0].parts == (Text("hi"),)


BAD: dict[str, tuple[Any, str]] = {
    "nothing": (None, ""),
    "no choices": ({"id": "i"}, "choices"),
    "a choice without message": ({"choices": [{}]}, "choices.0.message"),
    "content of no kind": (document({"content": 7}), "choices.0.message.content"),
    "usage of no kind": (document({"content": "x"}, usage={"prompt_tokens": "1"}), "usage.prompt_tokens"),
}


@pytest.mark.parametrize(("said", "where"), BAD.values(), ids=BAD)
def test_what_is_no_answer_is_refused_by_its_path(said: Any, where: str):
    """The path tells where."""
    with pytest.raises(Malformed) as refused:
        DIALECT.read_answer(said)
    assert refused.value.where == where


UNSAID: dict[str, tuple[Choice, set[str]]] = {
    "a pause": (Choice((Text("x"),), Finish.PAUSE), {"pause_turn"}),
    "which sequence": (Choice((Text("x"),), Finish.STOP, "###"), {"stop_sequence"}),
    "signed thoughts": (Choice((Reasoning("x", "sig", "", ANTHROPIC_MESSAGES),)), {"thinking_signature"}),
    "hidden thoughts": (Choice((Reasoning("", "", "data", ANTHROPIC_MESSAGES),)), {"redacted_thinking"}),
    "another's citations": (Choice((Text("x", None, ({"type": "page_location"},)),)), {"citations"}),
    "an image": (Choice((Medium("image", "image/png", "AAAA"),)), {"image"}),
}


@pytest.mark.parametrize(("choice", "names"), UNSAID.values(), ids=UNSAID)
def test_what_chat_cannot_say_is_named(choice: Choice, names: set[str]):
    """A loss has the name of what is left out."""
    assert {loss.name for loss in DIALECT.write_answer(Answer("i", "m", (choice,)))[1]} == names


def test_another_dialects_thoughts_are_shown():
    """Only their proof is lost."""
    thought = Reasoning("hm", "sig", "", ANTHROPIC_MESSAGES)
    written, _ = DIALECT.write_answer(Answer("i", "m", (Choice((thought, Text("x"))),)))
    assert written["choices"][0]["message"]["reasoning_content"] == "hm"


def test_usage_nobody_told_is_left_out_or_a_loss():
    """No count is invented without being named."""
    assert "usage" not in DIALECT.write_answer(Answer("i", "m", ()))[0]
    written, losses = DIALECT.write_answer(Answer("i", "m", (), Tokens(output=3)))
    assert written["usage"] == {"prompt_tokens": 0, "completion_tokens": 3, "total_tokens": 3}
    assert [loss.name for loss in losses] == ["usage"]


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "invalid_request_error"), (429, "rate_limit_error"), (502, "server_error")]
)
def test_an_error_has_openais_shape(status: int, kind: str):
    """All four fields are there: SDKs read them."""
    assert DIALECT.error(status, "c", "words") == {
        "error": {"message": "words", "type": kind, "param": None, "code": "c"}
    }
