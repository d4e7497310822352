"""Plain answers of Gemini, read and written."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.dialects import GEMINI, OPENAI_RESPONSES
from actorrouter.dialects.gemini import DIALECT
from actorrouter.dialects.gemini.calls import invented_id
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
    ToolResult,
)
from actorrouter.dialects.port import Malformed


def candidate(*parts: dict[str, Any], finish: str = "STOP", **rest: Any) -> dict[str, Any]:
    """One candidate."""
    return {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, "index": 0, **rest}


def answer(*candidates: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """A document as Google sends it."""
    return {"candidates": list(candidates), "modelVersion": "gemini-3", "responseId": "r1", **rest}


CALL = {"functionCall": {"name": "f", "args": {"x": "ż"}}}
READ: dict[str, tuple[dict[str, Any], tuple[Part, ...], Finish | None]] = {
    "text": (candidate({"text": "Hello"}), (Text("Hello"),), Finish.STOP),
    "thoughts, then text that is signed": (
        candidate({"text": "Hmm", "thought": True}, {"text": "Hello", "thoughtSignature": "s"}),
        (Reasoning("Hmm"), Text("Hello"), Reasoning("", "s", dialect=GEMINI)),
        Finish.STOP,
    ),
    "parallel calls, which end as any answer does": (
        candidate({**CALL, "thoughtSignature": "s"}, CALL),
        (
            ToolCall(invented_id("r1/0", 0, "f"), "f", '{"x":"ż"}', "s"),
            ToolCall(invented_id("r1/0", 1, "f"), "f", '{"x":"ż"}'),
        ),
        Finish.TOOL_CALLS,
    ),
    "an image": (
        candidate({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}),
        (Medium("image", "image/png", "AAAA"),),
        Finish.STOP,
    ),
    "nothing yet": (candidate(finish=""), (), None),
    "cut at the limit": (candidate({"text": "He"}, finish="MAX_TOKENS"), (Text("He"),), Finish.LENGTH),
    "without content": ({"finishReason": "SAFETY"}, (), Finish.CONTENT),
}


@pytest.mark.parametrize("name", READ)
def test_a_candidate_is_read(name: str):
    """What it says and why it ended, without a loss."""
    document, parts, finish = READ[name]
    read = DIALECT.read_answer(answer(document))
    assert read == (Answer("r1", "gemini-3", (Choice(parts, finish),)), ())


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"])
def test_what_a_filter_withholds_is_content(reason: str):
    """Whichever filter it was."""
    assert DIALECT.read_answer(answer(candidate(finish=reason)))[0].choices[0].finish is Finish.CONTENT


def test_a_blocked_prompt_is_an_answer_without_content():
    """There are no candidates then; the reason stands with the prompt."""
    read, losses = DIALECT.read_answer({"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "g"})
    assert (read.choices, losses) == ((Choice((), Finish.CONTENT),), ())


def test_usage_adds_thoughts_to_the_output_and_tools_to_the_input():
    """What is cached is a part of the prompt."""
    usage = {
        "promptTokenCount": 10,
        "toolUsePromptTokenCount": 2,
        "cachedContentTokenCount": 4,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 3,
        "totalTokenCount": 20,
    }
    read, losses = DIALECT.read_answer(answer(usageMetadata=usage))
    assert (read.tokens, losses) == (Tokens(12, 8, 4, None, 3), ())
    assert DIALECT.write_answer(read)[0]["usageMetadata"] == {
        "promptTokenCount": 12,
        "cachedContentTokenCount": 4,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 3,
        "totalTokenCount": 20,
    }


def test_a_breakdown_of_tokens_is_a_loss_where_not_all_is_text():
    """Else it says no more than the counts."""
    for modality, lost in (("TEXT", []), ("IMAGE", ["promptTokensDetails"])):
        usage = {"promptTokenCount": 1, "promptTokensDetails": [{"modality": modality, "tokenCount": 1}]}
        assert [loss.name for loss in DIALECT.read_answer(answer(usageMetadata=usage))[1]] == lost


def test_candidates_stand_in_the_order_of_their_numbers():
    """And ids invented for their calls differ."""
    first, second = candidate({"text": "b"}, CALL, index=1), candidate({"text": "a"}, CALL)
    choices = DIALECT.read_answer(answer(first, second))[0].choices
    assert [choice.parts[0] for choice in choices] == [Text("a"), Text("b")]
    assert len({part.call_id for choice in choices for part in choice.parts if isinstance(part, ToolCall)}) == 2


def test_an_invented_id_is_the_same_whenever_it_is_read():
    """So that a repeated answer means the same call, and the next answer another."""
    once, again = (DIALECT.read_answer(answer(candidate(CALL)))[0].choices for _ in range(2))
    other = DIALECT.read_answer(answer(candidate(CALL), responseId="r2"))[0].choices
    assert once == again != other


def test_when_it_was_made_is_told_in_seconds():
    """Nanoseconds are cut off."""
    read, _ = DIALECT.read_answer(answer(createTime="2026-01-02T03:04:05.123456789Z"))
    assert read.created == 1767323045
    assert DIALECT.write_answer(read)[0]["createTime"] == "2026-01-02T03:04:05Z"


def test_a_time_that_is_none_is_not_told():
    """A timestamp has four digits for its year."""
    for created in (0, -1, 253_402_300_800, 10**400):
        assert "createTime" not in DIALECT.write_answer(Answer("a", "m", (), created=created))[0]


LOST: dict[str, dict[str, Any]] = {
    "groundingMetadata": candidate(groundingMetadata={"webSearchQueries": ["x"]}),
    "citationMetadata": candidate(citationMetadata={"citations": [{"uri": "x"}]}),
    "safetyRatings": candidate(safetyRatings=[{"category": "x"}]),
    "logprobsResult": candidate(logprobsResult={"x": 1}),
    "finishReason": candidate(finish="MALFORMED_FUNCTION_CALL"),
    "codeExecutionResult": candidate({"codeExecutionResult": {"output": "1"}}),
    "novel": candidate(novel=1),
}


@pytest.mark.parametrize("name", LOST)
def test_what_has_no_words_elsewhere_is_a_loss(name: str):
    """By its own name."""
    assert [loss.name for loss in DIALECT.read_answer(answer(LOST[name]))[1]] == [name]


MALFORMED: dict[str, tuple[Any, str]] = {
    "no object": ("hi", ""),
    "an error": ({"error": {"code": 400}}, "candidates"),
    "another dialect's": ({"choices": []}, "candidates"),
    "text that is none": (answer(candidate({"text": 1})), "candidates.0.content.parts.0.text"),
    "a time that is none": (answer(createTime="soon"), "createTime"),
    "a count that is none": (answer(usageMetadata={"promptTokenCount": "x"}), "usageMetadata.promptTokenCount"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_answer_says_where(name: str):
    """The dotted path of what is wrong."""
    document, where = MALFORMED[name]
    with pytest.raises(Malformed) as caught:
        DIALECT.read_answer(document)
    assert caught.value.where == where


UNSAID: dict[str, Choice] = {
    "refusal": Choice((Denial("no"),), Finish.CONTENT),
    "stop_sequence": Choice((), Finish.STOP, "END"),
    "pause_turn": Choice((), Finish.PAUSE),
    "citations": Choice((Text("x", citations=({},)),)),
    "tool_result": Choice((ToolResult("a", ()),)),
    "arguments": Choice((ToolCall("a", "f", "[1]"),)),
    "encrypted_content": Choice((Reasoning("Hmm", hidden="h", dialect=OPENAI_RESPONSES),)),
}


@pytest.mark.parametrize("name", UNSAID)
def test_what_an_answer_cannot_say_is_a_loss(name: str):
    """By its own name."""
    assert [loss.name for loss in DIALECT.write_answer(Answer("a", "m", (UNSAID[name],)))[1]] == [name]


def test_what_was_written_to_a_cache_is_a_loss():
    """Unless it was nothing."""
    lost = [DIALECT.write_answer(Answer("a", "m", (), Tokens(1, 1, cache_write=count)))[1] for count in (0, 3)]
    assert [[loss.name for loss in losses] for losses in lost] == [[], ["cache_write"]]


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (413, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (502, "INTERNAL"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
def test_an_error_has_googles_shape(status: int, name: str):
    """Google's name for the status, and our code as its reason."""
    said = DIALECT.error(status, "no_room", "wait")["error"]
    assert (said["code"], said["status"], said["message"]) == (status, name, "wait")
    assert [detail["reason"] for detail in said["details"]] == ["no_room"]
    assert "details" not in DIALECT.error(status, name, "wait")["error"]
