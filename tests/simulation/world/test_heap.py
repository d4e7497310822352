"""The heap runs coroutines as trio does: the same programs are carried out by both and compared."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import anyio
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from actorrouter.runtime.loop import AnyioLoop
from actorrouter.simulation.world.heap import Cancelled, HeapLoop

Log = list[tuple[Any, ...]]

# ---------------------------------------------------------------------------------------- random programs, side by side

EVENTS = 3
_LEAF = st.one_of(
    st.tuples(st.just("sleep"), st.integers(0, 4)),
    st.tuples(st.just("wait"), st.integers(0, EVENTS - 1)),
    st.tuples(st.just("set"), st.integers(0, EVENTS - 1)),
    st.tuples(st.just("check"), st.just(0)),
)
_OPS = st.recursive(
    st.lists(_LEAF, max_size=4),
    lambda ops: st.lists(_LEAF | st.tuples(st.just("scope"), st.integers(-1, 5), ops), max_size=4),
    max_leaves=12,
)


async def carry_out(ops: list[Any], loop: Any, events: list[Any], fraction: Callable[[], float], note: Any) -> None:
    """One task's program. Every duration gets a binary fraction of its own: no two instants are the same by chance."""
    for op in ops:
        match op:
            case ("sleep", seconds):
                await loop.sleep(seconds + fraction())
            case ("wait", number):
                await events[number].wait()
            case ("set", number):
                events[number].set()
            case ("check", _):
                await loop.checkpoint()
            case ("scope", seconds, inner):
                with loop.within(loop.clock()() + seconds + fraction()) as scope:
                    await carry_out(inner, loop, events, fraction, note)
                    note("through")
                note("scope", scope.cancelled_caught)
        note(op[0])


def programs_of(tasks: list[Any], loop: Any, logs: list[Log]) -> list[Coroutine[Any, Any, None]]:
    """A coroutine for each task, which writes its own log: what, and when."""
    events, clock = [loop.event() for _ in range(EVENTS)], loop.clock()
    started = clock()

    async def task(number: int, ops: list[Any]) -> None:
        log: Log = []
        logs.append(log)
        serial = itertools.count()
        with loop.within(started + 64):
            await carry_out(
                ops,
                loop,
                events,
                lambda: float(2.0 ** -(3 + number + len(tasks) * next(serial))),
                lambda *what: log.append((clock() - started, *what)),
            )
        log.append((clock() - started, "end"))

    return [task(number, ops) for number, ops in enumerate(tasks)]


@settings(max_examples=150)
@given(st.lists(_OPS, min_size=1, max_size=3))
def test_random_programs_do_the_same_as_on_trio(tasks: list[Any]) -> None:
    """Sleeps, nested deadlines, past ones too, and events: each task does the same at the same instants."""
    heap, on_heap = HeapLoop(), list[Log]()
    for coroutine in programs_of(tasks, heap, on_heap):
        heap.spawn(coroutine)
    heap.run()

    on_trio: list[Log] = []

    async def carry(coroutine: Coroutine[Any, Any, None]) -> None:
        await coroutine

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for coroutine in programs_of(tasks, AnyioLoop(), on_trio):
                group.start_soon(carry, coroutine)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert sorted(on_heap) == sorted(on_trio)


# ------------------------------------------------------------------------------------------------------ the heap alone


def test_what_is_due_at_one_instant_runs_in_the_order_asked_for() -> None:
    """Earlier instants first; ties by who asked first, callbacks and tasks alike."""
    heap, told = HeapLoop(), list[Any]()

    async def wait(name: str, at: float) -> None:
        await heap.sleep_until(at)
        told.append((heap.now, name))

    heap.call_at(2, lambda: told.append((heap.now, "callback")))
    heap.spawn(wait("second", 2))
    heap.spawn(wait("first", 1))
    heap.spawn(wait("third", 2))
    heap.run()
    assert told == [(1, "first"), (2, "callback"), (2, "second"), (2, "third")]


def test_of_two_deadlines_at_one_instant_the_outer_counts() -> None:
    """As with anyio's scopes: the inner block does not catch what ends the outer one."""
    heap, caught = HeapLoop(), dict[str, bool]()

    async def task() -> None:
        with heap.within(3) as outer:
            with heap.within(3) as inner:
                await heap.event().wait()
            caught["never"] = True
        caught.update(outer=outer.cancelled_caught, inner=inner.cancelled_caught)

    heap.spawn(task())
    heap.run()
    assert caught == {"outer": True, "inner": False}


def test_a_block_that_ends_in_time_is_not_cancelled_later() -> None:
    """Its deadline is void once the block is left."""
    heap, told = HeapLoop(), list[float]()

    async def task() -> None:
        with heap.within(2) as scope:
            await heap.sleep(1)
        assert not scope.cancelled_caught
        await heap.sleep(5)
        told.append(heap.now)

    heap.spawn(task())
    heap.run()
    assert told == [6]


def test_a_doomed_block_cannot_wait_for_anything() -> None:
    """Its clean-up is cancelled at each wait, as on trio; the task goes on after the block."""
    heap, told = HeapLoop(), list[Any]()

    async def task() -> None:
        with heap.within(1):
            try:
                await heap.sleep(9)
            finally:
                for wait in (heap.sleep(1), heap.event().wait(), heap.checkpoint()):
                    try:
                        await wait
                    except Cancelled:
                        told.append("cancelled")
        await heap.sleep(1)
        told.append(heap.now)

    heap.spawn(task())
    heap.run()
    assert told == ["cancelled"] * 3 + [2]


