"""Requests to Anthropic, whole answers, limit headers."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters import build
from actorrouter.config import Charge, ProviderConfig
from actorrouter.dialects.documents import encode_json
from actorrouter.errors import InvalidConfig
from actorrouter.values import Call, OutcomeClass, QuotaObservation, Secret
from tests.adapters.answers import WALL, judged, run

SECRET = Secret("sk-ant-one")
JSON = {"content-type": "application/json"}
MESSAGES = [{"role": "user", "content": "Hello"}]
BODY: dict[str, Any] = {"model": "claude", "max_tokens": 64, "messages": MESSAGES}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5",
    "content": [{"type": "text", "text": "Hi there"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 12, "output_tokens": 6},
}


def adapter(base_url: str = "", **provider: Any) -> Any:
    return build("a", ProviderConfig(base_url, "anthropic", **provider))


def call(path: str = "", **options: Any) -> Call:
    return Call("m", {**BODY, **options.pop("body", {})}, path=path, **options)


def sent(made: Any, asked: Call, secret: Secret = SECRET) -> tuple[str, str, dict[str, str], Any]:
    request = made.prepare(asked, "claude-sonnet-5", secret)
    return request.method, request.url, dict(request.headers), json.loads(request.body or b"null")


def test_a_message_goes_to_its_own_path_with_key_and_version() -> None:
    """The model is the upstream's; the version is the one that goes with `x-api-key`."""
    method, url, headers, body = sent(adapter(), call())
    assert (method, url) == ("POST", "https://api.anthropic.com/v1/messages")
    assert (headers["x-api-key"], headers["anthropic-version"]) == ("sk-ant-one", "2023-06-01")
    assert body == {**BODY, "model": "claude-sonnet-5"}
    assert "authorization" not in headers


def test_a_bearer_takes_the_place_of_the_key_with_its_own_version() -> None:
    """As the newer SDK sends it; an option names another version."""
    _, _, headers, _ = sent(adapter(options={"auth": "bearer"}), call())
    assert (headers["authorization"], headers["anthropic-version"]) == ("Bearer sk-ant-one", "2026-10-21")
    assert "x-api-key" not in headers
    _, _, headers, _ = sent(adapter(options={"version": "2027-01-01"}), call())
    assert headers["anthropic-version"] == "2027-01-01"


def test_the_callers_headers_pass_on_but_not_its_credentials() -> None:
    """Version and betas are the caller's; keys, cookies and what belongs to one connection are dropped."""
    told = {
        "Anthropic-Version": "2024-01-01",
        "anthropic-beta": "context-1m",
        "X-Api-Key": "sk-client",
        "Authorization": "Bearer sk-client",
        "Cookie": "s=1",
        "Connection": "close, x-hop",
        "X-Hop": "1",
        "Host": "proxy",
        "Accept-Encoding": "br",
        "Content-Type": "text/plain",
    }
    _, _, headers, _ = sent(adapter(), call(headers=told))
    assert headers == {
        "user-agent": headers["user-agent"],
        "anthropic-version": "2024-01-01",
        "anthropic-beta": "context-1m",
        "content-type": "application/json",
        "accept": "application/json",
        "x-api-key": "sk-ant-one",
    }


def test_configured_headers_win_over_the_callers() -> None:
    """An operator's word is last, but for the secret."""
    made = adapter(headers={"anthropic-beta": "ours", "X-Api-Key": "wrong"})
    _, _, headers, _ = sent(made, call(headers={"anthropic-beta": "theirs"}))
    assert (headers["anthropic-beta"], headers["x-api-key"]) == ("ours", "sk-ant-one")


def test_what_the_caller_wrote_goes_out_untouched_where_nothing_changes() -> None:
    """White space and order are kept when model and stream are right already; else it is written anew."""
    written = b'{ "messages": [],  "max_tokens": 1, "model": "claude-sonnet-5" }'
    asked = Call("m", json.loads(written), content=written)
    assert adapter().prepare(asked, "claude-sonnet-5", SECRET).body == written
    assert json.loads(adapter().prepare(asked, "other", SECRET).body)["model"] == "other"
    streamed = Call("m", json.loads(written), content=written, stream=True)
    assert json.loads(adapter().prepare(streamed, "claude-sonnet-5", SECRET).body)["stream"] is True


@pytest.mark.parametrize("base", ["http://h", "http://h/", "http://h/v1", "http://h/v1/"])
@pytest.mark.parametrize("path", ["/v1/messages?beta=true", "/messages?beta=true"])
def test_the_version_may_stand_in_base_and_path_or_in_neither(base: str, path: str) -> None:
    """It is sent once; the path's query is kept."""
    assert sent(adapter(base), call(path))[1] == "http://h/v1/messages?beta=true"


