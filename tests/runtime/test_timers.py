"""Keyed timers on one heap, and the task that fires them, on virtual time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import anyio
import pytest
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.errors import ActorFailed
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.timers import Timers
from actorrouter.turns import CancelTimer, SetTimer, Turn
from actorrouter.values import INF

from .actors_for_tests import COUNTER, Boom, CounterState, Do, HandClock, Note, counter, drained, passes, running

KEYS = st.integers(0, 4)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), KEYS, st.one_of(st.integers(0, 20).map(float), st.just(INF))),
        st.tuples(st.just("cancel"), KEYS, st.just(0.0)),
        st.tuples(st.just("take"), st.just(0), st.integers(0, 20).map(float)),
    ),
    max_size=60,
)


@given(STEPS)
def test_as_a_plain_dictionary(steps: list[tuple[str, int, float]]) -> None:
    """Whatever is set, replaced and cancelled: what fires is the earliest of what is set last, the older first."""
    timers, fired = Timers(), []
    model: dict[int, tuple[float, int]] = {}
    for serial, (step, key, at) in enumerate(steps):
        if step == "set":
            timers.set(key, at, lambda serial=serial: fired.append(serial))  # type: ignore[misc]
            model[key] = (at, serial)
        elif step == "cancel":
            timers.cancel(key)
            model.pop(key, None)
        else:
            due = timers.take_due(at)
            first = min(model, key=lambda each: model[each], default=None)
            if first is None or model[first][0] > at:
                assert due is None
            else:
                assert due is not None
                due()
                assert fired[-1] == model.pop(first)[1]
        assert timers.next_at() == min((at for at, _ in model.values()), default=INF)
        assert len(timers) == len(model)


def test_heap_stays_small() -> None:
    """A timer that is replaced a million times does not fill the heap."""
    timers = Timers()
    for at in range(10_000):
        timers.set("renewed", float(at), lambda: None)
    assert len(timers._heap) <= 70


def test_wakes_for_an_earlier_instant_only() -> None:
    """The timer task is woken when its next instant has moved forward, not for others."""
    timers, woken = Timers(), []
    timers.on_earlier = lambda: woken.append(timers.next_at())
    for at in (10.0, 20.0, 5.0, 7.0):
        timers.set(at, at, lambda: None)
    assert woken == [10.0, 5.0]


def test_never_due() -> None:
    """A timer at INF is set and cancelled like any other and never fires."""
    timers = Timers()
    timers.set("a", INF, lambda: None)
    assert (timers.next_at(), timers.take_due(1e300), len(timers)) == (INF, None, 1)


class TestOfAnActor:
    @staticmethod
    def fire(runtime: Runtime, now: float) -> None:
        while (due := runtime.timers.take_due(now)) is not None:
            due()
        drained(runtime)

    def test_replaced_and_cancelled(self) -> None:
        """An actor's key has one timer; a replaced or cancelled one never fires late."""
        runtime = Runtime(HandClock())
        ref = counter(runtime)
        for commands in (
            (SetTimer("a", 110.0, Note("old")), SetTimer("b", 110.0, Note("cancelled"))),
            (SetTimer("a", 120.0, Note("new")), CancelTimer("b")),
        ):
            ref.call(Do(Turn(commands=commands)))
        self.fire(runtime, 115.0)
        assert ref.cell.state.heard == []
        self.fire(runtime, 120.0)
        self.fire(runtime, 500.0)
        assert ref.cell.state.heard == [Note("new")]

    def test_survives_a_restart(self) -> None:
        """A crash takes no timer away: state that was rebuilt still hears what it waits for."""
        runtime = Runtime(HandClock())
        ref = counter(runtime)
        ref.call(Do(Turn(commands=(SetTimer("a", 110.0, Note()),))))
        with pytest.raises(ActorFailed):
            ref.call(Boom())
        self.fire(runtime, 110.0)
        assert ref.cell.state.heard == [Note()]

    def test_ends_with_the_actor(self) -> None:
        """An actor that stops leaves no timer behind, none for whoever gets its id, and no dead letter."""
        runtime = Runtime(HandClock())
        ref = counter(runtime)
        ref.call(Do(Turn(commands=(SetTimer("a", 110.0, Note()), SetTimer("b", 110.0, Note())))))
        runtime.stop(ref.cell, "test")
        assert len(runtime.timers) == 0
        runtime.spawn("counter", COUNTER, CounterState)
        self.fire(runtime, 200.0)
        assert (ref.cell.state.heard, runtime.dead_letters) == ([], 0)

    def test_waits_for_a_restart(self) -> None:
        """A timer that is due while its actor restarts is heard after the restart."""
        runtime = Runtime(HandClock())
        ref = counter(runtime)
        ref.call(Do(Turn(commands=(SetTimer("a", 110.0, Note()),))))
        runtime.suspend(ref.cell, INF)
        self.fire(runtime, 110.0)
        runtime.restart(ref.cell)
        drained(runtime)
        assert ref.cell.state.heard == [Note()]


