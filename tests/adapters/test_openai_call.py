"""What a call asks of a provider of OpenAI's family: which language, what is reserved, what is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters import Adapter, build
from actorrouter.config import ProviderConfig
from actorrouter.dialects import OPENAI_CHAT, OPENAI_RESPONSES
from actorrouter.values import Amounts, Call, HttpRequest, Secret

BASE = "https://llm.example/v1"
CHAT = {"messages": [{"role": "user", "content": "hello"}]}
RESPONSE = {"model": "alias", "input": "hello"}


def adapter(name: str = "openai", **provider: Any) -> Adapter:
    """The adapter called so, at our address."""
    return build("x", ProviderConfig(BASE, adapter=name, **provider))


def prepared(call: Call, name: str = "openai", model: str = "up") -> HttpRequest:
    """What is sent for a call that can be."""
    speaker = adapter(name)
    assert speaker.check(call) is None
    return speaker.prepare(call, model, Secret("sk-1"))


def amounts(call: Call, **provider: Any) -> Amounts:
    """What is reserved for a call that can be sent."""
    speaker = adapter(**provider)
    assert speaker.check(call) is None
    checked, fresh = speaker.estimate(call), speaker.estimate(call)
    assert checked == fresh
    return checked


# --------------------------------------------------------------------------------------------------- which language


@pytest.mark.parametrize(
    ("call", "url"),
    [
        (Call("m", CHAT), "/chat/completions"),
        (Call("m", CHAT, path="/chat/completions"), "/chat/completions"),
        (Call("m", CHAT, dialect=OPENAI_CHAT), "/chat/completions"),
        (Call("m", CHAT, path="/chat/completions?x=1"), "/chat/completions?x=1"),
        (Call("m", RESPONSE, path="/responses"), "/responses"),
        (Call("m", RESPONSE, dialect=OPENAI_RESPONSES), "/responses"),
        (Call("m", RESPONSE, dialect=OPENAI_RESPONSES, path="/responses"), "/responses"),
        (Call("m", {"input": ["a"]}, path="/embeddings"), "/embeddings"),
        (Call("m", path="/models", method="GET"), "/models"),
        (Call("m", path="/responses/r_1", method="DELETE"), "/responses/r_1"),
        (Call("m", {"prompt": "a"}, path="/completions"), "/completions"),
        (Call("m", path="/chat/completions?limit=2", method="GET"), "/chat/completions?limit=2"),
    ],
)
def test_dialect_and_path_decide_where_a_call_goes(call: Call, url: str) -> None:
    """The dialect, else the path; nothing at all is a chat."""
    sent = prepared(call)
    assert (sent.method, sent.url) == (call.method, BASE + url)


def test_a_provider_s_own_paths_are_used() -> None:
    """Cohere has OpenAI's dialect elsewhere; its own paths pass through."""
    assert prepared(Call("m", CHAT), "cohere").url == f"{BASE}/compatibility/v1/chat/completions"
    assert prepared(Call("m", {"input": "a"}, path="/embeddings"), "cohere").url.endswith(
        "/compatibility/v1/embeddings"
    )
    assert prepared(Call("m", {"query": "a"}, path="/v2/rerank"), "cohere").url == f"{BASE}/v2/rerank"


