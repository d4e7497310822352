"""A small fleet whose upstreams say what a test's script says; nothing leaves the process."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import anyio
import attrs

from actorrouter import (
    Call,
    CandidateConfig,
    CircuitConfig,
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
from actorrouter.config import RestartConfig
from actorrouter.router.demand import Demand
from actorrouter.router.grants import Grant
from actorrouter.transport.port import Reached, Timeouts, TransportError
from actorrouter.values import HttpRequest

WRITTEN: Final = "written"
"""The request's last byte is on the network."""


@attrs.frozen
class Head:
    """Status and headers are in."""

    status: int = 200
    headers: Mapping[str, str] = {"content-type": "application/json"}


Step = str | float | Head | bytes | Exception
"""`WRITTEN`, a pause in seconds, a head, a chunk of the body, or a fault."""


class Upstream:
    """Answers each request with the next script; with `otherwise` when there is none. `asked`: (secret, at)."""

    def __init__(self, *scripts: Iterable[Step], otherwise: Iterable[Step] | None = None) -> None:
        self.scripts: deque[Iterable[Step]] = deque(scripts)
        self.otherwise: tuple[Step, ...] = tuple(otherwise or ok())
        self.asked: list[tuple[str, float]] = []
        self.bodies: list[Any] = []
        self.live = 0
        self.closed = False

    def open(self, request: HttpRequest, timeouts: Timeouts, on_written: Callable[[], None]) -> Opened:
        return Opened(self, request, on_written)

    async def aclose(self) -> None:
        self.closed = True


class Opened:
    """One exchange."""

    def __init__(self, upstream: Upstream, request: HttpRequest, on_written: Callable[[], None]) -> None:
        self._upstream, self._request, self._on_written = upstream, request, on_written
        self.reached = Reached.NO
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._steps: Iterator[Step] = iter(())

    async def __aenter__(self) -> Self:
        upstream = self._upstream
        secret = dict(self._request.headers).get("authorization", "").removeprefix("Bearer ")
        upstream.asked.append((secret, anyio.current_time()))
        upstream.bodies.append(json.loads(self._request.body or b"null"))
        self._steps = iter(upstream.scripts.popleft() if upstream.scripts else upstream.otherwise)
        await anyio.lowlevel.checkpoint()
        for step in self._steps:
            if isinstance(step, Head):
                self.status, self.headers = step.status, step.headers
                self.reached = Reached.YES
                upstream.live += 1
                return self
            await self._take(step)
        raise AssertionError("the script ended without a head")

    async def __aexit__(self, *_: object) -> None:
        self._upstream.live -= 1
        with anyio.CancelScope(shield=True):
            await anyio.lowlevel.checkpoint()

    async def _take(self, step: Step) -> bytes:
        if isinstance(step, bytes):
            return step
        if isinstance(step, Exception):
            raise type(step)(step.kind, step.reached) if isinstance(step, TransportError) else step
        if isinstance(step, float):
            await anyio.sleep(step)
        elif step == WRITTEN:
            self.reached = Reached.MAYBE
            self._on_written()
        return b""

    def __aiter__(self) -> Opened:
        return self

    async def __anext__(self) -> bytes:
        await anyio.lowlevel.checkpoint()
        for step in self._steps:
            chunk = await self._take(step)
            if chunk:
                return chunk
        raise StopAsyncIteration


def ok(given: int = 5, written: int = 7, *, after_s: float = 0.0) -> list[Step]:
    """A whole chat answer."""
    body = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": usage(given, written)}
    return [WRITTEN, after_s, Head(), json.dumps(body).encode()]


def usage(given: int, written: int) -> dict[str, int]:
    return {"prompt_tokens": given, "completion_tokens": written, "total_tokens": given + written}


def no(status: int, code: str = "", message: str = "no", **headers: str) -> list[Step]:
    """An error answer."""
    body = json.dumps({"error": {"message": message, "code": code or None}}).encode()
    named = {name.replace("_", "-"): said for name, said in headers.items()}
    return [WRITTEN, Head(status, {"content-type": "application/json", **named}), body]


def event(document: Any) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def word(text: str = "word ", finish: str | None = None) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]})


SSE: Final = Head(200, {"content-type": "text/event-stream"})
DONE: Final = b"data: [DONE]\n\n"


def words(count: int, *, pause_s: float = 0.0, end: Iterable[Step] | None = None) -> list[Step]:
    """A streamed chat answer; `end` in place of its good end."""
    good = (word("", "stop"), event({"choices": [], "usage": usage(5, count)}), DONE)
    steps: list[Step] = [WRITTEN, SSE]
    for _ in range(count):
        steps += [pause_s, word()]
    return [*steps, *(good if end is None else end)]


def fault(kind: str, reached: Reached) -> TransportError:
    return TransportError(kind, reached)


CALL: Final = Call("m", {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 10})
STREAM: Final = attrs.evolve(CALL, stream=True)  # type: ignore[misc]


def but(call: Call, **changes: Any) -> Call:
    return attrs.evolve(call, **changes)  # type: ignore[misc]


def requests(amount: float, window_s: float = 10.0, **options: Any) -> LimitConfig:
    return LimitConfig("requests", amount, window_s, options.pop("shape", Shape.BUCKET), guard_s=0.0, **options)


