"""What one reservation costs: reserve + settle through circuit, pool, key and budget, for 10 to 100,000 keys, whose
routers take turns.

`p50_us`, `p99_us`: the two transactions alone, on a candidate already chosen. `routed_us`: with ranking, decision
record and lease, as `router.reserve` does it. Each the median of the turns' own, the least and the most. `growth`: the
most keys over the fewest, each turn's own. `ask_us`, `call_us` against a plain call and a memory-channel actor.
"""

from __future__ import annotations

import gc
import time
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import anyio

from actorrouter import Call, Router, open_router
from actorrouter.events import Granted, Settled
from actorrouter.messages import Reserve, Settle
from actorrouter.router.demand import Demand
from actorrouter.router.grants import Grant
from actorrouter.runtime.clock import loop_clock
from actorrouter.runtime.journal import MemoryLog
from actorrouter.runtime.ref import Ref
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.transaction import commit, conclude, propose
from actorrouter.turns import Behaviour, Turn
from actorrouter.values import CONCURRENCY, COST, REQUESTS, TOKENS, OutcomeClass, Scope, Usage
from benchmarks.fleets import fleet
from benchmarks.harness import finish, options, percentile, spread, table, turns

AMOUNTS = {REQUESTS: 1, CONCURRENCY: 1, TOKENS: 1000, COST: Decimal("0.01")}
SUCCEEDED, NONE = OutcomeClass.SUCCEEDED, Scope.NONE
NAMES = ("p50", "p99", "routed_p50", "routed_p99")
USED = {TOKENS: 700, COST: Decimal("0.007")}


