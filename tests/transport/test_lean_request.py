"""Requests on the wire: each URL and header as it was meant, and nothing that a server could read in another way."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.transport.lean_request import Unsendable, head, sized, tail, target
from actorrouter.values import HttpRequest
from tests.transport.exchanges import SECRET


def wire(method: str, url: str, *headers: tuple[str, str], body: bytes = b"") -> bytes:
    request = HttpRequest(method, url, headers, body)
    return head(request, target(url)) + tail(request, sized=sized(request))


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "path"),
    [
        ("http://a", "a", 80, "a", "/"),
        ("https://A.b/", "a.b", 443, "a.b", "/"),
        ("https://a:443/x", "a", 443, "a", "/x"),
        ("http://a:443/x?y=z#frag", "a", 443, "a:443", "/x?y=z"),
        ("http://a?y", "a", 80, "a", "/?y"),
        ("http://[::1]:8080/", "::1", 8080, "[::1]:8080", "/"),
        ("http://a/%2F/ü x?q=[é]", "a", 80, "a", "/%2F/%C3%BC%20x?q=[%C3%A9]"),
    ],
)
def test_where_a_url_points(url: str, host: str, port: int, authority: str, path: str) -> None:
    """Host, port, Host header and path."""
    found = target(url)
    assert (found.host, found.port, found.authority, found.path) == (host, port, authority, path)
    assert found.secure == url.startswith("https")


@pytest.mark.parametrize(
    "url",
    ["http://user@a/", "http://a b/", "http://a:0/", "http://a:70000/", "http://a\r\nx: y/", "http://a/\r\nx: y",
     "http://ü/", "http://a%0d/", "ws://a/", "//a/"],
)  # fmt: skip
def test_a_url_that_could_mean_something_else_is_refused(url: str) -> None:
    """Without its text."""
    with pytest.raises(Unsendable) as caught:
        target(url)
    assert caught.value.args[0] in ("invalid url or header", "the url needs http or https and a host")
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "header",
    [("x", "y\r\nz: a"), ("x", "y\n"), ("x", "\x00"), ("x", "é"), ("x: y\r\nz", "a"), ("x y", "a"), ("", "a"),
     ("x:", "a"), ("é", "a"), ("Transfer-Encoding", "chunked"), ("content-length", "3")],
)  # fmt: skip
def test_a_header_that_could_mean_something_else_is_refused(header: tuple[str, str]) -> None:
    """Without its text."""
    with pytest.raises(Unsendable) as caught:
        wire("POST", "http://a/", ("authorization", SECRET), header, body=b"{}")
    assert SECRET not in str(caught.value)


def test_a_header_that_may_stand_once_stands_once() -> None:
    """Host and content-length."""
    for name, text in (("host", "a"), ("content-length", "2")):
        assert wire("POST", "http://a/", (name, text), body=b"{}").lower().count(name.encode() + b":") == 1
        with pytest.raises(Unsendable):
            wire("POST", "http://a/", (name, text), (name.title(), text), body=b"{}")
    with pytest.raises(Unsendable):
        wire("GET /x HTTP/1.1\r\nx:", "http://a/")


NAMES = st.text("abcXYZ019-_", min_size=1, max_size=10).map(lambda name: f"x-{name}")
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


@given(st.sampled_from(["GET", "POST"]), st.lists(st.tuples(NAMES, TEXTS), max_size=5), st.binary(max_size=50))
def test_h11_reads_what_was_meant(method: str, headers: list[tuple[str, str]], body: bytes) -> None:
    """Every header, and the body by its length."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(wire(method, "http://a/p?q", *headers, body=body) + body)
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target) == (method.encode(), b"/p?q")
    sent = [(name.lower().encode(), text.strip().encode()) for name, text in headers]
    assert [pair for pair in request.headers if pair[0].startswith(b"x-")] == sent
    received = b""
    while isinstance(event := server.next_event(), h11.Data):
        received += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert received == body
    assert server.trailing_data == (b"", False)
