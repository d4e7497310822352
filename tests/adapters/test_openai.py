"""OpenAI's chat dialect: what is sent, and plain answers."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters import Adapter, Reading, build
from actorrouter.adapters.media import IMAGE_TOKENS
from actorrouter.adapters.tokens import input_tokens
from actorrouter.config import Charge, ProviderConfig
from actorrouter.dialects.documents import encode_json
from actorrouter.values import Call, Outcome, OutcomeClass, QuotaObservation, Secret
from tests.adapters.chunks import cut

JSON = {"content-type": "application/json; charset=utf-8"}
MESSAGES = [{"role": "user", "content": "hello"}]
ANSWER = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "x" * 400}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 4},
    },
}


def adapter(**provider: Any) -> Adapter:
    """The adapter of a provider at api.openai.com."""
    return build("openai", ProviderConfig("https://api.openai.com/v1", **provider))


def call(stream: bool = False, **body: Any) -> Call:
    """A chat call with these fields besides its messages."""
    return Call("alias", {"model": "alias", "messages": MESSAGES, **body}, stream=stream)


def read(body: bytes, headers: dict[str, str] | None = None, status: int = 200, sent: Call | None = None) -> Reading:
    """The reading of a plain answer, not yet ended."""
    reading = adapter().read(sent or call(), status, JSON if headers is None else headers, 0.0, 0.0)
    assert reading.feed(body) == b""
    assert not reading.content_started
    return reading


def judged(document: object, **more: Any) -> Outcome:
    """The outcome of a plain answer that came whole."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read(body, **more).end(complete=True)


# ---------------------------------------------------------------------------------------------- before sending


def test_an_ordinary_call_can_be_sent() -> None:
    """Everything optional may be missing or null."""
    assert adapter().check(call()) is None
    assert adapter().check(call(n=None, max_tokens=None, stream_options=None)) is None
    assert adapter().check(call(stream=True, n=2, max_completion_tokens=5, stream_options={"x": 1})) is None


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"messages": "hello"}, "messages must be"),
        ({"messages": None}, "messages must be"),
        ({"messages": ["hello"]}, "messages must be"),
        ({"n": 0}, "n must be"),
        ({"n": True}, "n must be"),
        ({"n": 1.0}, "n must be"),
        ({"max_tokens": 0}, "max_tokens must be"),
        ({"max_tokens": "5"}, "max_tokens must be"),
        ({"max_completion_tokens": -1}, "max_completion_tokens must be"),
        ({"stream_options": [1]}, "stream_options must be"),
        ({"stream": True}, "set Call.stream"),
        ({"temperature": math.nan}, "not JSON"),
        ({"temperature": math.inf}, "not JSON"),
        ({"stop": {1, 2}}, "not JSON"),
        ({"user": b"x"}, "not JSON"),
    ],
)
def test_a_call_that_can_never_be_sent_is_refused(body: dict[str, Any], why: str) -> None:
    """The reason names the field."""
    fault = adapter().check(Call("m", {"messages": MESSAGES, **body}))
    assert fault is not None
    assert why in fault


def test_a_body_that_is_no_object_or_has_no_messages_is_refused() -> None:
    """A list, a text or an empty object is no chat call; a circle is no JSON."""
    circle: dict[str, Any] = {"messages": []}
    circle["self"] = circle
    bodies: list[Any] = [[], "x", None, {}, circle]
    assert all(adapter().check(Call("m", body)) for body in bodies)


def test_other_paths_and_bad_units_are_refused() -> None:
    """This adapter serves one path; a unit is a number of at least 0."""
    assert adapter().check(Call("m", {"messages": []}, path="/embeddings"))
    assert adapter().check(Call("m", {"messages": []}, path="/chat/completions")) is None
    for wrong in (-1, math.nan, math.inf, "5", True, Decimal("NaN"), 10**400):
        assert adapter().check(Call("m", {"messages": []}, units={"images": wrong}))
    assert adapter().check(Call("m", {"messages": []}, units={"images": 2, "cost": Decimal("0.1")})) is None


