"""A JSON API described by data."""

from __future__ import annotations

import itertools
import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters import Adapter, build
from actorrouter.config import Charge, ErrorRuleConfig, GenericConfig, ProviderConfig
from actorrouter.errors import InvalidConfig
from actorrouter.values import Call, Outcome, OutcomeClass, Scope, Secret, Usage

SECRET = Secret("s3cr3t/+ &=")


def generic(base_url: str = "https://api.example.com/v2", **config: Any) -> Adapter:
    """An adapter of this description."""
    return build("example", ProviderConfig(base_url, adapter="generic", generic=GenericConfig(**config)))


def judged(adapter: Adapter, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Outcome:
    """The outcome of a plain answer that came whole."""
    reading = adapter.read(Call("m", {"text": "abc"}), status, headers or {}, 0.0, 1.8e9)
    assert reading.feed(body) == b""
    return reading.end(complete=True)


# ---------------------------------------------------------------------------------------------- sending


def test_a_request_carries_body_model_and_bearer() -> None:
    """The defaults: POST of JSON, the model in `model`, the secret as bearer."""
    sent = generic(path="/run", headers={"X-Extra": "1"}).prepare(Call("alias", {"q": 1}), "big", SECRET)
    assert (sent.method, sent.url) == ("POST", "https://api.example.com/v2/run")
    assert json.loads(sent.body) == {"q": 1, "model": "big"}
    headers = dict(sent.headers)
    assert headers["authorization"] == "Bearer s3cr3t/+ &="
    assert headers["content-type"] == "application/json"
    assert headers["x-extra"] == "1"


def test_a_secret_may_go_into_a_header_of_any_name_and_format() -> None:
    """`secret_format` is text around it; a configured header of the same name never replaces it."""
    adapter = generic(secret_in="header:X-Api-Key", secret_format="Token {secret}", headers={"x-api-key": "no"})
    headers = dict(adapter.prepare(Call("m"), "u", SECRET).headers)
    assert headers["x-api-key"] == "Token s3cr3t/+ &="
    assert "authorization" not in headers


def test_a_secret_in_the_query_is_encoded_and_not_printed() -> None:
    """The URL holds it whole, its repr and the request's do not."""
    sent = generic(path="/run?v=1", secret_in="query:key").prepare(Call("m"), "u", SECRET)
    assert sent.url == "https://api.example.com/v2/run?v=1&key=s3cr3t%2F%2B%20%26%3D"
    assert "s3cr3t" not in repr(sent)
    assert "s3cr3t" not in repr(sent.url)
    assert not any("s3cr3t" in text for _, text in sent.headers)


def test_a_model_may_travel_nowhere() -> None:
    """`model_in` None sends none."""
    assert json.loads(generic(model_in=None).prepare(Call("m", {"q": 1}), "u", SECRET).body) == {"q": 1}


def test_a_get_carries_its_fields_in_the_query() -> None:
    """Plain values only; None is left out; no body and no content type."""
    adapter = generic(method="GET", path="/geo", model_in=None)
    sent = adapter.prepare(Call("m", {"q": "a b&c", "n": 2, "exact": True, "x": None}), "u", SECRET)
    assert sent.url == "https://api.example.com/v2/geo?q=a+b%26c&n=2&exact=true"
    assert sent.body == b""
    assert "content-type" not in dict(sent.headers)
    assert adapter.check(Call("m", {"q": ["a"]}))
    assert adapter.check(Call("m", {"q": "a"})) is None


def test_the_path_of_a_call_goes_first() -> None:
    """It replaces the configured one, below the base URL."""
    adapter = generic(path="/run")
    sent = adapter.prepare(Call("m", path="/other?x=1"), "u", SECRET)
    assert sent.url == "https://api.example.com/v2/other?x=1"


@pytest.mark.parametrize(
    "path",
    [
        "run",
        "@evil.com/",
        ".evil.com",
        "https://evil.com",
        "/../admin",
        "/a/..",
        "/%2E%2e/x",
        "/a b",
        "/a#b",
        "/\\evil",
        "/a\nb",
    ],
)
def test_a_path_cannot_leave_the_base_url(path: str) -> None:
    """Hosts, parents, white space and fragments are refused."""
    assert generic().check(Call("m", path=path))


def test_no_path_leads_to_another_host() -> None:
    """Even unchecked, the host stays the configured one."""
    for path in ("//evil.com/x", "@evil.com", ".evil.com"):
        assert generic().prepare(Call("m", path=path), "u", SECRET).url.startswith("https://api.example.com/v2/")


def test_the_probe_is_a_get_with_the_secret() -> None:
    """Of `probe_path`, or of the root."""
    probe = generic(probe_path="/me", secret_in="query:key").probe(Secret("k"))
    assert (probe.method, probe.url, probe.body) == ("GET", "https://api.example.com/v2/me?key=k", b"")
    assert generic().probe(Secret("k")).url == "https://api.example.com/v2/"


@pytest.mark.parametrize("body", [[], "x", None, {"x": math.nan}, {"x": {1}}])
def test_what_is_no_json_object_is_refused(body: Any) -> None:
    """As for every adapter."""
    assert generic().check(Call("m", body))


# ---------------------------------------------------------------------------------------------- units


def test_units_are_measured_in_the_body() -> None:
    """A number counts itself, a list its items, a text its characters; what is missing is not used."""
    units = {"seconds": "audio.length", "documents": "docs", "characters": "docs.1", "none": "a.b.c", "cost": "price"}
    adapter = generic(units=units)
    sent = Call("m", {"audio": {"length": 2.5}, "docs": ["ab", "żółw"], "price": 0.1}, units={"images": 3})
    assert adapter.check(sent) is None
    assert adapter.estimate(sent) == {
        "requests": 1,
        "concurrency": 1,
        "seconds": 2.5,
        "documents": 2,
        "characters": 4,
        "cost": Decimal("0.1"),
        "images": 3,
    }


@pytest.mark.parametrize("wrong", [-1, True, {"a": 1}, 10**16])
def test_a_unit_that_cannot_be_measured_is_refused(wrong: object) -> None:
    """Unless the caller names the amount."""
    adapter = generic(units={"credits": "credits"})
    assert adapter.check(Call("m", {"credits": wrong}))
    assert adapter.check(Call("m", {"credits": wrong}, units={"credits": 1})) is None


# ---------------------------------------------------------------------------------------------- answers


def test_without_usage_any_answer_is_a_success() -> None:
    """Bytes of any kind are handed on after the end; the reservation stands."""
    reading = generic().read(Call("m"), 200, {"content-type": "audio/mpeg"}, 0.0, 0.0)
    reading.feed(b"\xff\xfb")
    outcome = reading.end(complete=True)
    assert (outcome.outcome, outcome.usage) == (OutcomeClass.SUCCEEDED, None)
    assert reading.rest() == b"\xff\xfb"


def test_usage_is_read_from_the_answer() -> None:
    """By dotted paths; money becomes a Decimal."""
    adapter = generic(usage={"credits": "meta.used", "cost": "meta.usd", "items": "list.0"})
    outcome = judged(adapter, b'{"meta": {"used": 3, "usd": 0.25}, "list": [7]}')
    assert outcome.usage is not None
    assert outcome.usage.amounts == {"credits": 3, "cost": Decimal("0.25"), "items": 7}
    assert not outcome.usage.estimated


@pytest.mark.parametrize("used", ["null", "-1", "true", '"3"', "[]", "1e300", "NaN", "Infinity"])
def test_usage_that_cannot_be_believed_stands_as_estimated(used: str) -> None:
    """What was measured before sending is settled; what was not is missing."""
    adapter = generic(units={"characters": "text"}, usage={"characters": "used", "credits": "used"})
    outcome = judged(adapter, b'{"used": ' + used.encode() + b"}")
    assert outcome.usage is not None
    assert (outcome.usage.amounts, outcome.usage.estimated) == ({"characters": 3}, True)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{"])
def test_with_usage_configured_an_answer_must_be_json(body: bytes) -> None:
    """Else nobody knows what was used."""
    assert judged(generic(usage={"credits": "used"}), body).outcome is OutcomeClass.BROKEN


def test_an_answer_cut_off_is_broken() -> None:
    """Plain or streamed."""
    for stream in (False, True):
        reading = generic().read(Call("m", stream=stream), 200, {}, 0.0, 0.0)
        reading.feed(b"x")
        assert reading.end(complete=False).outcome is OutcomeClass.BROKEN


def test_a_streamed_answer_is_relayed() -> None:
    """Every byte at once; the first one begins the content; it ends once."""
    reading = generic(usage={"credits": "used"}).read(Call("m", stream=True), 200, {}, 0.0, 0.0)
    assert (reading.feed(b""), reading.content_started) == (b"", False)
    assert (reading.feed(b"da"), reading.content_started, reading.failed) == (b"da", True, False)
    outcome = reading.end(complete=True)
    assert (outcome.outcome, outcome.usage, reading.rest()) == (OutcomeClass.SUCCEEDED, None, b"")
    with pytest.raises(RuntimeError, match="once"):
        reading.end(complete=True)


# ---------------------------------------------------------------------------------------------- errors

RULES = (
    ErrorRuleConfig("quota_spent", status=403, code="no_credit", scope="key"),
    ErrorRuleConfig("capacity", contains="Too Busy"),
    ErrorRuleConfig("rate_limited", status=200, contains="slow"),
    ErrorRuleConfig("key_fatal", code="bad_key"),
)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (403, {"err": {"id": "no_credit"}}, (OutcomeClass.QUOTA_SPENT, Scope.KEY)),
        (403, {"err": {"id": "other"}}, (OutcomeClass.KEY_FATAL, Scope.KEY)),
        (400, {"text": "we are too busy"}, (OutcomeClass.CAPACITY, Scope.PROVIDER)),
        (429, {}, (OutcomeClass.RATE_LIMITED, Scope.POOL)),
        (200, {"err": {"id": "429"}, "note": "slow"}, (OutcomeClass.RATE_LIMITED, Scope.POOL)),
        (200, {"ok": False, "note": "SLOW down"}, (OutcomeClass.RATE_LIMITED, Scope.POOL)),
        (200, {"err": {"id": "bad_key"}}, (OutcomeClass.KEY_FATAL, Scope.KEY)),
        (200, {"text": "not too busy"}, (OutcomeClass.SUCCEEDED, Scope.NONE)),
        (200, {"err": {"id": "fine"}}, (OutcomeClass.SUCCEEDED, Scope.NONE)),
        (200, {"code": "bad_key"}, (OutcomeClass.SUCCEEDED, Scope.NONE)),
    ],
)
def test_configured_rules_decide_then_the_status(
    status: int, body: object, expected: tuple[OutcomeClass, Scope]
) -> None:
    """Inside a success only a rule that names the status or a code may find an error."""
    adapter = generic(errors=RULES, error_code="err.id", error_message="err.text")
    outcome = judged(adapter, json.dumps(body).encode(), status)
    assert (outcome.outcome, outcome.scope) == expected


