"""Beside others, on this machine and in one run, taking turns: medians, the least and the most.

*Router*: calls a second, 64 at once, with as many keys as the other has deployments or keys: `router.send` against
LiteLLM's Router and maxllm_gate. Once over loopback, where each uses its own HTTP client against one provider in
another process, and once *mocked*: ours with a transport that answers at once, theirs with LiteLLM's mocked answer.
*Limiter*: one acquire that need not wait; ours is a window's books alone, and a whole reservation over circuit, pool,
key and budget, settled. *Kernel*: one ask of an actor, against Pykka's and one behind a memory channel.

The peers live in `.venv-peers`, made when first needed from `requirements-peers.txt`, each in a process of its own.
`--smoke` fetches nothing: without that environment it measures our side only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

import anyio

from actorrouter import Call, open_router
from benchmarks import peers_environment
from benchmarks.fast_upstream import fast_upstream
from benchmarks.harness import finish, options, spread, table, turns
from benchmarks.mocked import mocked
from benchmarks.peers_environment import Worker
from benchmarks.peers_parts import kernels, limiters
from benchmarks.send import BODY, config, load

ROUND_S: Final = 0.7
ROUTERS: Final = ("litellm", "maxllm_gate")
PARTS: Final = ("aiolimiter", "pyrate-limiter", "limits", "pykka")
OURS: Final = "actorrouter"
WAYS: Final = ("loopback", "mocked")

Taken = dict[tuple[str, str], list[tuple[float, float]]]
"""Calls a second and CPU microseconds a call of each round, by who and which way."""


async def routers(base_url: str, count: int, peers: Mapping[str, Worker], rounds: int, at_once: int) -> Taken:
    """Everybody in turn with `count` keys, on warm connections; a round lasts about as long for each."""
    call = Call("m", BODY)
    async with (
        open_router(config(base_url, count, "auto")) as wired,
        open_router(config(base_url, count, "auto"), connect=mocked) as bare,
    ):
        sends = {"loopback": partial(wired.send, call), "mocked": partial(bare.send, call)}

        async def one_round(who: str, way: str, calls: int) -> tuple[float, float]:
            if who == OURS:
                return await load(sends[way], calls, at_once)
            how = {"base_url": base_url if way == "loopback" else "", "count": count}
            told = peers[who].ask("load", who=who, calls=calls, concurrency=at_once, **how)
            return told["rps"], told["cpu_us"]

        order = [(who, way) for who in (OURS, *peers) for way in WAYS]
        taken: Taken = {each: [] for each in order}
        calls = {}
        for who, way in order:
            await one_round(who, way, 4 * count if who == OURS else at_once)  # ours opens a connection a key
            rps, _ = await one_round(who, way, at_once)
            calls[who, way] = max(at_once, int(rps * ROUND_S))
        for _ in turns(rounds, within_s=20.0):
            for each in order:
                taken[each].append(await one_round(*each, calls[each]))
            order.append(order.pop(0))
    return taken


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "")
    missing = peers_environment.missing(smoke=chosen.smoke)
    sizes, rounds, at_once = ([4], 1, 8) if chosen.smoke else ([4, 100, 1000], 5, 64)
    by_size: dict[int, Taken] = {}
    with ExitStack() as stack:
        peers = {who: stack.enter_context(peers_environment.worker()) for who in (() if missing else ROUTERS)}
        base_url, served_by = stack.enter_context(fast_upstream(sizes[-1]))
        for count in sizes:
            by_size[count] = anyio.run(routers, base_url, count, peers, rounds, at_once)
        versions = _versions(peers.values())
    rounds, times = (500, 1) if chosen.smoke else (5000, 7)
    alone = limiters(rounds, times, with_peers=not missing)
    asked = kernels(rounds, times, with_peers=not missing)
    told = {count: {each: _figures(by, *each) for each in by} for count, by in by_size.items()}
    _routers_table(f"calls a second, {at_once} at once, upstream in {served_by}", told)
    _parts_tables(alone, asked)
    finish(
        routers={str(count): {", ".join(each): by for each, by in whole.items()} for count, whole in told.items()},
        acquire_us={who: {str(n): spread(f) for n, f in by.items()} for who, by in alone.items()},
        ask_us={who: spread(f) for who, f in asked.items()},
        concurrency=at_once,
        upstream=served_by,
        peers=missing or versions,
    )


def _versions(peers: Iterable[Worker]) -> dict[str, str]:
    names = ["litellm", "maxllm-gate", *PARTS]
    return {name: version for peer in peers for name, version in peer.ask("versions", names=names).items()}


def _figures(by: Taken, who: str, way: str) -> dict[str, list[float]]:
    """`ratio`: our calls a second over theirs, the same way, each round's own."""
    ratios = [ours / theirs for (ours, _), (theirs, _) in zip(by[OURS, way], by[who, way], strict=True)]
    rps, cpu_us = zip(*by[who, way], strict=True)
    return {"rps": spread(rps, 1), "cpu_us": spread(cpu_us, 1), "ratio": spread(ratios, 2)}


def _routers_table(title: str, told: Any) -> None:
    lines = [
        [count, way, who, *figures["rps"], figures["cpu_us"][0], *figures["ratio"]]
        for count, by in told.items()
        for (who, way), figures in by.items()
    ]
    head = ["keys", "way", "who", "calls/s", "least", "most", "CPU µs", "ours over theirs", "least", "most"]
    table(title, head, lines)


def _parts_tables(alone: Any, asked: Any) -> None:
    lines = [[who, n, *spread(f)] for who, by in alone.items() for n, f in by.items()]
    table("one acquire that need not wait (µs)", ["limiter", "tasks", "median", "least", "most"], lines)
    lines = [[who, *spread(f)] for who, f in asked.items()]
    table("one ask (µs)", ["actor", "median", "least", "most"], lines)


if __name__ == "__main__":
    main()
