"""Callers that go away at any await: cancelled there, or dropped with the await unfinished."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterable
from typing import Any

import anyio
import attrs
import pytest

from actorrouter import Call, Router
from actorrouter.transport.port import Reached
from tests.router.world import (
    CALL,
    SSE,
    STREAM,
    WRITTEN,
    Step,
    assert_idle,
    at_once,
    but,
    event,
    fault,
    fleet,
    no,
    ok,
    requests,
    running,
    word,
    words,
)

pytestmark = pytest.mark.anyio

POOLS: dict[str, Any] = {"p": (requests(10_000), at_once(2)), "q": (at_once(1),), "r": (at_once(1),)}
CONFIG = fleet({"a1": ("p", "q"), "a2": ("p", "r")}, pools=POOLS)
BREAK = fault("read", Reached.YES)
OVERLOADED = event({"error": {"message": "overloaded", "code": "503"}})
PING = b": ping\n\n"

JOURNEYS: dict[str, tuple[Call, list[Iterable[Step]]]] = {
    "plain, after a rejected key": (CALL, [no(401, "invalid_api_key"), ok(after_s=1.0)]),
    "plain, repeated after a pause": (CALL, [no(500), no(503), ok()]),
    "plain, with a deadline": (but(CALL, deadline_s=60.0), [no(500), ok(after_s=1.0)]),
    "stream, after a rejected key": (STREAM, [no(401, "invalid_api_key"), words(3, pause_s=1.0)]),
    "stream, broken before content": (STREAM, [[WRITTEN, SSE, PING, BREAK], [WRITTEN, SSE, PING, *words(2)[2:]]]),
    "stream, with a deadline": (but(STREAM, deadline_s=60.0), [words(3, pause_s=1.0)]),
    "stream, kept open after its end": (STREAM, [[*words(2, pause_s=1.0), 1000.0]]),
    "stream, continued": (but(STREAM, continue_stream=True), [[WRITTEN, SSE, word(), BREAK], words(2)]),
    "stream, continued after an error event": (
        but(STREAM, continue_stream=True),
        [[WRITTEN, SSE, word(), OVERLOADED], words(2, pause_s=1.0)],
    ),
}
HEDGED = {
    "plain, hedged": (but(CALL, hedge_s=2.0), [ok(after_s=5.0), ok(after_s=1.0)]),
    "stream, hedged": (but(STREAM, hedge_s=2.0), [[WRITTEN, SSE, 5.0, *words(2)[2:]], words(2, pause_s=1.0)]),
}


@attrs.define
class UpTo:
    """Awaits a coroutine; when it waits for the nth time, `then` decides. `waited`: how often it did."""

    work: Coroutine[Any, Any, Any]
    nth: int
    then: Callable[[], bool]
    waited: int = 0

    def __await__(self) -> Generator[Any, Any, None]:
        send: Callable[[Any], Any] = self.work.send
        value: Any = None
        while True:
            try:
                wait = send(value)
            except StopIteration:
                return
            self.waited += 1
            dropped = self.waited == self.nth and self.then()
            try:
                send, value = self.work.send, (yield wait)
            except BaseException as error:
                send, value = self.work.throw, error
            if dropped:
                self.work.close()
                return


async def left_everywhere(how: str, call: Call, scripts: list[Iterable[Step]]) -> int:
    """Leave at the first await, at the second, … to the last; how many there are."""
    async with running(CONFIG) as (router, upstream):
        for nth in range(1, 200):
            upstream.scripts.clear()
            upstream.scripts.extend(scripts)
            waited = await leave(router, call, nth, how)
            await anyio.sleep(0.001)  # what was dropped is ended by the router's own tasks
            assert_idle(router)
            assert upstream.live == 0
            router.reset_circuit("a")
            for key_id in ("a1", "a2"):
                router.clear_key(key_id)
            router.fleet.providers["a"].retries.balance = 10.0
            if waited < nth:
                return waited
    raise AssertionError("never came to its end")


async def leave(router: Router, call: Call, nth: int, how: str) -> int:
    """How often it had waited when it ended."""
    with anyio.CancelScope() as scope:

        def cancel() -> bool:
            scope.cancel()
            return False

        work = UpTo(router.send(call), nth, cancel if how == "cancelled" else lambda: True)
        await work
    return work.waited


@pytest.mark.parametrize("name", [*JOURNEYS, *HEDGED])
async def test_cancelled_at_every_await(name: str) -> None:
    """Nothing stays reserved, held or connected, and the next call finds everything as it was."""
    assert await left_everywhere("cancelled", *(JOURNEYS | HEDGED)[name]) >= 3


@pytest.mark.parametrize("name", JOURNEYS)
async def test_dropped_at_every_await(name: str) -> None:
    """A call whose task is gone, and which therefore cannot wait for anything, leaves nothing either."""
    assert await left_everywhere("dropped", *JOURNEYS[name]) >= 3
