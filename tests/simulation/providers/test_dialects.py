"""Each dialect of headers, against what the providers' documentation shows."""

from datetime import datetime
from random import Random
from typing import Any

import pytest

from actorrouter.simulation.providers.config import FaultConfig, HeadersConfig, LimitConfig
from actorrouter.simulation.providers.dialects import http_date, rfc3339

from .asking import ask, make

NOON = datetime.fromisoformat("2026-11-23T12:00:00+00:00").timestamp()
LIMITS = (
    LimitConfig("requests", 60, 60),
    LimitConfig("requests", 14_400, shape="calendar"),
    LimitConfig("tokens", 60_000, 60),
    LimitConfig("tokens", 1_000_000, shape="calendar", period="month"),
    LimitConfig("input_tokens", 30_000, 60, cached="free"),
    LimitConfig("output_tokens", 6_000, 60),
)


def told(dialect: Any, **options) -> dict[str, str]:
    model = make(*LIMITS, headers=HeadersConfig(dialect), wall_offset=NOON, **options)
    return dict(ask(model, 0, 600, given_tokens=1_700).headers)


def test_azure_writes_bare_seconds():
    """The same names as OpenAI, and a reset that is a number."""
    headers = told("azure")
    assert headers["x-ratelimit-remaining-tokens"] == "57700"
    assert headers["x-ratelimit-reset-tokens"] == "3"


def test_anthropic_has_rfc_3339_and_rounds_tokens_to_thousands():
    """Input and output apart; the tightest limit of tokens; the instant when all is back."""
    headers = told("anthropic")
    assert {name: value for name, value in headers.items() if "put-tokens" in name or "requests" in name} == {
        "anthropic-ratelimit-requests-limit": "60",
        "anthropic-ratelimit-requests-remaining": "59",
        "anthropic-ratelimit-requests-reset": "2026-11-23T12:00:01Z",
        "anthropic-ratelimit-input-tokens-limit": "30000",
        "anthropic-ratelimit-input-tokens-remaining": "28000",
        "anthropic-ratelimit-input-tokens-reset": "2026-11-23T12:00:04Z",
        "anthropic-ratelimit-output-tokens-limit": "6000",
        "anthropic-ratelimit-output-tokens-remaining": "5000",
        "anthropic-ratelimit-output-tokens-reset": "2026-11-23T12:00:06Z",
    }
    assert headers["anthropic-ratelimit-tokens-remaining"] == "58000"


def test_groq_tells_requests_of_the_day_and_tokens_of_the_minute():
    """Under OpenAI's names."""
    assert told("groq") == {
        "x-ratelimit-limit-requests": "14400",
        "x-ratelimit-remaining-requests": "14399",
        "x-ratelimit-reset-requests": "12h0m0s",
        "x-ratelimit-limit-tokens": "60000",
        "x-ratelimit-remaining-tokens": "57700",
        "x-ratelimit-reset-tokens": "2.3s",
    }


def test_mistral_has_names_of_its_own():
    """By size, with what the request cost, and the month's."""
    assert told("mistral") == {
        "ratelimitbysize-limit": "60000",
        "ratelimitbysize-remaining": "57700",
        "ratelimitbysize-reset": "3",
        "ratelimitbysize-query-cost": "2300",
        "x-ratelimitbysize-limit-minute": "60000",
        "x-ratelimitbysize-remaining-minute": "57700",
        "x-ratelimitbysize-limit-month": "1000000",
        "x-ratelimitbysize-remaining-month": "997700",
    }


def test_some_say_nothing():
    """No headers in dialect none."""
    assert told("none") == {}


def test_a_clock_that_is_wrong_shows_in_instants_only():
    """A reset that is an instant is off by the skew; one that is a duration is not."""
    assert told("anthropic", clock_skew_s=-90)["anthropic-ratelimit-requests-reset"] == "2026-11-23T11:58:31Z"
    assert told("openai", clock_skew_s=-90)["x-ratelimit-reset-tokens"] == "2.3s"


@pytest.mark.parametrize(("rounded", "left"), [(None, "58000"), (1, "57700"), (5_000, "60000")])
def test_rounding_may_claim_more_than_there_is(rounded, left):
    """To the nearest so many; requests are exact."""
    model = make(*LIMITS, headers=HeadersConfig("anthropic", rounded))
    headers = dict(ask(model, 0, 600, given_tokens=1_700).headers)
    assert headers["anthropic-ratelimit-tokens-remaining"] == left
    assert headers["anthropic-ratelimit-requests-remaining"] == "59"


def test_headers_may_be_missing():
    """From one answer in four, and the limits hold all the same."""
    model = make(LimitConfig("requests", 5_000, 60), headers=HeadersConfig(missing=0.25))
    assert 650 < sum(not ask(model, 0).headers for _ in range(3_000)) < 850


@pytest.mark.parametrize(("on_success", "on_errors"), [(True, False), (False, True)])
def test_headers_may_be_on_some_answers_only(on_success, on_errors):
    """On those that succeed, or on those that do not."""
    chosen = HeadersConfig(on_success=on_success, on_errors=on_errors)
    model = make(LimitConfig("requests", 1, 60, says_when=False), headers=chosen)
    assert [bool(ask(model, 0).headers) for _ in range(2)] == [on_success, on_errors]


@pytest.mark.parametrize("factor", [3, 0.5])
def test_lying_headers_claim_a_multiple_and_the_limit_holds(factor):
    """While the fault lasts limit and rest are so many times the truth."""
    model = make(LimitConfig("requests", 8, 60, "fixed"), faults=(FaultConfig("lying", 1, 1, factor=factor),))
    answers = [dict(ask(model, now).headers) for now in (0, 1, 2)]
    assert [answer["x-ratelimit-remaining-requests"] for answer in answers] == ["7", f"{int(6 * factor)}", "5"]
    assert [answer["x-ratelimit-limit-requests"] for answer in answers] == ["8", f"{8 * factor:.0f}", "8"]
    assert sum(ask(model, 1.5).accepted for _ in range(30)) == 5


def test_instants_are_written_as_the_standards_say():
    """RFC 3339 rounded up, and the date of HTTP."""
    assert (rfc3339(NOON + 0.1), http_date(NOON + 0.9)) == ("2026-11-23T12:00:01Z", "Mon, 23 Nov 2026 12:00:00 GMT")


def test_a_reset_that_nobody_knows_is_far_away():
    """A balance of tokens is never full again; what is told can be parsed."""
    balance = LimitConfig("tokens", 100, shape="balance")
    for dialect in ("openai", "anthropic", "azure"):
        headers = HeadersConfig(dialect)
        model = make(balance, headers=headers)
        assert any("reset" in name for name, _ in ask(model, Random(1).random()).headers)