VIRTUAL = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"], indirect=True)


@pytest.mark.anyio
class TestTask:
    @VIRTUAL
    async def test_fires_in_order_and_never_early(self) -> None:
        """Timers fire in the order of their instants, equal ones as they were set, none before its instant."""
        async with running() as runtime:
            start = runtime.clock()
            fired: list[tuple[str, float]] = []

            def at(name: str) -> Callable[[], None]:
                return lambda: fired.append((name, runtime.clock() - start))

            for name, after in (("c", 3600.0), ("a", 5.0), ("b", 5.0), ("d", 86400.0)):
                runtime.timers.set(name, start + after, at(name))
            await anyio.sleep(86_400)
            await anyio.sleep(1)
            assert [name for name, _ in fired] == ["a", "b", "c", "d"]
            assert [round(after, 3) for _, after in fired] == [5.0, 5.0, 3600.0, 86400.0]
            assert all(after >= due for (_, after), due in zip(fired, (5, 5, 3600, 86400), strict=True))

    @VIRTUAL
    async def test_set_while_it_sleeps(self) -> None:
        """A timer that is set for an earlier instant than the one it sleeps for fires at its own."""
        async with running() as runtime:
            start, fired = runtime.clock(), []
            runtime.timers.set("late", start + 1000, lambda: fired.append("late"))
            await passes()
            runtime.timers.set("soon", start + 1, lambda: fired.append("soon"))
            await anyio.sleep(2)
            assert fired == ["soon"]

    @VIRTUAL
    async def test_many_at_once_give_way(self) -> None:
        """Any number of timers due at once fire 64 at a time; other tasks run in between."""
        async with running() as runtime, anyio.create_task_group() as group:
            fired: list[int] = []
            at_beat: list[int] = []

            async def heart() -> None:
                while len(fired) < 1000:
                    at_beat.append(len(fired))
                    await passes(1)

            for number in range(1000):
                runtime.timers.set(number, 0.0, lambda number=number: fired.append(number))  # type: ignore[misc]
            group.start_soon(heart)
            await passes(40)
            assert fired == list(range(1000))
            assert max(b - a for a, b in pairwise(at_beat)) <= 128

    async def test_due_at_once(self) -> None:
        """A timer in the past fires in the next pass, also on a loop whose time is real."""
        async with running() as runtime:
            fired: list[Any] = []
            runtime.timers.set("past", -INF, lambda: fired.append("past"))
            await passes()
            assert fired == ["past"]

    async def test_asked_for_in_a_turn(self) -> None:
        """A turn's SetTimer comes back as a message."""
        async with running() as runtime:
            ref = counter(runtime)
            await ref.ask(Do(Turn(commands=(SetTimer("a", runtime.clock() + 0.002, Note("ding")),))))
            heard = anyio.Event()
            runtime.readers.append(lambda event: heard.set())
            with anyio.fail_after(5):
                await heard.wait()
            assert ref.cell.state.heard == [Note("ding")]


def test_clock_that_steps() -> None:
    """When the clock jumps over several instants at once, all of them fire, in order, and later ones do not."""
    clock = trio.testing.MockClock()
    fired: list[str] = []

    async def main() -> None:
        async with running() as runtime:
            start = runtime.clock()
            for name, after in (("b", 20.0), ("a", 10.0), ("never", 1000.0)):
                runtime.timers.set(name, start + after, lambda name=name: fired.append(name))  # type: ignore[misc]
            await passes()
            assert fired == []
            clock.jump(500)
            await passes()

    trio.run(main, clock=clock)
    assert fired == ["a", "b"]
