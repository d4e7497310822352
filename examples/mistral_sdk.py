"""The mistralai SDK, unmodified, through a fleet of keys. `python examples/mistral_sdk.py docs/fleet.toml`."""

import sys

import anyio
from mistralai.client import Mistral
from mistralai.client.models import UserMessage

from actorrouter import open_router


async def main() -> None:
    """Its async half runs on asyncio alone."""
    async with open_router(sys.argv[1]) as router:
        sdk = Mistral(async_client=router.http_client(), api_key="unused")
        answer = await sdk.chat.complete_async(model="chat", messages=[UserMessage(content="Hello")], max_tokens=5)
        print(answer.choices[0].message.content if answer.choices[0].message else "")


anyio.run(main)
