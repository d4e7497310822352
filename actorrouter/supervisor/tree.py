"""The supervision tree as its operators see it: add, end, restart, delete and list children; revive what gave up."""

from __future__ import annotations

from typing import Any

from actorrouter.runtime.cell import Status
from actorrouter.runtime.ref import Ref
from actorrouter.supervisor.children import QUARANTINED
from actorrouter.supervisor.node import Node
from actorrouter.supervisor.specs import (
    ChildExists,
    ChildSpec,
    NoSuchChild,
    StartFailed,
    SupervisorError,
    TaskSpec,
    TooManyChildren,
    check_child,
)
from actorrouter.supervisor.strategy import NO_HISTORY
from actorrouter.values import value


@value
class Counts:
    """`specs`: all children. `active`: those running now. `workers`: the children that are no supervisors."""

    specs: int
    active: int
    supervisors: int
    workers: int


class Supervisor(Node):
    """A supervisor: `start` it, and it restarts what fails. Nested ones are made with it, from their specs."""

    def start_child(self, spec: ChildSpec) -> None:
        """Add a child, last in order, and start it. Raises ChildExists, TooManyChildren, StartFailed, InvalidSpec."""
        check_child(self.spec, spec)
        self._require_running()
        if spec.id in self._children.specs:
            raise ChildExists(spec.id, running=self._children.is_up(spec.id))
        if self.spec.max_children is not None and len(self._children.specs) >= self.spec.max_children:
            raise TooManyChildren(f"supervisor {self.spec.id!r} is at its bound of {self.spec.max_children} children")
        self._children.add(spec)
        try:
            self._children.bring_up(spec.id)
        except StartFailed:
            self._children.end(spec.id, "did not start")
            self._children.forget(spec.id, "did not start")
            raise

    def terminate_child(self, child_id: str) -> bool:
        """End a child; it stays ended until `restart_child`. A temporary one is forgotten.

        False: its task has yet to end."""
        self._children.spec(child_id)
        self._held.add(child_id)
        self._waiting.discard(child_id)
        self.forget_wait(child_id)
        ended = self._children.end(child_id, "terminated by its supervisor")
        if child_id not in self._children.specs:
            self._held.discard(child_id)
        return ended

    def restart_child(self, child_id: str) -> None:
        """Start a child that has ended, with a fresh history, on the state its log gives. Raises StartFailed."""
        self._require_ended(child_id)
        self._require_running()
        sub = self._children.subs.get(child_id)
        if sub is None:
            self._children.bring_up(child_id)
        else:
            sub.start()
        self._held.discard(child_id)
        self._histories.pop(child_id, None)

    def delete_child(self, child_id: str) -> None:
        """Forget a child that has ended, and its log."""
        self._require_ended(child_id)
        self._children.forget(child_id, "deleted")
        self._held.discard(child_id)
        self._histories.pop(child_id, None)

    def revive(self) -> None:
        """Start again after giving up, with fresh histories; the children's state comes from their logs."""
        self.start()

    def _require_running(self) -> None:
        if self.state != Status.RUNNING:
            raise SupervisorError(f"supervisor {self.spec.id!r} is {self.state}")

    def _require_ended(self, child_id: str) -> None:
        self._children.spec(child_id)
        if self._children.status(child_id) not in {Status.STOPPED, QUARANTINED}:
            raise ChildExists(child_id, running=self._children.is_up(child_id))

    # ---------------------------------------------------------------------------------------------------------- views

    def ref(self, child_id: str) -> Ref:
        """How to reach a child actor. Stays good over restarts, stops and starts under the same id."""
        cell = self._children.cell(child_id)
        if cell is None:
            raise NoSuchChild(f"supervisor {self.spec.id!r} runs no actor {child_id!r}")
        return Ref(self.runtime, cell)

    def supervisor(self, child_id: str) -> Supervisor:
        """A supervisor among the children."""
        sub = self._children.subs.get(child_id)
        if not isinstance(sub, Supervisor):
            raise NoSuchChild(f"supervisor {self.spec.id!r} has no supervisor {child_id!r}")
        return sub

    def children(self) -> dict[str, str]:
        """Child id -> a `Status` or "quarantined", in start order."""
        return {child_id: str(self._children.status(child_id)) for child_id in self._children.specs}

    def count(self) -> Counts:
        """How many children there are."""
        specs, supervisors = len(self._children.specs), len(self._children.subs)
        active = sum(self._children.status(child_id) == Status.RUNNING for child_id in self._children.specs)
        return Counts(specs, active, supervisors, specs - supervisors)

    def describe(self) -> dict[str, Any]:
        """The tree below as plain data. `restarts`: by its parent, since that was started."""
        return {
            "id": self.spec.id,
            "kind": "supervisor",
            "status": str(self.state),
            "strategy": str(self.spec.strategy),
            "last_crash": self.cause,
            "restarts": 0,
            "children": [self._describe(child_id) for child_id in self._children.specs],
        }

    def _describe(self, child_id: str) -> dict[str, Any]:
        restarts = self._histories.get(child_id, NO_HISTORY).total
        if child_id in self._children.subs:
            return self.supervisor(child_id).describe() | {"restarts": restarts}
        cell = self._children.cell(child_id)
        return {
            "id": child_id,
            "kind": "task" if isinstance(self._children.specs[child_id], TaskSpec) else "actor",
            "status": str(self._children.status(child_id)),
            "incarnation": cell.incarnation if cell else 0,
            "mailbox": cell.depth if cell else 0,
            "last_crash": cell.last_crash if cell else "",
            "restarts": restarts,
        }
