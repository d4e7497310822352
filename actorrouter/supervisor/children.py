"""How one child, whatever its kind, is started, suspended, brought to rest and ended on the runtime.

Decides nothing. Nothing is kept per child but its spec; what runs is asked of the runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actorrouter.runtime.cell import Cell, Status
from actorrouter.runtime.task_actor import Incarnation, spawn_task_actor
from actorrouter.supervisor.specs import (
    ActorSpec,
    ChildSpec,
    InvalidSpec,
    NoSuchChild,
    Restart,
    StartFailed,
    SupervisorSpec,
    TaskSpec,
)
from actorrouter.supervisor.strategy import Exit
from actorrouter.values import INF

if TYPE_CHECKING:
    from actorrouter.supervisor.node import Node

QUARANTINED: Final = "quarantined"
"""Besides the `Status` of actors, what a supervisor can be: stopped until an operator revives it."""

SpawnTask = Callable[..., Any]
"""Starts an async function as a task that nobody awaits: a task group's `start_soon`."""


class Children:
    """The children of one supervisor, in start order."""

    def __init__(self, owner: Node, spawn_task: SpawnTask | None) -> None:
        self.specs: dict[str, ChildSpec] = {}
        self.subs: dict[str, Node] = {}
        self.tasks: dict[str, Incarnation] = {}
        self._owner = owner
        self._runtime = owner.runtime
        self._spawn_task = spawn_task
        self._on_crash = self._crashed  # one for all our cells; also how we know them

    def add(self, spec: ChildSpec) -> None:
        """Take a child in, without starting it."""
        if isinstance(spec, TaskSpec) and self._spawn_task is None:
            raise InvalidSpec(f"child {spec.id!r} is a task actor: the supervisor needs `spawn_task`")
        self.specs[spec.id] = spec
        if isinstance(spec, SupervisorSpec):
            self.subs[spec.id] = self._owner.nested(spec)

    def forget(self, child_id: str, reason: str) -> None:
        """Let go of a child that has ended, of its children and of their logs. Repeats change nothing."""
        if self.specs.pop(child_id, None) is None:
            return
        self.tasks.pop(child_id, None)
        sub = self.subs.pop(child_id, None)
        if sub is not None:
            sub.forget(reason)
            return
        cell = self.cell(child_id)
        if cell is not None:
            self._runtime.remove(cell, reason)

    def spec(self, child_id: str) -> ChildSpec:
        """What the child was made from."""
        try:
            return self.specs[child_id]
        except KeyError:
            raise NoSuchChild(f"supervisor {self._owner.spec.id!r} has no child {child_id!r}") from None

    def cell(self, child_id: str) -> Cell | None:
        """The cell of our actor; None for a supervisor, and when it never ran or somebody else has the id."""
        cell = self._runtime.cells.get(child_id)
        return cell if cell is not None and cell.on_crash is self._on_crash else None

    def status(self, child_id: str) -> str:
        """A `Status`, or "quarantined"."""
        sub = self.subs.get(child_id)
        if sub is not None:
            return sub.state
        cell = self.cell(child_id)
        return Status.STOPPED if cell is None else cell.status

    def is_up(self, child_id: str) -> bool:
        """Whether the child runs or is between two incarnations."""
        return self.status(child_id) in {Status.RUNNING, Status.RESTARTING}

    def running_and(self, child_id: str) -> Iterator[ChildSpec]:
        """The specs of the children that are up, and of `child_id`, in start order."""
        return (spec for each, spec in self.specs.items() if each == child_id or self.is_up(each))

    # ------------------------------------------------------------------------------------------------------- doing it

    def bring_up(self, child_id: str) -> None:
        """Start the child, or its next incarnation if it was suspended. A quarantined one stays as it is.

        Raises StartFailed: an actor is then as before."""
        spec = self.specs[child_id]
        if isinstance(spec, SupervisorSpec):
            self.subs[child_id].bring_up()
            return
        life = self.tasks.get(child_id)
        if life is not None and not life.ended:
            raise StartFailed(f"{child_id}: its last task has yet to end")
        cell = self.cell(child_id)
        if cell is None or cell.status is Status.STOPPED:
            cell = self._spawn(spec)
        elif not self._runtime.restart(cell):
            raise StartFailed(cell.last_crash)
        if isinstance(spec, TaskSpec):
            self._begin(spec, cell)

    def _spawn(self, spec: ActorSpec | TaskSpec) -> Cell:
        hook, undelivered = self._on_crash, spec.on_undelivered
        try:
            if isinstance(spec, TaskSpec):
                return spawn_task_actor(
                    self._runtime, spec.id, spec.mailbox_max, on_crash=hook, on_undelivered=undelivered
                )
            return self._runtime.spawn(spec.id, spec.behaviour, spec.initial, on_crash=hook, on_undelivered=undelivered)
        except Exception as error:  # whatever the log or `initial` holds: the supervisor counts it
            raise StartFailed(f"{spec.id}: {type(error).__name__} while starting") from error

    def _begin(self, spec: TaskSpec, cell: Cell) -> None:
        assert self._spawn_task is not None
        ended = partial(self._task_ended, spec.id)
        life = Incarnation(self._runtime, cell, spec.run, spec.shutdown_s, ended)
        try:
            self._spawn_task(life.live)
        except Exception as error:  # the task group has closed
            self._runtime.suspend(cell, INF)
            raise StartFailed(f"{spec.id}: {type(error).__name__} while starting its task") from error
        self.tasks[spec.id] = life

    def _crashed(self, cell: Cell, reason: str) -> None:
        self._owner.crashed(cell.actor_id, reason)

    def _task_ended(self, child_id: str, life: Incarnation) -> None:
        if self.tasks.get(child_id) is not life:
            return  # given up long ago
        del self.tasks[child_id]
        if life.cell.status is Status.STOPPED:
            self._owner.rested(child_id)
        else:
            self._owner.ended(child_id, Exit.NORMAL)

    def suspend(self, child_id: str, resumes_at: float) -> bool:
        """The child has failed or ended and may come back then; its mail waits. False: it is stopped for good."""
        sub = self.subs.get(child_id)
        if sub is not None:
            return sub.await_restart()
        cell = self.cell(child_id)
        if cell is None or not cell.takes_mail:
            return False
        self._runtime.suspend(cell, resumes_at)
        return True

    def rest(self, child_id: str, resumes_at: float) -> bool:
        """Bring a running child to rest until its restart; end a temporary one. False: it has yet to end, and the
        owner will be told."""
        spec = self.specs.get(child_id)
        if self.status(child_id) == QUARANTINED:
            return True
        if spec is None or spec.restart is Restart.TEMPORARY:
            return self.end(child_id, "its siblings restart")
        sub = self.subs.get(child_id)
        if sub is not None:
            return sub.rest(resumes_at)
        life = self.tasks.get(child_id)
        if not self.suspend(child_id, resumes_at):
            return life is None or life.ended
        return life is None or life.close("restarting with its siblings", for_good=False)

    def end(self, child_id: str, reason: str) -> bool:
        """End the child for good; forget a temporary one. False: it has yet to end, and the owner will be told."""
        spec = self.specs.get(child_id)
        if spec is None:
            return True
        life = self.tasks.get(child_id)
        if life is not None and not life.close(reason, for_good=True):
            return False
        if child_id in self.subs and not self.subs[child_id].stop(reason):
            return False
        cell = self.cell(child_id)
        if cell is not None:
            self._runtime.stop(cell, reason)
        if spec.restart is Restart.TEMPORARY:
            self.forget(child_id, reason)
        return True
