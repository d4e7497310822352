"""The smallest program: one call through a fleet of keys. `python examples/embed.py docs/fleet.toml`."""

import sys

import anyio

from actorrouter import Call, open_router


async def main() -> None:
    """Send one chat call and say why it went where it went."""
    async with open_router(sys.argv[1]) as router:
        reply = await router.send(Call("chat", {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 20}))
        print(reply.json()["choices"][0]["message"]["content"])
        print(router.explain(reply.decision_id))


anyio.run(main)
