"""Ctrl-C in the middle of a turn: the turn is finished first. Real signals to our own process."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import trio

from actorrouter.runtime import interrupts
from actorrouter.runtime.loops import serve
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.transaction import commit
from actorrouter.turns import Behaviour

from .actors_for_tests import COUNTER, Add, Added, CounterState, HandClock, counter, passes, running
from .gate import Booked

LOOPS: dict[str, Callable[[Any], Any]] = {
    "trio": lambda main: anyio.run(main, backend="trio"),
    "asyncio": lambda main: anyio.run(main, backend="asyncio"),
    "uvloop": lambda main: anyio.run(main, backend="asyncio", backend_options={"use_uvloop": True}),
}


def interrupted(state: CounterState, event: Any) -> None:
    """Evolve that is hit by Ctrl-C half way."""
    state.heard.append("begun")
    signal.raise_signal(signal.SIGINT)
    for _ in range(100):
        state.sum += 1
    state.heard.append("done")


def hit(runtime: Runtime) -> Any:
    ref = counter(runtime)
    evolve = dict.fromkeys([Added, Booked], interrupted)
    ref.cell.behaviour = Behaviour("hit", COUNTER.decide, evolve, COUNTER.copy, COUNTER.weigh)
    return ref


@pytest.mark.parametrize("loop", list(LOOPS))
@pytest.mark.parametrize("how", ["ask", "tell", "queued", "commit"])
def test_finishes_the_turn(loop: str, how: str) -> None:
    """SIGINT inside evolve ends the program with KeyboardInterrupt, after the turn was finished and journalled."""
    kept: list[Any] = []

    async def main() -> None:
        async with running() as runtime:
            ref = hit(runtime)
            kept.append(ref.cell)
            if how == "ask":
                await ref.ask(Add())
            elif how == "tell":
                ref.tell(Add())
            elif how == "commit":
                commit(runtime, [ref.cell], Booked(1.0, 1))
            else:
                runtime.suspend(ref.cell, 0.0)
                ref.tell(Add())
                runtime.restart(ref.cell)
            await anyio.sleep(5)

    with pytest.raises((KeyboardInterrupt, BaseExceptionGroup)) as ended:  # trio: within the task groups it left
        LOOPS[loop](main)
    assert "KeyboardInterrupt" in repr(ended.value)
    (cell,) = kept
    assert (cell.state.sum, cell.state.heard) == (100, ["begun", "done"])
    assert len(cell.log.load()[1]) == 1
    assert not cell.busy


def test_without_protection_it_would_be_torn() -> None:
    """On trio an unprotected function is cut in the middle: the protection is what saves the turn."""
    state = CounterState()

    async def main() -> None:
        interrupted(state, None)

    with pytest.raises(KeyboardInterrupt):
        trio.run(main)
    assert state.heard == ["begun"]


def test_rebuilt_when_protection_does_not_reach() -> None:
    """An interrupt where no loop holds it back leaves the books as the journal has them, not torn."""
    runtime = Runtime(HandClock())
    ref = hit(runtime)
    with pytest.raises(KeyboardInterrupt):
        ref.call(Add())
    assert (ref.cell.state, ref.cell.busy) == (CounterState(), False)


def test_protecting_twice_is_harmless() -> None:
    """A second runtime in the same process, or a second loop, changes nothing."""

    async def main() -> None:
        interrupts.protect()
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(serve, Runtime(trio.current_time))
            await passes()
            group.cancel_scope.cancel()

    trio.run(main)
