"""What `import actorrouter` costs beside the HTTP client it uses: CPU milliseconds of fresh processes, taking turns, on
compiled modules.

Its names are imported when they are first used; `open_router` is the one that needs all of the library."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from benchmarks.harness import finish, options, table

CASES = {
    "python": "pass",
    "anyio, httpx2": "import anyio, httpx2",
    "actorrouter": "import actorrouter",
    "actorrouter, httpx2": "import anyio, httpx2, actorrouter",
    "open_router, httpx2": "import anyio, httpx2; from actorrouter import open_router",
}


def cpu_ms(code: str, cache: str) -> float:
    """User and system time of one interpreter that runs `code`; compiled modules are kept in the folder `cache`."""
    environment = {name: said for name, said in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = cache
    before = os.times()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    after = os.times()
    return 1000 * (after.children_user + after.children_system - before.children_user - before.children_system)


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "")
    rounds = 3 if chosen.smoke else 21
    samples: dict[str, list[float]] = {name: [] for name in CASES}
    with tempfile.TemporaryDirectory() as cache:
        for code in CASES.values():
            cpu_ms(code, cache)  # compiles
        for _ in range(rounds):
            for name, code in CASES.items():
                samples[name].append(cpu_ms(code, cache))
    medians = {name: statistics.median(times) for name, times in samples.items()}
    table("import, CPU ms", ["what", "median", "least"], [[name, medians[name], min(samples[name])] for name in CASES])
    client, ours = medians["anyio, httpx2"], medians["actorrouter, httpx2"]
    whole = medians["open_router, httpx2"]
    finish(
        client_ms=round(client, 1),
        with_actorrouter_ms=round(ours, 1),
        extra_ms=round(ours - client, 1),
        ratio=round(ours / client, 3),
        open_router_ms=round(whole, 1),
        open_router_ratio=round(whole / client, 3),
        python_ms=round(medians["python"], 1),
    )


if __name__ == "__main__":
    main()
