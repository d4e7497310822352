"""Bare clients, each as one function that makes a call with nothing around it: no choice of key, limit or record."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

One = Callable[[], Awaitable[None]]

BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x" * 300}], "max_tokens": 64}
HEADERS = {"authorization": "Bearer sk-0", "content-type": "application/json"}


@asynccontextmanager
async def httpx(base_url: str) -> AsyncIterator[One]:
    """`httpx.AsyncClient` without a limit of connections."""
    async with _of_httpx("httpx", base_url) as one:
        yield one


@asynccontextmanager
async def httpx2(base_url: str) -> AsyncIterator[One]:
    """`httpx2.AsyncClient`, likewise."""
    async with _of_httpx("httpx2", base_url) as one:
        yield one


@asynccontextmanager
async def _of_httpx(name: str, base_url: str) -> AsyncIterator[One]:
    module = import_module(name)
    limits = module.Limits(max_connections=None, max_keepalive_connections=1024)
    async with module.AsyncClient(limits=limits, timeout=60) as client:

        async def one() -> None:
            content = json.dumps(BODY).encode()
            answer = await client.post(f"{base_url}/chat/completions", content=content, headers=HEADERS)
            assert answer.json()["usage"]

        yield one


@asynccontextmanager
async def aiohttp(base_url: str) -> AsyncIterator[One]:
    """`aiohttp.ClientSession` without a limit of connections."""
    from aiohttp import ClientSession, TCPConnector

    async with ClientSession(connector=TCPConnector(limit=0)) as session:

        async def one() -> None:
            content = json.dumps(BODY).encode()
            async with session.post(f"{base_url}/chat/completions", data=content, headers=HEADERS) as answer:
                assert (await answer.json())["usage"]

        yield one


@asynccontextmanager
async def openai(base_url: str) -> AsyncIterator[One]:
    """The openai SDK, which has httpx inside."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=base_url, api_key="sk-0", max_retries=0) as client:

        async def one() -> None:
            answer = await client.chat.completions.create(**BODY)
            assert answer.usage

        yield one
