"""Where the time of a benchmark goes: its inner loop under a sampling profiler, shares by room, module and function.

    python -m benchmarks.profile [reserve] [routed] [send] [opening] [--seconds 10]

*reserve*: the two transactions over four holders; *routed*: ranking, decision and lease besides; *send*: `router.send`
over loopback, 64 at once; *opening*: 30,000 keys with a pool each. Every tick of this process's CPU time (1 to 4 ms)
the stack is looked at; `in` is time in a function's own code, `under` also in what it calls. A room is a package, of
actorrouter the second level; what attrs made for a class belongs to that class. System calls count for who made them.
`us`: CPU microseconds of a round while it was watched.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import anyio

from actorrouter import Call, Router, open_router
from benchmarks.fast_upstream import fast_upstream
from benchmarks.fleets import fleet
from benchmarks.harness import finish, table
from benchmarks.reserve import routed, transactions
from benchmarks.send import BODY, config, load

INTERVAL_S: Final = 0.001
ROOT: Final = Path(__file__).parent.parent
SHOWN: Final = 10


class Samples:
    """What was seen. `own`: samples by code object; `under`: samples in whose stack it was, once each."""

    def __init__(self) -> None:
        self.total = 0
        self.own: Counter[CodeType] = Counter()
        self.under: Counter[CodeType] = Counter()

    def take(self, _: int, frame: FrameType | None) -> None:
        """The handler of the signal."""
        if frame is None:
            return
        self.total += 1
        self.own[frame.f_code] += 1
        stack = set()
        while frame is not None:
            stack.add(frame.f_code)
            frame = frame.f_back
        self.under.update(stack)

    def shares(self, seen: Counter[CodeType], name: Callable[[CodeType], str]) -> dict[str, float]:
        """Percent by name, most first."""
        by_name: Counter[str] = Counter()
        for code, count in seen.items():
            by_name[name(code)] += count
        return {each: round(100 * count / max(1, self.total), 1) for each, count in by_name.most_common()}


@contextmanager
def sampled() -> Iterator[Samples]:
    """Watch the block. Only for the main thread, and where there are interval timers (not on Windows)."""
    samples = Samples()
    before = signal.signal(signal.SIGPROF, samples.take)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)
    try:
        yield samples
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def module_of(code: CodeType) -> str:
    """The dotted module whose code it is, from its file alone."""
    if code.co_filename.startswith("<"):  # <attrs generated methods a.module.Class>, <frozen module>
        made_for = code.co_filename.strip("<>").rpartition(" ")[2]
        return made_for.rpartition(".")[0] if "attrs" in code.co_filename else made_for
    path = Path(code.co_filename)
    for root in (ROOT, *(Path(entry) for entry in sys.path if entry)):
        if path.is_relative_to(root) and "site-packages" not in path.relative_to(root).parts:
            return ".".join(path.relative_to(root).with_suffix("").parts)
    return path.stem


def room_of(code: CodeType) -> str:
    """Its package: of actorrouter the second level, of others the first."""
    parts = module_of(code).split(".")
    return ".".join(parts[: 2 if parts[0] == "actorrouter" else 1])


def function_of(code: CodeType) -> str:
    """Module and name, with the class for which attrs made it."""
    made_for = code.co_filename.strip("<>").rpartition(".")[2] + "." if "<attrs" in code.co_filename else ""
    return f"{module_of(code)}.{made_for}{code.co_qualname}"


async def for_a_while(step: Callable[[], Awaitable[Any] | Any], seconds: float) -> tuple[Samples, float]:
    """Repeat a step while it is watched, the warm-up not; CPU microseconds of each time."""
    await _awaited(step())
    rounds, began, cpu = 0, time.perf_counter(), time.process_time()
    with sampled() as samples:
        while not rounds or time.perf_counter() - began < seconds:
            await _awaited(step())
            rounds += 1
    return samples, (time.process_time() - cpu) / rounds * 1e6


async def _awaited(told: Awaitable[Any] | Any) -> None:
    if isinstance(told, Awaitable):
        await told


async def reserving(loop: Callable[[Router, int], Any], seconds: float) -> tuple[Samples, float]:
    """Reserve and settle over ten keys."""
    rounds = 1000
    async with open_router(fleet(10)) as router:
        samples, us = await for_a_while(partial(loop, router, rounds), seconds)
    return samples, us / rounds


async def sending(seconds: float) -> tuple[Samples, float]:
    """`router.send` over 16 keys, 64 at once."""
    rounds = 640
    with fast_upstream(16) as (base_url, _):
        async with open_router(config(base_url, 16, "auto")) as router:
            samples, us = await for_a_while(partial(load, partial(router.send, Call("m", BODY)), rounds, 64), seconds)
    return samples, us / rounds


async def opening(seconds: float) -> tuple[Samples, float]:
    """A router on many keys, opened and closed; microseconds a key."""
    keys = 30_000
    described = fleet(keys, per_pool=1)

    async def once() -> None:
        async with open_router(described):
            pass

    samples, us = await for_a_while(once, seconds)
    return samples, us / keys


CASES: Final[dict[str, Callable[[float], Awaitable[tuple[Samples, float]]]]] = {
    "reserve": partial(reserving, transactions),
    "routed": partial(reserving, routed),
    "send": sending,
    "opening": opening,
}


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help=", ".join(CASES))
    parser.add_argument("--seconds", type=float, default=10.0, help="of each (10)")
    parser.add_argument("--backend", default="trio")
    parser.add_argument("--smoke", action="store_true", help="a few seconds, to see that it runs")
    chosen = parser.parse_args()
    unknown = set(chosen.what) - set(CASES)
    if unknown:
        parser.error(f"no such benchmark here: {', '.join(sorted(unknown))}")
    told = {}
    for name in chosen.what or CASES:
        samples, us = anyio.run(CASES[name], 0.5 if chosen.smoke else chosen.seconds, backend=chosen.backend)
        told[name] = {"us": round(us, 2), "samples": samples.total, **_shown(name, samples, us)}
    finish(backend=chosen.backend, cases=told)


def _shown(name: str, samples: Samples, us: float) -> dict[str, dict[str, float]]:
    """Print the tables of one case and return what stands in them."""
    rooms = samples.shares(samples.own, room_of)
    own, under = (samples.shares(seen, function_of) for seen in (samples.own, samples.under))
    ours = {function: share for function, share in under.items() if function.startswith("actorrouter.")}
    told = {"room": rooms, "in": own, "under": ours}
    shares = {what: dict([*by.items()][:SHOWN]) for what, by in told.items()}
    for what, by in shares.items():
        rows = [[each, share, share * us / 100] for each, share in by.items()]
        table(f"{name}, {us:.1f} CPU µs a round", [what, "%", "µs"], rows)
    return shares


if __name__ == "__main__":
    main()
