"""What a crash changes: nothing. State comes back from snapshot and journal, open reservations included."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorrouter.actors import budget, circuit, key, quota
from actorrouter.actors.calendar import Edges
from actorrouter.actors.limits import window
from actorrouter.actors.recovery import Recovery
from actorrouter.actors.windows import Fixed, Terms
from actorrouter.config import Charge, CircuitConfig, LimitConfig, RecoveryConfig, Shape
from actorrouter.errors import ActorDown, ActorFailed
from actorrouter.events import ActorCrashed, ActorRestarted, Dispatched, Expired, Granted, Renewed, Settled
from actorrouter.messages import Clear, ClockRead, Dispatch, Expire, Observe, Renew, Reserve, Settle
from actorrouter.runtime.cell import Cell, Status
from actorrouter.runtime.runtime import Crash, Runtime
from actorrouter.runtime.transaction import commit, conclude, propose
from actorrouter.turns import DEFER, Behaviour, Turn
from actorrouter.values import INF, OutcomeClass, QuotaObservation, Scope

from .actors_for_tests import COUNTER, Add, Added, Boom, Do, HandClock, Read, Tear, Torn, counter, drained, recorded


@pytest.fixture
def runtime() -> Runtime:
    return Runtime(HandClock())


class TestDecide:
    def test_changes_nothing(self, runtime: Runtime) -> None:
        """A decide that raises leaves state, log and readers as they were, but for news of the crash."""
        ref = counter(runtime)
        ref.call(Add(5))
        before, events = ref.cell.log.load(), recorded(runtime)
        with pytest.raises(ActorFailed, match="counter failed on Boom: ValueError") as failure:
            ref.call(Boom())
        assert isinstance(failure.value.__cause__, ValueError)
        assert ref.cell.log.load() == before
        assert ref.call(Read()) == 5
        assert events == [ActorCrashed(100.0, "counter", 1, "ValueError", "Boom"), ActorRestarted(100.0, "counter", 2)]

    def test_told(self, runtime: Runtime) -> None:
        """A crash on a told message does not reach the teller."""
        ref = counter(runtime)
        ref.tell(Boom())
        runtime.tell("counter", Boom())
        assert ref.cell.incarnation == 3

    def test_names_no_values(self, runtime: Runtime) -> None:
        """What readers and askers are told of a crash is types and places, never a message's or an error's text."""
        ref, events = counter(runtime), recorded(runtime)

        def spill(state: Any, message: Read, now: float) -> Turn:
            raise ValueError("sk-secret")

        ref.cell.behaviour = Behaviour("spilling", {Read: spill}, {}, COUNTER.copy, COUNTER.weigh)
        with pytest.raises(ActorFailed) as failure:
            ref.call(Read())
        assert "sk-secret" not in f"{events} {failure.value} {ref.cell.last_crash}"


class TestEvolve:
    def test_half_a_turn_is_no_turn(self, runtime: Runtime) -> None:
        """A turn whose second event breaks leaves nothing behind, not even its first event."""
        ref = counter(runtime)
        ref.call(Add(5))
        events = recorded(runtime)
        with pytest.raises(ActorFailed):
            ref.call(Tear())
        assert ref.call(Read()) == 5
        assert ref.cell.log.load()[1] == [Added(100.0, 5)]
        assert [type(event) for event in events] == [ActorCrashed, ActorRestarted]

    def test_no_commands(self, runtime: Runtime) -> None:
        """The commands of a turn that broke are not performed."""
        ref = counter(runtime)
        with pytest.raises(ActorFailed):
            ref.call(Do(Turn(events=(Torn(1.0),), commands=(Do(Turn()),))))
        assert not runtime.has_mail

    def test_breaks_every_time(self, runtime: Runtime) -> None:
        """A bad event cannot poison later restarts: it is not in the log."""
        ref = counter(runtime)
        for _ in range(20):
            ref.call(Add(1))
            with pytest.raises(ActorFailed):
                ref.call(Tear())
        assert (ref.call(Read()), ref.cell.incarnation) == (20, 21)

    def test_log_that_raises(self, runtime: Runtime) -> None:
        """An event that could not be taken down has not happened."""
        ref = counter(runtime)
        ref.call(Add(5))

        class Full:
            def __init__(self, log: Any) -> None:
                self.load, self.save = log.load, log.save

            def append(self, event: Any) -> bool:
                raise OSError("disk full")

        good, ref.cell.log = ref.cell.log, Full(ref.cell.log)
        with pytest.raises(ActorFailed):
            ref.call(Add(1))
        ref.cell.log = good
        assert ref.call(Read()) == 5

    def test_what_is_not_an_exception(self, runtime: Runtime) -> None:
        """An interrupt in the middle of evolve reaches the caller, is nobody's crash, and the state is whole again."""
        ref, events = counter(runtime), recorded(runtime)
        ref.call(Add(5))

        def interrupted(state: Any, event: Torn) -> None:
            state.sum = -1
            raise KeyboardInterrupt

        evolve = {**COUNTER.evolve, Torn: interrupted}
        ref.cell.behaviour = Behaviour("hit", COUNTER.decide, evolve, COUNTER.copy, COUNTER.weigh)
        with pytest.raises(KeyboardInterrupt):
            ref.call(Tear())
        assert ref.call(Read()) == 5
        assert [type(event) for event in events] == [Added]

    def test_state_that_cannot_be_copied(self, runtime: Runtime) -> None:
        """When the snapshot fails the actor is rebuilt; the reply, the event and all before it stand."""
        ref = counter(runtime)
        for _ in range(8):
            ref.call(Add(1))
        ref.cell.state.heard = None
        assert ref.call(Add(1)) == 9
        assert (ref.cell.incarnation, ref.cell.state.sum, ref.cell.state.heard) == (2, 9, [])


