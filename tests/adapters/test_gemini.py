"""Requests to Gemini and whole answers."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from actorrouter.adapters import build
from actorrouter.config import ProviderConfig
from actorrouter.dialects.documents import encode_json
from actorrouter.errors import InvalidConfig
from actorrouter.values import Call, OutcomeClass, Secret
from tests.adapters.answers import judged, run

SECRET = Secret("AIza-one")
BASE = "https://generativelanguage.googleapis.com/v1beta"
CONTENTS = [{"role": "user", "parts": [{"text": "Hello"}]}]
BODY: dict[str, Any] = {"contents": CONTENTS, "generationConfig": {"maxOutputTokens": 50, "candidateCount": 2}}
USED = {"promptTokenCount": 8, "candidatesTokenCount": 3, "thoughtsTokenCount": 20, "totalTokenCount": 31}
ANSWER: dict[str, Any] = {
    "candidates": [{"content": {"parts": [{"text": "Hi there"}], "role": "model"}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": USED,
    "modelVersion": "gemini-3-flash",
}


def adapter(base_url: str = "", **provider: Any) -> Any:
    return build("g", ProviderConfig(base_url, "gemini", **provider))


def call(path: str = "", body: dict[str, Any] | None = None, **options: Any) -> Call:
    return Call("m", BODY if body is None else body, path=path, **options)


def sent(asked: Call, model: str = "gemini-3-flash") -> tuple[str, str, dict[str, str], Any]:
    request = adapter().prepare(asked, model, SECRET)
    return request.method, request.url, dict(request.headers), json.loads(request.body or b"null")


def outcome_of(document: Any) -> Any:
    return judged(adapter(), call(), json.dumps(document).encode())


@pytest.mark.parametrize(
    ("asked", "url"),
    [
        (call(), "/models/gemini-3-flash:generateContent"),
        (call(stream=True), "/models/gemini-3-flash:streamGenerateContent?alt=sse"),
        (
            call("/models/{model}:streamGenerateContent", stream=True),
            "/models/gemini-3-flash:streamGenerateContent?alt=sse",
        ),
        (call("/models/{model}:generateContent?key=AIza-theirs&x=1"), "/models/gemini-3-flash:generateContent?x=1"),
        (call("/models/{model}:embedContent"), "/models/gemini-3-flash:embedContent"),
        (call("/models/{model}:countTokens"), "/models/gemini-3-flash:countTokens"),
        (call("/models/named:predict"), "/models/named:predict"),
    ],
)
def test_the_model_stands_in_the_path(asked: Call, url: str) -> None:
    """A stream is asked for as events; a key in the caller's query is dropped."""
    assert adapter().check(asked) is None
    assert sent(asked)[1] == BASE + url


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("http://h", "", "http://h/v1beta/models/g:generateContent"),
        ("http://h/v1/", "", "http://h/v1/models/g:generateContent"),
        ("http://h/v1beta", "/v1alpha/models/{model}:generateContent", "http://h/v1alpha/models/g:generateContent"),
        ("http://h/v1beta", "/models/{model}:generateContent", "http://h/v1beta/models/g:generateContent"),
        ("http://h/v2/gemini", "/v1/files/v1/x", "http://h/v2/gemini/v1/files/v1/x"),
        ("http://h", "/v1betas/files", "http://h/v1beta/v1betas/files"),
    ],
)
def test_the_version_is_named_once(base: str, path: str, url: str) -> None:
    """The caller's, else the base URL's, else v1beta."""
    assert adapter(base).prepare(call(path), "g", SECRET).url == url


def test_the_key_has_a_header_of_its_own() -> None:
    """And the caller's credentials are not sent."""
    headers = sent(call(headers={"x-goog-api-key": "theirs", "x-goog-api-client": "genai"}))[2]
    assert (headers["x-goog-api-key"], headers["x-goog-api-client"]) == ("AIza-one", "genai")


def test_a_model_named_with_its_collection_is_named_once() -> None:
    """`models/` is no part of a name; what else would leave the path is escaped."""
    assert sent(call(), "models/gemini-3-flash")[1] == f"{BASE}/models/gemini-3-flash:generateContent"
    assert sent(call(), "x/../y")[1] == f"{BASE}/models/x%2F..%2Fy:generateContent"


def test_the_body_goes_out_as_it_was_written_without_a_model() -> None:
    """The API knows neither `model` nor `stream` in it."""
    written = b'{"contents": [ ]}'
    assert adapter().prepare(Call("m", json.loads(written), content=written), "g", SECRET).body == written
    assert sent(call(body={**BODY, "model": "theirs", "stream": True}, stream=True))[3] == BODY


def test_the_parts_of_embeddings_and_counts_name_the_upstreams_model() -> None:
    """Each request of a batch, and the request whose tokens are counted."""
    batch = call("/models/{model}:batchEmbedContents", {"requests": [{"model": "models/theirs", "content": {}}]})
    assert sent(batch, "e1")[3] == {"requests": [{"model": "models/e1", "content": {}}]}
    counted = call("/models/{model}:countTokens", {"generateContentRequest": {"model": "theirs", "contents": []}})
    assert sent(counted, "g")[3] == {"generateContentRequest": {"model": "models/g", "contents": []}}
    single = call("/models/{model}:embedContent", {"model": "models/theirs", "content": {}})
    assert sent(single, "e1")[3] == {"model": "models/e1", "content": {}}