def test_any_other_path_passes_through() -> None:
    """Method, query, bytes and content type as the caller's; the key is ours; one request is all it counts as."""
    asked = Call(
        "m",
        path="/v1/files?limit=2",
        method="PUT",
        content=b"\x00\xff",
        headers={"content-type": "application/pdf", "x-api-key": "theirs"},
        units={"files": 1},
    )
    made = adapter()
    assert made.check(asked) is None
    assert made.estimate(asked) == {"requests": 1, "concurrency": 1, "files": 1}
    request = made.prepare(asked, "claude-sonnet-5", SECRET)
    headers = dict(request.headers)
    assert (request.method, request.url) == ("PUT", "https://api.anthropic.com/v1/files?limit=2")
    assert (request.body, headers["content-type"], headers["x-api-key"]) == (
        b"\x00\xff",
        "application/pdf",
        "sk-ant-one",
    )
    handed, outcome, rest = run(made, asked, b"\x01\x02", headers={"content-type": "application/pdf"})
    assert (handed, outcome.outcome, outcome.usage, rest) == (b"", OutcomeClass.SUCCEEDED, None, b"\x01\x02")
    assert judged(made, asked, b"\x01", complete=False).outcome is OutcomeClass.BROKEN


@pytest.mark.parametrize("status", [403, 404])
def test_a_no_to_another_path_blames_no_key_and_no_model(status: int) -> None:
    """A file of somebody else's is missing; messages are still served."""
    body = b'{"type":"error","error":{"type":"not_found_error","message":"no such file"}}'
    assert judged(adapter(), Call("m", path="/v1/files/f"), body, status=status).outcome is OutcomeClass.REQUEST_BAD
    assert judged(adapter(), call(), body, status=status).outcome is OutcomeClass.MODEL_SCOPE


def test_counting_tokens_is_one_request_without_tokens() -> None:
    """It is sent with the upstream's model, and its answer uses nothing."""
    asked = call("/v1/messages/count_tokens")
    made = adapter()
    assert made.check(asked) is None
    assert made.estimate(asked) == {"requests": 1, "concurrency": 1}
    assert sent(made, asked)[1:] == ("https://api.anthropic.com/v1/messages/count_tokens", *sent(made, asked)[2:])
    assert sent(made, asked)[3]["model"] == "claude-sonnet-5"
    outcome = judged(made, asked, b'{"input_tokens": 2095}', headers=JSON)
    assert (outcome.outcome, outcome.usage) == (OutcomeClass.SUCCEEDED, None)


def test_the_probe_lists_models() -> None:
    """With key and version, by GET."""
    request = adapter().probe(SECRET)
    assert (request.method, request.url) == ("GET", "https://api.anthropic.com/v1/models?limit=1")
    assert dict(request.headers)["x-api-key"] == "sk-ant-one"


def test_the_estimate_is_bytes_and_max_tokens() -> None:
    """Input rounds up; without a maximum the provider's default stands in; the caller's units win."""
    made = adapter(default_output_tokens=77)
    given_tokens = math.ceil(len(encode_json(BODY)) / 4)
    assert made.estimate(call()) == {
        "requests": 1,
        "concurrency": 1,
        "input_tokens": given_tokens,
        "output_tokens": 64,
        "tokens": given_tokens + 64,
    }
    assert made.estimate(Call("m", {"messages": []}))["output_tokens"] == 77
    assert made.estimate(call(units={"input_tokens": 5}))["tokens"] == 69


def test_the_charge_follows_the_rate_limits_page() -> None:
    """Input when it is sent and corrected, output as it is produced."""
    charge = adapter().default_charge
    assert (charge["input_tokens"], charge["output_tokens"]) == (Charge.UP_FRONT_THEN_SETTLE, Charge.LIVE)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (call(body={"messages": "hi"}), "messages"),
        (call(body={"messages": ["hi"]}), "messages"),
        (call(body={"max_tokens": 0}), "max_tokens"),
        (call(body={"max_tokens": True}), "max_tokens"),
        (call(body={"stream": True}), "set Call.stream"),
        (call(body={"temperature": math.nan}), "not JSON"),
        (call(dialect="latin"), "anthropic-messages"),
        (call("/v1/messages/count_tokens", stream=True), "no stream"),
        (call("/v1/../admin"), "path"),
        (call(method="BREW"), "method"),
        (call(headers={"x": "a\r\nb: c"}), "headers"),
        (call(headers={"x y": "a"}), "headers"),
        (call(units={"images": -1}), "units"),
    ],
)
def test_a_call_that_can_never_be_sent_is_refused(wrong: Call, why: str) -> None:
    """The reason names what is wrong."""
    fault = adapter().check(wrong)
    assert fault is not None
    assert why in fault


@pytest.mark.parametrize("body", [[], "x", None, 7])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    """Whatever the path."""
    assert adapter().check(Call("m", body))
    assert adapter().check(Call("m", body, path="/v1/files"))


@pytest.mark.parametrize("options", [{"auth": "basic"}, {"verison": "x"}])
def test_options_that_mean_nothing_are_refused(options: dict[str, str]) -> None:
    """A typing error in a configuration is told, not ignored."""
    with pytest.raises(InvalidConfig, match=r"providers\.a\.options"):
        adapter(options=options)