def test_the_estimate_is_bytes_over_four_and_the_most_output() -> None:
    """Input rounds up; output is the named maximum for each choice; tokens are their sum."""
    sent = call(max_tokens=100, n=3)
    size = len(encode_json(dict(sent.body)))
    amounts = adapter().estimate(sent)
    given = math.ceil(size / 4)
    expected = {"requests": 1, "concurrency": 1, "input_tokens": given, "output_tokens": 300, "tokens": given + 300}
    assert amounts == expected


def test_the_newer_maximum_goes_first_and_the_provider_has_a_default() -> None:
    """`max_completion_tokens`, then `max_tokens`, then the provider's default."""
    assert adapter().estimate(call(max_completion_tokens=5, max_tokens=9))["output_tokens"] == 5
    assert adapter().estimate(call(max_completion_tokens=None, max_tokens=9))["output_tokens"] == 9
    assert adapter(default_output_tokens=77).estimate(call())["output_tokens"] == 77


def test_units_of_the_caller_are_added_and_win() -> None:
    """A caller who counts better is believed, in the sum too."""
    sent = Call("m", {"messages": [], "max_tokens": 10}, units={"input_tokens": 5, "images": 2})
    amounts = adapter().estimate(sent)
    assert (amounts["input_tokens"], amounts["tokens"], amounts["images"]) == (5, 15, 2)
    mixed = Call("m", {"messages": []}, units={"input_tokens": Decimal(5), "output_tokens": 1.5, "cost": 0.1})
    assert adapter().estimate(mixed)["tokens"] == 6.5
    assert adapter().estimate(mixed)["cost"] == Decimal("0.1")


def test_an_embedded_image_counts_by_rule_and_not_as_text() -> None:
    """A large image and a small one cost the same; text that only mentions such a URL is text."""

    def with_url(url: str) -> int:
        return input_tokens(encode_json({"messages": [{"content": [{"image_url": {"url": url}}]}]}))

    small, large = (with_url("data:image/png;base64," + "A" * size) for size in (100, 1_000_000))
    assert small == large
    assert IMAGE_TOKENS < small < IMAGE_TOKENS + 50
    quoted = encode_json({"content": 'see "url":"data:image/png;base64,' + "A" * 4000 + '"'})
    assert input_tokens(quoted) >= 1000


@pytest.mark.parametrize(
    "part",
    [{"file": {"file_data": "data:application/pdf;base64," + "A" * 8192}}, {"input_audio": {"data": "A" * 8192}}],
)
def test_other_embedded_media_count_by_their_bytes(part: dict[str, Any]) -> None:
    """One token per 64 decoded bytes."""
    assert 96 < input_tokens(encode_json(part)) < 96 + 30


def test_the_request_is_what_openai_documents() -> None:
    """Method, URL, headers and body of a plain call."""
    sent = adapter(headers={"OpenAI-Project": "p", "Authorization": "no", "Content-Type": "no"}).prepare(
        call(n=1), "gpt-x", Secret("sk-1")
    )
    headers = dict(sent.headers)
    assert (sent.method, sent.url) == ("POST", "https://api.openai.com/v1/chat/completions")
    assert headers["authorization"] == "Bearer sk-1"
    assert headers["content-type"] == headers["accept"] == "application/json"
    assert headers["user-agent"].startswith("actorrouter/")
    assert headers["openai-project"] == "p"
    assert len(headers) == len(sent.headers)
    assert json.loads(sent.body) == {"model": "gpt-x", "messages": MESSAGES, "n": 1}
    assert "sk-1" not in repr(sent)


