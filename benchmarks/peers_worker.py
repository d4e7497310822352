"""What runs in the peers' environment: answers questions in JSON lines, one process a peer. Knows no router of ours.

`serve` is started by `peers_environment.worker`. The package's root needs what this environment has not, so that only
the simulated provider is imported of it, past the root.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
import types
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.peers_limiters import LIMITERS

_ROUTERS: dict[int, Any] = {}


def serve() -> None:
    """Answer until the input ends. What the peers print goes to the standard error."""
    answers, sys.stdout = sys.stdout, sys.stderr
    _stand_in("actorrouter", Path(__file__).parent.parent / "actorrouter")
    loop = asyncio.new_event_loop()
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer: dict[str, Any] = _ANSWERS[question.pop("what")](loop, **question)
        except Exception as error:  # whatever it is, whoever asked should hear it
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _stand_in(name: str, place: Path) -> None:
    package = types.ModuleType(name)
    package.__path__ = [str(place)]
    sys.modules[name] = package


def accuracy(_: Any, who: str, **run: Any) -> dict[str, float]:
    """One run of a limiter against the simulated provider, in virtual time."""
    figures: dict[str, float] = import_module("benchmarks.peers_virtual").run(who, **run)
    return figures


def acquire(loop: asyncio.AbstractEventLoop, who: str, rounds: int, tasks: int) -> dict[str, float]:
    """Microseconds of an acquire that need not wait."""

    async def measure() -> float:
        take = LIMITERS[who](10**9, 60.0)
        await take()
        share = rounds // tasks

        async def loop_of() -> None:
            for _ in range(share):
                await take()

        gc.collect()
        start = time.perf_counter()
        if tasks == 1:
            await loop_of()
        else:
            await asyncio.gather(*(loop_of() for _ in range(tasks)))
        return (time.perf_counter() - start) / (share * tasks) * 1e6

    return {"us": loop.run_until_complete(measure())}


def litellm(loop: asyncio.AbstractEventLoop, deployments: int, calls: int, concurrency: int) -> dict[str, float]:
    """Calls a second of LiteLLM's Router with so many deployments of one model, every answer mocked: no network."""
    router = _ROUTERS.get(deployments) or _ROUTERS.setdefault(deployments, _litellm_router(deployments))

    async def one() -> None:
        answer = await router.acompletion(model="m", messages=[{"role": "user", "content": "x" * 300}], max_tokens=64)
        assert answer.usage.total_tokens

    async def measure() -> tuple[float, float]:
        await _load(one, 2 * concurrency, concurrency)
        wall, cpu = time.perf_counter(), time.process_time()
        await _load(one, calls, concurrency)
        return calls / (time.perf_counter() - wall), (time.process_time() - cpu) / calls * 1e6

    rps, cpu_us = loop.run_until_complete(measure())
    return {"rps": rps, "cpu_us": cpu_us}


def _litellm_router(deployments: int) -> Any:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    params = {"model": "openai/gpt-4o-mini", "mock_response": "word " * 16}
    names = (f"sk-bench-{number}" for number in range(deployments))
    return litellm.Router(
        model_list=[{"model_name": "m", "litellm_params": {**params, "api_key": name}} for name in names],
        num_retries=0,
        set_verbose=False,
    )


async def _load(one: Callable[[], Awaitable[None]], calls: int, concurrency: int) -> None:
    left = calls

    async def loop_of() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await one()

    await asyncio.gather(*(loop_of() for _ in range(concurrency)))


def pykka(_: Any, rounds: int) -> dict[str, float]:
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


_ANSWERS: dict[str, Callable[..., dict[str, float]]] = {
    "accuracy": accuracy,
    "acquire": acquire,
    "litellm": litellm,
    "pykka": pykka,
}
