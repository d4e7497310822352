"""Calls in a dialect their provider does not speak."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters import build
from actorrouter.config import ProviderConfig
from actorrouter.dialects import ANTHROPIC_MESSAGES, GEMINI, OPENAI_CHAT
from actorrouter.values import INPUT_TOKENS, OUTPUT_TOKENS, Call, OutcomeClass, Secret
from tests.adapters.chunks import cut
from tests.adapters.streams.anthropic import STREAM as CLAUDE

CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}
SECRET = Secret("sk-live-translated-1")
JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}
ANSWER: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 5},
}


def anthropic():
    return build("a", ProviderConfig(adapter="anthropic"))


def openai():
    return build("o", ProviderConfig("https://api.openai.com/v1"))


def test_a_call_in_the_providers_own_dialect_is_not_touched() -> None:
    """Named or not."""
    for dialect in ("", OPENAI_CHAT):
        sent = json.loads(openai().prepare(Call("m", CHAT, dialect=dialect), "up", SECRET).body)
        assert sent == {**CHAT, "model": "up"}


def test_a_chat_call_reaches_anthropic_in_its_own_words() -> None:
    """Its path, its headers, its body."""
    call = Call("m", {**CHAT, "stop": ["x"]}, dialect=OPENAI_CHAT, path="/chat/completions", headers={"x-a": "b"})
    adapter = anthropic()
    assert adapter.check(call) is None
    request = adapter.prepare(call, "claude", SECRET)
    assert request.url.endswith("/v1/messages")
    sent = json.loads(request.body)
    assert (sent["model"], sent["stop_sequences"], sent["max_tokens"]) == ("claude", ["x"], 20)
    assert adapter.estimate(call)[OUTPUT_TOKENS] == 20


@pytest.mark.parametrize("losses", [frozenset({"seed"}), frozenset({"*"})])
def test_what_cannot_be_said_is_refused_unless_it_is_allowed(losses) -> None:
    """By its name, with the way out."""
    body = {**CHAT, "seed": 7}
    fault = anthropic().check(Call("m", body, dialect=OPENAI_CHAT))
    assert fault is not None
    assert "seed" in fault
    assert "name it in losses" in fault
    assert anthropic().check(Call("m", body, dialect=OPENAI_CHAT, losses=losses)) is None


@pytest.mark.parametrize(
    ("dialect", "body", "fault"),
    [
        ("latin", {}, "dialect 'latin': the provider speaks anthropic-messages"),
        (OPENAI_CHAT, {"messages": "hi"}, "body is not openai-chat: messages"),
        (OPENAI_CHAT, [], "body must be a JSON object"),
    ],
)
def test_a_call_that_nobody_can_read_is_refused(dialect, body, fault) -> None:
    """Before anything is sent."""
    assert fault in str(anthropic().check(Call("m", body, dialect=dialect)))


def read(call: Call, body: bytes, headers=JSON, status: int = 200, chunks: list[bytes] | None = None):
    reading = anthropic().read(call, status, headers, 0.0, 0.0)
    handed = b"".join(reading.feed(chunk) for chunk in (chunks or [body]))
    outcome = reading.end(complete=True)
    return handed + reading.rest(), outcome, reading


def test_an_answer_comes_back_in_the_callers_dialect() -> None:
    """Usage is read in the provider's: cached tokens and all."""
    body, outcome, reading = read(Call("m", CHAT, dialect=OPENAI_CHAT), json.dumps(ANSWER).encode())
    told = json.loads(body)
    assert told["choices"][0]["message"]["content"] == "hello"
    assert told["usage"]["prompt_tokens"] == 7
    assert outcome.outcome is OutcomeClass.SUCCEEDED
    assert outcome.usage is not None
    assert outcome.usage.amounts[OUTPUT_TOKENS] == 5
    assert INPUT_TOKENS in outcome.usage.amounts
    assert isinstance(reading.losses, tuple)


def test_an_error_comes_back_in_the_callers_dialect() -> None:
    """As its SDK expects it, without what looks like a secret."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "sk-abcdefgh is busy"}}
    body, outcome, reading = read(Call("m", CHAT, dialect=OPENAI_CHAT), json.dumps(error).encode(), status=529)
    assert reading.failed
    assert outcome.outcome is OutcomeClass.CAPACITY
    assert "busy" in json.loads(body)["error"]["message"]
    assert b"abcdefgh" not in body


@pytest.mark.parametrize("body", [b'{"type": "error", "error": {"type": "api_error", "message": "no"}}', b"<html>"])
def test_an_error_inside_a_good_answer_has_a_status_of_its_own(body: bytes) -> None:
    """Nobody is told an error whose code is 200: the body says what the client's status will say."""
    contents = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": {"maxOutputTokens": 9}}
    told, outcome, _ = read(Call("m", contents, dialect=GEMINI), body)
    assert outcome.status == 200
    error = json.loads(told)["error"]
    assert (error["code"], error["status"]) == (502, "INTERNAL")


