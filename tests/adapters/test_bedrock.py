"""Requests to Bedrock, whole answers, errors."""

from __future__ import annotations

import importlib.util
import json
import math
from typing import Any

import pytest

from actorrouter.adapters import build
from actorrouter.config import Charge, ProviderConfig
from actorrouter.dialects.documents import encode_json
from actorrouter.errors import InvalidConfig
from actorrouter.values import Call, Outcome, OutcomeClass, Scope, Secret
from tests.adapters.answers import SECRETS, judged, keeps_secrets, run

SECRET = Secret("bedrock-api-key-one")
JSON = {"content-type": "application/json"}
BASE = "https://bedrock-runtime.eu-west-1.amazonaws.com"
MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
QUOTED = "eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0"
CONVERSE: dict[str, Any] = {
    "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
    "inferenceConfig": {"maxTokens": 64},
}
USED = {"inputTokens": 10, "outputTokens": 4, "totalTokens": 14}
ANSWER: dict[str, Any] = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi there"}]}},
    "stopReason": "end_turn",
    "usage": USED,
    "metrics": {"latencyMs": 5},
}
MESSAGES: dict[str, Any] = {"max_tokens": 32, "messages": [{"role": "user", "content": "Hello"}]}
FATAL, SPENT, LIMITED = OutcomeClass.KEY_FATAL, OutcomeClass.QUOTA_SPENT, OutcomeClass.RATE_LIMITED
CAPACITY, CONTEXT, BAD = OutcomeClass.CAPACITY, OutcomeClass.CONTEXT, OutcomeClass.REQUEST_BAD
MODEL_SCOPE, TRANSIENT = OutcomeClass.MODEL_SCOPE, OutcomeClass.TRANSIENT


def adapter(base_url: str = "", **options: str) -> Any:
    return build("b", ProviderConfig(base_url, "bedrock", options={"region": "eu-west-1", **options}))


def converse(path: str = "", **options: Any) -> Call:
    return Call("m", {**CONVERSE, **options.pop("body", {})}, path=path, **options)


def message(path: str = "", **options: Any) -> Call:
    body = {**MESSAGES, **options.pop("body", {})}
    return Call("m", body, path=path, dialect="anthropic-messages", **options)


def sent(asked: Call, model: str = MODEL) -> tuple[str, str, dict[str, str], Any]:
    request = adapter().prepare(asked, model, SECRET)
    return request.method, request.url, dict(request.headers), json.loads(request.body or b"null")