def test_estimates_by_work() -> None:
    """Output for each candidate; embeddings have none; a count and what is passed through have no tokens at all."""
    given = math.ceil(len(encode_json(BODY)) / 4)
    made = adapter(default_output_tokens=7)
    assert made.estimate(call())["output_tokens"] == 100
    assert made.estimate(call(body={"contents": []}))["output_tokens"] == 7
    embedding = made.estimate(call("/models/{model}:embedContent"))
    assert (embedding["input_tokens"], embedding["output_tokens"], embedding["tokens"]) == (given, 0, given)
    for path in ("/models/{model}:countTokens", "/cachedContents"):
        assert made.estimate(call(path)) == {"requests": 1, "concurrency": 1}


def test_the_probe_lists_models() -> None:
    """By GET, with the key."""
    request = adapter("http://h/v1beta/").probe(SECRET)
    assert (request.method, request.url) == ("GET", "http://h/v1beta/models?pageSize=1")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (call(body={"contents": "hi"}), "contents"),
        (call(body={}), "contents"),
        (call(body={"contents": [], "generationConfig": {"maxOutputTokens": 0}}), "maxOutputTokens"),
        (call(body={"contents": [], "generationConfig": {"candidateCount": "2"}}), "candidateCount"),
        (call("/models/{model}:generateContent", stream=True), "stream"),
        (call("/models/{model}:streamGenerateContent"), "stream"),
        (call("/models/{model}:countTokens", stream=True), "no stream"),
        (call(dialect="latin"), "gemini"),
        (call(body={"contents": [], "x": math.inf}), "not JSON"),
    ],
)
def test_a_call_that_can_never_be_sent_is_refused(wrong: Call, why: str) -> None:
    """The reason names what is wrong."""
    fault = adapter().check(wrong)
    assert fault is not None
    assert why in fault


def test_there_are_no_options() -> None:
    """One that is given is told."""
    with pytest.raises(InvalidConfig, match="known: none"):
        adapter(options={"region": "x"})


def test_output_is_what_was_said_and_what_was_thought() -> None:
    """Cached input is a part of the prompt, results of tools stand beside it."""
    used = outcome_of(
        {**ANSWER, "usageMetadata": {**USED, "cachedContentTokenCount": 6, "toolUsePromptTokenCount": 4}}
    ).usage
    assert used.amounts == {"input_tokens": 12, "output_tokens": 23, "tokens": 35}
    assert (used.cached_input_tokens, used.estimated, used.charged) == (6, False, {})


@pytest.mark.parametrize("told", [None, {}, {"promptTokenCount": -1, "candidatesTokenCount": "3"}, 7])
def test_usage_that_is_missing_or_absurd_is_counted_here(told: Any) -> None:
    """Input as it was reserved, output by its text."""
    used = outcome_of({**ANSWER, "usageMetadata": told}).usage
    assert used.estimated
    assert used.amounts["input_tokens"] == adapter().estimate(call())["input_tokens"]
    assert used.amounts["output_tokens"] == 2


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"])
def test_an_answer_that_withholds_everything_is_a_content_outcome(reason: str) -> None:
    """Whether the prompt was blocked or the only candidate says nothing; what it used is told."""
    prompt = {"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 8}}
    silent = {"candidates": [{"finishReason": reason, "index": 0}], "usageMetadata": {"promptTokenCount": 8}}
    for document in (prompt, silent, [prompt]):
        outcome = outcome_of(document)
        assert (outcome.outcome, outcome.code) == (OutcomeClass.CONTENT, reason)
        assert outcome.usage.amounts["input_tokens"] == 8


def test_an_answer_that_was_cut_short_is_passed_on() -> None:
    """What it says stands; and a reason that withholds nothing is no fault."""
    cut_short = json.loads(json.dumps(ANSWER).replace("STOP", "SAFETY"))
    assert outcome_of(cut_short).outcome is OutcomeClass.SUCCEEDED
    thinking = {"candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}], "usageMetadata": USED}
    assert outcome_of(thinking).outcome is OutcomeClass.SUCCEEDED


def test_embeddings_count_their_input() -> None:
    """As told, or as it was reserved."""
    asked = call("/models/{model}:embedContent", {"content": {"parts": [{"text": "Hello"}]}})
    body = b'{"embedding": {"values": [0.1]}}'
    used = judged(adapter(), asked, body).usage
    assert used is not None
    assert used.amounts == {
        "input_tokens": adapter().estimate(asked)["input_tokens"],
        "output_tokens": 0,
        "tokens": adapter().estimate(asked)["tokens"],
    }


def test_counts_and_other_paths_use_no_tokens() -> None:
    """A count is one request; of another path nothing is known, and its bytes go through."""
    outcome = judged(adapter(), call("/models/{model}:countTokens"), b'{"totalTokens": 31}')
    assert (outcome.outcome, outcome.usage) == (OutcomeClass.SUCCEEDED, None)
    asked = Call("m", path="/files/f:download?alt=media", method="GET")
    handed, outcome, rest = run(adapter(), asked, b"\x00")
    assert (handed, outcome.outcome, rest) == (b"", OutcomeClass.SUCCEEDED, b"\x00")


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{}", b'{"candidates": []}', b'{"candidates": 7}', b"[" * 100_000])
def test_an_answer_without_candidates_is_broken(body: bytes) -> None:
    """Whatever else it is."""
    assert judged(adapter(), call(), body).outcome is OutcomeClass.BROKEN


def test_a_large_answer_is_an_answer() -> None:
    """Five megabytes of an image; cut off it is broken."""
    part = {"inlineData": {"mimeType": "image/png", "data": "A" * 5_000_000}}
    body = json.dumps({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}).encode()
    assert judged(adapter(), call(), body).outcome is OutcomeClass.SUCCEEDED
    assert judged(adapter(), call(), body[:-1], complete=False).outcome is OutcomeClass.BROKEN
