"""Memory per key with its quota pool, its share of circuit and supervisor, board and journal, at 100,000 keys.

Private memory of a fresh process before and after the router is open; each key has a pool of its own. `used`: after
every tenth key has served one call.
"""

from __future__ import annotations

import gc
import time
from pathlib import Path

import anyio

from actorrouter import Router, open_router
from actorrouter.router.demand import Demand
from actorrouter.router.grants import Grant
from actorrouter.values import REQUESTS, TOKENS, Call
from benchmarks.fleets import fleet
from benchmarks.harness import finish, options, table


def private_bytes() -> int:
    """Private dirty memory of this process (Linux)."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_Dirty"))


def use(router: Router, calls: int) -> None:
    """Serve calls without a network."""
    route = router.fleet.routes["bench"]
    for _ in range(calls):
        grant = router.admission.attempt(Demand(route, Call("bench"), (), {REQUESTS: 1, TOKENS: 100}))
        assert isinstance(grant, Grant)
        grant.settle()


async def measure(keys: int) -> dict[str, float]:
    """Bytes a key: its configuration, the running router, and after use."""
    gc.collect()
    empty = private_bytes()
    config = fleet(keys, per_pool=1)
    gc.collect()
    configured = private_bytes()
    started = time.perf_counter()
    async with open_router(config) as router:
        built_s = time.perf_counter() - started
        gc.collect()
        running = private_bytes()
        use(router, keys // 10)
        gc.collect()
        used = private_bytes()
    return {
        "config": (configured - empty) / keys,
        "per_key": (running - configured) / keys,
        "per_key_used": (used - configured) / keys,
        "build_s": built_s,
    }


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", keys=100_000)
    keys = 5_000 if chosen.smoke else chosen.keys
    figures = anyio.run(measure, keys, backend="trio")
    table(f"bytes per key with a pool of three limits, {keys} keys", list(figures), [list(figures.values())])
    finish(keys=keys, **{name: round(figure, 3) for name, figure in figures.items()})


if __name__ == "__main__":
    main()
