"""Plain HTTP code through a fleet of keys. `python examples/plain_httpx.py docs/fleet.toml`."""

import sys

import anyio

from actorrouter import open_router


async def main() -> None:
    """Each request becomes a call; no room in time is a 429 that says when to come back."""
    body = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
    async with open_router(sys.argv[1]) as router, router.http_client(wait_s=0) as client:
        for _ in range(6):
            answer = await client.post("/v1/chat/completions", json=body)
            print(answer.status_code, answer.headers.get("x-actorrouter-key"), answer.headers.get("retry-after"))


anyio.run(main)