def error(kind: str, message: str = "no", status: int = 400, *, in_body: bool = False) -> Outcome:
    named = {} if in_body else {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/"}
    told = {"__type": f"com.amazon.coral#{kind}"} if in_body else {}
    body = json.dumps({**told, "message": message}).encode()
    return judged(adapter(), converse(), body, status=status, headers=named)


def throttled(headers: dict[str, str]) -> Outcome:
    return judged(adapter(), converse(), b'{"message": "slow down"}', status=429, headers=headers)


@pytest.mark.parametrize(
    ("asked", "url"),
    [
        (converse(), f"/model/{QUOTED}/converse"),
        (converse(stream=True), f"/model/{QUOTED}/converse-stream"),
        (converse("/model/{model}/converse-stream", stream=True), f"/model/{QUOTED}/converse-stream"),
        (converse("/model/theirs/converse"), f"/model/{QUOTED}/converse"),
        (message(), f"/model/{QUOTED}/invoke"),
        (message("/v1/messages?beta=true", stream=True), f"/model/{QUOTED}/invoke-with-response-stream"),
        (converse("/model/{model}/count-tokens"), f"/model/{QUOTED}/count-tokens"),
        (converse("/model/{model}/invoke"), f"/model/{QUOTED}/invoke"),
        (converse("/guardrail/g/version/1/apply"), "/guardrail/g/version/1/apply"),
    ],
)
def test_the_model_stands_in_the_path(asked: Call, url: str) -> None:
    """Escaped, for a name may hold colons and an ARN slashes."""
    assert adapter().check(asked) is None
    assert sent(asked)[1] == BASE + url


def test_an_arn_is_one_segment() -> None:
    """Its slash does not leave the path."""
    arn = "arn:aws:bedrock:eu-west-1:1:inference-profile/x"
    assert (
        sent(converse(), arn)[1] == f"{BASE}/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Fx/converse"
    )


def test_a_bearer_key_and_what_is_accepted() -> None:
    """A stream comes in frames, in either dialect; the caller's own wish for events is not passed on."""
    headers = sent(converse())[2]
    assert (headers["authorization"], headers["accept"]) == ("Bearer bedrock-api-key-one", "application/json")
    for asked in (converse(stream=True), message(stream=True, headers={"accept": "text/event-stream"})):
        assert sent(asked)[2]["accept"] == "application/vnd.amazon.eventstream"


def test_a_message_loses_model_and_stream_and_gains_its_version() -> None:
    """Betas move from the header to the body, as the vendor's SDK moves them; the caller's own version stays."""
    asked = message(body={"model": "claude", "stream": True}, stream=True, headers={"Anthropic-Beta": "a-1, b-2"})
    assert sent(asked)[3] == {"anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["a-1", "b-2"], **MESSAGES}
    assert sent(message(body={"anthropic_version": "x"}))[3]["anthropic_version"] == "x"
    assert sent(converse(body={"modelId": "theirs"}))[3] == CONVERSE


def test_what_the_caller_wrote_goes_out_untouched_where_nothing_changes() -> None:
    """White space is kept."""
    written = b'{ "messages": [] }'
    request = adapter().prepare(Call("m", json.loads(written), content=written), MODEL, SECRET)
    assert request.body == written


def test_estimates() -> None:
    """Each dialect names its maximum in its own place; without one the provider's default stands in."""
    assert adapter().estimate(converse())["output_tokens"] == 64
    assert adapter().estimate(message())["output_tokens"] == 32
    assert adapter().estimate(Call("m", {"messages": []}))["output_tokens"] == 1024
    given = math.ceil(len(encode_json(CONVERSE)) / 4)
    assert adapter().estimate(converse())["tokens"] == given + 64
    assert adapter().estimate(converse("/model/{model}/count-tokens")) == {"requests": 1, "concurrency": 1}
    assert adapter().default_charge["tokens"] is Charge.UP_FRONT_THEN_SETTLE


def test_the_probe_asks_the_control_plane() -> None:
    """The runtime lists no models; another address is asked as it is."""
    assert adapter().probe(SECRET).url == "https://bedrock.eu-west-1.amazonaws.com/foundation-models"
    assert adapter("http://127.0.0.1:9").probe(SECRET).url == "http://127.0.0.1:9/foundation-models"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (converse(body={"messages": 7}), "messages"),
        (converse(body={"inferenceConfig": {"maxTokens": "9"}}), "maxTokens"),
        (converse("/model/m/converse", stream=True), "stream"),
        (converse("/model/m/converse-stream"), "stream"),
        (converse("/model/m/count-tokens", stream=True), "no stream"),
        (message(body={"max_tokens": 0}), "max_tokens"),
        (message("/v1/messages/count_tokens"), "/v1/messages"),
        (message(body={"stream": True}), "set Call.stream"),
        (converse(dialect="latin"), "bedrock-converse"),
    ],
)
def test_a_call_that_can_never_be_sent_is_refused(wrong: Call, why: str) -> None:
    """The reason names what is wrong."""
    fault = adapter().check(wrong)
    assert fault is not None
    assert why in fault


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "region"),
        ({"region": "eu west"}, "region"),
        ({"region": "evil.example/"}, "region"),
        ({"region": "eu-west-1", "auth": "basic"}, "auth"),
        ({"region": "eu-west-1", "output_burndown": "many"}, "output_burndown"),
        ({"region": "eu-west-1", "output_burndown": "0"}, "output_burndown"),
        ({"region": "eu-west-1", "zone": "a"}, "zone"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, str], why: str) -> None:
    """A region becomes a part of the host: it is letters, digits and dashes."""
    with pytest.raises(InvalidConfig, match=rf"providers\.b\.options\.{why}"):
        build("b", ProviderConfig("", "bedrock", options=options))


def test_signing_without_botocore_is_told_when_the_provider_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """And names the extra to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InvalidConfig, match=r"actorrouter\[bedrock\]"):
        adapter(auth="sigv4")


def test_a_whole_answer_states_its_usage_and_what_is_charged() -> None:
    """Output burns down five times; what was read from a cache has a price but is not charged."""
    body = json.dumps({**ANSWER, "usage": {**USED, "cacheReadInputTokens": 100, "cacheWriteInputTokens": 20}}).encode()
    handed, outcome, rest = run(adapter(), converse(), body, headers=JSON)
    assert (handed, rest, outcome.outcome) == (b"", body, OutcomeClass.SUCCEEDED)
    assert outcome.usage is not None
    assert outcome.usage.amounts == {"input_tokens": 130, "output_tokens": 4, "tokens": 134}
    assert outcome.usage.charged == {"input_tokens": 30, "output_tokens": 20, "tokens": 50}
    assert outcome.usage.cached_input_tokens == 100


def test_the_burndown_is_an_option() -> None:
    """Other vendors' models count once."""
    usage = judged(adapter(output_burndown="1"), converse(), json.dumps(ANSWER).encode()).usage
    assert usage is not None
    assert usage.charged == {}