def test_a_stream_is_asked_for_its_usage() -> None:
    """The caller's other stream options are kept; the caller's body is not changed."""
    sent = call(stream=True, stream_options={"include_obfuscation": False})
    body = json.loads(adapter().prepare(sent, "gpt-x", Secret("k")).body)
    assert body["stream"] is True
    assert body["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert sent.body["stream_options"] == {"include_obfuscation": False}
    assert dict(adapter().prepare(sent, "m", Secret("k")).headers)["accept"] == "text/event-stream"


def test_a_query_of_the_base_url_is_kept() -> None:
    """Azure's api-version stays behind the path."""
    azure = build("azure", ProviderConfig("https://r.openai.azure.com/openai/deployments/d/?api-version=1"))
    url = azure.prepare(call(), "d", Secret("k")).url
    assert url == "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=1"


def test_half_a_surrogate_pair_can_be_sent() -> None:
    """It is valid in JSON when escaped, and the provider is the one to judge it."""
    sent = Call("m", {"messages": [{"role": "user", "content": "\ud83d"}]})
    assert adapter().check(sent) is None
    assert b"\\ud83d" in adapter().prepare(sent, "m", Secret("k")).body


def test_the_probe_lists_the_models() -> None:
    """GET, no body, with the secret."""
    probe = adapter().probe(Secret("k"))
    assert (probe.method, probe.url, probe.body) == ("GET", "https://api.openai.com/v1/models", b"")
    assert dict(probe.headers)["authorization"] == "Bearer k"
    assert "content-type" not in dict(probe.headers)


def test_openai_charges_the_estimate_up_front() -> None:
    """Everything but what is only held while in flight."""
    charge = adapter().default_charge
    assert {charge[name] for name in ("requests", "tokens", "input_tokens", "output_tokens", "*")} == {Charge.UP_FRONT}
    assert charge["cost"] is Charge.HELD


# ---------------------------------------------------------------------------------------------- plain answers


def test_a_plain_answer_is_held_back_and_settled_with_its_usage() -> None:
    """The body comes out after the end, untouched and once."""
    body = json.dumps(ANSWER, indent=1).encode()
    reading = read(body)
    outcome = reading.end(complete=True)
    assert outcome.outcome is OutcomeClass.SUCCEEDED
    assert outcome.usage is not None
    assert outcome.usage.amounts == {"input_tokens": 11, "output_tokens": 7, "tokens": 18}
    assert (outcome.usage.cached_input_tokens, outcome.usage.estimated) == (4, False)
    assert (reading.rest(), reading.rest()) == (body, b"")


def test_blank_lines_before_the_answer_are_harmless() -> None:
    """DeepSeek sends them while a request waits."""
    assert judged(b"\n\n\n" + json.dumps(ANSWER).encode()).outcome is OutcomeClass.SUCCEEDED


@pytest.mark.parametrize(
    "wrong", [None, -1, True, False, 1.5, "7", [], {}, 10**9, 10**30, float("nan")], ids=lambda wrong: repr(wrong)[:9]
)
def test_unbelievable_usage_is_not_said(wrong: object) -> None:
    """Then the text is counted, four bytes a token, and marked as an estimate."""
    outcome = judged({**ANSWER, "usage": {"prompt_tokens": 11, "completion_tokens": wrong, "total_tokens": wrong}})
    assert outcome.usage is not None
    assert outcome.usage.amounts == {"input_tokens": 11, "output_tokens": 100, "tokens": 111}
    assert outcome.usage.estimated


@pytest.mark.parametrize("usage", [None, [], "7", 7, {}, {"prompt_tokens": None}])
def test_missing_usage_is_estimated(usage: object) -> None:
    """Input as it was reserved, output from the text."""
    outcome = judged({**ANSWER, "usage": usage})
    assert outcome.usage is not None
    assert outcome.usage.estimated
    assert outcome.usage.amounts["input_tokens"] == adapter().estimate(call())["input_tokens"]
    assert outcome.usage.amounts["output_tokens"] == 100


def test_a_usage_of_zero_stays_zero() -> None:
    """An explicit zero is a statement, not an absence."""
    outcome = judged({**ANSWER, "usage": {"prompt_tokens": 0, "completion_tokens": 0}})
    assert outcome.usage is not None
    assert outcome.usage.amounts == {"input_tokens": 0, "output_tokens": 0, "tokens": 0}
    assert not outcome.usage.estimated


def test_text_in_tool_calls_and_lists_is_counted() -> None:
    """Everything the model wrote, but not roles, types and ids."""
    message = {"role": "assistant", "content": [{"type": "text", "text": "aaaa"}], "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "bbbb", "arguments": "cccc"}}]}  # fmt: skip
    outcome = judged({"choices": [{"message": message}]})
    assert outcome.usage is not None
    assert outcome.usage.amounts["output_tokens"] == 3


def test_cached_tokens_are_part_of_the_input() -> None:
    """DeepSeek names them otherwise; more than the input is cut to it."""
    usage = {"prompt_tokens": 10, "completion_tokens": 1, "prompt_cache_hit_tokens": 6}
    outcome = judged({**ANSWER, "usage": usage})
    assert outcome.usage is not None
    assert outcome.usage.cached_input_tokens == 6
    usage["prompt_cache_hit_tokens"] = 60
    outcome = judged({**ANSWER, "usage": usage})
    assert outcome.usage is not None
    assert outcome.usage.cached_input_tokens == 10


def test_a_total_that_holds_more_than_its_parts_counts() -> None:
    """Gemini's compatible endpoint counts thoughts in the total only."""
    outcome = judged({**ANSWER, "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 50}})
    assert outcome.usage is not None
    assert outcome.usage.amounts["tokens"] == 50


@pytest.mark.parametrize(
    "document",
    [b"", b"{", b"<html>", b"null", b"[]", b"7", b"\xff", {}, {"choices": None}, {"choices": []}, {"choices": {}}],
)
def test_a_success_that_answers_nothing_is_broken(document: object) -> None:
    """Not JSON, or no choices."""
    assert judged(document).outcome is OutcomeClass.BROKEN


def test_the_wrong_content_type_is_broken() -> None:
    """A login page or a stream nobody asked for is no answer; a missing type is let pass."""
    assert judged(ANSWER, headers={"content-type": "text/html"}).outcome is OutcomeClass.BROKEN
    assert judged(ANSWER, headers={"content-type": "text/event-stream"}).outcome is OutcomeClass.BROKEN
    assert judged(ANSWER, headers={}).outcome is OutcomeClass.SUCCEEDED


def test_an_answer_cut_off_is_broken() -> None:
    """Even when what came is valid JSON."""
    assert read(json.dumps(ANSWER).encode()).end(complete=False).outcome is OutcomeClass.BROKEN


def test_an_answer_beyond_the_bound_is_broken() -> None:
    """64 MiB are held, no more."""
    reading = read(b'{"choices": [1]}')
    for _ in range(65):
        reading.feed(b" " * 2**20)
    assert reading.end(complete=True).outcome is OutcomeClass.BROKEN
    assert len(reading.rest()) <= 65536


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": 429, "message": "m"}, OutcomeClass.RATE_LIMITED),
        ({"code": 502, "message": "m"}, OutcomeClass.TRANSIENT),
        ({"code": "insufficient_quota"}, OutcomeClass.QUOTA_SPENT),
        ({"type": "server_error"}, OutcomeClass.TRANSIENT),
        ({"type": "invalid_request_error"}, OutcomeClass.REQUEST_BAD),
        ("overloaded", OutcomeClass.TRANSIENT),
    ],
)
def test_an_error_inside_a_success_is_an_error(error: object, expected: OutcomeClass) -> None:
    """OpenRouter reports generation errors with status 200, on top or in a choice; Gemini in a list."""
    for document in (
        {"error": error},
        {"error": error, "choices": [{}]},
        {"choices": [{"error": error}]},
        [{"error": error}],
    ):
        outcome = judged(document)
        assert (outcome.outcome, outcome.status, outcome.usage) == (expected, 200, None)


def test_a_failed_answer_that_states_its_usage_is_charged() -> None:
    """What an error inside a success says was used is passed on."""
    outcome = judged({"error": {"code": 502}, "usage": {"prompt_tokens": 5, "completion_tokens": 2}})
    assert outcome.usage is not None
    assert outcome.usage.amounts["tokens"] == 7


def test_a_plain_answer_to_a_streaming_call_is_broken_or_its_error() -> None:
    """A provider that ignores `stream` has not answered; one that refuses in JSON has refused."""
    asked = call(stream=True)
    assert judged(ANSWER, sent=asked).outcome is OutcomeClass.BROKEN
    assert judged({"error": {"code": "slow_down"}}, sent=asked).outcome is OutcomeClass.CAPACITY


IMAGES = Call("m", {"model": "m"}, path="/images/generations")


@pytest.mark.parametrize(
    ("sent", "blamed_at"),
    [
        (Call("m", path="/files/f1", method="GET"), set()),
        (Call("m", path="/uploads", content=b"--x"), set()),
        (IMAGES, set()),
        (Call("m", {"messages": []}), {403, 404}),
    ],
)
@pytest.mark.parametrize("status", [403, 404])
def test_a_file_that_is_missing_is_not_the_key_s_fault(sent: Call, blamed_at: set[int], status: int) -> None:
    """A 403 or 404 that says no more blames a key only on a path of a model that is known to be there."""
    outcome = read(b'{"error": {"message": "no such thing"}}', status=status, sent=sent).end(complete=True)
    assert (outcome.outcome is not OutcomeClass.REQUEST_BAD) == (status in blamed_at)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"message": "no such model", "code": "model_not_found"}, OutcomeClass.MODEL_SCOPE),
        (
            {"message": "Invalid URL (POST /v1/v1/embeddings)", "type": "invalid_request_error"},
            OutcomeClass.REQUEST_BAD,
        ),
        ({"message": "Unknown request URL: POST /v1/v1/x.", "code": "unknown_url"}, OutcomeClass.REQUEST_BAD),
    ],
)
@pytest.mark.parametrize("sent", [IMAGES, Call("m", {"messages": []})])
def test_a_wrong_path_is_no_word_on_the_model(sent: Call, said: dict[str, str], expected: OutcomeClass) -> None:
    """One caller's wrong URL takes the model from no key; a model that is not there does, on any path."""
    body = json.dumps({"error": said}).encode()
    assert read(body, status=404, sent=sent).end(complete=True).outcome is expected


