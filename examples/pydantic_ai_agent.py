"""A pydantic-ai agent through a fleet of keys. `python examples/pydantic_ai_agent.py docs/fleet.toml`."""

import sys

import anyio
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from actorrouter import open_router


async def main() -> None:
    """The model is a route."""
    async with open_router(sys.argv[1]) as router:
        provider = OpenAIProvider(http_client=router.http_client(), api_key="unused")
        agent = Agent(OpenAIChatModel("chat", provider=provider), model_settings={"max_tokens": 5})
        print((await agent.run("Hello")).output)


anyio.run(main)
