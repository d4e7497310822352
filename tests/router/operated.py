"""What the tests of the control socket share: a router that has one, and how to wait for it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs

from actorrouter import (
    CandidateConfig,
    KeyConfig,
    LimitConfig,
    PoolConfig,
    ProviderConfig,
    RouteConfig,
    RouterConfig,
    RouterError,
    Secret,
    open_router,
)

LIVE = "sk-live-9f2e71"
CONFIG = RouterConfig(
    providers={"openai": ProviderConfig("http://127.0.0.1:9/v1")},
    keys={"k1": KeyConfig("openai", Secret(LIVE), ("org",)), "k2": KeyConfig("openai", Secret(f"{LIVE}-2"))},
    routes={"chat": RouteConfig((CandidateConfig("openai", "m"),))},
    pools={"org": PoolConfig((LimitConfig("requests", 5.0),))},
)


@asynccontextmanager
async def running(path, **options):
    async with open_router(attrs.evolve(CONFIG, control=str(path)), **options) as router:
        yield router


async def said(stream):
    """The next line, as JSON."""
    got = b""
    with anyio.fail_after(10):
        while not got.endswith(b"\n"):
            got += await stream.receive()
    return json.loads(got)


async def until(condition: Callable[[], Any]) -> None:
    """Real sockets take real time: wait until the condition holds."""
    with anyio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await anyio.sleep(0.01)


async def insist(ask: Callable[[], Awaitable[Any]]) -> Any:
    """The answer, once the router is not busy any more."""
    with anyio.fail_after(10):
        while True:
            try:
                return await ask()
            except RouterError:
                await anyio.sleep(0.01)
