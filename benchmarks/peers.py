"""Beside others, on this machine and in one run, taking turns: medians, and the least and the most.

*Router*: `router.send` over a real loopback connection to a provider in another process, and the same with a transport
that answers at once, against LiteLLM's Router whose answers are mocked (no network), with as many keys as deployments.
*Limiter*: one acquire that need not wait; ours is a window's books alone, and a whole reservation over circuit, pool,
key and budget, settled. *Kernel*: one ask of an actor, against Pykka's and one behind a memory channel.

The peers live in `.venv-peers`, made when first needed from `requirements-peers.txt`; `--smoke` measures our side only.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, Final, Self

import anyio

from actorrouter import Call, LimitConfig, Router, Shape, open_router
from actorrouter.actors.limits import window
from actorrouter.config import Charge
from actorrouter.transport.port import Reached, Timeouts
from actorrouter.values import HttpRequest
from benchmarks import peers_environment
from benchmarks.accuracy import ours as kept
from benchmarks.fleets import fleet
from benchmarks.harness import finish, options, table
from benchmarks.peers_environment import PeersMissing, Worker
from benchmarks.reserve import asks
from benchmarks.send import BODY, config, load
from benchmarks.upstream import keys, upstream

CONCURRENCY: Final = 64
LIMITERS: Final = ("aiolimiter", "pyrate-limiter", "limits moving window")
ANSWER: Final = json.dumps(
    {
        "choices": [{"message": {"content": "word " * 16}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 16, "total_tokens": 116},
    }
).encode()


class Mocked:
    """A transport, and an exchange of it, that answers at once: what is left is the router's own work."""

    status = 200
    reached = Reached.YES
    headers: Mapping[str, str] = {"content-type": "application/json"}

    def open(self, request: HttpRequest, timeouts: Timeouts, on_written: Callable[[], None]) -> Self:  # noqa: ARG002
        """See the port."""
        on_written()
        return self

    async def aclose(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> Self:
        await anyio.lowlevel.checkpoint()
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield ANSWER


def mocked(_: str, *, proxy: str | None) -> Mocked:  # noqa: ARG001 (the port's)
    """Connects to nothing."""
    return Mocked()


async def routers(base_url: str, count: int, calls: int, rounds: int, peer: Worker | None) -> dict[str, list[float]]:
    """Calls a second with `count` keys, by who: in turn, on warm connections."""
    told: dict[str, list[float]] = {"wire": [], "mocked": [], "litellm": []}
    call = Call("m", BODY)
    async with (
        open_router(config(base_url, count, "auto")) as wired,
        open_router(config(base_url, count, "auto"), connect=mocked) as bare,
    ):
        sends = {"wire": partial(wired.send, call), "mocked": partial(bare.send, call)}
        for send in sends.values():
            await load(send, max(2 * CONCURRENCY, 4 * count), CONCURRENCY)
        for _ in range(rounds):
            for who, send in sends.items():
                told[who].append((await load(send, calls, CONCURRENCY))[0])
            if peer is not None:
                how = {"deployments": count, "calls": max(CONCURRENCY, calls // 5), "concurrency": CONCURRENCY}
                told["litellm"].append(peer.ask("litellm", **how)["rps"])
    return told


def window_us(rounds: int) -> float:
    """Microseconds to ask one window's books, hold and charge: what a limiter alone does."""
    books = window(LimitConfig("requests", 10**9, 60.0, Shape.BUCKET), Charge.UP_FRONT, 0.1)
    start = time.perf_counter()
    for _ in range(rounds):
        now = time.monotonic()
        if books.ready_at(1, now) <= now:
            books.held += 1
            books.held -= 1
            books.charge(1, now)
    return (time.perf_counter() - start) / rounds * 1e6


async def reservation_us(rounds: int, tasks: int) -> float:
    """Microseconds to reserve and settle over all holders."""

    async def one() -> None:
        (await router.reserve("bench", {})).settle()

    router: Router
    async with open_router(fleet(10)) as router:
        await load(one, 500, tasks)
        return 1e6 / (await load(one, rounds, tasks))[0]


def limiters(rounds: int, times: int, *, with_peers: bool) -> dict[str, dict[str, list[float]]]:
    """Microseconds of an acquire, by who: one caller, and 200."""
    told: dict[str, dict[str, list[float]]] = {
        "actorrouter window": {"1": [window_us(rounds) for _ in range(times)]},
        "actorrouter reservation": {
            str(tasks): [anyio.run(reservation_us, rounds, tasks) for _ in range(times)] for tasks in (1, 200)
        },
    }
    for who in LIMITERS if with_peers else ():
        with peers_environment.worker() as peer:
            ask = partial(peer.ask, "acquire", who=who, rounds=rounds)
            told[who] = {str(tasks): [ask(tasks=tasks)["us"] for _ in range(times)] for tasks in (1, 200)}
    return told


def overshoot(span_s: float, *, with_peers: bool) -> dict[str, float]:
    """The most that arrived in any window over the limit, at a provider that keeps a sliding log."""
    told = {who: kept(who, "log", span_s, bursty=False)["worst_window"] for who in _ACCURATE}
    for who in LIMITERS if with_peers else ():
        with peers_environment.worker() as peer:
            answer = peer.ask("accuracy", who=who, shape="log", span_s=span_s, bursty=False)
            told[who] = answer["worst_window"]
    return told


_ACCURATE: Final = ("actorrouter, known", "actorrouter, blind")


def kernels(rounds: int, times: int, *, with_peers: bool) -> dict[str, list[float]]:
    """Microseconds of one ask, by who."""
    told: dict[str, list[float]] = {}
    for _ in range(times):
        for backend in ("trio", "asyncio"):
            figures = anyio.run(asks, rounds, backend=backend)
            told.setdefault(f"actorrouter ask, {backend}", []).append(figures["ask_us"])
            told.setdefault(f"memory channel, {backend}", []).append(figures["channel_ask_us"])
    if with_peers:
        with peers_environment.worker() as peer:
            told["pykka"] = [peer.ask("pykka", rounds=rounds)["us"] for _ in range(times)]
    return told


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "")
    missing = "left out in smoke mode" if chosen.smoke else ""
    if not missing:
        try:
            peers_environment.make()
        except PeersMissing as error:
            missing = str(error)
            print(missing)
    sizes, calls, times = ([4, 32], 200, 1) if chosen.smoke else ([4, 100, 1000], 2000, 5)
    figures = _measure(sizes, calls, times, with_peers=not missing, smoke=chosen.smoke)
    finish(**figures, concurrency=CONCURRENCY, peers=missing or "measured")


def _measure(sizes: list[int], calls: int, times: int, *, with_peers: bool, smoke: bool) -> dict[str, Any]:
    by_size = {}
    for count in sizes:
        with upstream(keys(count)) as provider:
            run = partial(routers, provider.base_url, count, calls, times)
            if with_peers:
                with peers_environment.worker() as peer:
                    by_size[count] = anyio.run(run, peer)
            else:
                by_size[count] = anyio.run(run, None)
    rounds = 2000 if smoke else 20_000
    alone = limiters(rounds, times, with_peers=with_peers)
    over = overshoot(61.0 if smoke else 180.0, with_peers=with_peers)
    asked = kernels(rounds, times, with_peers=with_peers)
    _tables(by_size, alone, over, asked)
    return {
        "rps": {str(n): {who: _spread(f) for who, f in by.items() if f} for n, by in by_size.items()},
        "ratio": {str(n): _ratios(by) for n, by in by_size.items() if by["litellm"]},
        "acquire_us": {who: {n: _spread(f) for n, f in by.items()} for who, by in alone.items()},
        "worst_window": {who: round(f, 3) for who, f in over.items()},
        "ask_us": {who: _spread(f) for who, f in asked.items()},
    }


def _ratios(by: dict[str, list[float]]) -> dict[str, float]:
    pairs = {who: zip(by[who], by["litellm"], strict=True) for who in ("wire", "mocked")}
    return {who: round(statistics.median(our / their for our, their in each), 2) for who, each in pairs.items()}


def _spread(figures: list[float]) -> list[float]:
    return [round(each, 3) for each in (statistics.median(figures), min(figures), max(figures))]


def _tables(by_size: Any, alone: Any, over: Any, asked: Any) -> None:
    lines = [
        [n, who, *_spread(f), statistics.median(f) / statistics.median(by["litellm"]) if by["litellm"] else ""]
        for n, by in by_size.items()
        for who, f in by.items()
        if f
    ]
    names = {"wire": "router.send, loopback", "mocked": "router.send, mocked", "litellm": "LiteLLM Router, mocked"}
    lines = [[n, names[who], *rest] for n, who, *rest in lines]
    head = ["keys", "who", "calls/s", "least", "most", "against LiteLLM"]
    table(f"calls a second, {CONCURRENCY} at once", head, lines)
    lines = [[who, n, *_spread(f)] for who, by in alone.items() for n, f in by.items()]
    table("one acquire that need not wait (µs)", ["limiter", "tasks", "median", "least", "most"], lines)
    table("most arrivals in any 60 s over the limit", ["limiter", "worst window"], [[*each] for each in over.items()])
    lines = [[who, *_spread(f)] for who, f in asked.items()]
    table("one ask (µs)", ["actor", "median", "least", "most"], lines)


if __name__ == "__main__":
    main()
