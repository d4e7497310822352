"""What the restart of one actor costs among many: a turn raises, its supervisor starts the next incarnation.

`restart`: from the message that crashes an actor to its next incarnation running, each time another key's or pool's.
`calm`, `beside`: one reserve + settle of somebody else, right before a crash and right after it, in turns.
"""

from __future__ import annotations

import gc
import time
from typing import Any

import anyio
import anyio.lowlevel
import attrs

from actorrouter import Call, Router, open_router
from actorrouter.config import RestartConfig
from actorrouter.router.demand import Demand
from actorrouter.router.grants import Grant
from actorrouter.runtime.cell import Cell, Status
from actorrouter.turns import Behaviour
from actorrouter.values import REQUESTS, TOKENS
from benchmarks.fleets import fleet
from benchmarks.harness import finish, options, percentile, table

OFTEN = RestartConfig(max_restarts=1000, supervisor_max_restarts=10**6)


class Poison:
    """A message whose turn raises."""


def _raise(_state: Any, _message: Any, _now: float) -> Any:
    raise RuntimeError("poisoned")


def crash_ms(router: Router, cell: Cell) -> float:
    """Milliseconds until the actor runs again."""
    before, start = cell.incarnation, time.perf_counter()
    router.runtime.tell(cell.actor_id, Poison())
    took = time.perf_counter() - start
    assert cell.status is Status.RUNNING
    assert cell.incarnation == before + 1
    return 1000 * took


def serve_ms(router: Router) -> float:
    """Milliseconds of one reserve + settle, ranking and record included."""
    start = time.perf_counter()
    grant = router.admission.attempt(Demand(router.fleet.routes["bench"], Call("bench"), (), {REQUESTS: 1, TOKENS: 9}))
    assert isinstance(grant, Grant)
    grant.settle()
    return 1000 * (time.perf_counter() - start)


def poisonable(router: Router, rounds: int) -> list[Cell]:
    """Actors from all over the fleet, keys and pools in turn, that know the poison."""
    entries = list(router.fleet.keys.values())
    entries = entries[:: max(1, len(entries) // rounds)][:rounds]
    cells = [entry.pools[0].cell if number % 2 else entry.cell for number, entry in enumerate(entries)]
    for cell in cells:
        b = cell.behaviour
        cell.behaviour = Behaviour(b.name, {**b.decide, Poison: _raise}, b.evolve, b.copy, b.weigh)
    return cells


async def measure(keys: int, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each."""
    async with open_router(attrs.evolve(fleet(keys, per_pool=1), restart=OFTEN)) as router:
        threshold = gc.get_threshold()
        router.freeze()
        cells = poisonable(router, rounds)
        for _ in range(rounds):
            serve_ms(router)
        calm, restart, beside = [], [], []
        for cell in cells:
            serve_ms(router)
            calm.append(serve_ms(router))
            restart.append(crash_ms(router, cell))
            beside.append(serve_ms(router))
            await anyio.lowlevel.checkpoint()
        gc.unfreeze()
        gc.set_threshold(*threshold)
    return {"restart": restart, "calm": calm, "beside": beside}


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", backend="trio")
    sizes, rounds = ([1000], 200) if chosen.smoke else ([1000, 100_000], 1000)
    found = {keys: anyio.run(measure, keys, rounds, backend=chosen.backend) for keys in sizes}
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    told = {
        (keys, what): {name: percentile(times, share) for name, share in shares.items()}
        for keys, figures in found.items()
        for what, times in figures.items()
    }
    rows = [[keys, what, *figures.values()] for (keys, what), figures in told.items()]
    table("one restart, and one call of somebody else (ms)", ["keys", "what", *shares], rows)
    finish(**{f"{what}_{keys}": {n: round(t, 4) for n, t in figures.items()} for (keys, what), figures in told.items()})


if __name__ == "__main__":
    main()
