"""The openai SDK, unmodified, through a fleet of keys. `python examples/openai_sdk.py docs/fleet.toml`."""

import sys

import anyio
from openai import AsyncOpenAI

from actorrouter import open_router


async def main() -> None:
    """A model is a route; the SDK's own key is sent nowhere."""
    async with open_router(sys.argv[1]) as router:
        sdk = AsyncOpenAI(http_client=router.http_client(), api_key="unused")
        stream = await sdk.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "Hello"}], max_tokens=5, stream=True
        )
        async for chunk in stream:
            print(chunk.choices[0].delta.content or "", end="")
        raw = await sdk.chat.completions.with_raw_response.create(
            model="chat", messages=[{"role": "user", "content": "Hello"}], max_tokens=5
        )
        print(f"\n{raw.headers['x-actorrouter-key']} answered: {raw.parse().choices[0].message.content}")


anyio.run(main, backend="trio")
