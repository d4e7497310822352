"""What runs in the peers' environment: answers questions in JSON lines, one process a peer. Knows no router of ours.

`serve` is started by `peers_environment.worker`. The package's root needs what this environment has not, so that only
the simulated provider is imported of it, past the root.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import time
import types
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from benchmarks import peers_clients, peers_routers
from benchmarks.peers_limiters import LIMITERS

OPENED: dict[str, Callable[..., Any]] = {
    "litellm": peers_routers.litellm,
    "maxllm_gate": peers_routers.maxllm_gate,
    "httpx": peers_clients.httpx,
    "httpx2": peers_clients.httpx2,
    "aiohttp": peers_clients.aiohttp,
    "openai": peers_clients.openai,
}


class Peer:
    """One process's loop, and what was opened in it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.opened: dict[str, Callable[[], Awaitable[None]]] = {}

    def load(self, who: str, calls: int, concurrency: int, **made: Any) -> dict[str, float]:
        """Calls a second and CPU microseconds a call, of a peer that is opened when it is first asked for."""
        name = json.dumps([who, made])
        if name not in self.opened:
            opening = self.stack.enter_async_context(OPENED[who](**made))
            self.opened[name] = self.loop.run_until_complete(opening)
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        self.loop.run_until_complete(_load(self.opened[name], calls, concurrency))
        rps, cpu_us = calls / (time.perf_counter() - wall), (time.process_time() - cpu) / calls * 1e6
        return {"rps": rps, "cpu_us": cpu_us}

    def acquire(self, who: str, rounds: int, tasks: int) -> dict[str, float]:
        """Microseconds of an acquire that need not wait."""

        async def measure() -> float:
            take = LIMITERS[who](10**9, 60.0)
            await take()
            gc.collect()
            start = time.perf_counter()
            await _load(take, rounds, tasks)
            return (time.perf_counter() - start) / rounds * 1e6

        return {"us": self.loop.run_until_complete(measure())}

    def accuracy(self, who: str, **run: Any) -> dict[str, float]:
        """One run of a limiter against the simulated provider, in virtual time."""
        figures: dict[str, float] = import_module("benchmarks.peers_virtual").run(who, **run)
        return figures

    def pykka(self, rounds: int) -> dict[str, float]:
        """Microseconds of one ask of a Pykka actor: a thread's mailbox and a future."""
        import pykka

        class Counter(pykka.ThreadingActor):  # type: ignore[misc]
            def on_receive(self, message: Any) -> int:
                return int(message) + 1

        ref = Counter.start()
        try:
            ref.ask(1)
            start = time.perf_counter()
            for _ in range(rounds):
                ref.ask(1)
            return {"us": (time.perf_counter() - start) / rounds * 1e6}
        finally:
            ref.stop()

    def versions(self, names: list[str]) -> dict[str, str]:
        """Of distributions that are installed here."""
        return {name: metadata.version(name) for name in names}

    def close(self) -> None:
        """Close what was opened."""
        self.loop.run_until_complete(self.stack.aclose())
        self.loop.close()


async def _load(one: Callable[[], Awaitable[Any]], calls: int, concurrency: int) -> None:
    left = calls

    async def loop_of() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await one()

    await asyncio.gather(*(loop_of() for _ in range(concurrency)))


def serve() -> None:
    """Answer until the input ends. What the peers print goes to the standard error."""
    answers, sys.stdout = sys.stdout, sys.stderr
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # LiteLLM leaves its sessions open, one a deployment
    _stand_in("actorrouter", Path(__file__).parent.parent / "actorrouter")
    peer = Peer()
    asked: dict[str, Callable[..., dict[str, Any]]] = {
        each.__name__: each for each in (peer.load, peer.acquire, peer.accuracy, peer.pykka, peer.versions)
    }
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = asked[question.pop("what")](**question)
        except Exception as error:  # whatever it is, whoever asked should hear it
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    peer.close()


def _stand_in(name: str, place: Path) -> None:
    package = types.ModuleType(name)
    package.__path__ = [str(place)]
    sys.modules[name] = package
