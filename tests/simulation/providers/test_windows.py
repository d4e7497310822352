"""Windows that are not what the limit says: slices of it, and such as never end."""

from hypothesis import given

from actorrouter.simulation.providers.config import LimitConfig

from .asking import arrivals, ask, header, make, tokens


def test_a_minute_may_be_enforced_by_the_second():
    """60 a minute are one a second: the second of two at once is refused, until the next slice."""
    model = make(LimitConfig("requests", 60, 60, "sliced"))
    assert [ask(model, now).accepted for now in (0, 0.5, 1, 1.9, 2)] == [True, False, True, False, True]
    assert header(ask(model, 2.25), "retry-after") == "0.750"
    assert model.audit() == []


def test_a_slice_may_be_shorter_than_a_second():
    """600 a minute in slices of a quarter are two at a time, and the headers tell the minute."""
    model = make(LimitConfig("requests", 600, 60, "sliced", slice_s=0.25))
    assert [ask(model, 0).accepted for _ in range(4)] == [True, True, False, False]
    assert header(ask(model, 0.25), "x-ratelimit-limit-requests") == "600"


@given(arrivals)
def test_no_slice_has_more_than_its_share(arrivals):
    """A naive sum of each slice of two seconds."""
    model, now, sums = make(tokens("sliced", amount=64, slice_s=2.0)), 0.0, dict[int, int]()
    for gap, cost in arrivals:
        now += gap
        used = sums.get(int(now // 2), 0)
        assert ask(model, now, cost).accepted == (used + cost <= 16)
        sums[int(now // 2)] = used + cost if used + cost <= 16 else used
    assert model.audit() == []


def test_a_balance_never_comes_back():
    """What is spent is spent, whenever one asks again; nobody is told to wait."""
    model = make(tokens("balance", amount=10))
    assert [ask(model, now, 5).accepted for now in (0, 1e6, 1e9)] == [True, True, False]
    refused = ask(model, 1e9, 5)
    assert (refused.cause, header(refused, "retry-after")) == ("spent", None)
