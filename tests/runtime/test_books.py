"""The router's own actors crash at any point of a random history: the same books come back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from actorrouter.actors import budget, circuit, key, quota
from actorrouter.actors.calendar import Edges
from actorrouter.actors.limits import window
from actorrouter.actors.recovery import Recovery
from actorrouter.actors.windows import Fixed, Terms
from actorrouter.config import Charge, CircuitConfig, LimitConfig, RecoveryConfig, Shape
from actorrouter.events import Dispatched, Expired, Granted, Renewed, Settled
from actorrouter.messages import Clear, ClockRead, Dispatch, Expire, Observe, Renew, Reserve, Settle
from actorrouter.runtime.cell import Cell
from actorrouter.runtime.engine import Crash
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.transaction import commit, conclude, propose
from actorrouter.turns import Behaviour
from actorrouter.values import OutcomeClass, QuotaObservation, Scope

from .actors_for_tests import HandClock


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