def test_what_is_missing_is_a_model_only_where_models_are_named() -> None:
    """Elsewhere a 404 is the request's own; a configured rule goes first."""
    assert judged(generic(), b"", 404).scope is Scope.KEY_MODEL
    assert judged(generic(model_in=None), b"", 404).outcome is OutcomeClass.REQUEST_BAD
    gone = ErrorRuleConfig("key_fatal", status=404)
    assert judged(generic(model_in=None, errors=(gone,)), b"", 404).outcome is OutcomeClass.KEY_FATAL


def test_code_and_message_are_found_where_configured() -> None:
    """Dotted paths; the message is masked."""
    adapter = generic(error_code="errors.0.id", error_message="errors.0.text")
    outcome = judged(adapter, b'{"errors": [{"id": 17, "text": "bad key sk-abcdefghij"}]}', 400)
    assert (outcome.code, outcome.message) == ("17", "bad key ***")


@pytest.mark.parametrize(
    ("where", "headers", "body", "seconds"),
    [
        ("header:retry-after", {"retry-after": "5", "retry-after-ms": "200"}, {}, 0.2),
        ("header:X-Reset", {"x-reset": "1800000009"}, {}, 9.0),
        ("error.wait", {}, {"error": {"wait": 2.5}}, 2.5),
        ("error.wait", {}, {"error": {"wait": "37s"}}, 37.0),
        ("error.wait", {"retry-after": "5"}, {"error": {"wait": -1}}, None),
    ],
)
def test_the_wait_is_read_where_configured(
    where: str, headers: dict[str, str], body: object, seconds: float | None
) -> None:
    """A header of any name and form, or a place in the body."""
    outcome = judged(generic(retry_after=where), json.dumps(body).encode(), 429, headers)
    assert outcome.retry_after_s == pytest.approx(seconds)


