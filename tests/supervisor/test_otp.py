"""Whole trees against a naive model of OTP's documented behaviour, and fuzzed ones against what must always hold."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import anyio
import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorrouter.runtime.cell import Status
from actorrouter.runtime.ref import Ref
from actorrouter.runtime.task_actor import Inbox, InboxClosed
from actorrouter.supervisor.specs import (
    Backoff,
    Intensity,
    OnGiveUp,
    Restart,
    StartFailed,
    Strategy,
    SupervisorError,
    SupervisorSpec,
    TaskSpec,
)
from actorrouter.supervisor.tree import Supervisor

from .world import Counter, World, actor, group

# ------------------------------------------------------------------------------------------------------ a naive model


@attrs.define(eq=False)
class Model:
    """A supervisor if it has children, else an actor. Failures are kept for ever and counted anew each time."""

    id: str
    restart: Restart
    children: list[Model] | None = None
    strategy: Strategy = Strategy.ONE_FOR_ONE
    limit: Intensity = attrs.field(factory=Intensity)
    child_limit: Intensity = attrs.field(factory=Intensity)
    quarantines: bool = False
    parent: Model | None = None
    up: bool = True
    quarantined: bool = False
    incarnation: int = 1
    failures: list[float] = attrs.field(factory=list)
    child_failures: list[float] = attrs.field(factory=list)

    def actors(self) -> Iterator[Model]:
        if self.children is None:
            yield self
        for child in self.children or ():
            yield from child.actors()

    def spec(self) -> Any:
        if self.children is None:
            return actor(self.id, self.restart)
        return group(
            self.id,
            *(child.spec() for child in self.children),
            strategy=self.strategy,
            intensity=self.limit,
            child_intensity=self.child_limit,
            restart=self.restart,
            on_give_up=OnGiveUp.QUARANTINE if self.quarantines else OnGiveUp.ESCALATE,
        )

    def kill(self, now: float) -> None:
        """Predict who else restarts or dies."""
        parent = self.parent
        if parent is None:
            return
        assert parent.children is not None
        if self.restart is Restart.TEMPORARY:
            parent.children.remove(self)
            self.end()
            return
        self.failures.append(now)
        parent.child_failures.append(now)
        if _over(self.failures, parent.child_limit, now) or _over(parent.child_failures, parent.limit, now):
            parent.end()
            parent.quarantined = parent.quarantines
            if not parent.quarantined:
                parent.kill(now)
            return
        place = parent.children.index(self)
        first = {Strategy.ONE_FOR_ALL: 0, Strategy.REST_FOR_ONE: place}.get(parent.strategy)
        for each in [self] if first is None else parent.children[first:]:
            each.start_again()

    def end(self) -> None:
        self.up = False
        for child in list(self.children or ()):
            child.end()
        self.drop_temporary()

    def drop_temporary(self) -> None:
        if self.children is not None:
            self.children = [child for child in self.children if child.restart is not Restart.TEMPORARY]

    def start_again(self) -> None:
        parent = self.parent
        assert parent is not None
        assert parent.children is not None
        if self.quarantined:
            return
        if self.restart is Restart.TEMPORARY:
            parent.children.remove(self)
            self.end()
        else:
            self.up = True
            self.incarnation += 1
            self.child_failures.clear()
            for child in list(self.children or ()):
                child.failures.clear()
                child.start_again()


def _over(failures: list[float], limit: Intensity, now: float) -> bool:
    assert limit.max_restarts is not None
    return sum(now - at <= limit.within_s for at in failures) > limit.max_restarts


limits = st.builds(Intensity, st.integers(0, 4), st.sampled_from([1.0, 10.0]))
kinds = st.sampled_from([Restart.PERMANENT] * 4 + [Restart.TRANSIENT, Restart.TEMPORARY])
leaves = st.builds(Model, st.just(""), kinds)
models = st.recursive(
    leaves,
    lambda nodes: st.builds(
        Model,
        st.just(""),
        kinds,
        st.lists(nodes, min_size=1, max_size=4),
        st.sampled_from(Strategy),
        limits,
        limits,
        st.booleans(),
    ),
    max_leaves=12,
).filter(lambda model: model.children is not None)


def named(model: Model, name: str = "s") -> Model:
    model.id = name
    for number, child in enumerate(model.children or ()):
        child.parent = model
        named(child, f"{name}.{number}")
    return model


@settings(max_examples=400, deadline=None)
@given(model=models, kills=st.lists(st.tuples(st.integers(0, 100), st.sampled_from([0.0, 0.6, 11.0])), max_size=25))
def test_killing_at_random(model: Model, kills: list[tuple[int, float]]) -> None:
    """S01-S07, S37: after each kill exactly those actors restart, die or stay untouched that OTP's rules name."""
    world = World()
    everybody = [each.id for each in named(model).actors()]
    tree = world.tree(model.spec())
    for choice, pause in kills:
        alive = [each for each in model.actors() if each.up]
        if not alive:
            break
        world.advance(pause)
        victim = alive[choice % len(alive)]
        world.crash(victim.id)
        world.drain()
        victim.kill(world.now)
        known = {each.id: each for each in model.actors()}
        for actor_id in everybody:
            cell, expected = world.runtime.cells.get(actor_id), known.get(actor_id)
            if expected is None:
                assert cell is None, f"{actor_id} is temporary and has ended"
            else:
                assert cell is not None
                assert (cell.status == Status.RUNNING, cell.incarnation) == (expected.up, expected.incarnation), (
                    actor_id
                )
        assert (tree.state == Status.RUNNING) == model.up
    assert len(world.runtime.timers) == 0