class TestRestart:
    def test_log_that_cannot_be_applied(self, runtime: Runtime) -> None:
        """An actor without a supervisor whose log is broken stops: nobody waits for it for ever."""
        ref = counter(runtime)
        parked = runtime.turn(ref.cell, Do(Turn(DEFER)), 5)
        ref.cell.log.append(Torn(1.0))
        with pytest.raises(ActorFailed):
            ref.call(Boom())
        assert ref.cell.status is Status.STOPPED
        assert isinstance(parked.failure, ActorDown)

    def test_supervised(self, runtime: Runtime) -> None:
        """A supervisor is told of each crash and decides; until it restarts the actor, mail waits."""
        told: list[str] = []
        ref = counter(runtime, on_crash=lambda cell, reason: told.append(reason))
        with pytest.raises(ActorFailed):
            ref.call(Boom())
        ref.tell(Add(3))
        assert (told, ref.cell.status, ref.cell.depth) == (["ValueError in Boom"], Status.RESTARTING, 1)
        ref.cell.log.append(Torn(1.0))
        assert not runtime.restart(ref.cell)
        assert ref.cell.last_crash == "ZeroDivisionError while rebuilding"
        ref.cell.log.load()[1].clear()
        assert runtime.restart(ref.cell)
        drained(runtime)
        assert ref.call(Read()) == 3

    def test_of_a_stopped_actor(self, runtime: Runtime) -> None:
        """What has stopped is not restarted by a late crash or restart."""
        ref = counter(runtime)
        runtime.stop(ref.cell, "test")
        commit(runtime, [ref.cell], Torn(1.0))
        assert ref.cell.status is Status.STOPPED
        for again in (runtime.restart, lambda cell: runtime.suspend(cell, INF)):
            with pytest.raises(AssertionError):
                again(ref.cell)

    def test_stop_of_a_restarting_actor(self, runtime: Runtime) -> None:
        """An actor that never comes back fails those who wait for it."""
        ref = counter(runtime)
        runtime.suspend(ref.cell, INF)
        parked = ref._enqueue(Read(), 1)
        runtime.stop(ref.cell, "test")
        assert isinstance(parked.failure, ActorDown)


# ---------------------------------------------------------------------------------------------- the router's own actors


def _pool() -> quota.PoolState:
    limits = [
        LimitConfig("requests", 20, 60.0, Shape.BUCKET),
        LimitConfig("tokens", 1000, 60.0, Shape.SLIDING, charge=Charge.HELD),
        LimitConfig("output_tokens", 500, 60.0, Shape.FIXED, charge=Charge.UP_FRONT_THEN_SETTLE),
        LimitConfig("concurrency", 5, 60.0),
    ]
    return quota.PoolState(
        "pool", tuple(window(each, Charge.UP_FRONT, 0.5) for each in limits), Recovery(RecoveryConfig())
    )


def _budget() -> budget.BudgetState:
    terms = Terms("cost", Decimal(5), 86400.0, 0.0, up_front=False, settles=True)
    return budget.BudgetState("budget", Fixed(terms, Edges(every="day")))


def _holders(runtime: Runtime) -> dict[str, Cell]:
    made: list[tuple[str, Behaviour, Any]] = [
        ("circuit", circuit.BEHAVIOUR, lambda: circuit.CircuitState("circuit", CircuitConfig())),
        ("pool", quota.BEHAVIOUR, _pool),
        ("key", key.BEHAVIOUR, lambda: key.KeyState("key", Recovery(RecoveryConfig()))),
        ("budget", budget.BEHAVIOUR, _budget),
    ]
    return {name: runtime.spawn(name, behaviour, initial) for name, behaviour, initial in made}