def test_what_a_provider_does_not_speak_is_told_in_what_it_does() -> None:
    """Responses at Mistral: told as a chat by name, passed through by path."""
    assert adapter("mistral").dialects == (OPENAI_CHAT,)
    assert adapter("openai").dialects == (OPENAI_CHAT, OPENAI_RESPONSES)
    told = adapter("mistral").prepare(Call("m", RESPONSE, dialect=OPENAI_RESPONSES), "up", Secret("k"))
    assert told.url.endswith("/chat/completions")
    assert adapter("mistral").check(Call("m", {"anything": 1}, path="/responses")) is None


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (Call("m", CHAT, dialect="latin"), "speaks openai-chat"),
        (Call("m", CHAT, dialect=OPENAI_CHAT, path="/responses"), "leave it empty"),
        (Call("m", CHAT, dialect=OPENAI_CHAT, path="/files"), "leave it empty"),
        (Call("m", CHAT, path="files"), "path must"),
        (Call("m", CHAT, path="/../files"), "path must"),
        (Call("m", method="GET"), "needs a path"),
        (Call("m", path="/chat/completions", method="GET", dialect=OPENAI_CHAT), "no dialect"),
        (Call("m", path="/models", method="TRACE"), "method must"),
        (Call("m", CHAT, headers={"a b": "x"}), "names of headers"),
        (Call("m", CHAT, headers={"x-a": "x\r\ny: z"}), "x-a must be"),
        (Call("m", CHAT, units={"images": -1}), "units must"),
        (Call("m", {"input": 5}, path="/embeddings"), "input must"),
        (Call("m", {**RESPONSE, "max_output_tokens": 0}, path="/responses"), "max_output_tokens must"),
        (Call("m", {**RESPONSE, "stream": True}, path="/responses"), "set Call.stream"),
        (Call("m", {"x": {1}}, path="/files"), "not JSON"),
        (Call("m", content=b"[NaN]", path="/files"), "not JSON"),
        (Call("m", content=b"not json"), "must be a JSON object"),
        (Call("m", content=b"[]"), "must be a JSON object"),
        (Call("m", [], path="/files"), "must be a JSON object"),  # type: ignore[arg-type]
    ],
)
def test_a_call_that_can_never_be_sent_is_refused(call: Call, why: str) -> None:
    """The reason names what to change."""
    assert why in str(adapter().check(call))


# ------------------------------------------------------------------------------------------------- what is reserved


def test_a_response_reserves_its_own_maximum() -> None:
    """`max_output_tokens`, else the provider's default."""
    named = amounts(Call("m", {**RESPONSE, "max_output_tokens": 50}, path="/responses"))
    assert (named["output_tokens"], named["tokens"]) == (50, 50 + named["input_tokens"])
    assert amounts(Call("m", RESPONSE, path="/responses"), default_output_tokens=9)["output_tokens"] == 9


def test_embeddings_reserve_no_output() -> None:
    """Their input is all there is."""
    held = amounts(Call("m", {"input": "x" * 400}, path="/embeddings"))
    assert held["output_tokens"] == 0
    assert held["tokens"] == held["input_tokens"] > 100


def test_another_path_counts_its_json_and_the_caller_s_units() -> None:
    """One request always; tokens of JSON alone, and output only if a maximum is named."""
    assert amounts(Call("m", path="/models", method="GET")) == {"requests": 1, "concurrency": 1}
    assert amounts(Call("m", content=b"\x00\xff", path="/audio", units={"audio_s": 3})) == {
        "requests": 1,
        "concurrency": 1,
        "audio_s": 3,
    }
    held = amounts(Call("m", {"prompt": "x" * 40, "max_tokens": 5, "best_of": 3}, path="/completions"))
    assert held["output_tokens"] == 15
    assert held["tokens"] == 15 + held["input_tokens"]
    assert amounts(Call("m", {"input": "abc"}, path="/moderations"))["output_tokens"] == 0


def test_content_is_counted_like_the_body_it_holds() -> None:
    """The bytes alone are enough, however they are spaced."""
    spaced = json.dumps({**CHAT, "max_tokens": 7}, indent=4).encode()
    assert amounts(Call("m", content=spaced)) == amounts(Call("m", {**CHAT, "max_tokens": 7}))


# ----------------------------------------------------------------------------------------------------- what is sent


def test_bytes_go_out_untouched_where_nothing_has_to_change() -> None:
    """The caller's own spacing and order, with and without the decoded body."""
    content = b'{ "model" : "up",\n "messages": [], "x": 1.50 }'
    assert prepared(Call("m", content=content)).body == content
    assert prepared(Call("m", json.loads(content), content=content)).body == content


def test_only_the_model_changes_where_only_the_model_has_to() -> None:
    """Everything else keeps its meaning and its order."""
    content = '{"messages": [{"role": "user", "content": "\\u00e4\\ud83d"}], "model": "alias", "n": 1, "x": null}'
    sent = json.loads(prepared(Call("m", content=content.encode())).body)
    assert sent == {**json.loads(content), "model": "up"}
    assert list(sent) == list(json.loads(content))