def test_an_answer_ends_once() -> None:
    """The second end is a bug of the asker."""
    reading = read(b"{}")
    reading.end(complete=True)
    with pytest.raises(RuntimeError, match="once"):
        reading.end(complete=True)


# ---------------------------------------------------------------------------------------------- headers


def test_limit_headers_become_observations() -> None:
    """Resets are instants, monotonic, at which the limit is full again."""
    headers = {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "499",
        "x-ratelimit-reset-requests": "120ms",
        "x-ratelimit-limit-tokens": "30,000",
        "x-ratelimit-remaining-tokens": "29000",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    for status in (200, 429):
        assert adapter().read(call(), status, headers, 1000.0, 0.0).observations == (
            QuotaObservation("requests", 1000.0, 500, 499, 1000.12),
            QuotaObservation("tokens", 1000.0, 30000, 29000, 1360.0),
        )


def test_limit_headers_may_be_missing_or_junk() -> None:
    """Some accounts send none; a part that cannot be believed is not said."""
    assert adapter().read(call(), 200, {}, 0.0, 0.0).observations == ()
    headers = {
        "x-ratelimit-remaining-tokens": "5",
        "x-ratelimit-limit-tokens": "many",
        "x-ratelimit-reset-tokens": "-1",
    }
    assert adapter().read(call(), 200, headers, 0.0, 0.0).observations == (
        QuotaObservation("tokens", 0.0, None, 5, None),
    )


@given(st.dictionaries(st.sampled_from([f"x-ratelimit-{part}-{of}" for part in ("limit", "remaining", "reset")
                                        for of in ("requests", "tokens")] + ["retry-after", "content-type"]),
                       st.text(max_size=30)), st.integers(100, 599), st.booleans())  # fmt: skip
def test_no_headers_raise(headers: dict[str, str], status: int, stream: bool) -> None:
    """Whatever the headers, reading starts and ends."""
    adapter().read(call(stream=stream), status, headers, 0.0, 1.8e9).end(complete=True)


@given(st.binary(max_size=200), st.booleans(), st.booleans(), st.data())
def test_no_body_raises_and_garbage_never_succeeds(
    body: bytes, stream: bool, complete: bool, data: st.DataObject
) -> None:
    """Random bytes in random chunks are never an answer."""
    reading = adapter().read(call(stream=stream), 200, {}, 0.0, 0.0)
    for chunk in cut(body, data):
        reading.feed(chunk)
    assert reading.end(complete=complete).outcome is not OutcomeClass.SUCCEEDED
    reading.rest()
