"""However a stream ends, what it used is settled: told if it was told, else counted from what was seen."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

import anyio
import pytest

from actorrouter import Call, Router, StreamInterrupted
from actorrouter.config import TimeoutsConfig
from actorrouter.events import Settled
from actorrouter.router.grants import Lease
from actorrouter.transport.port import Reached
from actorrouter.values import Outcome
from tests.router.world import (
    DONE,
    STREAM,
    Step,
    assert_idle,
    but,
    event,
    fault,
    fleet,
    requests,
    running,
    usage,
    word,
    words,
)

pytestmark = pytest.mark.anyio

CONFIG = fleet(
    {"a1": ("p",)},
    pools={"p": (requests(10_000),)},
    provider={"timeouts": TimeoutsConfig(stall_s=30.0), "retry_ratio": 0.0, "retry_reserve": 0.0},
)
TOLD = event({"choices": [], "usage": usage(5, 4)})
FINISH = word("", "stop")
EXACT, COUNTED = (4, False), (5, True)
"""Output tokens, and whether they are estimated: four words of five bytes each, at four bytes a token."""


async def read(router: Router, call: Call) -> None:
    with suppress(StreamInterrupted):
        await router.send(call)


async def leave(router: Router, call: Call) -> None:
    async with router.stream(call) as reply:
        for _ in range(4):
            await anext(reply)


async def cancelled(router: Router, call: Call) -> None:
    with anyio.move_on_after(10):
        await router.send(call)


async def drop(router: Router, call: Call) -> None:
    reply = await router.stream(call).__aenter__()
    for _ in range(4):
        await anext(reply)
    del reply
    gc.collect()


async def stop_iterating(router: Router, call: Call) -> None:
    async with router.stream(call) as reply:
        seen = 0
        async for _ in reply:
            seen += 1
            if seen == 4:
                break


SILENCE: list[Step] = [1000.0]
EXITS: dict[str, tuple[Any, Call, Iterable[Step], tuple[int, bool]]] = {
    "its end": (read, STREAM, [FINISH, TOLD, DONE], EXACT),
    "its end, and nobody told": (read, STREAM, [FINISH, DONE], COUNTED),
    "an error after usage was told": (read, STREAM, [FINISH, TOLD, event({"error": {"message": "no"}})], EXACT),
    "an error": (read, STREAM, [event({"error": {"message": "no", "code": "503"}})], COUNTED),
    "the end of the bytes": (read, STREAM, [], COUNTED),
    "a disconnect": (read, STREAM, [fault("read", Reached.YES)], COUNTED),
    "a caller that leaves": (leave, STREAM, SILENCE, COUNTED),
    "a caller that breaks off": (stop_iterating, STREAM, SILENCE, COUNTED),
    "a cancelled caller": (cancelled, STREAM, SILENCE, COUNTED),
    "a dropped stream": (drop, STREAM, SILENCE, COUNTED),
    "the deadline": (read, but(STREAM, deadline_s=20.0), SILENCE, COUNTED),
    "silence": (read, STREAM, [step for _ in range(20) for step in (5.0, b": ping\n\n")], COUNTED),
}


@pytest.mark.parametrize("name", EXITS)
async def test_usage_is_settled_on_every_exit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four words came; then the stream ended like this. One settlement, with what is known, marked if it is counted."""
    act: Callable[[Router, Call], Awaitable[None]]
    act, call, end, (written, estimated) = EXITS[name]
    settled: list[Any] = []
    outcomes: list[Outcome] = []
    async with running(CONFIG, observers=[settled.append]) as (router, upstream):
        settle = router.admission.settle

        def seen(lease: Lease, outcome: Outcome) -> None:
            outcomes.append(outcome)
            settle(lease, outcome)

        monkeypatch.setattr(router.admission, "settle", seen)
        upstream.scripts.append(words(4, end=end))
        await act(router, call)
        await anyio.sleep(0.001)
        assert_idle(router)
    assert [event.usage["output_tokens"] for event in settled if type(event) is Settled] == [written]
    assert [outcome.usage.estimated for outcome in outcomes if outcome.usage is not None] == [estimated]