def units(amount: float, window_s: float = 10.0, **options: Any) -> LimitConfig:
    return LimitConfig("units", amount, window_s, options.pop("shape", Shape.SLIDING), guard_s=0.0, **options)


def at_once(amount: int) -> LimitConfig:
    return LimitConfig("concurrency", amount)


def fleet(
    keys: Mapping[str, Any] | Iterable[str] = ("a1", "a2"),
    *,
    pools: Mapping[str, tuple[LimitConfig, ...]] | None = None,
    routes: Mapping[str, RouteConfig] | None = None,
    providers: Iterable[str] = ("a",),
    provider: Mapping[str, Any] | None = None,
    **options: Any,
) -> RouterConfig:
    """Keys are named after their provider's letter: key a1 is of provider a. A key's value: pools or limits."""
    given = keys if isinstance(keys, Mapping) else dict.fromkeys(keys, ())
    each = {"circuit": CircuitConfig(consecutive_failures=1000, min_calls=1000, window_calls=1000), **(provider or {})}
    return RouterConfig(
        providers={name: ProviderConfig(f"http://{name}.invalid/v1", **each) for name in providers},
        keys={key_id: _key(key_id, said) for key_id, said in given.items()},
        routes=routes or {"m": RouteConfig(tuple(CandidateConfig(name, "up") for name in providers))},
        pools={name: PoolConfig(limits) for name, limits in (pools or {}).items()},
        **{"cold_start": ColdStart.EMPTY, "guard_s": 0.0, **options},
    )


def _key(key_id: str, said: Any) -> KeyConfig:
    if isinstance(said, KeyConfig):
        return said
    names = tuple(each for each in said if isinstance(each, str))
    limits = tuple(each for each in said if isinstance(each, LimitConfig))
    return KeyConfig(key_id[0], Secret(secret_of(key_id)), pools=names, limits=limits)


def secret_of(key_id: str) -> str:
    return f"sk-secret-of-{key_id}"


@asynccontextmanager
async def running(config: RouterConfig, **options: Any) -> AsyncIterator[tuple[Router, Upstream]]:
    """The router, and the one upstream behind all its keys. At the end nothing may be open."""
    upstream = Upstream()
    async with open_router(config, **options) as router:
        for entry in router.fleet.keys.values():
            entry.transport = upstream
        yield router, upstream
        assert_idle(router)
        assert upstream.live == 0, "a connection is still out"


def assert_idle(router: Router) -> None:
    """Nothing is reserved, held or in flight anywhere, and the board agrees with the actors."""
    status = router.status()
    assert status["open"] == 0
    assert [key for key, each in status["keys"].items() if each["in_flight"]] == []
    assert [name for name, each in status["providers"].items() if each["in_flight"]] == []
    assert [name for name, each in status["pools"].items() if each["open"]] == []
    held = [limit for each in status["pools"].values() for limit in each["limits"] if float(limit["held"]) > 1e-6]
    assert held == []
    assert {entry.in_flight for entry in router.fleet.keys.values()} <= {0}
    check_board(router)


def check_board(router: Router) -> None:
    """What is set aside is not in the index; what is in the index belongs to a key that is there."""
    for route in router.fleet.routes.values():
        for candidate in route.candidates:
            assert candidate.soft == sum(not firm for firm in candidate.blocked.values())
            assert set(candidate.sized) <= set(candidate.blocked)
            members: dict[Any, int] = {}
            for entry in candidate.provider.keys.values():
                for seat in entry.seats:
                    if seat.group.candidate is candidate:
                        members[seat.group] = members.get(seat.group, 0) + 1
                        away = seat in candidate.blocked or seat in candidate.closed
                        assert away == (seat.score < 0), f"{entry.key_id} is neither ready nor set aside"
            assert {group: group.members for group in candidate.groups.values()} == members
            for group in candidate.groups.values():
                can = group.first() is not None and group not in candidate.blocked
                assert (group.score >= 0) == can
            assert all(what in members or what.group in members for what in candidate.blocked)  # type: ignore[union-attr]


def demand(router: Router, call: Call = CALL, amounts: Mapping[str, Any] | None = None) -> Demand:
    return router._demand(call, amounts)


def taken(router: Router, amounts: Mapping[str, Any] | None = None, call: Call = CALL) -> Grant:
    """A grant, at once or the test fails."""
    found = router.admission.attempt(demand(router, call, {"requests": 1, "concurrency": 1, **(amounts or {})}))
    assert isinstance(found, Grant), found
    return found


FRAGILE: Final = RestartConfig(max_restarts=1, within_s=1000.0, supervisor_max_restarts=1, backoff_s=0.01)
"""Gives up after the second crash."""


async def quarantine(router: Router, provider: str, actor_id: str) -> None:
    """Crash an actor until its provider is given up; needs `FRAGILE`."""
    for _ in range(50):
        if router.tree.quarantined(provider):
            return
        cell = router.runtime.cells[actor_id]
        if str(cell.status) == "running":
            router.runtime.crash(cell, ZeroDivisionError(), "test")
        await anyio.sleep(0.5)
    raise AssertionError("still not given up")
