"""Snapshot and tail: what is kept, how much of it, and what keeping it costs."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from actorrouter.runtime.cell import rebuilt
from actorrouter.runtime.journal import MemoryJournal, MemoryLog
from actorrouter.runtime.ref import Ref
from actorrouter.runtime.runtime import Runtime
from actorrouter.turns import Behaviour

from .actors_for_tests import COUNTER, Add, Added, CounterState, HandClock, Note, Read, counter


def test_the_same_log_again() -> None:
    """A journal gives one log an actor; after `forget` a new one."""
    journal = MemoryJournal()
    log = journal.open("a")
    log.append("event")
    assert journal.open("a") is log
    assert journal.open("b").load() == (None, [])
    journal.forget("a")
    assert journal.open("a").load() == (None, [])


def test_a_snapshot_is_due_after_more_than_eight() -> None:
    """The ninth event of a small state asks for a snapshot; that replaces the tail."""
    log = MemoryLog()
    assert [log.append(number) for number in range(9)] == [False] * 8 + [True]
    log.save("snapshot", 1)
    assert log.load() == ("snapshot", [])
    assert [log.append(number) for number in range(9)] == [False] * 8 + [True]


@given(st.lists(st.booleans(), max_size=400))
@example([True] * 1000)
def test_copying_is_constant_an_event(grows: list[bool]) -> None:
    """However large a state becomes, snapshots copy at most two items for each event; the tail stays within twice
    the state or eight."""
    copied = 0

    def copy(state: CounterState) -> CounterState:
        nonlocal copied
        copied += len(state.heard)
        return CounterState(state.sum, list(state.heard))

    runtime = Runtime(HandClock())
    behaviour = Behaviour("counted", COUNTER.decide, COUNTER.evolve, copy, COUNTER.weigh)
    ref = Ref(runtime, runtime.spawn("a", behaviour, CounterState))
    for number, grow in enumerate(grows):
        ref.call(Note(number) if grow else Add())
        assert len(ref.cell.log.load()[1]) <= max(8, 2 * len(ref.cell.state.heard))
        assert copied <= 2 * (number + 1)


@given(st.lists(st.integers(-5, 5), max_size=60), st.integers(0, 59))
def test_state_is_the_fold_of_its_events(amounts: list[int], when: int) -> None:
    """At any time the log gives the state that stands, and giving it changes neither."""
    ref = counter(Runtime(HandClock()))
    for number, amount in enumerate(amounts):
        ref.call(Add(amount) if number % 2 else Note(amount))
        if number == when:
            for _ in range(2):
                assert rebuilt(ref.cell.log, COUNTER, CounterState) == ref.cell.state
    again = rebuilt(ref.cell.log, COUNTER, CounterState)
    again.heard.append("mine")
    again.sum += 1
    assert rebuilt(ref.cell.log, COUNTER, CounterState) == ref.cell.state


def test_an_event_is_taken_down_after_it_was_applied() -> None:
    """When `append` is called the state has the event already."""
    runtime = Runtime(HandClock())
    ref = counter(runtime)
    seen: list[Any] = []

    class Watching(MemoryLog):
        def append(self, event: Any) -> bool:
            seen.append((event, ref.cell.state.sum))
            return super().append(event)

    ref.cell.log = Watching()
    ref.call(Add(3))
    ref.call(Add(4))
    assert seen == [(Added(100.0, 3), 3), (Added(100.0, 4), 7)]


def test_another_process_would_find_it() -> None:
    """A runtime on the journal of an earlier one begins where that ended."""
    journal = MemoryJournal()
    first = counter(Runtime(HandClock(), journal))
    for _ in range(20):
        first.call(Add())
    assert counter(Runtime(HandClock(), journal)).call(Add(0)) == 20


def test_read_only_turns_leave_no_trace() -> None:
    """A turn without events is not in the log."""
    runtime = Runtime(HandClock())
    ref = counter(runtime)
    for _ in range(20):
        ref.call(Read())
    assert ref.cell.log.load() == (None, [])
