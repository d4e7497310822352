"""How long it takes to open a router on many keys: the configuration checked, every actor started, and closed again.

Each key has a pool of its own with three limits (two actors a key), or shares one with nine others. With `own limits`
no two pools share an object, as in a file. `opened_s` is what a caller waits, check included; `opened_cpu_s` leaves out
what other processes took of the processor. The cases take turns; median, least, most.
"""

from __future__ import annotations

import gc
import time

import anyio
import attrs

from actorrouter import PoolConfig, RouterConfig, open_router
from actorrouter.config.file import validate
from benchmarks.fleets import fleet
from benchmarks.harness import finish, options, spread, table, turns

HEADS = ("checked_s", "opened_s", "opened_cpu_s", "closed_s")


def own_limits(config: RouterConfig) -> RouterConfig:
    """The same configuration, where no two pools share an object."""
    pools = {
        name: PoolConfig(tuple([attrs.evolve(limit) for limit in pool.limits])) for name, pool in config.pools.items()
    }
    return attrs.evolve(config, pools=pools)


async def measure(config: RouterConfig) -> dict[str, float]:
    """Seconds: the check alone; check and start together, as a caller sees it; the end."""
    start = time.perf_counter()
    validate(config)
    checked, checked_cpu = time.perf_counter(), time.process_time()
    async with open_router(config):
        opened, opened_cpu = time.perf_counter(), time.process_time()
    closed = time.perf_counter()
    return {
        "checked_s": checked - start,
        "opened_s": opened - checked,
        "opened_cpu_s": opened_cpu - checked_cpu,
        "closed_s": closed - opened,
    }


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", keys=100_000, backend="trio")
    keys = 2000 if chosen.smoke else chosen.keys
    cases = {
        "10 keys a pool": lambda: fleet(keys),
        "1 key a pool": lambda: fleet(keys, per_pool=1),
        "1 key a pool, own limits": lambda: own_limits(fleet(keys, per_pool=1)),
    }
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in cases}
    for _ in turns(3, within_s=80.0, least=1):
        for name, make in cases.items():
            gc.collect()  # what the one before left is not this one's
            taken[name].append(anyio.run(measure, make(), backend=chosen.backend))
    told = {n: {h: spread([f[h] for f in figures]) for h in HEADS} for n, figures in taken.items()}
    rows = [[name, *[by[h][0] for h in HEADS], *by["opened_s"][1:]] for name, by in told.items()]
    table(f"opening {keys} keys (s)", ["case", *HEADS, "opened_s, least", "most"], rows)
    finish(keys=keys, cases=told)


if __name__ == "__main__":
    main()