AMOUNTS = {"requests": 1, "tokens": 120, "output_tokens": 40, "concurrency": 1, "cost": Decimal("0.25")}
OUTCOMES = [
    (OutcomeClass.SUCCEEDED, Scope.NONE),
    (OutcomeClass.RATE_LIMITED, Scope.POOL),
    (OutcomeClass.QUOTA_SPENT, Scope.KEY),
    (OutcomeClass.TRANSIENT, Scope.PROVIDER),
    (OutcomeClass.MODEL_SCOPE, Scope.KEY_MODEL),
    (OutcomeClass.NOT_SENT, Scope.PROVIDER),
]
HISTORY = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "reserve", "dispatch", "settle", "settle", "expire", "renew", "wait", "tell"]),
        st.integers(0, 5),
        st.floats(0, 1, exclude_max=True),
    ),
    max_size=60,
)


class History:
    """Random but legal traffic over one circuit, pool, key and budget."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.runtime = Runtime(self.clock)
        self.cells = _holders(self.runtime)
        self.opened: list[int] = []
        self.expired: list[int] = []
        self.runtime.tell("pool", ClockRead(1_800_000_000.0, self.clock()))
        self.runtime.tell("budget", ClockRead(1_800_000_000.0, self.clock()))

    def play(self, steps: list[tuple[str, int, float]]) -> None:
        for step, choice, draw in steps:
            getattr(self, step)(choice, draw)

    def wait(self, choice: int, draw: float) -> None:
        self.clock.now += draw * 40

    def tell(self, choice: int, draw: float) -> None:
        if choice == 0:
            for name in self.cells:
                if name != "budget":
                    self.runtime.tell(name, Clear())
        else:
            seen = QuotaObservation("requests", self.clock(), 20, remaining=draw * 20)
            self.runtime.tell("pool", Observe((seen,)))

    def reserve(self, choice: int, draw: float) -> None:
        holders, now, number = tuple(self.cells.values()), self.clock(), self.runtime.new_id()
        if propose(self.runtime, holders, Reserve(number, AMOUNTS, "model", now + 60), now):
            return
        granted = Granted(now, number, "key", "model", "route", AMOUNTS, now + 60, tuple(self.cells))
        assert commit(self.runtime, holders, granted) == []
        self.opened.append(number)

    def _end(self, names: list[str], message: Any, event: Any) -> None:
        assert conclude(self.runtime, [self.cells[name] for name in names], message, event, self.clock()) == []

    def dispatch(self, choice: int, draw: float) -> None:
        if self.opened:
            number = self.opened[choice % len(self.opened)]
            self._end(["pool"], Dispatch(number), Dispatched(self.clock(), number, ("pool",)))

    def renew(self, choice: int, draw: float) -> None:
        if self.opened:
            number, until = self.opened[choice % len(self.opened)], self.clock() + 60
            self._end(list(self.cells), Renew(number, until), Renewed(self.clock(), number, until, tuple(self.cells)))

    def expire(self, choice: int, draw: float) -> None:
        if self.opened:
            number = self.opened.pop(choice % len(self.opened))
            self.expired.append(number)
            self._end(list(self.cells), Expire(number), Expired(self.clock(), number, "key", tuple(self.cells)))

    def settle(self, choice: int, draw: float) -> None:
        ends = self.opened or self.expired
        if not ends:
            return
        number, (outcome, scope) = ends.pop(choice % len(ends)), OUTCOMES[choice]
        charged = outcome is not OutcomeClass.NOT_SENT
        usage: dict[str, Any] = {"tokens": int(draw * 200), "cost": Decimal(int(draw * 40)) / 100}
        message = Settle(number, outcome, scope, usage, charged, None, draw)
        event = Settled(self.clock(), number, "key", tuple(self.cells), outcome, scope, usage, {}, charged, None, draw)
        self._end(list(self.cells), message, event)


@settings(max_examples=150, deadline=None)
@given(HISTORY, HISTORY)
def test_books_are_rebuilt_to_the_last_unit(
    steps: list[tuple[str, int, float]], more: list[tuple[str, int, float]]
) -> None:
    """After any history, whatever was broken in an actor's state, a crash brings back the very same books: quota, key,
    circuit and budget, open reservations included; and they go on as those of a twin that never crashed."""
    history, twin = History(), History()
    history.play(steps)
    twin.play(steps)
    for name, cell in history.cells.items():
        before = cell.behaviour.copy(cell.state)
        cell.state = "torn to pieces"
        assert isinstance(history.runtime.turn(cell, Reserve(0, AMOUNTS, "model", 0.0)), Crash)
        assert cell.incarnation == 2
        assert cell.state == before == twin.cells[name].state
    for each in (history, twin):
        each.play(more)
        each.play([("settle", 0, 0.5)] * (len(each.opened) + len(each.expired)))
    for name, cell in history.cells.items():
        assert cell.state == twin.cells[name].state
        assert not cell.state.opened
