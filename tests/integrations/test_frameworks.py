"""Frameworks that stand on the SDKs. LangChain (langchain-core 1.7.2) and pydantic-ai (2.68.0) make asyncio tasks of
their own, so they are tried there alone."""

from __future__ import annotations

import pytest
from langchain_openai import ChatOpenAI
from pydantic import SecretStr
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from actorrouter import Router, open_router_blocking
from tests.integrations.upstream import UNFINISHED, WORDS, Upstream, fleet, routed

pytestmark = UNFINISHED
UNUSED = SecretStr("unused")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def agent(router: Router) -> Agent:
    provider = OpenAIProvider(api_key="unused", http_client=router.http_client())
    return Agent(OpenAIChatModel("m", provider=provider))


@pytest.mark.anyio
async def test_langchain(upstream: Upstream):
    """A chain's model answers and streams; a 429 of one key is answered by the other."""
    async with routed(upstream) as router:
        model = ChatOpenAI(model="m", api_key=UNUSED, http_async_client=router.http_client())
        assert (await model.ainvoke("plain")).content == "".join(WORDS)
        assert "".join([str(chunk.content) async for chunk in model.astream("slow")]) == "".join(WORDS)
        upstream.busy = {"a"}
        assert (await model.ainvoke("plain")).response_metadata["token_usage"]["total_tokens"] == 7
    assert upstream.keys == ["a", "a", "a", "b"]


def test_langchain_synchronous(upstream: Upstream):
    """Its synchronous half takes the blocking router's client."""
    with open_router_blocking(fleet(upstream.url)) as router:
        model = ChatOpenAI(model="m", api_key=UNUSED, http_client=router.http_client())
        assert model.invoke("plain").content == "".join(WORDS)
        assert "".join(str(chunk.content) for chunk in model.stream("slow")) == "".join(WORDS)
        assert router.status()["open"] == 0


@pytest.mark.anyio
async def test_pydantic_ai(upstream: Upstream):
    """An agent answers and streams."""
    async with routed(upstream) as router:
        assert (await agent(router).run("plain")).output == "".join(WORDS)
        async with agent(router).run_stream("slow") as result:
            assert [text async for text in result.stream_text()][-1] == "".join(WORDS)


@pytest.mark.anyio
async def test_pydantic_ai_errors(upstream: Upstream):
    """The provider's no is the framework's own error, after one request."""
    async with routed(upstream) as router:
        with pytest.raises(ModelHTTPError) as caught:
            await agent(router).run("fail 400")
    assert caught.value.status_code == 400
    assert len(upstream.asked) == 1