def test_a_whole_message_states_its_usage() -> None:
    """The body is the rest, as it came."""
    body = json.dumps(MESSAGE).encode()
    handed, outcome, rest = run(adapter(), call(), body, headers=JSON)
    assert (handed, rest, outcome.outcome) == (b"", body, OutcomeClass.SUCCEEDED)
    assert outcome.usage is not None
    assert outcome.usage.amounts == {"input_tokens": 12, "output_tokens": 6, "tokens": 18}
    assert (outcome.usage.charged, outcome.usage.estimated) == ({}, False)


def test_cached_input_is_used_but_what_was_read_is_not_charged() -> None:
    """The three parts stand side by side: their sum has a price, the limits are charged without the reads."""
    told = {"input_tokens": 10, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 300, "output_tokens": 5}
    usage = judged(adapter(), call(), json.dumps({**MESSAGE, "usage": told}).encode()).usage
    assert usage is not None
    assert usage.amounts == {"input_tokens": 330, "output_tokens": 5, "tokens": 335}
    assert usage.charged == {"input_tokens": 30, "tokens": 35}
    assert usage.cached_input_tokens == 300
    older = {**MESSAGE, "model": "claude-3-5-haiku-20241022", "usage": told}
    usage = judged(adapter(), call(), json.dumps(older).encode()).usage
    assert usage is not None
    assert usage.charged == {}


@pytest.mark.parametrize("told", [None, {}, {"input_tokens": -1, "output_tokens": "6"}, [], 7])
def test_usage_that_is_missing_or_absurd_is_counted_here(told: Any) -> None:
    """Input as it was reserved, output by its text; both are marked as estimated."""
    usage = judged(adapter(), call(), json.dumps({**MESSAGE, "usage": told}).encode()).usage
    assert usage is not None
    assert usage.estimated
    assert usage.amounts["input_tokens"] == adapter().estimate(call())["input_tokens"]
    assert usage.amounts["output_tokens"] == 2


@pytest.mark.parametrize(
    ("body", "headers", "why"),
    [
        (b"", JSON, "not a JSON object"),
        (b"[]", JSON, "not a JSON object"),
        (b"\xff\x00", JSON, "not a JSON object"),
        (b"[" * 100_000, JSON, "not a JSON object"),
        (b"{}", JSON, "no content"),
        (b"<html>", {"content-type": "text/html"}, "text/html"),
    ],
)
def test_an_answer_that_is_no_message_is_broken(body: bytes, headers: dict[str, str], why: str) -> None:
    """The reason says what is wrong with it."""
    outcome = judged(adapter(), call(), body, headers=headers)
    assert outcome.outcome is OutcomeClass.BROKEN
    assert why in outcome.message


def test_a_message_cut_off_is_broken_and_a_large_one_is_not() -> None:
    """Five megabytes are one answer like any other."""
    large = json.dumps({**MESSAGE, "content": [{"type": "text", "text": "x" * 5_000_000}]}).encode()
    assert judged(adapter(), call(), large).outcome is OutcomeClass.SUCCEEDED
    assert judged(adapter(), call(), json.dumps(MESSAGE).encode(), complete=False).outcome is OutcomeClass.BROKEN


def test_limit_headers_are_read() -> None:
    """An instant of full replenishment; tokens are rounded to thousands, so that half of one less is believed."""
    headers = {
        "anthropic-ratelimit-requests-limit": "1000",
        "anthropic-ratelimit-requests-remaining": "999",
        "anthropic-ratelimit-requests-reset": "2026-11-18T11:06:42Z",
        "anthropic-ratelimit-input-tokens-limit": "2000000",
        "anthropic-ratelimit-input-tokens-remaining": "1,999,000",
        "anthropic-ratelimit-input-tokens-reset": "2026-11-18T11:06:40.500Z",
        "anthropic-ratelimit-output-tokens-remaining": "0",
        "anthropic-priority-input-tokens-remaining": "5",
        "anthropic-fast-output-tokens-remaining": "5",
    }
    seen = adapter().read(call(), 200, headers, 50.0, WALL).observations
    assert list(seen) == [
        QuotaObservation("requests", 50.0, 1000.0, 999.0, 52.0),
        QuotaObservation("input_tokens", 50.0, 2_000_000.0, 1_998_500.0, 50.5),
        QuotaObservation("output_tokens", 50.0, None, 0.0, None),
    ]


@given(st.text(max_size=30))
def test_junk_in_limit_headers_says_nothing_wrong(text: str) -> None:
    """Whatever stands there: nothing is raised, and nothing is negative."""
    headers = {f"anthropic-ratelimit-tokens-{what}": text for what in ("limit", "remaining", "reset")}
    for seen in adapter().read(call(), 200, headers, 0.0, WALL).observations:
        assert (seen.remaining or 0) >= 0


def test_adapters_are_imported_when_a_provider_wants_one() -> None:
    """`import actorrouter.adapters` alone brings none of the vendors' own."""
    code = "import sys, actorrouter.adapters; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    names = {name.rpartition(".")[2] for name in ran.stdout.split() if name.startswith("actorrouter.adapters.")}
    assert not {"anthropic", "gemini", "bedrock", "native"} & names