@given(st.data())
def test_a_stream_is_told_alike_at_any_chunking(data) -> None:
    """Every byte of it."""
    call = Call("m", {**CHAT, "stream": True}, dialect=OPENAI_CHAT, stream=True)
    whole, outcome, _ = read(call, CLAUDE, EVENTS)
    pieces, same, _ = read(call, CLAUDE, EVENTS, chunks=cut(CLAUDE, data))
    ids = [json.loads(line[6:])["id"] for line in whole.split(b"\n\n") if line.startswith(b"data: {")]
    assert len(set(ids)) == 1
    assert whole.endswith(b"data: [DONE]\n\n")
    assert (pieces, same) == (whole, outcome)
    assert outcome.outcome is OutcomeClass.SUCCEEDED


def test_a_stream_cut_short_never_looks_finished() -> None:
    """Wherever it is cut."""
    call = Call("m", {**CHAT, "stream": True}, dialect=OPENAI_CHAT, stream=True)
    for end in range(0, CLAUDE.index(b"message_stop"), 7):
        reading = anthropic().read(call, 200, EVENTS, 0.0, 0.0)
        handed = reading.feed(CLAUDE[:end])
        assert reading.end(complete=True).outcome is not OutcomeClass.SUCCEEDED
        assert b"[DONE]" not in handed


@pytest.mark.parametrize(
    ("source", "body"),
    [
        (ANTHROPIC_MESSAGES, CHAT),
        (GEMINI, {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
    ],
)
def test_an_answer_that_is_not_of_its_dialect_is_broken(source, body) -> None:
    """It is never told in part."""
    call = Call("m", body, dialect=source, losses=frozenset({"*"}))
    adapter = openai()
    assert adapter.check(call) is None
    reading = adapter.read(call, 200, JSON, 0.0, 0.0)
    reading.feed(b'{"choices": [{"message": {"content": 7}}]}')
    assert reading.end(complete=True).outcome is OutcomeClass.BROKEN


def test_a_stream_that_cannot_be_told_is_over() -> None:
    """Nobody waits for what comes after an event that is not of its dialect; the outcome says which it was."""
    call = Call("m", {**CHAT, "stream": True}, dialect=OPENAI_CHAT, stream=True)
    reading = anthropic().read(call, 200, EVENTS, 0.0, 0.0)
    begun = CLAUDE.index(b"event: content_block_stop")
    assert reading.feed(CLAUDE[:begun])
    assert not reading.over
    assert (
        reading.feed(b'data: {"type": "content_block_delta", "index": 99, "delta": {"type": "text_delta"}}\n\n') == b""
    )
    assert reading.over
    outcome = reading.end(complete=False)
    assert (outcome.outcome, outcome.status) == (OutcomeClass.BROKEN, 200)
    assert "the answer is not anthropic-messages: index" in outcome.message
    assert outcome.usage is not None


NATIVE = {"max_tokens": 20, "messages": [{"role": "user", "content": "hi"}], "metadata": {"user_id": "u"}}


@pytest.mark.parametrize("name", ["mistral", "cohere", "deepseek", "vllm", "ollama"])
def test_a_translated_call_is_told_in_the_providers_own_names(name) -> None:
    """The maximum under the name it has there, or it would be refused or passed over in silence."""
    adapter = build(name, ProviderConfig("http://localhost/v1", adapter=name))
    call = Call("m", NATIVE, dialect=ANTHROPIC_MESSAGES, stream=True, losses=frozenset({"user"}))
    sent = json.loads(adapter.prepare(call, "up", SECRET).body)
    assert sent["max_tokens"] == 20
    assert "max_completion_tokens" not in sent
    assert ("stream_options" in sent) is (name not in {"mistral", "cohere"})
    assert adapter.estimate(call)[OUTPUT_TOKENS] == 20


def test_what_a_provider_has_no_name_for_is_a_loss() -> None:
    """As what its dialect cannot say; what it calls otherwise is none."""
    adapter = build("m", ProviderConfig(adapter="mistral"))
    assert "user" in str(adapter.check(Call("m", NATIVE, dialect=ANTHROPIC_MESSAGES)))
    seeded = {"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": {"seed": 7}}
    call = Call("m", seeded, dialect=GEMINI)
    assert adapter.check(call) is None
    assert json.loads(adapter.prepare(call, "up", SECRET).body)["random_seed"] == 7