# ---------------------------------------------------------------------------------------------- configuration


def test_charges_follow_what_is_known_when() -> None:
    """Before: up front. Before and after: settled. Only after: the truth. Money and concurrency: held."""
    charge = generic(units={"a": "a", "b": "b"}, usage={"b": "b", "c": "c", "cost": "usd"}).default_charge
    assert charge == {
        "requests": Charge.UP_FRONT,
        "a": Charge.UP_FRONT,
        "b": Charge.UP_FRONT_THEN_SETTLE,
        "c": Charge.ACTUAL,
        "*": Charge.UP_FRONT,
        "concurrency": Charge.HELD,
        "cost": Charge.HELD,
    }


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"secret_in": "cookie"}, "secret_in"),
        ({"secret_format": "Token"}, "secret_format"),
        ({"errors": (ErrorRuleConfig("odd"),)}, "errors[0].outcome"),
        ({"errors": (ErrorRuleConfig("succeeded"),)}, "errors[0].outcome"),
        ({"errors": (ErrorRuleConfig("transient", scope="odd"),)}, "errors[0].scope"),
    ],
)
def test_a_wrong_description_is_refused(config: dict[str, Any], fault: str) -> None:
    """The fault names its place."""
    with pytest.raises(InvalidConfig) as raised:
        generic(**config)
    assert f"providers.example.generic.{fault}" in str(raised.value)


