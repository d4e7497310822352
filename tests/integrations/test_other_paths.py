"""Endpoints that are no conversation, asked by the SDKs: passed through as they are, or answered by the router."""

from __future__ import annotations

import anthropic
import attrs
import openai
import pytest
from anthropic import AsyncAnthropic
from google import genai
from google.genai import errors, types
from openai import AsyncOpenAI

from actorrouter import ProviderConfig, Router, open_router
from tests.integrations import foreign as aimock
from tests.integrations.upstream import BYTES, UNFINISHED, Upstream, fleet, routed

pytestmark = [pytest.mark.anyio, UNFINISHED]


def openai_sdk(router: Router, route: str = "m") -> AsyncOpenAI:
    return AsyncOpenAI(http_client=router.http_client(route=route), api_key="unused")


def anthropic_sdk(router: Router) -> AsyncAnthropic:
    return AsyncAnthropic(http_client=router.http_client(), api_key="unused")


def gemini_models(router: Router):
    options = types.HttpOptions(httpx_async_client=router.http_client())
    return genai.Client(api_key="unused", http_options=options).aio.models


async def test_embeddings(foreign: str):
    """Embeddings go to the route of their model, and arrive as the SDK reads them."""
    async with aimock.routed(foreign) as router:
        answer = await openai_sdk(router, "").embeddings.create(model="m", input="plain")
    assert answer.data[0].embedding == [0.5, -0.25, 0.125]


async def test_models_are_the_routes(upstream: Upstream):
    """Each SDK lists the routes as its own provider's models, finds one by its name, and nobody is asked for it."""
    async with routed(upstream) as router:
        assert [model.id async for model in openai_sdk(router).models.list()] == ["m"]
        assert (await openai_sdk(router).models.retrieve("m")).id == "m"
        assert [model.id async for model in anthropic_sdk(router).models.list()] == ["m"]
        assert (await anthropic_sdk(router).models.retrieve("m")).display_name == "m"
        assert [model.name async for model in await gemini_models(router).list()] == ["models/m"]
        assert (await gemini_models(router).get(model="m")).name == "models/m"
    assert upstream.asked == []


async def test_a_model_that_is_no_route(upstream: Upstream):
    """Asking for another model is each SDK's own 404, which names the routes."""
    async with routed(upstream) as router:
        with pytest.raises(openai.NotFoundError, match="routes are: m"):
            await openai_sdk(router).models.retrieve("gpt-none")
        with pytest.raises(anthropic.NotFoundError, match="routes are: m") as caught:
            await anthropic_sdk(router).models.retrieve("claude-none")
        assert caught.value.type == "not_found_error"
        with pytest.raises(errors.ClientError, match="routes are: m"):
            await gemini_models(router).get(model="gemini-none")


async def test_an_upload(upstream: Upstream):
    """A file's multipart body reaches the provider byte for byte, with the boundary it was written with."""
    async with routed(upstream) as router:
        raw = await openai_sdk(router).files.with_raw_response.create(file=("all.bin", BYTES), purpose="batch")
    (request,) = upstream.asked
    assert (request.method, request.path) == ("POST", "/v1/files")
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert request.headers["content-type"].partition("boundary=")[2].encode() in request.body.splitlines()[0]
    assert BYTES in request.body
    assert raw.content == request.body


async def test_sound(upstream: Upstream):
    """A form's model stays as the caller wrote it: it is the provider's word, and the client says the route."""
    async with routed(upstream) as router:
        transcribe = openai_sdk(router).audio.transcriptions.with_raw_response.create
        await transcribe(model="whisper-1", file=("a.wav", BYTES), response_format="text")
    (request,) = upstream.asked
    assert b"whisper-1" in request.body
    assert BYTES in request.body


async def test_a_download(upstream: Upstream):
    """Bytes that are no text come back as they are."""
    async with routed(upstream) as router:
        assert (await openai_sdk(router).files.content("file-1")).content == BYTES


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/plain", "application/x-ndjson"])
async def test_what_only_looks_like_json(upstream: Upstream, kind: str):
    """Bytes that are not declared as JSON are nobody's to read or change, though they parse and name a model."""
    content = b' {"model" : "m"}'
    async with routed(upstream) as router, router.http_client(route="m") as client:
        answer = await client.post("/v1/uploads/part", content=content, headers={"content-type": kind})
    assert upstream.asked[0].body == content == answer.content


async def test_json_of_an_unknown_path(upstream: Upstream):
    """Its model chooses the route and becomes the provider's word; the rest is the caller's."""
    async with routed(upstream) as router:
        await openai_sdk(router, "").images.with_raw_response.generate(model="m", prompt="a dot", n=2)
    assert upstream.asked[0].path == "/v1/images/generations"
    assert upstream.asked[0].document == {"model": "upstream", "prompt": "a dot", "n": 2}


async def test_what_is_not_there(upstream: Upstream):
    """A file that is missing is the SDK's 404, and costs no key the model it serves."""
    async with routed(upstream) as router:
        with pytest.raises(openai.NotFoundError):
            await openai_sdk(router).files.retrieve("missing")
        assert upstream.keys == ["a"]
        await openai_sdk(router).files.content("file-1")
    assert upstream.keys == ["a", "a"]


async def test_no_route(upstream: Upstream):
    """A path without a model, by a client without a route, is the SDK's 400 that says what to do."""
    async with routed(upstream) as router:
        with pytest.raises(openai.BadRequestError, match=r'http_client\(route="..."\)'):
            await openai_sdk(router, "").files.list()
        with pytest.raises(anthropic.BadRequestError, match="names no model") as caught:
            await anthropic_sdk(router).beta.files.list()
    assert caught.value.type == "invalid_request_error"


async def test_the_model_in_a_path(upstream: Upstream):
    """Where the path names the model, the provider is asked for its own word, not for the route."""
    provider = ProviderConfig(upstream.url.removesuffix("/v1"), adapter="gemini")
    config = attrs.evolve(fleet(upstream.url), providers={"acme": provider})
    async with open_router(config) as router:
        await gemini_models(router).count_tokens(model="m", contents="plain")
        await gemini_models(router).embed_content(model="m", contents="plain")
    assert [request.path for request in upstream.asked] == [
        "/v1beta/models/upstream:countTokens",
        "/v1beta/models/upstream:batchEmbedContents",
    ]
    assert upstream.asked[1].document["requests"][0]["model"] == "models/upstream"
