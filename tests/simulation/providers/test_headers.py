"""What the headers tell is so."""

import pytest
from hypothesis import given

from actorrouter.simulation.providers.config import LimitConfig
from actorrouter.simulation.providers.headers import go_duration

from .asking import SHAPES, arrivals, ask, costs, header, make, tokens


def test_headers_name_limit_rest_and_time_until_full():
    """OpenAI's six headers; the reset is when the bucket is full again, as a Go duration."""
    model = make(LimitConfig("requests", 60, 60), LimitConfig("tokens", 6_000, 60))
    ask(model, 0, 600)
    assert dict(ask(model, 0, 600).headers) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "58",
        "x-ratelimit-reset-requests": "2s",
        "x-ratelimit-limit-tokens": "6000",
        "x-ratelimit-remaining-tokens": "4800",
        "x-ratelimit-reset-tokens": "12s",
    }
    assert ask(make(tokens(), rate_limit_headers=False), 0).headers == []


@pytest.mark.parametrize("shape", SHAPES)
@given(arrivals, costs)
def test_retry_after_is_long_enough_and_no_longer(shape, arrivals, cost):
    """After the named wait the same request is accepted; 2 ms sooner it is not."""
    now, waits = 0.0, []
    for wait_less_s in (0.0, 0.002):
        model, now = make(tokens(shape)), 0.0
        for gap, arriving in arrivals:
            now += gap
            ask(model, now, arriving)
        refused = ask(model, now, cost)
        if refused.accepted:
            return
        waits.append(float(header(refused, "retry-after") or "nan") - wait_less_s)
        assert ask(model, now + waits[-1], cost).accepted == (wait_less_s == 0)


@pytest.mark.parametrize(("seconds", "text"), [
    (0, "0s"), (0.0001, "1ms"), (0.12, "120ms"), (1.5, "1.5s"), (60, "1m0s"), (252.172, "4m12.172s"),
    (3600, "1h0m0s"), (84509.144, "23h28m29.144s"),
])  # fmt: skip
def test_go_durations(seconds, text):
    """Times are written as Go writes them."""
    assert go_duration(seconds) == text
