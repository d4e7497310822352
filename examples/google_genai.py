"""The google-genai SDK, unmodified, through a fleet of keys. `python examples/google_genai.py docs/fleet.toml`."""

import sys

import anyio
from google import genai
from google.genai import types

from actorrouter import open_router


async def main() -> None:
    """The fleet's provider speaks OpenAI's language: the request is told in it, the answer told back."""
    config = types.GenerateContentConfig(max_output_tokens=5)
    async with open_router(sys.argv[1]) as router:
        through = types.HttpOptions(httpx_async_client=router.http_client())
        models = genai.Client(http_options=through, api_key="unused").aio.models
        async for chunk in await models.generate_content_stream(model="chat", contents="Hello", config=config):
            print(chunk.text or "", end="")
        answer = await models.generate_content(model="chat", contents="Hello", config=config)
        print(f"\nanswered: {answer.text}")


anyio.run(main, backend="trio")
