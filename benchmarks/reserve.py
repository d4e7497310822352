"""What one reservation costs: reserve + settle through circuit, pool, key and budget, for 10 to 100,000 keys.

`p50_us`, `p99_us`: the two transactions alone, on a candidate already chosen. `routed_us`: with ranking, decision
record and lease, as `router.reserve` does it. `ask_us`, `call_us` against a plain call and a memory-channel actor.
"""

from __future__ import annotations

import gc
import time
from decimal import Decimal
from functools import partial
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
from benchmarks.harness import finish, options, percentile, table

AMOUNTS = {REQUESTS: 1, CONCURRENCY: 1, TOKENS: 1000, COST: Decimal("0.01")}
SUCCEEDED, NONE = OutcomeClass.SUCCEEDED, Scope.NONE
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


async def measure(keys: int, rounds: int) -> dict[str, float]:
    """The figures for one number of keys."""
    async with open_router(fleet(keys)) as router:
        transactions(router, rounds // 10)
        routed(router, rounds // 10)
        gc.collect()
        gc.freeze()
        plain, whole = transactions(router, rounds), routed(router, rounds)
        gc.unfreeze()
    return {
        "p50": percentile(plain, 0.5) * 1e6,
        "p99": percentile(plain, 0.99) * 1e6,
        "routed_p50": percentile(whole, 0.5) * 1e6,
        "routed_p99": percentile(whole, 0.99) * 1e6,
    }


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", backend="trio")
    sizes, rounds = ([10, 1000], 3000) if chosen.smoke else ([10, 1000, 100_000], 30_000)
    by_size = {keys: anyio.run(measure, keys, rounds, backend=chosen.backend) for keys in sizes}
    rows = [[keys, *(f[name] for name in ("p50", "p99", "routed_p50", "routed_p99"))] for keys, f in by_size.items()]
    table(
        "reserve + settle over circuit, pool, key, budget (µs)",
        ["keys", "p50", "p99", "routed p50", "routed p99"],
        rows,
    )
    told = {backend: anyio.run(partial(asks, rounds), backend=backend) for backend in ("trio", "asyncio")}
    table(
        "one ask (µs)", ["backend", *told["trio"]], [[backend, *figures.values()] for backend, figures in told.items()]
    )
    few, many = by_size[sizes[0]], by_size[sizes[-1]]
    finish(
        p50_us={str(k): round(f["p50"], 2) for k, f in by_size.items()},
        p99_us={str(k): round(f["p99"], 2) for k, f in by_size.items()},
        routed_us={str(k): round(f["routed_p50"], 2) for k, f in by_size.items()},
        growth=round(many["p50"] / few["p50"], 3),
        routed_growth=round(many["routed_p50"] / few["routed_p50"], 3),
        ask_us={b: round(f["ask_us"], 3) for b, f in told.items()},
        call_us={b: round(f["call_us"], 3) for b, f in told.items()},
        plain_us={b: round(f["plain_us"], 3) for b, f in told.items()},
        channel_ask_us={b: round(f["channel_ask_us"], 3) for b, f in told.items()},
        log=MemoryLog.__name__,
    )


if __name__ == "__main__":
    main()