def test_a_generic_provider_needs_a_description_and_a_kind_must_be_known() -> None:
    """The known kinds are named."""
    with pytest.raises(InvalidConfig, match="generic: missing"):
        build("x", ProviderConfig("https://x", adapter="generic"))
    with pytest.raises(InvalidConfig, match=r"known: anthropic, azure, .*generic, .*openai"):
        build("x", ProviderConfig("https://x", adapter="coheer"))


@given(st.binary(max_size=100), st.integers(100, 599), st.booleans(), st.booleans())
def test_no_body_raises(body: bytes, status: int, stream: bool, complete: bool) -> None:
    """Whatever comes, there is an outcome."""
    adapter = generic(usage={"a": "a.0.b"}, errors=RULES, retry_after="a.b")
    reading = adapter.read(Call("m", stream=stream), status, {}, 0.0, 0.0)
    reading.feed(body)
    reading.end(complete=complete)
    reading.rest()


# ---------------------------------------------------------------------------------------------- streams

LINES = b'{"message":{"content":"a \xe2\x80\xa8"}}\n\n{"message":{"content":"b"}}\r\n{"done":true,"eval_count":7}'
EVENTS = b': hello\n\ndata: {"delta":"a"}\n\ndata: {"eval_count":3}\n\ndata: {"eval_count":7}\n\ndata: [DONE]\n\n'
TYPES = {b"{": "application/x-ndjson; charset=utf-8", b":": "text/event-stream", b"d": "text/event-stream"}


def streamed(body: bytes, cuts: list[int] | None = None, *, complete: bool = True) -> tuple[bytes, Outcome, bool]:
    """What is handed on of a stream cut there, what it comes to, and whether content had begun."""
    adapter = generic(
        usage={"tokens": "eval_count"}, errors=(ErrorRuleConfig("quota_spent", code="no_credit", scope="key"),)
    )
    headers = {"content-type": TYPES[body[:1]]}
    reading = adapter.read(Call("m", stream=True), 200, headers, 0.0, 0.0)
    places = [0, *sorted(cuts or []), len(body)]
    handed = b"".join([reading.feed(body[start:end]) for start, end in itertools.pairwise(places)])
    outcome = reading.end(complete=complete)
    return handed + reading.rest(), outcome, reading.content_started


@pytest.mark.parametrize("body", [LINES, EVENTS], ids=["lines", "events"])
@given(st.data())
def test_a_stream_of_documents_tells_its_usage(body: bytes, data: st.DataObject) -> None:
    """Wherever it is cut into chunks: every byte goes on as it came, and the last word counts."""
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=5))
    handed, outcome, _ = streamed(body, cuts)
    assert handed == body
    assert (outcome.outcome, outcome.usage) == (OutcomeClass.SUCCEEDED, Usage({"tokens": 7}))


def test_a_stream_that_tells_no_usage_counts_as_what_was_reserved() -> None:
    """And one that was cut off counts what it has told so far."""
    assert streamed(b'{"a":1}\n')[1] == Outcome(OutcomeClass.SUCCEEDED, Scope.NONE, 200)
    broken = streamed(b'{"eval_count":2}\n{"a":', complete=True)[1]
    assert (broken.outcome, broken.usage) == (OutcomeClass.BROKEN, Usage({"tokens": 2}))
    assert streamed(LINES, complete=False)[1].outcome is OutcomeClass.BROKEN


@pytest.mark.parametrize("first", [b"", b"data: 1\n\n"])
def test_an_error_inside_a_stream_ends_it(first: bytes) -> None:
    """Before anything else another key may answer in its place; what follows it is never handed on."""
    error = b'data: {"error":{"code":"no_credit"}}\n\n'
    handed, outcome, begun = streamed(first + error + b"data: 2\n\n")
    assert (outcome.outcome, outcome.scope, begun) == (OutcomeClass.QUOTA_SPENT, Scope.KEY, bool(first))
    assert b"data: 2" not in handed
