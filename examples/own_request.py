"""Capacity for a request you make yourself, with your own client. `python examples/own_request.py docs/fleet.toml`."""

import sys

import anyio
import httpx2

from actorrouter import open_router


async def main() -> None:
    """Reserve the most it may use, send by hand, settle with what was used."""
    most = {"input_tokens": 10, "output_tokens": 20, "tokens": 30}
    async with open_router(sys.argv[1]) as router, httpx2.AsyncClient() as client:
        with await router.reserve("chat", most, wait_s=10) as grant:
            headers = {"authorization": f"Bearer {(await grant.secret()).reveal()}"}
            body = {"model": grant.upstream_model, "max_tokens": 20, "messages": [{"role": "user", "content": "Hi"}]}
            grant.sent()
            answer = await client.post(f"{grant.base_url}/chat/completions", headers=headers, json=body)
            used = answer.raise_for_status().json()["usage"]
            grant.settle(
                {
                    "input_tokens": used["prompt_tokens"],
                    "output_tokens": used["completion_tokens"],
                    "tokens": used["total_tokens"],
                }
            )
        print(f"{grant.key_id} answered {answer.status_code}, {used['total_tokens']} tokens")


anyio.run(main)
