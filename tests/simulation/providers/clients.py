"""A client of a provider that really listens, shared by this room's tests."""

import json
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2

from actorrouter.simulation.providers.config import read_config
from actorrouter.simulation.providers.server import serve

DESCRIBED = """
[providers.sim]
models = ["sim-model"]
retry_after = "exact"
service = { first_token_s = 0.002, per_token_s = 0.0001, chunk_tokens = 4 }
[[providers.sim.scopes.org.limits]]
dimension = "requests"
amount = 6
window_s = 60
shape = "sliding"
[[providers.sim.scopes.org.limits]]
dimension = "concurrency"
amount = 2
[providers.sim.keys.a]
secret = "secret-a"
scopes = ["org"]
[providers.sim.keys.b]
secret = "secret-b"
scopes = []
"""


def chat(key: str = "b", *, stream: bool = False, usage: bool = False, **fields: Any) -> dict[str, Any]:
    body = {"model": "sim-model", "messages": [{"role": "user", "content": "twelve bytes"}], "max_tokens": 10, **fields}
    options = {"stream": True, "stream_options": {"include_usage": usage}} if stream else {}
    return {"json": {**body, **options}, "headers": {"authorization": f"Bearer secret-{key}"}}


@asynccontextmanager
async def opened(described: str = DESCRIBED):
    """A client of one running provider."""
    async with anyio.create_task_group() as tasks:
        ports = await tasks.start(serve, read_config(described))
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{ports['sim']}", timeout=5) as client:
            yield client
        tasks.cancel_scope.cancel()


async def ask(client: httpx2.AsyncClient, **options: Any) -> httpx2.Response:
    return await client.post("/v1/chat/completions", **options)


async def books(client: httpx2.AsyncClient) -> Any:
    return (await client.get("/__books")).json()


def events(text: str) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


async def connect(client: httpx2.AsyncClient) -> anyio.abc.SocketStream:
    return await anyio.connect_tcp(client.base_url.host, client.base_url.port or 0)
