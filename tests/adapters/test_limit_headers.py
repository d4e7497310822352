"""What each provider's headers say of its limits, and of which window."""

from __future__ import annotations

import pytest

from actorrouter.adapters import build
from actorrouter.adapters.limit_headers import is_day_spent
from actorrouter.config import ProviderConfig
from actorrouter.values import Call, QuotaObservation

CALL = Call("m", {"messages": []})


def seen(name: str, headers: dict[str, str]) -> tuple[QuotaObservation, ...]:
    """What a provider's headers say at instant 100."""
    adapter = build("x", ProviderConfig("http://x.example", adapter=name))
    return adapter.read(CALL, 200, headers, 100.0, 1_790_000_000.0).observations


def said(
    dimension: str,
    window_s: float | None,
    limit: float | None = None,
    remaining: float | None = None,
    resets_at: float | None = None,
) -> QuotaObservation:
    """What is said of one limit at instant 100."""
    return QuotaObservation(dimension, 100.0, limit, remaining, resets_at, window_s)


OPENAI_NAMES = {
    "x-ratelimit-limit-requests": "14,400",
    "x-ratelimit-remaining-requests": "14370",
    "x-ratelimit-reset-requests": "2m59.5s",
    "x-ratelimit-limit-tokens": "18000",
    "x-ratelimit-remaining-tokens": "17,997",
    "x-ratelimit-reset-tokens": "7.5s",
}


@pytest.mark.parametrize(
    ("name", "requests_s", "tokens_s"),
    [("groq", 86400, 60), ("azure", 60, 60), ("openai", None, None), ("xai", None, 60)],
)
def test_the_same_headers_speak_of_other_windows(name: str, requests_s: float | None, tokens_s: float | None) -> None:
    """Groq's requests are a day's, Azure's a minute's; OpenAI does not say."""
    assert seen(name, OPENAI_NAMES) == (
        said("requests", requests_s, 14400, 14370, 279.5),
        said("tokens", tokens_s, 18000, 17997, 107.5),
    )


@pytest.mark.parametrize("reset", ["7", "7s", "1790000007", "1790000007000"])
def test_a_reset_may_be_a_duration_or_an_instant(reset: str) -> None:
    """xAI's is read both ways by its clients; Azure's is a bare number."""
    for name in ("xai", "azure"):
        headers = {"x-ratelimit-remaining-tokens": "1", "x-ratelimit-reset-tokens": reset}
        assert seen(name, headers) == (said("tokens", 60, None, 1, 107.0),)


@pytest.mark.parametrize(
    ("name", "headers", "expected"),
    [
        (
            "mistral",
            {
                "x-ratelimitbysize-limit-minute": "500000",
                "x-ratelimitbysize-remaining-minute": "499000",
                "x-ratelimitbysize-limit-month": "1000000000",
                "x-ratelimitbysize-remaining-month": "5",
            },
            (said("tokens", 60, 500000, 499000), said("tokens", 2592000, 1000000000, 5)),
        ),
        (
            "mistral",
            {"ratelimitbysize-remaining": "7", "ratelimitbysize-reset": "3"},
            (said("tokens", None, None, 7, 103),),
        ),
        ("mistral", {"x-ratelimit-remaining-req-minute": "3"}, (said("requests", 60, None, 3),)),
        (
            "openrouter",
            {"x-ratelimit-limit": "50", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1790000010000"},
            (said("requests", None, 50, 0, 110.0),),
        ),
        (
            "together",
            {"x-ratelimit-limit": "10", "x-ratelimit-reset": "1", "x-tokenlimit-remaining": "900"},
            (said("requests", 1, 10, None, 101.0), said("tokens", 1, None, 900)),
        ),
        (
            "fireworks",
            {"x-ratelimit-remaining-tokens-prompt": "5", "x-ratelimit-limit-tokens-generated": "36000"},
            (said("input_tokens", None, None, 5), said("output_tokens", None, 36000)),
        ),
        ("openai", {"x-ratelimit-remaining-project-tokens": "5"}, (said("tokens", None, None, 5),)),
        ("deepseek", OPENAI_NAMES, ()),
        ("vllm", OPENAI_NAMES, ()),
    ],
)
def test_limit_headers_of_each_provider(
    name: str, headers: dict[str, str], expected: tuple[QuotaObservation, ...]
) -> None:
    """Each with the window it speaks of; any part may be missing."""
    assert seen(name, headers) == expected


def test_of_two_that_tell_of_one_limit_the_tighter_counts() -> None:
    """A project's tokens beside its organization's."""
    headers = {"x-ratelimit-remaining-tokens": "900", "x-ratelimit-remaining-project-tokens": "30"}
    assert seen("openai", headers) == (said("tokens", None, None, 30),)
    headers = {"x-ratelimit-remaining-tokens": "20", "x-ratelimit-remaining-project-tokens": "30"}
    assert seen("openai", headers) == (said("tokens", None, None, 20),)


def test_a_day_is_spent_when_nothing_of_it_remains() -> None:
    """Not when something does, nor when a shorter or an unknown window is empty."""
    assert is_day_spent([said("requests", 86400, None, 0)])
    assert is_day_spent([said("tokens", 60, None, 5), said("tokens", 2592000, None, 0)])
    for others in ([], [said("requests", 86400, 9, 1)], [said("tokens", 60, None, 0)], [said("tokens", None, None, 0)]):
        assert not is_day_spent(others)
