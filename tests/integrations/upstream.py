"""A chat provider on loopback, in a thread of its own, that does what the last message tells it to; and its routers."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import attrs
import pytest
from anyio.from_thread import start_blocking_portal

from actorrouter import (
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
    Secret,
    Shape,
    open_router,
)
from tests.router.world import assert_idle
from tests.transport.server import CHUNKED, Peer, answer, chunk, serve

JSON = "content-type: application/json"
EVENTS = CHUNKED[:-2] + b"content-type: text/event-stream\r\n\r\n"
USED = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
WORDS = ("one ", "two ", "three")
TOOL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}
SECRETS = {"a": "sk-upstream-first-4f9Qw8", "b": "sk-upstream-second-Zt71Lm"}
UNFINISHED = pytest.mark.filterwarnings("ignore:Async generator '[a-z]+2?[.]:ResourceWarning")
"""trio tells of generators that SDKs and clients leave to the garbage collector; what is ours has ended by then."""
BYTES = bytes(range(256))
BOUND_S = 20.0
PAUSE_S = 0.02
"""Between two words of "slow"."""


@attrs.frozen
class Request:
    """One request, as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return next((key for key, secret in SECRETS.items() if secret in self.headers.get("authorization", "")), "")

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def told(self) -> str:
        """The last message, or its last part."""
        said = self.document["messages"][-1]["content"]
        return said if isinstance(said, str) else said[-1]["text"]


class Upstream:
    """`asked`: all requests so far. `busy`: keys that are told to slow down. `connected`: open connections.

    `hung_up`: a caller has left an answer that stalls."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.busy: set[str] = set()
        self.hung_up = threading.Event()
        self.url = ""
        self._server: Any = None

    @property
    def connected(self) -> int:
        return self._server.connected  # type: ignore[no-any-return]

    @property
    def keys(self) -> list[str]:
        """Who has asked, in order."""
        return [request.key for request in self.asked]

    def idle(self, within_s: float) -> bool:
        """Wait, from another thread, until every connection is closed; False where one stays open."""
        until = time.monotonic() + within_s
        while self.connected and time.monotonic() < until:
            time.sleep(0.01)
        return self.connected == 0

    async def converse(self, peer: Peer) -> None:
        while True:
            request = _read(await peer.request())
            self.asked.append(request)
            if request.key in self.busy:
                await peer.send(_error(429, "rate_limit_exceeded", "retry-after: 7"))
            elif not request.path.endswith("/chat/completions"):
                await peer.send(_other(request))
            elif request.document.get("stream"):
                await self._stream(peer, request)
            else:
                await self._answer(peer, request.told)

    async def _answer(self, peer: Peer, told: str) -> None:
        verb, _, size = told.partition(" ")
        if verb == "fail":
            await peer.send(_error(int(size), "made_up", "x-request-id: req_8"))
        elif verb == "stall":
            await self._gone(peer)
        elif verb == "hang-up":
            raise anyio.EndOfStream
        elif verb == "gzip":
            await peer.send(answer(gzip.compress(completion()), "200 OK", JSON, "content-encoding: gzip"))
        elif verb == "tool":
            await peer.send(answer(completion("", tool_calls=[TOOL]), "200 OK", JSON))
        elif verb == "big":
            await peer.send(answer(completion("x" * int(size)), "200 OK", JSON))
        else:
            await peer.send(answer(completion(), "200 OK", JSON, "set-cookie: session=1", "x-request-id: req_7"))

    async def _stream(self, peer: Peer, request: Request) -> None:
        told = request.told
        await peer.send(EVENTS)
        for word in ("x" * 65536 for _ in range(80)) if told == "big" else WORDS:
            await peer.send(chunk(event({"content": word})), pause_s=PAUSE_S if told in ("slow", "stall") else 0)
            if told == "stall":
                await self._gone(peer)
            if told == "cut":
                raise anyio.EndOfStream
        if told == "tool":
            await peer.send(chunk(event({"tool_calls": [{"index": 0, **TOOL}]})))
        await peer.send(chunk(event({}, finish_reason="stop")))
        if (request.document.get("stream_options") or {}).get("include_usage"):
            await peer.send(chunk(_data({"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": USED})))
        await peer.send(chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    async def _gone(self, peer: Peer) -> None:
        await peer.gone()
        self.hung_up.set()
        raise anyio.EndOfStream


def _other(request: Request) -> bytes:
    """What is asked of a file named "missing" is not there; any other path is answered with the body it came with."""
    if request.path.endswith("/missing"):
        return _error(404, "not_found")
    kind = request.headers.get("content-type", "application/octet-stream")
    return answer(request.body or BYTES, "200 OK", f"content-type: {kind}")


@contextmanager
def running(upstream: Upstream) -> Iterator[Upstream]:
    """Serve it, in a thread of its own."""
    with start_blocking_portal("asyncio") as portal:
        serving = portal.wrap_async_context_manager(portal.call(serve, upstream.converse))
        with serving as upstream._server:
            upstream.url = f"http://127.0.0.1:{upstream._server.port}/v1"
            yield upstream


def _read(request: bytes) -> Request:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}
    return Request(method, path, headers, body)


def _error(status: int, code: str, *headers: str) -> bytes:
    said = {"error": {"message": f"told {status}", "type": "invalid_request_error", "param": None, "code": code}}
    return answer(json.dumps(said).encode(), f"{status} Told", JSON, *headers)


def completion(content: str = "one two three", **message: Any) -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, **message},
        "finish_reason": "tool_calls" if message else "stop",
    }
    said = {"id": "c1", "object": "chat.completion", "created": 1, "model": "up", "choices": [choice], "usage": USED}
    return json.dumps(said).encode()


def event(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _data({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [choice]})


def _data(document: object) -> bytes:
    return f"data: {json.dumps(document)}\n\n".encode()


def fleet(url: str, *limits: LimitConfig, **route: Any) -> RouterConfig:
    """Two keys on two pools of one provider; `a` is asked first."""
    candidates = tuple(CandidateConfig("acme", "upstream", keys=(key,)) for key in SECRETS)
    limits = limits or (LimitConfig("requests", 10_000, 60, Shape.SLIDING), _tokens())
    return RouterConfig(
        providers={"acme": ProviderConfig(url)},
        pools={key: PoolConfig(limits) for key in SECRETS},
        keys={key: KeyConfig("acme", Secret(secret), (key,)) for key, secret in SECRETS.items()},
        routes={"m": RouteConfig(candidates, **{"policy": "ordered", "wait_s": 0.2, **route})},
        cold_start=ColdStart.EMPTY,
        decisions_max=50,
    )


def _tokens() -> LimitConfig:
    return LimitConfig("tokens", 10**9, 60, Shape.SLIDING, Charge.ACTUAL)


def few(amount: int) -> LimitConfig:
    """So many requests a minute."""
    return LimitConfig("requests", amount, 60, Shape.SLIDING)


@asynccontextmanager
async def routed(upstream: Upstream, *limits: LimitConfig, **route: Any) -> AsyncIterator[Router]:
    """A router before it; at the end nothing may be open."""
    with anyio.fail_after(BOUND_S):
        async with open_router(fleet(upstream.url, *limits, **route)) as router:
            yield router
            assert_idle(router)
