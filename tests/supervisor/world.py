"""A runtime on a clock the test moves by hand, and an actor that counts and can be made to fail."""

from __future__ import annotations

from random import Random
from typing import Any

from actorrouter.events import ActorRestarted, ActorStopped
from actorrouter.runtime.cell import Cell
from actorrouter.runtime.runtime import Runtime
from actorrouter.supervisor.specs import ActorSpec, Backoff, Intensity, Restart, SupervisorSpec
from actorrouter.supervisor.tree import Supervisor
from actorrouter.turns import Behaviour, Turn
from actorrouter.values import value

AT_ONCE = Backoff(0, 0, 0)
OFTEN = Intensity(1_000, 10.0)


@value
class Add:
    amount: int


@value
class Boom:
    """The turn that takes this raises."""


@value
class Read:
    """Answers the count."""


@value
class Added:
    amount: int


class Counter:
    """A state."""

    def __init__(self, count: int = 0) -> None:
        self.count = count


def _add(state: Counter, message: Add, now: float) -> Turn:
    return Turn(state.count + message.amount, (Added(message.amount),))


def _boom(state: Counter, message: Boom, now: float) -> Turn:
    raise RuntimeError("boom")


def _read(state: Counter, message: Read, now: float) -> Turn:
    return Turn(state.count)


def _added(state: Counter, event: Added) -> None:
    state.count += event.amount


COUNTING = Behaviour(
    "counter",
    {Add: _add, Boom: _boom, Read: _read},
    {Added: _added},
    lambda state: Counter(state.count),
    lambda state: 1,
    mailbox_max=100,
)


def actor(child_id: str, restart: Restart = Restart.PERMANENT, **more: Any) -> ActorSpec:
    given: dict[str, Any] = {"behaviour": COUNTING, "initial": Counter, "backoff": AT_ONCE} | more
    return ActorSpec(child_id, restart=restart, **given)


def group(spec_id: str, *children: Any, **rules: Any) -> SupervisorSpec:
    """A supervisor that does not give up soon, unless `rules` say so."""
    defaults: dict[str, Any] = {"intensity": OFTEN, "child_intensity": OFTEN, "backoff": AT_ONCE}
    return SupervisorSpec(spec_id, tuple(children), **(defaults | rules))


class World:
    """The runtime, its events and its time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.runtime = Runtime(lambda: self.now)
        self.events: list[Any] = []
        self.runtime.readers.append(self.events.append)

    def tree(self, spec: SupervisorSpec, **more: Any) -> Supervisor:
        supervisor = Supervisor(self.runtime, spec, rng=Random(1), **more)
        supervisor.start()
        return supervisor

    def advance(self, seconds: float) -> None:
        """Let time pass: every timer fires at its instant, every queued message is handled."""
        end = self.now + seconds
        self.drain()
        while (at := self.runtime.timers.next_at()) <= end:
            self.now = max(self.now, at)
            due = self.runtime.timers.take_due(self.now)
            assert due is not None
            due()
            self.drain()
        self.now = end

    def drain(self) -> None:
        while self.runtime.has_mail:
            self.runtime.drain(64)

    def cell(self, actor_id: str) -> Cell:
        return self.runtime.cells[actor_id]

    def status(self, *actor_ids: str) -> list[str]:
        return [str(self.cell(each).status) for each in actor_ids]

    def incarnations(self, *actor_ids: str) -> list[int]:
        return [self.cell(each).incarnation for each in actor_ids]

    def crash(self, actor_id: str) -> None:
        self.runtime.turn(self.cell(actor_id), Boom())

    def add(self, actor_id: str, amount: int) -> Any:
        return self.runtime.turn(self.cell(actor_id), Add(amount))

    def count(self, actor_id: str) -> Any:
        return self.cell(actor_id).state.count

    def stopped(self) -> list[str]:
        """Who stopped, in order."""
        return [event.actor for event in self.events if isinstance(event, ActorStopped)]

    def restarted(self) -> list[str]:
        """Who was restarted, in order."""
        return [event.actor for event in self.events if isinstance(event, ActorRestarted)]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]
