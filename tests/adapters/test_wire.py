"""What adapters share: JSON, URLs, dotted paths, amounts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters.wire import SecretUrl, amount, header_list, headers_fault, is_credential, join_url, passed_on
from actorrouter.dialects.documents import decode_json, dig, encode_json

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(DOCUMENTS)
def test_a_document_survives_the_wire(document: Any) -> None:
    """Any JSON document is read back as it was written."""
    assert decode_json(encode_json(document)) == document


def test_text_of_other_alphabets_is_not_escaped() -> None:
    """Two bytes a letter, not six: the estimate counts bytes."""
    assert encode_json({"a": "żó"}) == '{"a":"żó"}'.encode()


@pytest.mark.parametrize(
    ("base", "path", "query", "url"),
    [
        ("https://h/v1", "/a", "", "https://h/v1/a"),
        ("https://h/v1/", "a", "", "https://h/v1/a"),
        ("https://h", "/", "", "https://h/"),
        ("https://h/v1?x=1", "/a?y=2", "z=3", "https://h/v1/a?x=1&y=2&z=3"),
        ("https://h", "//other/a", "", "https://h/other/a"),
    ],
)
def test_a_path_is_joined_below_the_base(base: str, path: str, query: str, url: str) -> None:
    """One slash between them, all queries kept, the base's host."""
    assert join_url(base, path, query) == url


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b.1.c", 3),
        ("a.b.9", None),
        ("a.b.-1", None),
        ("a.b.x", None),
        ("a.b.1.c.d", None),
        ("", None),
        ("a..b", None),
    ],
)
def test_a_dotted_path_finds_or_gives_none(path: str, found: object) -> None:
    """Keys and indices; never an exception."""
    assert dig({"a": {"b": [0, {"c": 3}]}}, path) == found


@pytest.mark.parametrize("said", [0, 5, 0.5, Decimal("0.1"), 10**15])
def test_a_number_is_an_amount(said: object) -> None:
    """Whole, broken or decimal."""
    assert amount(said) == said


@pytest.mark.parametrize(
    "said",
    [True, None, "5", -1, -0.1, float("nan"), float("inf"), 10**16, 10**400, Decimal("NaN"), Decimal("sNaN"), []],
)
def test_anything_else_is_no_amount(said: object) -> None:
    """Booleans, texts, negative, infinite and absurd numbers."""
    assert amount(said) is None


def test_header_names_are_lower_case_and_single() -> None:
    """The later layer wins, whatever the case."""
    assert header_list({"A": "1", "b": "2"}, {"a": "3"}) == (("a", "3"), ("b", "2"))


def test_a_secret_url_prints_without_its_query() -> None:
    """It is still the whole URL to whoever sends it."""
    url = SecretUrl("https://h/a?key=k")
    assert repr(url) == "'https://h/a?***'"
    assert url == "https://h/a?key=k"


def test_a_caller_s_headers_go_on_without_credentials_and_connection() -> None:
    """Names come in lower case; what `connection` names is of the connection too."""
    headers = {
        "X-Request-Id": "1", "Accept": "a", "Authorization": "x", "API-Key": "x", "x-api-key": "x", "cookie": "x",
        "X-Goog-Api-Key": "x", "Proxy-Authorization": "x", "OpenAI-Organization": "x", "openai-project": "x",
        "Host": "x", "Content-Length": "1", "Connection": "close, X-Hop", "X-Hop": "x", "Keep-Alive": "x", "TE": "x",
        "Transfer-Encoding": "chunked", "Upgrade": "x", "Accept-Encoding": "br", "Trailer": "x", "Expect": "x",
        "X-Amz-Security-Token": "x",
    }  # fmt: skip
    assert passed_on(headers) == {"x-request-id": "1", "accept": "a"}
    assert passed_on({}) == {}


@pytest.mark.parametrize("name", ["Authorization", "x-API-key", "openai-project"])
def test_a_credential_is_known_by_its_header(name: str) -> None:
    """In any case."""
    assert is_credential(name)
    assert not is_credential(f"x-{name}")


@pytest.mark.parametrize(
    "headers", [{"": "s3cret"}, {"a:": "s3cret"}, {"a": "s3cret\n"}, {"a": "ä"}, {"s3cret\n": "x"}]
)
def test_headers_that_cannot_be_sent_are_refused(headers: dict[str, str]) -> None:
    """What they hold is not repeated."""
    fault = headers_fault(headers)
    assert fault is not None
    assert "s3cret" not in fault
    assert headers_fault({"X-A": "b c"}) is None
