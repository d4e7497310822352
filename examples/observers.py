"""Readers of the event stream: a counter of your own, and the log. `python examples/observers.py docs/fleet.toml`."""

import sys
from collections import Counter
from typing import Any

import anyio

from actorrouter import Call, open_router
from actorrouter.observe.log import log_reader

seen: Counter[str] = Counter()


def count(event: Any) -> None:
    """Runs inside the router's step: short, and never waits."""
    seen[type(event).__name__] += 1


async def main() -> None:
    """Disable a key and send a call, watched."""
    async with open_router(sys.argv[1], observers=[count, log_reader("warning")]) as router:
        router.disable_key("b1", "to be seen in the log")
        await router.send(Call("chat", {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}))
    for name, times in seen.most_common():
        print(times, name)


anyio.run(main)
