"""A client's request as a call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter import Call, InvalidCall
from actorrouter.integrations.answers import Answer
from actorrouter.integrations.calls import call_of
from actorrouter.integrations.options import options_of
from actorrouter.integrations.port import Asked
from tests.integrations.upstream import fleet

CONFIG = fleet("http://127.0.0.1:9/v1", wait_s=5)
BODY = {"model": "m", "messages": []}


def asked(body: object = BODY, path: str = "/v1/chat/completions", **fields: Any) -> Asked:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Asked(fields.pop("method", "POST"), path, fields.pop("headers", ()), content, **fields)


def _encoded(document: object) -> bytes:
    return json.dumps(document).encode()


def called(request: Asked, route: str = "", **options: Any) -> Call:
    call = call_of(request, CONFIG, route, options_of(options))
    assert isinstance(call, Call), call
    return call


def told(request: Asked, route: str = "") -> tuple[int, str]:
    answer = call_of(request, CONFIG, route, {})
    assert isinstance(answer, Answer), answer
    return answer.status, json.loads(answer.content)["error"]["message"]


def test_a_conversation():
    """It has its model, its body parsed and as it was written, and no path: the adapter knows where it goes."""
    request = asked({**BODY, "stream": True})
    call = called(request)
    assert (call.model, call.dialect, call.path, call.stream) == ("m", "openai-chat", "", True)
    assert call.body == {**BODY, "stream": True}
    assert call.content == request.content


def test_the_url_names_the_model():
    """Of a Gemini request the URL says the model, and whether it is a stream."""
    call = called(asked({"contents": []}, "/v1beta/models/m:streamGenerateContent?alt=sse"))
    assert (call.model, call.dialect, call.stream) == ("m", "gemini", True)


def test_what_is_no_json_is_passed_through():
    """An upload keeps its bytes, its method, its path and the headers that describe it."""
    headers = (("content-type", "multipart/form-data; boundary=x"),)
    call = called(asked(b"--x\r\n\x00", "/v1/files?purpose=batch", headers=headers, method="PUT"), route="m")
    assert (call.content, call.method, call.path) == (b"--x\r\n\x00", "PUT", "/files?purpose=batch")
    assert call.headers == dict(headers)
    assert call.body == {}


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b'"m"', b"{", b"\xff", b"null", {"input": "x"}, {"model": 3}, {"model": ""}]
)
def test_no_model(body: object):
    """A request that names no model goes where the client's `route` says; without one it is a 400 that says so."""
    assert called(asked(body, "/v1/embeddings"), route="m").model == "m"
    status, why = told(asked(body, "/v1/embeddings"))
    assert status == 400
    assert 'http_client(route="...")' in why


@pytest.mark.parametrize("route", ["", "m"])
def test_an_unknown_model(route: str):
    """A model that is no route is a 404 that names the routes, whatever the client's route."""
    assert told(asked({**BODY, "model": "none"}), route) == (404, "unknown model 'none'; routes are: m")


@pytest.mark.parametrize(
    "name",
    ["authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "openai-organization", "openai-project",
     "proxy-authorization", "host", "content-length", "accept-encoding", "transfer-encoding", "connection"],
)  # fmt: skip
def test_headers_that_are_not_passed(name: str):
    """No credential of the caller's, and nothing of its connection, goes on; other headers do."""
    assert called(asked(headers=((name, "x"), ("x-own", "1")))).headers == {"x-own": "1"}


@given(
    st.binary(max_size=60) | st.dictionaries(st.text(max_size=6), st.none() | st.text(max_size=6)).map(_encoded),
    st.sampled_from(["/v1/chat/completions", "/v1/messages", "/v1beta/models/m:generateContent", "/x", "/"]),
    st.sampled_from(["POST", "GET", "DELETE"]),
    st.sampled_from(["", "m", "none"]),
    st.dictionaries(st.sampled_from(["tenant", "keys", "x"]), st.just("y")),
)
def test_any_request(content: bytes, path: str, method: str, route: str, options: dict[str, str]):
    """Whatever a client sends is a call on a route that exists, its bytes as they are, or an answer that says no."""
    outcome = call_of(Asked(method, path, (), content, options=options), CONFIG, route, {})
    if isinstance(outcome, Call):
        assert (outcome.model, outcome.content, outcome.method) == ("m", content, method)
    else:
        assert outcome.status in (400, 404)


def test_options():
    """What a client was made with holds for all its requests; a request's own extension comes before it."""
    request = asked(options={"priority": 1, "losses": ["thinking"]})
    call = called(request, tenant="team", priority=5, max_attempts=2)
    assert (call.tenant, call.priority, call.max_attempts, call.losses) == ("team", 1, 2, frozenset({"thinking"}))


def test_an_unknown_option():
    """A misspelt option is told: by InvalidCall where the client is made, by a 400 where it is a request's."""
    with pytest.raises(InvalidCall, match="unknown option 'tenent'"):
        options_of({"tenent": "team"})
    status, why = told(asked(options={"tenent": "team"}))
    assert (status, "tenant" in why) == (400, True)


@pytest.mark.parametrize(("pool_s", "wait_s"), [(None, None), (0.5, 0.5), (600.0, 5.0)])
def test_how_long_to_wait(pool_s: float | None, wait_s: float | None):
    """The pool's timeout is a bound on the route's patience; an SDK's default of minutes does not make it longer."""
    assert called(asked(pool_s=pool_s)).wait_s == wait_s


def test_how_long_to_wait_is_told_explicitly():
    """`wait_s` of a request comes before both."""
    assert called(asked(pool_s=0.5, options={"wait_s": 60})).wait_s == 60
