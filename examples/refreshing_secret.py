"""Secrets from a source of your own. `python examples/refreshing_secret.py docs/fleet.toml`."""

import sys

import anyio
import attrs

from actorrouter import Call, Secret, open_router
from actorrouter.config.file import load


async def main() -> None:
    """Key a1 starts with a secret that the provider rejects; a fresh one is fetched and the call repeated."""
    config = load(sys.argv[1])
    good = config.keys["a1"].secret
    handed_out: list[Secret] = []

    async def fetch() -> Secret:
        """Ask your vault here. Called when the key is first used and after each rejection."""
        handed_out.append(good if handed_out and isinstance(good, Secret) else Secret("expired-yesterday"))
        return handed_out[-1]

    keys = {**config.keys, "a1": attrs.evolve(config.keys["a1"], secret=fetch)}
    async with open_router(attrs.evolve(config, keys=keys)) as router:
        messages = [{"role": "user", "content": "Hello"}]
        reply = await router.send(Call("chat", {"messages": messages, "max_tokens": 5}, keys=frozenset({"a1"})))
        print(f"answered {reply.status} after {len(handed_out)} secrets: {', '.join(map(str, reply.attempts))}")


anyio.run(main)
