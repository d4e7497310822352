"""`router.send` beside bare clients of others, on one loopback server, taking turns: calls a second and CPU a call.

Ours chooses among 16 keys, reserves, sends and settles; httpx, httpx2, aiohttp and the openai SDK only send, each in a
process of the peers' environment with an event loop of its own (asyncio, as ours here). Medians, the least and the
most; `cpu_ratio`: CPU of their call over ours of the same round, above 1 the router costs less. Who goes first changes.
`--smoke` fetches nothing: without the peers' environment it measures our side only.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

import anyio

from actorrouter import Call, open_router
from benchmarks import peers_environment
from benchmarks.fast_upstream import fast_upstream
from benchmarks.harness import finish, options, spread, table, turns
from benchmarks.peers_environment import Worker
from benchmarks.send import BODY, config, load

KEYS: Final = 16
OURS: Final = "actorrouter"
PEERS: Final = ("httpx", "httpx2", "aiohttp", "openai")
CELLS: Final = {1: 300, 64: 1000}
"""Calls of a round, by how many are under way at once."""

Rounds = dict[str, list[tuple[float, float]]]
"""By who, for each round: calls a second, CPU microseconds a call."""


async def measure(base_url: str, peers: Mapping[str, Worker], concurrency: int, calls: int, rounds: int) -> Rounds:
    """Everybody in turn, on warm connections."""
    async with open_router(config(base_url, KEYS, "auto")) as router:

        async def one_round(who: str, calls: int) -> tuple[float, float]:
            if who == OURS:
                return await load(partial(router.send, Call("m", BODY)), calls, concurrency)
            told = peers[who].ask("load", who=who, calls=calls, concurrency=concurrency, base_url=base_url)
            return told["rps"], told["cpu_us"]

        order = [OURS, *peers]
        taken: Rounds = {who: [] for who in order}
        for who in order:
            await one_round(who, max(4 * KEYS, 2 * concurrency))
        for _ in turns(rounds, within_s=40.0):
            for who in order:
                taken[who].append(await one_round(who, calls))
            order.append(order.pop(0))
    return taken


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "")
    missing = peers_environment.missing(smoke=chosen.smoke)
    cells, rounds = ({64: 100}, 1) if chosen.smoke else (CELLS, 9)
    taken: dict[int, Rounds] = {}
    with ExitStack() as stack, fast_upstream(KEYS) as (base_url, served_by):
        who = () if missing else PEERS
        peers = {name: stack.enter_context(peers_environment.worker()) for name in who}
        versions = {name: peer.ask("versions", names=[name])[name] for name, peer in peers.items()}
        for concurrency, calls in cells.items():
            taken[concurrency] = anyio.run(measure, base_url, peers, concurrency, calls, rounds)
    rows = [[*line] for concurrency, by in taken.items() for line in _lines(concurrency, by)]
    head = ["at once", "who", "calls/s", "least", "most", "CPU µs", "least", "most", "their CPU over ours"]
    table(f"one call, upstream in {served_by}", head, rows)
    finish(
        rps={str(n): {who: spread([rps for rps, _ in each], 1) for who, each in by.items()} for n, by in taken.items()},
        cpu_us={str(n): {who: spread([c for _, c in each], 1) for who, each in by.items()} for n, by in taken.items()},
        cpu_ratio={str(n): {who: _ratio(by, who) for who in by if who != OURS} for n, by in taken.items()},
        keys=KEYS,
        upstream=served_by,
        peers=missing or versions,
    )


def _lines(concurrency: int, by: Rounds) -> list[list[Any]]:
    return [
        [concurrency, who, *spread([rps for rps, _ in each]), *spread([cpu for _, cpu in each]), _ratio(by, who)[0]]
        for who, each in by.items()
    ]


def _ratio(by: Rounds, who: str) -> list[float]:
    return spread([theirs[1] / ours[1] for ours, theirs in zip(by[OURS], by[who], strict=True)], 2)


if __name__ == "__main__":
    main()