def test_usage_is_asked_for_only_where_it_does_not_come_unasked() -> None:
    """Mistral and Cohere refuse the option, Groq needs none; a caller who asks as we would is left alone."""
    streamed = Call("m", {**CHAT, "model": "up", "stream": True}, stream=True)
    assert json.loads(prepared(streamed).body)["stream_options"] == {"include_usage": True}
    for name in ("mistral", "cohere", "groq"):
        assert "stream_options" not in json.loads(prepared(streamed, name).body)
    asks = b'{"model":"up", "messages":[], "stream":true, "stream_options":{"include_usage":true}}'
    assert prepared(Call("m", content=asks, stream=True)).body == asks


def test_a_streamed_response_is_only_told_to_stream() -> None:
    """Its usage comes in its last event anyway."""
    sent = prepared(Call("m", RESPONSE, path="/responses", stream=True))
    assert json.loads(sent.body) == {"model": "up", "input": "hello", "stream": True}
    assert dict(sent.headers)["accept"] == "text/event-stream"


def test_another_path_s_model_changes_only_if_it_names_one() -> None:
    """A body without a model, or that is no JSON, is not given one."""
    assert json.loads(prepared(Call("m", {"model": "a", "prompt": "x"}, path="/completions")).body)["model"] == "up"
    assert json.loads(prepared(Call("m", {"a": 1}, path="/batches")).body) == {"a": 1}
    assert prepared(Call("m", content=b'{"a" :1}', path="/batches")).body == b'{"a" :1}'
    assert prepared(Call("m", path="/responses/r_1/cancel")).body == b""


def test_a_multipart_body_goes_out_as_it_came() -> None:
    """Bytes and content type are the caller's."""
    form = b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    sent = prepared(Call("m", content=form, headers=headers, path="/audio/transcriptions"))
    assert sent.body == form
    assert dict(sent.headers)["content-type"] == headers["Content-Type"]
    assert amounts(Call("m", content=form, headers=headers, path="/audio/transcriptions")).keys() == {
        "requests",
        "concurrency",
    }


def test_a_caller_s_headers_go_on_without_its_credentials() -> None:
    """The secret is the key's; ours and the operator's stand above the caller's."""
    headers = {"X-Trace": "1", "User-Agent": "sdk/1", "Authorization": "Bearer mine", "api-key": "mine",
               "OpenAI-Organization": "mine", "Content-Encoding": "gzip", "Content-Type": "text/plain"}  # fmt: skip
    speaker = adapter(headers={"X-Trace": "operator"})
    sent = dict(speaker.prepare(Call("m", CHAT, headers=headers), "up", Secret("sk-1")).headers)
    assert "mine" not in " ".join(sent.values())
    assert sent["authorization"] == "Bearer sk-1"
    assert (sent["x-trace"], sent["user-agent"]) == ("operator", "sdk/1")
    assert sent["content-type"] == "application/json"
    assert "content-encoding" not in sent


def test_a_call_without_a_body_has_no_content_type() -> None:
    """There is nothing whose type it could be."""
    assert "content-type" not in dict(prepared(Call("m", path="/models", method="GET")).headers)


_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=6), _TREES, max_size=4), st.sampled_from(["up", "alias", None]))
def test_what_is_sent_means_what_the_caller_wrote(body: dict[str, Any], model: str | None) -> None:
    """Whatever JSON: the model is the upstream's, and nothing else has changed."""
    document = {**body, "messages": []} | ({"model": model} if model else {})
    for name in (
        "n",
        "best_of",
        "stream",
        "stream_options",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
    ):
        document.pop(name, None)
    content = json.dumps(document, indent=1).encode()
    sent = prepared(Call("m", content=content))
    assert json.loads(sent.body) == {**document, "model": "up"}
    assert (sent.body == content) == (model == "up")


@given(st.text(max_size=12), st.text(max_size=12), st.binary(max_size=40), st.sampled_from(["", "POST", "GET", "x"]))
def test_no_call_raises_when_checked(path: str, dialect: str, content: bytes, method: str) -> None:
    """Whatever is asked, it can be sent or there is a reason; what can be sent can be estimated and prepared."""
    call = Call("m", path=path, dialect=dialect, content=content, method=method)
    if adapter().check(call) is None:
        adapter().estimate(call)
        adapter().prepare(call, "up", Secret("k"))