# ------------------------------------------------------------------------------------------------------ operators too


class Flaky:
    """An `initial` that fails as often as it was charged."""

    def __init__(self) -> None:
        self.charge = 0

    def __call__(self) -> Counter:
        if self.charge:
            self.charge -= 1
            raise OSError
        return Counter()


steps = st.tuples(
    st.sampled_from(["crash", "crash", "crash", "spoil", "wait", "start", "terminate", "restart", "delete", "revive"]),
    st.integers(0, 100),
    st.integers(0, 4),
)


@settings(max_examples=300, deadline=None)
@given(strategies=st.tuples(*[st.sampled_from(Strategy)] * 3), script=st.lists(steps, max_size=40), seed=st.integers())
def test_no_zombies(strategies: tuple[Strategy, ...], script: list[tuple[str, int, int]], seed: int) -> None:
    """S31, S60: whatever fails and whatever operators do meanwhile, in the end every child of a running supervisor
    runs, unless an operator ended it; nothing waits for a restart that nobody planned."""
    world, flaky = World(), Flaky()
    wait = Backoff(0.1, 2.0, 5.0)
    spec = group(
        "top",
        actor("a", initial=flaky, backoff=wait),
        group("m", actor("b", backoff=wait), actor("c", initial=flaky), strategy=strategies[1], child_intensity=FEW),
        group("n", actor("d"), actor("e", initial=flaky), strategy=strategies[2], on_give_up=OnGiveUp.QUARANTINE),
        strategy=strategies[0],
    )
    tree = Supervisor(world.runtime, spec, rng=Random(seed))
    tree.start()
    supervisors = (tree, tree.supervisor("m"), tree.supervisor("n"))
    held: set[str] = set()
    for step, choice, amount in script:
        perform(world, supervisors[choice % 3], held, flaky, (step, choice, amount))
    flaky.charge = 0
    world.advance(100)
    for each in supervisors:
        assert each.state in {Status.RUNNING, Status.STOPPED, "quarantined"}
        for child_id, status in each.children().items():
            if child_id in held or each.state != Status.RUNNING:
                assert status in {"stopped", "quarantined"}
            else:
                assert status in {"running", "quarantined"}, (each.spec.id, child_id)
    assert len(world.runtime.timers) == 0


FEW = Intensity(3, 10.0)