@pytest.mark.parametrize(
    ("model", "charged"),
    [
        ("claude-3-haiku-20240307", None),
        ("claude-3-5-sonnet-20240620", None),
        ("claude-2.1", None),
        ("claude-instant-1.2", None),
        ("claude-3-7-sonnet-20250219", 30),
        ("claude-sonnet-4-5-20250929", 30),
        (None, 30),
    ],
)
def test_a_message_names_the_model_that_decides(model: str | None, charged: int | None) -> None:
    """From Claude 3.7 on output burns down five times; an unknown model is taken for a new one."""
    body = {
        "content": [{"type": "text", "text": "x"}],
        "model": model,
        "usage": {"input_tokens": 3, "output_tokens": 6},
    }
    usage = judged(adapter(), message(), json.dumps(body).encode()).usage
    assert usage is not None
    assert usage.amounts["output_tokens"] == 6
    assert usage.charged.get("output_tokens") == charged


def test_usage_that_is_missing_is_counted_here() -> None:
    """Input as it was reserved, output by its text; the burndown applies to it too."""
    usage = judged(adapter(), converse(), json.dumps({**ANSWER, "usage": None}).encode()).usage
    assert usage is not None
    assert usage.estimated
    assert usage.amounts["output_tokens"] == 2
    assert usage.charged["output_tokens"] == 10


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"output": 7}', b'{"output": {"message": {"content": "x"}}}', b"{"]
)
def test_an_answer_without_a_message_is_broken(body: bytes) -> None:
    """In both dialects."""
    assert judged(adapter(), converse(), body).outcome is OutcomeClass.BROKEN
    assert judged(adapter(), message(), body).outcome is OutcomeClass.BROKEN


def test_a_large_answer_is_an_answer() -> None:
    """Five megabytes; cut off it is broken."""
    body = json.dumps({"output": {"message": {"content": [{"text": "x" * 5_000_000}]}}}).encode()
    assert judged(adapter(), converse(), body).outcome is OutcomeClass.SUCCEEDED
    assert judged(adapter(), converse(), body[:-1], complete=False).outcome is OutcomeClass.BROKEN


@pytest.mark.parametrize("in_body", [False, True], ids=["header", "body"])
@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "ValidationException", BAD),
        (400, "ServiceQuotaExceededException", SPENT),
        (403, "AccessDeniedException", FATAL),
        (403, "ExpiredTokenException", FATAL),
        (404, "ResourceNotFoundException", MODEL_SCOPE),
        (408, "ModelTimeoutException", TRANSIENT),
        (424, "ModelErrorException", TRANSIENT),
        (424, "SomethingNew", TRANSIENT),
        (429, "ThrottlingException", LIMITED),
        (429, "ModelNotReadyException", CAPACITY),
        (500, "InternalServerException", TRANSIENT),
        (503, "ServiceUnavailableException", CAPACITY),
    ],
)
def test_exceptions(status: int, kind: str, expected: OutcomeClass, in_body: bool) -> None:
    """As the facts list them, named by the header or by the body."""
    outcome = error(kind, status=status, in_body=in_body)
    assert (outcome.outcome, outcome.code) == (expected, kind)


@pytest.mark.parametrize(
    ("status", "kind", "text", "expected"),
    [
        (429, "ThrottlingException", "Too many tokens per day, please wait before trying again.", SPENT),
        (429, "ThrottlingException", "Too many tokens, please wait before trying again.", LIMITED),
        (403, "AccessDeniedException", "You don't have access to the model with the specified model ID.", MODEL_SCOPE),
        (400, "ValidationException", "Input is too long for requested model.", CONTEXT),
    ],
)
def test_messages_that_tell_more_than_their_code(status: int, kind: str, text: str, expected: OutcomeClass) -> None:
    """A day is not a minute, and a model that is not enabled is no bad key."""
    assert error(kind, text, status).outcome is expected


def test_who_is_to_blame_and_for_how_long() -> None:
    """A model being loaded is nobody's limit; the wait is in milliseconds there."""
    assert error("ModelNotReadyException", status=429).scope is Scope.PROVIDER
    told = throttled({"x-amz-retry-after": "1500"})
    assert (told.scope, told.retry_after_s) == (Scope.POOL, 1.5)
    assert throttled({"retry-after": "3"}).retry_after_s == 3


@pytest.mark.parametrize("body", [b"", b"\xff", b"null", b"[]", b'{"message": 7}', b'{"__type": []}', b"<html>"])
def test_garbage_is_judged_by_its_status(body: bytes) -> None:
    """Nothing is raised."""
    found = [judged(adapter(), converse(), body, status=status).outcome for status in (400, 403, 429, 503)]
    assert found == [BAD, FATAL, LIMITED, CAPACITY]


def test_an_exception_in_an_answer_that_says_yes() -> None:
    """Named by its type, in both dialects."""
    body = b'{"__type": "ThrottlingException", "message": "slow down"}'
    assert judged(adapter(), converse(), body).outcome is LIMITED
    assert judged(adapter(), message(), body).outcome is LIMITED


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_in_an_error_are_masked(secret: bytes) -> None:
    """In message, code and body."""
    body = json.dumps({"message": f"invalid key {secret.decode()}"}).encode()
    keeps_secrets(adapter(), converse(), 403, body, {"x-amzn-errortype": "AccessDeniedException"})
