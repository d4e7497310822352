"""What `import actorrouter` costs beside the HTTP client it uses: CPU milliseconds of fresh processes, taking turns, on
compiled modules.

Its names are imported when they are first used; `open_router` is the one that needs all of the library, and no HTTP
client beside its own. `ratio`, `open_router_ratio`, `open_router_beside_ratio` (httpx2 imported as well): over
`import anyio, httpx2`, each round's own; median, least, most. `--profile 20`: also the packages whose modules take
longest, by the interpreter's own account.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile

from benchmarks.harness import finish, options, spread, table, turns

CASES = {
    "python": "pass",
    "anyio, httpx2": "import anyio, httpx2",
    "actorrouter": "import actorrouter",
    "actorrouter, httpx2": "import anyio, httpx2, actorrouter",
    "open_router": "from actorrouter import open_router",
    "open_router, httpx2": "import anyio, httpx2; from actorrouter import open_router",
}


def environment(cache: str) -> dict[str, str]:
    """Ours, with compiled modules kept in the folder `cache`."""
    kept = {name: said for name, said in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": cache}


def cpu_ms(code: str, cache: str) -> float:
    """User and system time of one interpreter that runs `code`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)  # finer than os.times(), which counts in hundredths
    subprocess.run([sys.executable, "-c", code], check=True, env=environment(cache))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def shares(code: str, cache: str) -> dict[str, float]:
    """Milliseconds by package, as `python -X importtime` says; a module is not charged for what it imports."""
    command = [sys.executable, "-X", "importtime", "-c", code]
    told = subprocess.run(command, check=True, env=environment(cache), capture_output=True, text=True).stderr
    taken: dict[str, float] = {}
    for line in told.splitlines():
        own_us, _, rest = line.removeprefix("import time:").partition("|")
        if own_us.strip().isdigit():
            parts = rest.rpartition("|")[2].strip().split(".")
            package = ".".join(parts[: 2 if parts[0] == "actorrouter" else 1])
            taken[package] = taken.get(package, 0.0) + int(own_us) / 1000
    return dict(sorted(taken.items(), key=lambda each: -each[1]))


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "", profile=0)
    samples: dict[str, list[float]] = {name: [] for name in CASES}
    with tempfile.TemporaryDirectory() as cache:
        for code in CASES.values():
            cpu_ms(code, cache)  # compiles
        for _ in turns(2 if chosen.smoke else 21):
            for name, code in CASES.items():
                samples[name].append(cpu_ms(code, cache))
        if chosen.profile:
            whole = shares(CASES["open_router, httpx2"], cache)
            table("by package (ms)", ["package", "ms"], [[*each] for each in whole.items()][: chosen.profile])
    head = ["what", "CPU ms", "least", "most", "over the client"]
    table(
        "import",
        head,
        [[name, *spread(taken), statistics.median(_over(samples, name))] for name, taken in samples.items()],
    )
    finish(
        cpu_ms={name: spread(taken, 1) for name, taken in samples.items()},
        ratio=spread(_over(samples, "actorrouter, httpx2")),
        open_router_ratio=spread(_over(samples, "open_router")),
        open_router_beside_ratio=spread(_over(samples, "open_router, httpx2")),
    )


def _over(samples: dict[str, list[float]], name: str) -> list[float]:
    return [ours / client for ours, client in zip(samples[name], samples["anyio, httpx2"], strict=True)]


if __name__ == "__main__":
    main()
