"""Parts of the router beside those who do only that: a limiter's acquire, an actor's ask. Everybody takes turns."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import Final

import anyio

from actorrouter import LimitConfig, Shape, open_router
from actorrouter.actors.limits import window
from actorrouter.config import Charge
from benchmarks import peers_environment
from benchmarks.fleets import fleet
from benchmarks.harness import turns
from benchmarks.reserve import asks
from benchmarks.send import load

LIMITERS: Final = ("aiolimiter", "pyrate-limiter", "limits moving window")
TASKS: Final = (1, 200)


def limiters(rounds: int, times: int, *, with_peers: bool) -> dict[str, dict[int, list[float]]]:
    """Microseconds of an acquire that need not wait, by who: one caller, and 200."""
    told: dict[str, dict[int, list[float]]] = {"actorrouter window": {1: []}}
    told |= {who: {tasks: [] for tasks in TASKS} for who in ("actorrouter reservation", *LIMITERS)}
    with ExitStack() as stack:
        peers = {who: stack.enter_context(peers_environment.worker()) for who in (LIMITERS if with_peers else ())}
        for _ in turns(times, within_s=25.0):
            told["actorrouter window"][1].append(window_us(rounds))
            for tasks in TASKS:
                told["actorrouter reservation"][tasks].append(anyio.run(reservation_us, rounds, tasks))
                for who, peer in peers.items():
                    told[who][tasks].append(peer.ask("acquire", who=who, rounds=rounds, tasks=tasks)["us"])
    return {who: by for who, by in told.items() if by[1]}


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
    async with open_router(fleet(10)) as router:

        async def one() -> None:
            (await router.reserve("bench", {})).settle()

        await load(one, 500, tasks)
        return 1e6 / (await load(one, rounds, tasks))[0]


def kernels(rounds: int, times: int, *, with_peers: bool) -> dict[str, list[float]]:
    """Microseconds of one ask, by who."""
    told: dict[str, list[float]] = {}
    with ExitStack() as stack:
        peer = stack.enter_context(peers_environment.worker()) if with_peers else None
        for _ in turns(times, within_s=15.0):
            for backend in ("trio", "asyncio"):
                figures = anyio.run(partial(asks, rounds), backend=backend)
                told.setdefault(f"actorrouter ask, {backend}", []).append(figures["ask_us"])
                told.setdefault(f"memory channel, {backend}", []).append(figures["channel_ask_us"])
            if peer is not None:
                told.setdefault("pykka", []).append(peer.ask("pykka", rounds=rounds)["us"])
    return told
