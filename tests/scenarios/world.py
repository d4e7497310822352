"""A watched router in front of a provider on loopback whose every byte a test scripts."""

from __future__ import annotations

import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
import pytest

from actorrouter import (
    Call,
    CandidateConfig,
    Charge,
    ColdStart,
    KeyConfig,
    LimitConfig,
    PoolConfig,
    ProviderConfig,
    RouteConfig,
    Router,
    RouterConfig,
    RouterError,
    Secret,
    Shape,
    open_router,
)
from actorrouter.observe.laws import LawBook, SecretScan
from tests.transport.server import Peer, Script, Server, answer, chunk, serve

SECRETS = ("sk-live/9f+3Qz:77-first", "sk-live/Zq8=w2&51-second")  # with characters that travel escaped
USED = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
ROOMY = (
    LimitConfig("requests", 100, 60, Shape.SLIDING),
    LimitConfig("tokens", 10_000, 60, Shape.SLIDING, Charge.ACTUAL),
)
PIECE = b'data: {"choices": [{"index": 0, "delta": {"content": "hello"}}]}\n\n'
EVENTS_BEGIN = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: text/event-stream\r\n\r\n" + chunk(
    PIECE
)

_Error = TypeVar("_Error", bound=RouterError)


def fleet(url: str, limits: tuple[LimitConfig, ...] = ROOMY, **provider: Any) -> RouterConfig:
    """Two keys on one pool of one provider; `a` is asked first."""
    candidates = tuple(CandidateConfig("acme", "upstream", keys=(key,)) for key in ("a", "b"))
    return RouterConfig(
        providers={"acme": ProviderConfig(url, **provider)},
        pools={"org": PoolConfig(limits)},
        keys={key: KeyConfig("acme", Secret(secret), ("org",)) for key, secret in zip("ab", SECRETS, strict=True)},
        routes={"m": RouteConfig(candidates, policy="ordered", wait_s=0.2)},
        cold_start=ColdStart.EMPTY,
    )


def chat(**options: Any) -> Call:
    """A small call that is sent once, unless `options` say otherwise."""
    body = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": options.pop("max_tokens", 10)}
    return Call(options.pop("model", "m"), {**body, **options.pop("body", {})}, **{"max_attempts": 1, **options})


def completion(usage: object = USED, **fields: Any) -> bytes:
    """A good answer, on the wire."""
    said = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}}], "usage": usage, **fields}
    return answer(json.dumps(said).encode(), "200 OK", "content-type: application/json")


def by_key(**answers: bytes) -> Script:
    """Answer each request with the bytes for the key that sent it."""

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.request()
            await peer.send(
                next(answers[key] for key, secret in zip("ab", SECRETS, strict=True) if secret.encode() in request)
            )

    return script


class Watched:
    """A running router, and what is looked at after everything it does."""

    def __init__(self, router: Router) -> None:
        self.router = router
        self.laws = LawBook(router)
        self.scan = SecretScan(SECRETS)

    async def send(self, call: Call) -> Any:
        """A whole answer, told to the laws."""
        reply = await self.router.send(call)
        self.laws.answered(reply, call)
        return reply

    async def fails(self, call: Call, kind: type[_Error], *words: str) -> _Error:
        """The call must fail so, saying these words; and holds nothing then, and shows no secret."""
        return await self.breaks(lambda: self.router.send(call), kind, *words, call=call)

    async def breaks(
        self, act: Callable[[], Awaitable[Any]], kind: type[_Error], *words: str, call: Call | None = None
    ) -> _Error:
        """As `fails`, for anything that is awaited."""
        with pytest.raises(RouterError) as caught:
            await act()
        error = caught.value
        assert type(error) is kind, repr(error)
        assert [word for word in words if word not in str(error)] == [], str(error)
        self.laws.failed(error, call)
        assert not self.scan.look(error), self.scan.found
        self.holds_nothing()
        return error

    def level(self, dimension: str) -> Any:
        """What the pool counts as used."""
        (pool,) = self.router.status()["pools"].values()
        return next(limit["level"] for limit in pool["limits"] if limit["dimension"] == dimension)

    def holds_nothing(self) -> None:
        """Nothing is reserved anywhere."""
        told = self.router.status()
        assert told["open"] == 0
        assert [pool["open"] for pool in told["pools"].values()] == [0] * len(told["pools"])
        assert {limit["held"] for pool in told["pools"].values() for limit in pool["limits"]} <= {0}
        assert {each["in_flight"] for kind in ("keys", "providers") for each in told[kind].values()} == {0}
        assert told["failed_observers"] == []


@asynccontextmanager
async def routed(config: RouterConfig, *, wall: Callable[[], float] = time.time) -> AsyncIterator[Watched]:
    """A watched router; at the end it holds nothing, shows no secret and has kept every law. Bounded at 10 s."""
    with anyio.fail_after(10):
        async with open_router(config, wall=wall, rng=random.Random(1)) as router:
            seen = Watched(router)
            yield seen
            seen.holds_nothing()
            seen.laws.close()
            assert not seen.laws.violations, str(seen.laws)
            assert not seen.scan.look(router.status())


@asynccontextmanager
async def facing(
    script: Script, limits: tuple[LimitConfig, ...] = ROOMY, *, wall: Callable[[], float] = time.time, **provider: Any
) -> AsyncIterator[tuple[Watched, Server]]:
    """A watched router whose provider answers by `script`."""
    async with serve(script) as server, routed(fleet(base(server), limits, **provider), wall=wall) as seen:
        yield seen, server


def base(server: Server, scheme: str = "http") -> str:
    """The base URL to configure."""
    return f"{scheme}://localhost:{server.port}/v1"
