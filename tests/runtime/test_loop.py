"""Two things at once, on a real loop and on the heap of instants alike."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest

from actorrouter.runtime.loop import AnyioLoop, Loop
from actorrouter.simulation.world.heap import Cancelled, HeapLoop
from tests.runtime.backends import run_on

Main = Callable[[Loop, list[Any]], Coroutine[Any, Any, None]]


def on_heap(main: Main) -> list[Any]:
    heap, seen = HeapLoop(), list[Any]()
    heap.spawn(main(heap, seen))
    heap.run()
    return seen


def on_anyio(backend: str) -> Callable[[Main], list[Any]]:
    def run(main: Main) -> list[Any]:
        async def program() -> list[Any]:
            seen: list[Any] = []
            await main(AnyioLoop(), seen)
            return seen

        return run_on(backend, program)

    return run


RUNNERS = {"heap": on_heap, "asyncio": on_anyio("asyncio"), "trio": on_anyio("trio")}
everywhere = pytest.mark.parametrize("run", RUNNERS.values(), ids=RUNNERS)


def sleeper(loop: Loop, seen: list[Any], name: str, seconds: float) -> Callable[[], Coroutine[Any, Any, None]]:
    async def work() -> None:
        gone = Cancelled if isinstance(loop, HeapLoop) else anyio.get_cancelled_exc_class()
        try:
            await loop.sleep(seconds)
            seen.append(name)
        except gone:
            seen.append(f"{name} cancelled")
            raise

    return work


@everywhere
@pytest.mark.parametrize("seconds", [(1.0, 2.0), (2.0, 1.0), (0.0, 0.0)])
def test_both_run_to_their_ends(run: Callable[[Main], list[Any]], seconds: tuple[float, float]) -> None:
    """They run at the same time, and it ends when the later one does."""

    async def main(loop: Loop, seen: list[Any]) -> None:
        began = loop.clock()()
        await loop.together(*(sleeper(loop, seen, name, s) for name, s in zip("ab", seconds, strict=True)))
        seen.append(loop.clock()() - began)

    *names, took = run(main)
    assert sorted(names) == ["a", "b"]
    assert took == pytest.approx(max(seconds))


@everywhere
@pytest.mark.parametrize("first_fails", [True, False])
def test_an_error_ends_the_other_and_comes_out_alone(run: Callable[[Main], list[Any]], first_fails: bool) -> None:
    """What either raises is raised as it is, once the other has been cancelled."""

    async def main(loop: Loop, seen: list[Any]) -> None:
        async def fail() -> None:
            await loop.sleep(1.0)
            raise ZeroDivisionError

        other = sleeper(loop, seen, "other", 5.0)
        with pytest.raises(ZeroDivisionError):
            await loop.together(*((fail, other) if first_fails else (other, fail)))

    assert run(main) == ["other cancelled"]


@everywhere
def test_who_cancels_the_caller_cancels_both(run: Callable[[Main], list[Any]]) -> None:
    """A deadline around both ends both, before the block is left."""

    async def main(loop: Loop, seen: list[Any]) -> None:
        with loop.within(loop.clock()() + 1.0) as scope:
            await loop.together(sleeper(loop, seen, "a", 5.0), sleeper(loop, seen, "b", 5.0))
        seen.append(scope.cancelled_caught)

    *names, caught = run(main)
    assert sorted(names) == ["a cancelled", "b cancelled"]
    assert caught


@everywhere
def test_one_may_end_the_other(run: Callable[[Main], list[Any]]) -> None:
    """A scope of one is cancelled by the other: only that one ends early."""

    async def main(loop: Loop, seen: list[Any]) -> None:
        scopes: list[Any] = []

        async def first() -> None:
            with loop.within(float("inf")) as scope:
                scopes.append(scope)
                await loop.sleep(9.0)
            seen.append("first ended")

        async def second() -> None:
            await loop.sleep(1.0)
            scopes[0].cancel()

        began = loop.clock()()
        await loop.together(first, second)
        seen.append(loop.clock()() - began)

    assert run(main) == ["first ended", pytest.approx(1.0)]