_WAITS: list[Callable[[HeapLoop], Coroutine[Any, Any, object]]] = [
    lambda heap: heap.sleep(100),
    lambda heap: heap.sleep_until(100),
    lambda heap: heap.event().wait(),
]


@pytest.mark.parametrize("wait", _WAITS)
def test_a_task_is_cancelled_where_it_waits_and_cleans_up(wait: Any) -> None:
    """At once, and what it waited for no longer wakes it."""
    heap, told = HeapLoop(), list[Any]()

    async def task() -> None:
        try:
            await wait(heap)
        finally:
            told.append(heap.now)

    running = heap.spawn(task())
    heap.call_at(3, running.cancel)
    heap.run()
    assert told == [3]
    assert running.done


def test_a_task_that_cancels_itself_ends_at_its_next_wait() -> None:
    """And is not woken for it a second time."""
    heap, told = HeapLoop(), list[Any]()

    async def task() -> None:
        running.cancel()
        told.append("still here")
        await heap.sleep(1)
        told.append("never")

    running = heap.spawn(task())
    heap.run()
    assert told == ["still here"]


def test_a_scope_entered_too_late_ends_at_its_first_wait_and_leaves_no_wake_up_behind() -> None:
    """What is waited for after it comes when it comes."""
    heap, told = HeapLoop(now=10), list[Any]()
    event = heap.event()

    async def task() -> None:
        with heap.within(5) as scope:
            await heap.checkpoint_if_cancelled()
        assert scope.cancelled_caught
        await event.wait()
        told.append(heap.now)

    heap.spawn(task())
    heap.call_at(20, event.set)
    heap.run()
    assert told == [20]


def test_a_dropped_task_is_gone_where_it_is() -> None:
    """Its `finally` runs, it waits for nothing, and what it waited for finds nobody."""
    heap, told = HeapLoop(), list[str]()
    event = heap.event()

    async def task() -> None:
        try:
            await event.wait()
            told.append("woken")
        finally:
            told.append("closed")

    running = heap.spawn(task())
    heap.run()
    running.drop()
    event.set()
    heap.run()
    assert told == ["closed"]


def test_an_event_wakes_everybody_once() -> None:
    """In the order in which they came; setting it again changes nothing."""
    heap, told = HeapLoop(), list[int]()
    event = heap.event()

    async def task(number: int) -> None:
        await event.wait()
        told.append(number)
        await event.wait()

    tasks = [heap.spawn(task(number)) for number in range(3)]
    heap.call_at(1, event.set)
    heap.call_at(2, event.set)
    heap.run()
    assert told == [0, 1, 2]
    assert all(each.done for each in tasks)


def test_after_a_stall_what_was_missed_is_done_late_and_in_order() -> None:
    """Nothing runs while time passes; time does not go back."""
    heap, told = HeapLoop(), list[Any]()

    def stall() -> None:
        heap.now += 10

    heap.call_at(1, stall)
    for at in (8, 4, 20):
        heap.call_at(at, partial(lambda at: told.append((heap.now, at)), at))
    heap.run()
    assert told == [(11, 4), (11, 8), (20, 20)]


class FakeRuntime:
    """Timers at given instants, and one message for each that came."""

    def __init__(self, heap: HeapLoop, instants: list[float], told: list[Any]) -> None:
        self.timers = self
        self._heap, self._instants, self._told = heap, instants, told
        self._mail = 0

    def next_at(self) -> float:
        return self._instants[0] if self._instants else float("inf")

    def take_due(self, now: float) -> Callable[[], None] | None:
        if not self._instants or self._instants[0] > now:
            return None
        at = self._instants.pop(0)
        return lambda: self._ring(at)

    def _ring(self, at: float) -> None:
        self._mail += 1
        self._told.append(("timer", at))

    @property
    def has_mail(self) -> bool:
        return self._mail > 0

    def drain(self, most: int) -> None:
        self._told.append(("mail", self._heap.now, min(most, self._mail)))
        self._mail = 0


def test_the_runtimes_timers_and_mail_are_served_at_their_instants() -> None:
    """Timers before what is due at the same instant; mail before time moves on."""
    heap, told = HeapLoop(), list[Any]()
    heap.runtimes = [FakeRuntime(heap, [1.0, 3.0], told)]  # type: ignore[list-item] # what the heap uses of one
    heap.call_at(1.0, lambda: told.append("callback"))
    heap.call_at(2.0, lambda: told.append("callback"))
    heap.run()
    assert told == [("timer", 1), ("mail", 1, 1), "callback", "callback", ("timer", 3), ("mail", 3, 1)]


def test_it_runs_until_an_instant_or_until_somebody_says_so() -> None:
    """What is due later stays due."""
    heap, told = HeapLoop(), list[float]()
    for at in (1.0, 2.0, 3.0):
        heap.call_at(at, partial(told.append, at))
    heap.run(until=1.5)
    assert (heap.now, told) == (1.5, [1.0])
    heap.run(idle=lambda: len(told) == 2)
    assert (heap.now, told) == (2.0, [1.0, 2.0])


def test_a_fault_of_a_task_comes_out_of_the_run() -> None:
    """Nothing is swallowed."""
    heap = HeapLoop()

    async def task() -> None:
        await heap.sleep(1)
        raise ZeroDivisionError

    heap.spawn(task())
    with pytest.raises(ZeroDivisionError):
        heap.run()