def perform(world: World, tree: Supervisor, held: set[str], flaky: Flaky, step: tuple[str, int, int]) -> None:
    """One step of the script, if it makes sense now."""
    what, choice, amount = step
    actors = [each for each in tree.children() if each not in {"m", "n"}]
    child_id = actors[choice % len(actors)] if actors else ""
    try:
        if what == "crash" and child_id in world.runtime.cells and world.runtime.idle(world.cell(child_id)):
            world.crash(child_id)
        elif what == "spoil":
            flaky.charge += amount
        elif what == "wait":
            world.advance(amount / 2)
        elif what == "start":
            tree.start_child(actor(f"x{choice}", Restart.TRANSIENT))
            held.discard(f"x{choice}")
        elif what == "terminate" and child_id:
            tree.terminate_child(child_id)
            held.add(child_id)
        elif what == "restart" and child_id:
            tree.restart_child(child_id)
            held.discard(child_id)
        elif what == "delete" and child_id:
            tree.delete_child(child_id)
        elif what == "revive" and tree.state in {"quarantined", Status.STOPPED}:
            tree.revive()
    except (SupervisorError, StartFailed):
        pass


# ------------------------------------------------------------------------------------------------------ with tasks


def moody(rng: Random) -> Any:
    """A task that answers, keeps letters, crashes or just ends, as chance has it; deaf to requests now and then."""

    async def run(inbox: Inbox) -> None:
        kept = []
        while True:
            try:
                letter = await inbox.get()
            except InboxClosed:
                if rng.random() < 0.3:
                    await anyio.sleep_forever()
                raise
            mood = rng.random()
            if mood < 0.2:
                raise ValueError(mood)
            if mood < 0.3:
                return
            kept.append(letter)
            if mood < 0.8:
                while kept:
                    kept.pop().reply(mood)

    return run


def random_spec(rng: Random, name: str, depth: int) -> SupervisorSpec:
    children: list[Any] = []
    for number in range(rng.randint(1, 3)):
        child = f"{name}.{number}"
        if depth and rng.random() < 0.4:
            children.append(random_spec(rng, child, depth - 1))
        elif rng.random() < 0.3:
            children.append(actor(child))
        else:
            restart = rng.choice([Restart.PERMANENT, Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY])
            children.append(TaskSpec(child, moody(rng), restart, shutdown_s=rng.choice([0, 1.0, 3.0])))
    few = Intensity(rng.randint(1, 6), 5.0)
    return group(name, *children, strategy=rng.choice(list(Strategy)), child_intensity=few)


@pytest.mark.anyio
@pytest.mark.parametrize("seed", range(40))
async def test_nobody_waits_for_ever(seed: int) -> None:
    """S54: whatever tasks do, every ask is answered, fails or is cancelled, and the tree comes to its end."""
    rng, world = Random(seed), World()
    asked = finished = 0

    async def ask(ref: Ref, number: int, scope: anyio.CancelScope) -> None:
        nonlocal finished
        try:
            with scope:
                await ref.ask(number)
        except Exception:
            assert scope is not None
        finally:
            finished += 1

    async with anyio.create_task_group() as tasks, anyio.create_task_group() as askers:
        tree = world.tree(random_spec(rng, f"s{seed}", 2), spawn_task=tasks.start_soon)
        for number in range(60):
            cells = [cell for cell in world.runtime.cells.values() if cell.wake is not None]
            scope = anyio.CancelScope()
            if cells:
                asked += 1
                askers.start_soon(ask, Ref(world.runtime, rng.choice(cells)), number, scope)
            for _ in range(rng.randint(0, 6)):
                await anyio.lowlevel.checkpoint()
            if rng.random() < 0.2:
                scope.cancel()
            if rng.random() < 0.3:
                world.advance(rng.random() * 4)
        tree.stop()
        for _ in range(40):
            await anyio.lowlevel.checkpoint()
            await anyio.wait_all_tasks_blocked()
            world.advance(1.0)
        assert tree.state == Status.STOPPED
        assert finished == asked, f"seed {seed}"
        assert {str(cell.status) for cell in world.runtime.cells.values()} <= {"stopped"}
