"""Azure OpenAI: where a deployment stands, and how one is let in."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.adapters import Adapter, build
from actorrouter.adapters.azure import API_VERSION
from actorrouter.config import ProviderConfig
from actorrouter.dialects import OPENAI_CHAT, OPENAI_RESPONSES
from actorrouter.errors import InvalidConfig
from actorrouter.values import Call, Secret

BASE = "https://r.openai.azure.com"
CHAT = {"model": "alias", "messages": []}


def azure(base_url: str = BASE, **options: str) -> Adapter:
    """A resource with these options."""
    return build("x", ProviderConfig(base_url, adapter="azure", options=options))


def url(call: Call, model: str = "gpt 4", **options: str) -> str:
    """Where a call goes, below the resource."""
    assert azure(**options).check(call) is None
    return azure(**options).prepare(call, model, Secret("k")).url.removeprefix(BASE)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (Call("m", CHAT), "/openai/deployments/gpt%204/chat/completions"),
        (Call("m", {"input": "a"}, path="/embeddings"), "/openai/deployments/gpt%204/embeddings"),
        (Call("m", {"input": "a"}, dialect=OPENAI_RESPONSES), "/openai/responses"),
        (Call("m", {"model": "alias"}, path="/audio/speech"), "/openai/deployments/gpt%204/audio/speech"),
        (Call("m", path="/files", method="GET"), "/openai/files"),
        (Call("m", path="/responses/r_1", method="GET"), "/openai/responses/r_1"),
    ],
)
def test_a_deployment_stands_in_the_path_of_what_belongs_to_one(call: Call, expected: str) -> None:
    """The rest stands beside it; the version is always said."""
    assert url(call) == f"{expected}?api-version={API_VERSION}"


@pytest.mark.parametrize("base", [f"{BASE}/openai", f"{BASE}/openai/", f"{BASE}/"])
def test_the_address_may_be_the_resource_s_or_the_api_s(base: str) -> None:
    """As consoles and SDKs show it."""
    assert azure(base).prepare(Call("m", CHAT), "d", Secret("k")).url == f"{BASE}{url(Call('m', CHAT), 'd')}"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (Call("m", CHAT), "/chat/completions"),
        (Call("m", {"input": "a"}, path="/embeddings"), "/embeddings"),
        (Call("m", {"input": "a"}, dialect=OPENAI_RESPONSES), "/responses"),
        (Call("m", path="/files?limit=1", method="GET"), "/files?limit=1"),
    ],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_version_1_has_the_deployment_in_the_body_alone(call: Call, expected: str, slash: str) -> None:
    """No version is said, unless it is asked for."""
    base = f"{BASE}/openai/v1"
    sent = azure(base + slash).prepare(call, "d", Secret("k"))
    assert sent.url == base + expected
    assert (b'"model":"d"' in sent.body) == bool(sent.body)
    assert dict(sent.headers)["api-key"] == "k"
    said = "&" if "?" in expected else "?"
    assert azure(base, api_version="preview").prepare(call, "d", Secret("k")).url == (
        f"{base}{expected}{said}api-version=preview"
    )


def test_the_version_can_be_another() -> None:
    """By option for all calls, by the caller's query for one."""
    assert url(Call("m", CHAT), api_version="preview").endswith("?api-version=preview")
    assert url(Call("m", path="/files?limit=1", method="GET")) == f"/openai/files?limit=1&api-version={API_VERSION}"
    assert url(Call("m", path="/files?api-version=1", method="GET")) == "/openai/files?api-version=1"


def test_a_key_and_a_token_have_a_header_each() -> None:
    """Never both."""
    by_key = dict(azure().prepare(Call("m", CHAT), "d", Secret("k")).headers)
    assert by_key["api-key"] == "k"
    assert "authorization" not in by_key
    by_token = dict(azure(auth="entra").prepare(Call("m", CHAT), "d", Secret("k")).headers)
    assert by_token["authorization"] == "Bearer k"
    assert "api-key" not in by_token


def test_the_probe_lists_the_resource_s_models() -> None:
    """With the version and the key."""
    probe = azure().probe(Secret("k"))
    assert probe.url == f"{BASE}/openai/models?api-version={API_VERSION}"
    assert dict(probe.headers)["api-key"] == "k"


def test_it_speaks_as_openai_does() -> None:
    """Chats first, then responses; the body names the deployment too."""
    assert azure().dialects == (OPENAI_CHAT, OPENAI_RESPONSES)
    assert azure().prepare(Call("m", CHAT), "d", Secret("k")).body == b'{"model":"d","messages":[]}'
    assert repr(azure()) == "AzureOpenAI('x')"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"api_version": "a b"}, r"options\.api_version: expected a version"),
        ({"auth": "cookie"}, r"options\.auth: expected api-key or entra"),
        ({"version": "1"}, r"options\.version: unknown; known: api_version, auth"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any], why: str) -> None:
    """By the provider's name and the option's."""
    with pytest.raises(InvalidConfig, match=rf"providers\.x\.{why}"):
        azure(**options)
