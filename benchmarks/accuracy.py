"""How exactly a limit is kept, judged at the provider: 500 requests in 60 s, 200 callers, four kinds of provider.

All in virtual time. A request takes 10-60 ms to the provider; load is saturating, or 45 s on and 45 s off. Our router
goes the whole way (`router.send`, the OpenAI dialect) with a pool that *knows* the provider's shape and phase, one that
is *blind* (shape unknown), and one that *mirrors* what the provider's headers say. Beside it limiters in the peers'
environment, with callers who do the same. Columns: requests sent over the limit; the most that arrived in any 60 s
over the limit (a bucket of 500 may take 2.0, a fixed window too); 429s in %; accepted in % of what the provider could
have given to this load, in all and without the first minute.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, Final, Self

import anyio
import trio.testing

from actorrouter import (
    Call,
    CandidateConfig,
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
from actorrouter.transport.port import Reached, Timeouts, Transport
from actorrouter.values import HttpRequest
from benchmarks import peers_environment
from benchmarks.accuracy_provider import (
    AMOUNT,
    PHASE_S,
    SHAPES,
    TASKS,
    WINDOW_S,
    Provider,
    is_on,
    next_on,
    pause_s,
    rows,
    service_s,
    transit_s,
)
from benchmarks.harness import finish, options, table

EPOCH: Final = 1_700_000_000.0
CALL: Final = Call("m", {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 10}, wait_s=1e6)
BODY: Final = json.dumps(
    {
        "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    }
).encode()
NO: Final = json.dumps({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}).encode()
KNOWN: Final = {
    "fixed": LimitConfig("requests", AMOUNT, WINDOW_S, Shape.FIXED, phase_s=(EPOCH + PHASE_S) % WINDOW_S),
    "bucket 500": LimitConfig("requests", AMOUNT, WINDOW_S, Shape.BUCKET),
    "bucket 50": LimitConfig("requests", AMOUNT, WINDOW_S, Shape.BUCKET, burst=50),
    "log": LimitConfig("requests", AMOUNT, WINDOW_S, Shape.SLIDING),
}
BLIND: Final = LimitConfig("requests", AMOUNT, WINDOW_S)
OURS: Final[Mapping[str, Callable[[str], PoolConfig]]] = {
    "actorrouter, known": lambda shape: PoolConfig((KNOWN[shape],)),
    "actorrouter, blind": lambda _: PoolConfig((BLIND,)),
    "actorrouter, mirror": lambda _: PoolConfig((BLIND,), mirror=True),
}
PEERS: Final = ("limits moving window", "aiolimiter", "pyrate-limiter")


class Wire:
    """A transport whose other end is the provider."""

    def __init__(self, provider: Provider, rng: random.Random) -> None:
        self.provider, self.rng = provider, rng

    def open(self, request: HttpRequest, timeouts: Timeouts, on_written: Callable[[], None]) -> Exchange:  # noqa: ARG002
        """See the port."""
        return Exchange(self, on_written)

    async def aclose(self) -> None:
        """Nothing is open."""


class Exchange:
    """One request on its way, and its answer."""

    def __init__(self, wire: Wire, on_written: Callable[[], None]) -> None:
        self._wire, self._on_written = wire, on_written
        self.reached = Reached.NO
        self.status = 0
        self.headers: Mapping[str, str] = {}

    async def __aenter__(self) -> Self:
        rng, provider = self._wire.rng, self._wire.provider
        self._on_written()
        self.reached = Reached.MAYBE
        await anyio.sleep(transit_s(rng))
        served, remaining, wait_s = provider.arrive(anyio.current_time())
        self.status = 200 if served else 429
        self.headers = {
            "content-type": "application/json",
            "x-ratelimit-limit-requests": str(AMOUNT),
            "x-ratelimit-remaining-requests": str(remaining),
        }
        if not served:
            self.headers = {**self.headers, "retry-after-ms": str(math.ceil(wait_s * 1000))}
        await anyio.sleep(transit_s(rng))
        self.reached = Reached.YES
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.status == 200:
            await anyio.sleep(service_s(self._wire.rng))
        yield BODY if self.status == 200 else NO


async def measure(pool: PoolConfig, shape: str, span_s: float, *, bursty: bool) -> dict[str, float]:
    """One run of our router."""
    rng, start = random.Random(7), anyio.current_time()
    provider = Provider(shape, start)
    wire: Transport = Wire(provider, rng)
    config = RouterConfig(
        providers={"sim": ProviderConfig("http://sim.invalid/v1")},
        pools={"org": pool},
        keys={f"k{number}": KeyConfig("sim", Secret(f"sk-bench-{number}"), ("org",)) for number in range(4)},
        routes={"m": RouteConfig((CandidateConfig("sim", "m"),), wait_s=1e6, waiting_max=10 * TASKS)},
        cold_start=ColdStart.EMPTY,
    )

    async def caller(router: Router) -> None:
        while True:
            since_s = anyio.current_time() - start
            if not is_on(since_s, bursty=bursty):
                await anyio.sleep(next_on(since_s) - since_s)
            try:
                await router.send(CALL)
            except RouterError:
                await anyio.sleep(pause_s(rng))

    wall = partial(_wall, start)
    async with open_router(config, wall=wall, rng=random.Random(8), connect=lambda _, **_options: wire) as router:
        with anyio.move_on_after(span_s):
            async with anyio.create_task_group() as group:
                for _ in range(TASKS):
                    group.start_soon(caller, router)
    return provider.figures(shape, span_s, bursty=bursty)


def _wall(start: float) -> float:
    return EPOCH + anyio.current_time() - start


def ours(who: str, shape: str, span_s: float, *, bursty: bool) -> dict[str, float]:
    """Run our router in virtual time."""
    work = partial(measure, OURS[who](shape), shape, span_s, bursty=bursty)
    return anyio.run(work, backend="trio", backend_options={"clock": trio.testing.MockClock(autojump_threshold=0)})


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", span_s=300.0)
    shapes = ("fixed", "bucket 50") if chosen.smoke else tuple(SHAPES)
    loads = {"saturating": False} if chosen.smoke else {"saturating": False, "bursty": True}
    span_s = min(chosen.span_s, 70.0) if chosen.smoke else chosen.span_s
    told: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    missing = peers_environment.missing(smoke=chosen.smoke)
    for load, bursty in loads.items():
        for who in OURS:
            told.setdefault(who, {})[load] = {shape: ours(who, shape, span_s, bursty=bursty) for shape in shapes}
    if not missing:
        _ask_peers(told, loads, shapes, span_s)
    head = ["limiter", "load", "provider", "sends/limit", "worst window", "429 %", "of maximum %", "steady %"]
    lines = [line for who, by in told.items() for load, figures in by.items() for line in rows(who, load, figures)]
    table(f"{AMOUNT} requests in {WINDOW_S:g} s, {TASKS} callers, {span_s:g} s", head, lines)
    finish(span_s=span_s, cases=told, peers=missing or "measured")


def _ask_peers(told: dict[str, Any], loads: dict[str, bool], shapes: tuple[str, ...], span_s: float) -> None:
    for who in PEERS:
        with peers_environment.worker() as worker:
            for load, bursty in loads.items():
                cells = {s: worker.ask("accuracy", who=who, shape=s, span_s=span_s, bursty=bursty) for s in shapes}
                told.setdefault(who, {})[load] = cells


if __name__ == "__main__":
    main()
