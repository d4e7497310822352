"""The anthropic SDK, unmodified, through a fleet of keys. `python examples/anthropic_sdk.py docs/fleet.toml`."""

import sys

import anyio
from anthropic import AsyncAnthropic
from anthropic.types import MessageParam

from actorrouter import open_router


async def main() -> None:
    """The fleet's provider speaks OpenAI's language: the request is told in it, the answer told back."""
    async with open_router(sys.argv[1]) as router:
        sdk = AsyncAnthropic(http_client=router.http_client(), api_key="unused")
        asked: MessageParam = {"role": "user", "content": "Hello"}
        async with sdk.messages.stream(model="chat", messages=[asked], max_tokens=5) as stream:
            print("".join([text async for text in stream.text_stream]))
        raw = await sdk.messages.with_raw_response.create(model="chat", messages=[asked], max_tokens=5)
        answer = await raw.parse()
        print(f"{raw.headers['x-actorrouter-key']} answered with {answer.usage.output_tokens} tokens")


anyio.run(main, backend="trio")
