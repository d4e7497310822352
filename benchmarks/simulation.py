"""How fast a rehearsal is: simulated calls per CPU second on both paths, and a day of a real service with 100 keys.

    python -m benchmarks.simulation [--smoke]

Every figure includes everything: workload, router, simulated providers with their own books, and all law checkers.
The cases take turns: median, least, most; the day runs once.
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


def in_turns(cases: dict[str, tuple[Scenario, Any]], rounds: int) -> dict[str, list[tuple[Ending, float]]]:
    """Runs of each, and their CPU seconds; one that is not counted comes first, for imports, pools and caches."""
    for scenario, path in cases.values():
        measured(attrs.evolve(scenario, duration_s=min(5.0, scenario.duration_s)), path)
    taken: dict[str, list[tuple[Ending, float]]] = {name: [] for name in cases}
    for _ in harness.turns(rounds, within_s=60.0):
        for name, (scenario, path) in cases.items():
            taken[name].append(measured(scenario, path))
    return taken


def main() -> None:
    """Print the table and the line."""
    chosen = harness.options(__doc__ or "")
    rounds, seconds = (1, 20.0) if chosen.smoke else (7, 300.0)
    plain, mixed = _POISSON.format(rate=8, streams=0.0), _POISSON.format(rate=8, streams=0.4)
    cases: dict[str, tuple[Scenario, Any]] = {
        "fast": (fleet(20, plain, seconds), "fast"),
        "full_httpx2": (fleet(20, mixed, seconds / 5, "httpx2"), "full"),
        "full_lean": (fleet(20, mixed, seconds / 5, "lean"), "full"),
    }
    taken = in_turns(cases, rounds)
    day = fleet(100, _DAY.format(volume=0.0001 if chosen.smoke else 0.004), 86_400.0)
    taken["day, 100 keys"] = [measured(attrs.evolve(day, bytes_per_token=1), "fast")]
    offered = {name: int(runs[0][0].figures["offered"]) for name, runs in taken.items()}
    per_s = {name: harness.spread([offered[name] / s for _, s in runs], 0) for name, runs in taken.items()}
    took_s = {name: harness.spread([s for _, s in runs], 2) for name, runs in taken.items()}
    rows = [
        [name, offered[name], int(runs[0][0].figures["events"]), took_s[name][0], *per_s[name]]
        for name, runs in taken.items()
    ]
    head = ["path", "calls", "events", "CPU s", "calls / CPU s", "least", "most"]
    harness.table("rehearsals, laws watched", head, rows)
    harness.finish(calls_per_cpu_s=per_s, cpu_s=took_s, calls=offered)


if __name__ == "__main__":
    main()
