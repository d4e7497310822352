"""How fast a rehearsal is: simulated calls per CPU second on both paths, and a day of a real service with 100 keys.

    python -m benchmarks.simulation [--smoke]

Every figure includes everything: workload, router, simulated providers with their own books, and all law checkers.
"""

from __future__ import annotations

import time
from typing import Any

import attrs

from actorrouter.simulation.world.rehearse import Ending, rehearse
from actorrouter.simulation.world.scenario import Scenario, loads_scenario
from benchmarks import harness

_POOL = """
[router.pools.org{pool}]
limits = [
    {{dimension = "requests", amount = 600, window_s = 60, shape = "bucket", burst = 60}},
    {{dimension = "tokens", amount = 900000, window_s = 60, shape = "sliding", charge = "up_front_then_settle"}},
]
"""
_KEY = """
[router.keys.k{key}]
provider = "p{provider}"
pools = ["org{pool}"]
"""
_ROUTER = """
title = "Benchmark"
duration_s = {duration_s}
[router]
cold_start = "empty"
[router.providers.p0]
http_client = "{client}"
[router.providers.p1]
http_client = "{client}"
[router.routes.chat]
candidates = [{{provider = "p0", model = "m"}}, {{provider = "p1", model = "n"}}]
"""
_POISSON = """
[workload.people]
kind = "poisson"
rate_per_s = {rate}
models = {{chat = 1}}
stream_share = {streams}
input = {{kind = "lognormal", median = 150, sigma = 0.8, most = 4000}}
output = {{kind = "lognormal", median = 80, sigma = 0.8, most = 1000}}
"""
_DAY = """
[workload.day]
kind = "servegen"
trace = "m-small"
volume = {volume}
models = {{chat = 1}}
"""


def fleet(keys: int, workload: str, duration_s: float, client: str = "auto") -> Scenario:
    """`keys` keys of two providers, ten to a pool."""
    pools = range((keys + 9) // 10)
    text = _ROUTER.format(duration_s=duration_s, client=client)
    text += "".join(_POOL.format(pool=pool) for pool in pools)
    text += "".join(_KEY.format(key=key, provider=key // 10 % 2, pool=key // 10) for key in range(keys))
    return loads_scenario(text + workload, "benchmark")


def measured(scenario: Scenario, path: Any) -> tuple[Ending, float]:
    """A run, and the CPU seconds it took."""
    began = time.process_time()
    ending = rehearse(scenario, 1, path)
    took_s = time.process_time() - began
    if ending.violations:
        raise SystemExit("\n".join(ending.violations[:10]))
    return ending, took_s


def row(name: str, scenario: Scenario, path: Any, times: int) -> tuple[list[Any], float]:
    """The best of several runs, as a row and as calls per CPU second."""
    measured(attrs.evolve(scenario, duration_s=min(5.0, scenario.duration_s)), path)  # imports, pools, caches
    ending, took_s = min((measured(scenario, path) for _ in range(times)), key=lambda each: each[1])
    offered = int(ending.figures["offered"])
    return [name, offered, int(ending.figures["events"]), took_s, offered / took_s], offered / took_s


def main() -> None:
    """Print the table and the line."""
    chosen = harness.options(__doc__ or "")
    times, seconds = (1, 20.0) if chosen.smoke else (3, 300.0)
    plain = _POISSON.format(rate=8, streams=0.0)
    mixed = _POISSON.format(rate=8, streams=0.4)
    rows: list[list[Any]] = []
    figures: dict[str, Any] = {}
    cases = [
        ("fast", "fast", plain, seconds, "auto"),
        ("full_httpx2", "full", mixed, seconds / 5, "httpx2"),
        ("full_lean", "full", mixed, seconds / 5, "lean"),
    ]
    for name, path, workload, for_s, client in cases:
        told, per_s = row(name, fleet(20, workload, for_s, client), path, times)
        rows.append(told)
        figures[f"{name}_calls_per_s"] = round(per_s)
    day = fleet(100, _DAY.format(volume=0.0005 if chosen.smoke else 0.004), 86_400.0)
    ending, took_s = measured(attrs.evolve(day, bytes_per_token=1), "fast")
    offered = int(ending.figures["offered"])
    rows.append(["one day, 100 keys", offered, int(ending.figures["events"]), took_s, offered / took_s])
    figures |= {"day_s": round(took_s, 2), "day_calls": offered}
    harness.table("Rehearsals, laws watched", ["path", "calls", "events", "CPU s", "calls / CPU s"], rows)
    harness.finish(**figures)


if __name__ == "__main__":
    main()
