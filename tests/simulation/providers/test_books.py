"""What a provider writes down, counted by hand."""

import json

import pytest

from actorrouter.simulation.providers.config import LimitConfig
from actorrouter.simulation.providers.provider import Request

from .asking import WINDOW_S, ask, make, tokens


def test_books_are_right():
    """Accepted, refused by which limit, peaks and attempts: counted by hand, and plain JSON."""
    model = make(LimitConfig("requests", 3, WINDOW_S, "sliding"), tokens("sliding", amount=20))
    first, *_ = (ask(model, 0, 5), ask(model, 0, 5), ask(model, 0, 11), ask(model, 0, 5), ask(model, 0, 5))
    model.finish(first, 4, 1)
    model.admit("nobody", Request("sim-model", 1, 1, 1), 1)
    model.admit("secret-a", Request("no-model", 1, 1, 1), 1)
    books = json.loads(json.dumps(model.books(1)))
    org = books["scopes"]["org"]
    requests, of_tokens = org["limits"]
    assert (books["arrived"], books["accepted"], books["served"]) == (7, 3, 1)
    assert {cause: n for cause, n in books["rejected"].items() if n} == {
        "limit": 2,
        "unknown_key": 1,
        "unknown_model": 1,
    }
    assert (requests["accepted"], requests["rejected"], requests["peak"]) == (3, 1, 1.0)
    assert (of_tokens["rejected"], of_tokens["peak"]) == (1, 0.75)
    assert requests["attempted_peak"] == pytest.approx(5 / 3)
    assert (org["output_tokens"], org["in_flight"], org["in_flight_max"], org["log_complete"]) == (4, 2, 3, True)
    assert (books["keys"]["a"]["served"], books["keys"]["a"]["in_flight_max"]) == (1, 3)
    assert "secret-a" not in json.dumps(books) + repr(model.described)


def test_the_log_is_bounded_and_says_so():
    """Only the newest postings stay, and the books admit it."""
    model = make(LimitConfig("requests", 1_000, WINDOW_S), log_max=10)
    for now in range(30):
        model.finish(ask(model, now), 1, now)
    assert len(model._scopes["org"].log) == 10
    assert model.books(30)["scopes"]["org"]["log_complete"] is False
    assert model.audit() == []
