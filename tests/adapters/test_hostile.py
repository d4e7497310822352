"""Answers of providers that are broken, or mean harm: nothing is raised, nothing absurd is believed."""

from __future__ import annotations

import json
import math
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters import ADAPTERS, Adapter, build
from actorrouter.adapters.headers import COUNT_MAX, DELAY_MAX_S
from actorrouter.adapters.wire import AMOUNT_MAX
from actorrouter.config import GenericConfig, ProviderConfig
from actorrouter.values import Call, Outcome
from tests.adapters import frames

OPTIONS: dict[str, dict[str, Any]] = {
    "bedrock": {"options": {"region": "us-east-1"}},
    "generic": {"generic": GenericConfig(path="/x", units={"units": "a"}, usage={"units": "usage"})},
}
NOW = 100.0
CALLS = (
    Call("m", {"messages": [], "contents": []}),
    Call("m", {"messages": [], "contents": []}, stream=True),
    Call("m", {"input": "x"}, path="/embeddings"),
    Call("m", {"input": "x"}, path="/responses", stream=True),
    Call("m", path="/x", method="GET"),
    Call("m", path="/x", method="GET", stream=True),
    Call("m", {"messages": [{"role": "user", "content": "x"}], "max_tokens": 9}, dialect="anthropic-messages"),
    Call("m", {"messages": [{"role": "user", "content": "x"}]}, dialect="openai-chat", stream=True),
)
NAMES = (
    "error", "message", "type", "code", "usage", "choices", "prompt_tokens", "completion_tokens", "candidates",
    "content", "usageMetadata", "promptTokenCount", "details", "violations", "quotaId", "retryDelay", "status",
    "output", "data", "delta", "finish_reason", "parts", "text", "input_tokens", "response", "promptFeedback",
    "blockReason", "metadata", "error_code", "index", "finishReason", "x_groq", "__type", "message",
)  # fmt: skip
HEADERS = (
    "retry-after", "retry-after-ms", "x-amz-retry-after", "x-ratelimit-reset", "x-amzn-errortype",
    "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens",
    "anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset",
    "x-ratelimitbysize-limit-minute", "x-ratelimitbysize-remaining-month",
)  # fmt: skip
HEADER_TEXTS = (
    *("", "-1", "-1s", "NaN", "inf", "1e309", "9" * 400, "9" * 15, "0", "5", "5, 5", "\xff\xfe", "\x00", "\u0663", "#"),
    *("Sunday, 06-Nov-94 08:49:37 GMT", "Monday, 21-Sep-26 14:14:20 GMT", "Mon, 21 Sep 99999 14:14:20 GMT"),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-09-21T14:14:20+99:99", "366000h", "1\xb5s"),
    *("1970-01-01T00:00:00Z", "1" + "0" * 13, "ThrottlingException"),
)
TYPES = ("application/json", "text/event-stream", "application/vnd.amazon.eventstream", "text/html", "", "\xff")
STATUSES = (200, 200, 201, 204, 301, 400, 401, 402, 403, 404, 413, 429, 498, 500, 503, 529, 100, 999, 0)

SCALARS = st.sampled_from(
    [None, True, -1, 0, 1.5, 1e308, math.nan, 10**30, 429, "x", "", "429", "PerDay", "\ud800", "error"]
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)
WRITTEN = DOCUMENTS.map(lambda document: json.dumps(document).encode())
EVENTS = st.sampled_from(["messageStart", "contentBlockDelta", "metadata", "chunk"])
BODIES = st.one_of(
    WRITTEN,
    WRITTEN.map(lambda body: body[: len(body) // 2]),
    WRITTEN.map(lambda body: b"data: " + body + b"\n\n"),
    WRITTEN.map(lambda body: b"event: error\ndata: " + body + b"\n\ndata: [DONE]\n\n"),
    st.tuples(EVENTS, WRITTEN).map(lambda told: frames.event(*told)),
    WRITTEN.map(frames.chunk),
    st.binary(max_size=60),
    st.sampled_from([b"", b"<html><title>\xff", b"[" * 3000 + b"]" * 3000]),
)


def adapter(name: str) -> Adapter:
    return build("x", ProviderConfig("http://x.example", name, **OPTIONS.get(name, {})))


def within(number: float | None, least: float, most: float) -> bool:
    return number is None or least <= number <= most


@attrs.frozen
class Answer:
    """What a provider sends back."""

    status: int
    headers: dict[str, str]
    media: str
    bodies: list[bytes]
    complete: bool


ANSWERS = st.builds(
    Answer,
    st.sampled_from(STATUSES),
    st.dictionaries(st.sampled_from(HEADERS), st.sampled_from(HEADER_TEXTS), max_size=5),
    st.sampled_from(TYPES),
    st.lists(BODIES, max_size=3),
    st.booleans(),
)


@pytest.mark.parametrize("name", list(ADAPTERS))
@given(st.sampled_from(CALLS), ANSWERS)
def test_nothing_is_raised_and_nothing_absurd_believed(name: str, call: Call, answer: Answer) -> None:
    """An outcome with a printable message comes of anything; no wait is beyond a year, no amount beyond reason."""
    headers = {**answer.headers, "content-type": answer.media}
    reading = adapter(name).read(call, answer.status, headers, NOW, 1_790_000_000.0)
    for body in answer.bodies:
        assert isinstance(reading.feed(body), bytes)
    assert_believable(reading.end(complete=answer.complete))
    assert isinstance(reading.rest(), bytes)
    for seen in reading.observations:
        assert within(seen.limit, 0, COUNT_MAX)
        assert within(seen.remaining, 0, COUNT_MAX)
        assert within(seen.resets_at, NOW, NOW + DELAY_MAX_S)


def assert_believable(outcome: Outcome) -> None:
    assert (outcome.message + outcome.code).isprintable()
    assert within(outcome.retry_after_s, 0, DELAY_MAX_S)
    if outcome.usage is not None:
        amounts = (*outcome.usage.amounts.values(), *outcome.usage.charged.values())
        assert all(0 <= amount <= AMOUNT_MAX for amount in amounts)
