"""What a URL's path says of a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters.wire import path_fault
from actorrouter.integrations.paths import Place, place_of

CHAT, RESPONSES, MESSAGES, GEMINI = "openai-chat", "openai-responses", "anthropic-messages", "gemini"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/v1/chat/completions", Place(CHAT, CHAT)),
        ("/chat/completions", Place(CHAT, CHAT)),
        ("/api/v1/chat/completions", Place(CHAT, CHAT)),
        ("/v1beta/openai/chat/completions", Place(CHAT, CHAT)),
        ("/openai/deployments/mine/chat/completions?api-version=2026-01-01", Place(CHAT, CHAT)),
        ("/v1/responses", Place(RESPONSES, RESPONSES)),
        ("/v1/messages", Place(MESSAGES, MESSAGES)),
        ("/v1/messages?beta=true", Place(MESSAGES, MESSAGES)),
        ("/v1beta/models/fast:generateContent", Place(GEMINI, GEMINI, model="fast")),
        ("/v1/models/team/fast:generateContent", Place(GEMINI, GEMINI, model="team/fast")),
        ("/v1beta/models/fa%20st:streamGenerateContent?alt=sse", Place(GEMINI, GEMINI, model="fa st", stream=True)),
    ],
)
def test_the_path_tells_the_dialect(path: str, place: Place):
    """Each SDK's main endpoint is known below any base URL; a query of the SDK's own is not the provider's."""
    assert place_of(path) == place


@pytest.mark.parametrize(
    ("path", "language", "below"),
    [
        ("/v1/embeddings", CHAT, "/embeddings"),
        ("/openai/v1/files?limit=3&after=a%2Fb", CHAT, "/files?limit=3&after=a%2Fb"),
        ("/v1/messages/count_tokens", MESSAGES, "/messages/count_tokens"),
        ("/v1beta/models/fast:countTokens?key=mine&alt=json", GEMINI, "/models/{model}:countTokens?alt=json"),
        ("/v1/models", CHAT, "/models"),
        ("/jobs", CHAT, "/jobs"),
        ("/v1beta/openai/embeddings", CHAT, "/embeddings"),
    ],
)
def test_the_rest_is_passed_through(path: str, language: str, below: str):
    """Anything else goes below the provider's base URL, which has the version already, without the caller's key."""
    place = place_of(path)
    assert (place.dialect, place.language, place.path) == ("", language, below)


@pytest.mark.parametrize(
    ("header", "language"), [("anthropic-version", MESSAGES), ("x-goog-api-key", GEMINI), ("authorization", CHAT)]
)
def test_headers_tell_the_language(header: str, language: str):
    """Where all APIs have the same path, the header that only one API's clients send says whose errors to write."""
    assert place_of("/v1/models", "GET", ((header, "x"),)).language == language


def test_only_a_post_converses():
    """What is read of an endpoint's store is passed through."""
    assert place_of("/v1/chat/completions?limit=2", "GET").path == "/chat/completions?limit=2"
    assert place_of("/v1/responses/resp_1", "GET") == Place("", CHAT, "/responses/resp_1")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#\\"), max_size=60))
def test_no_path_becomes_another(path: str):
    """A path that a provider may be asked is still one, without its version; nothing raises."""
    asked = f"/{path}"
    place = place_of(asked)
    assert bool(place.dialect) or place.path.startswith("/")
    if path_fault(asked) is None and not place.dialect:
        assert path_fault(place.path) is None