def transactions(router: Router, rounds: int) -> list[float]:
    """Seconds of each reserve + settle over the four holders, walking over the keys."""
    runtime = router.runtime
    candidate = router.fleet.routes["bench"].candidates[0]
    seats = [
        seat
        for key in list(router.fleet.keys.values())[:: max(1, len(router.fleet.keys) // 1000)]
        for seat in key.seats
    ]
    times: list[float] = []
    for number in range(rounds):
        seat = seats[number % len(seats)]
        holders = candidate.budgets + seat.holders
        reservation_id = runtime.new_id()
        start = time.perf_counter()
        now = runtime.clock()
        message = Reserve(reservation_id, AMOUNTS, "m", now + 60)
        if propose(runtime, holders, message, now):
            raise RuntimeError("refused")
        ids = tuple([cell.actor_id for cell in holders])
        commit(runtime, holders, Granted(now, reservation_id, seat.key.key_id, "m", "bench", AMOUNTS, now + 60, ids))
        now = runtime.clock()
        settle = Settle(reservation_id, SUCCEEDED, NONE, USED)
        ended = Settled(now, reservation_id, seat.key.key_id, ids, SUCCEEDED, NONE, USED, {})
        conclude(runtime, holders, settle, ended, now)
        times.append(time.perf_counter() - start)
    return times


def routed(router: Router, rounds: int) -> list[float]:
    """Seconds of each reserve + settle with ranking, decision record and lease."""
    route = router.fleet.routes["bench"]
    call, usage = Call("bench"), Usage(USED)
    times: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        grant = router.admission.attempt(Demand(route, call, (), AMOUNTS))
        assert isinstance(grant, Grant)
        grant.settle(usage)
        times.append(time.perf_counter() - start)
    return times


class _Count:
    """A message."""


COUNTER = Behaviour("counter", {_Count: lambda state, _, __: Turn(state)}, {}, lambda state: state, lambda _: 0)


async def asks(rounds: int) -> dict[str, float]:
    """Microseconds of one ask, call, plain call, and ask of an actor behind a memory channel."""
    runtime = Runtime(loop_clock())
    ref, message = Ref(runtime, runtime.spawn("counter", COUNTER, lambda: 1)), _Count()
    figures = {"plain_us": await _per_round(rounds, lambda: COUNTER.decide[_Count](1, message, 0.0))}
    figures["call_us"] = await _per_round(rounds, lambda: ref.call(message))
    start = time.perf_counter()
    for _ in range(rounds):
        await ref.ask(message)
    figures["ask_us"] = (time.perf_counter() - start) / rounds * 1e6
    figures["channel_ask_us"] = await _channel(rounds // 10)
    return figures


async def _per_round(rounds: int, step: Any) -> float:
    start = time.perf_counter()
    for _ in range(rounds):
        step()
    return (time.perf_counter() - start) / rounds * 1e6


async def _channel(rounds: int) -> float:
    send, receive = anyio.create_memory_object_stream[Any](100)

    async def actor() -> None:
        async for reply in receive:
            await reply.send(1)

    async with anyio.create_task_group() as group, send:
        group.start_soon(actor)
        start = time.perf_counter()
        for _ in range(rounds):
            answer, wait = anyio.create_memory_object_stream[int](1)
            await send.send(answer)
            await wait.receive()
            answer.close()
            wait.close()
        took = time.perf_counter() - start
        group.cancel_scope.cancel()
    return took / rounds * 1e6


async def measure(sizes: list[int], rounds: int, times: int) -> dict[int, dict[str, list[float]]]:
    """Microseconds by number of keys: each turn's percentiles."""
    told: dict[int, dict[str, list[float]]] = {keys: {name: [] for name in NAMES} for keys in sizes}
    async with AsyncExitStack() as stack:
        routers = {keys: await stack.enter_async_context(open_router(fleet(keys))) for keys in sizes}
        for router in routers.values():
            transactions(router, rounds)
            routed(router, rounds)
        gc.collect()
        gc.freeze()
        stack.callback(gc.unfreeze)
        for _ in turns(times):
            for keys, router in routers.items():
                plain, whole = transactions(router, rounds), routed(router, rounds)
                figures = [percentile(times, share) * 1e6 for times in (plain, whole) for share in (0.5, 0.99)]
                for name, figure in zip(NAMES, figures, strict=True):
                    told[keys][name].append(figure)
    return told


def kernel(rounds: int, times: int) -> dict[str, dict[str, list[float]]]:
    """Microseconds of an ask and what it is compared with, by backend, in turns."""
    told: dict[str, dict[str, list[float]]] = {}
    for _ in turns(times):
        for backend in ("trio", "asyncio"):
            for name, figure in anyio.run(asks, rounds, backend=backend).items():
                told.setdefault(backend, {}).setdefault(name, []).append(figure)
    return told


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", backend="trio")
    sizes, rounds, times = ([10, 1000], 1000, 3) if chosen.smoke else ([10, 1000, 100_000], 10_000, 15)
    by_size = anyio.run(measure, sizes, rounds, times, backend=chosen.backend)
    rows = [[keys, name, *spread(by[name])] for name in NAMES for keys, by in by_size.items()]
    table("reserve + settle over circuit, pool, key, budget (µs)", ["keys", "what", "median", "least", "most"], rows)
    few, many = by_size[sizes[0]], by_size[sizes[-1]]
    growth = {name: spread([b / a for a, b in zip(few[name], many[name], strict=True)]) for name in NAMES}
    table(
        f"{sizes[-1]} keys over {sizes[0]}", ["what", "median", "least", "most"], [[n, *g] for n, g in growth.items()]
    )
    asked = kernel(rounds, times)
    rows = [[backend, name, *spread(taken)] for backend, by in asked.items() for name, taken in by.items()]
    table("one ask (µs)", ["backend", "what", "median", "least", "most"], rows)
    finish(
        **{f"{name}_us": {str(keys): spread(by[name], 2) for keys, by in by_size.items()} for name in NAMES},
        growth=growth["p50"],
        routed_growth=growth["routed_p50"],
        **{name: {backend: spread(by[name]) for backend, by in asked.items()} for name in asked["trio"]},
        log=MemoryLog.__name__,
    )


if __name__ == "__main__":
    main()
