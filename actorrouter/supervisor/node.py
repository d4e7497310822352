"""One supervisor at work: performs on a runtime what `strategy` decides.

Inline actors and supervisors of them start, restart and stop within the call. A child with a task of its own ends when
its task does; what waits for that goes on from there. A supervisor that is started again starts the children it has,
those added later included, except temporary ones and those an operator stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from random import Random

import anyio

from actorrouter.events import Quarantined, SupervisorGaveUp
from actorrouter.runtime.cell import Status
from actorrouter.runtime.interrupts import uninterrupted
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.task_actor import KILLED_WITHIN_S
from actorrouter.supervisor.children import QUARANTINED, Children, SpawnTask
from actorrouter.supervisor.descent import Descent
from actorrouter.supervisor.specs import OnGiveUp, Restart, StartFailed, Strategy, SupervisorSpec
from actorrouter.supervisor.strategy import NO_HISTORY, Exit, History, Plan, Verdict, decide
from actorrouter.values import INF

_GROUP = ""
"""In timer keys: all that wait. No child has this id."""


class Node:
    """What runs by itself: start, restart, stop, give up. What an operator may ask for is added in `tree`."""

    def __init__(
        self,
        runtime: Runtime,
        spec: SupervisorSpec,
        parent: Node | None = None,
        *,
        rng: Random | None = None,
        spawn_task: SpawnTask | None = None,
        on_fatal: Callable[[str], None] | None = None,
    ) -> None:
        """`rng` draws the jitter. `spawn_task`: a task group's `start_soon`, needed for task actors. `on_fatal` is
        called when a root gives up."""
        self.runtime, self.spec, self.parent, self.on_fatal = runtime, spec, parent, on_fatal
        self.state: str = Status.STOPPED
        """A `Status`, or "quarantined"."""
        self.cause = ""
        """Why it gave up."""
        self._rng = Random() if rng is None else rng
        self._spawn_task = spawn_task
        self._children = Children(self, spawn_task)
        self._history = NO_HISTORY
        self._histories: dict[str, History] = {}
        self._held: set[str] = set()  # stopped by an operator
        self._waiting: set[str] = set()  # between two incarnations
        self._group_due = -INF
        self._descent = Descent()
        self._at_rest: anyio.Event | None = None
        for child in spec.children:
            self._children.add(child)

    # --------------------------------------------------------------------------------------------------------- start

    def start(self) -> None:
        """Start all children in order, with fresh histories. If one fails, the others are stopped: StartFailed."""
        if self.state in {Status.RUNNING, Status.STOPPING}:
            raise StartFailed(f"supervisor {self.spec.id!r} is {self.state}")
        self.state, self.cause = Status.RUNNING, ""
        self._history = NO_HISTORY
        self._histories.clear()
        for child_id in [each for each in self._children.specs if each not in self._held]:
            self._start_one(child_id)

    def _start_one(self, child_id: str) -> None:
        try:
            self._children.bring_up(child_id)
        except StartFailed as fault:
            self._stop_all(f"{child_id} did not start", self._stop_done)
            raise StartFailed(f"supervisor {self.spec.id!r}: {fault}") from fault
        if self.state != Status.RUNNING:  # one that had started failed meanwhile
            self._children.end(child_id, "its supervisor gave up")
            raise StartFailed(f"supervisor {self.spec.id!r} gave up while starting: {self.cause}")

    # ------------------------------------------------------------------------------------------------ when a child ends

    def crashed(self, child_id: str, reason: str) -> None:
        """A child failed. For a supervisor among the children: it gave up."""
        self._left(child_id, Exit.CRASH, reason)

    def ended(self, child_id: str, exit_: Exit) -> None:
        """A child ended by itself, in good order."""
        self._left(child_id, exit_, f"ended: {exit_}")

    def rested(self, child_id: str) -> None:
        """A child ended because it was told to, or was cut off from outside."""
        spec = self._children.specs.get(child_id)
        if spec is not None and spec.restart is Restart.TEMPORARY and self._children.status(child_id) == Status.STOPPED:
            self._children.forget(child_id, "ended")
        self._descent.go_on()

    @uninterrupted
    def _left(self, child_id: str, exit_: Exit, reason: str, *, again: bool = False) -> None:
        if self.state != Status.RUNNING or child_id in self._waiting:
            self._descent.go_on()
            return
        spec, now = self._children.specs.get(child_id), self.runtime.clock()
        if spec is None or not self._children.suspend(child_id, now):
            return
        running = self._children.running_and(child_id)
        histories = (self._histories.get(child_id, NO_HISTORY), self._history)
        plan = decide(self.spec, spec, exit_, running, histories, now=now, draw=self._rng.random())
        if plan.verdict is Verdict.RESTART:
            self._histories[child_id], self._history = plan.child, plan.supervisor
            self._restart(child_id, plan, now + plan.delay_s, again=again)
        elif plan.verdict is Verdict.GIVE_UP:
            self.cause = f"{child_id}: {reason}"
            self._stop_all("its supervisor gave up", partial(self._gave_up, child_id, plan))
        else:
            self._children.end(child_id, reason)
            if plan.verdict is Verdict.SHUT_DOWN:
                self._stop_all("its supervisor shut down", self._shut_down)

    # ------------------------------------------------------------------------------------------------------- restarts

    def _restart(self, child_id: str, plan: Plan, due: float, *, again: bool) -> None:
        """`again`: a restart has just failed; the next one comes from a timer even if it need not wait."""
        if self.spec.strategy is Strategy.ONE_FOR_ONE:
            self._waiting.add(child_id)
            self._children.suspend(child_id, due)
            self._resume_at(due, child_id, partial(self._resume, (child_id,)), again=again)
            return
        self._waiting.update(plan.stop, plan.start)
        self._group_due = max(self._group_due, due)
        self.runtime.timers.cancel((self, _GROUP))
        waiting = [each for each in self._children.specs if each in self._waiting]
        self._descent.begin(waiting, self._rest_sibling, partial(self._all_siblings_rest, again=again))

    def _rest_sibling(self, child_id: str) -> bool:
        return self._children.rest(child_id, self._group_due)

    def _all_siblings_rest(self, *, again: bool) -> None:
        self._resume_at(self._group_due, _GROUP, self._resume_siblings, again=again)

    def _resume_siblings(self) -> None:
        self._group_due = -INF
        self._waiting.intersection_update(self._children.specs)  # temporary ones are gone
        self._resume(tuple(each for each in self._children.specs if each in self._waiting))

    def _resume_at(self, due: float, whom: str, resume: Callable[[], None], *, again: bool) -> None:
        if again or due > self.runtime.clock():
            self.runtime.timers.set((self, whom), due, resume)
        else:
            resume()

    @uninterrupted
    def _resume(self, children: tuple[str, ...]) -> None:
        for child_id in children:
            if child_id not in self._waiting:
                continue
            self._waiting.discard(child_id)
            try:
                self._children.bring_up(child_id)
            except StartFailed as fault:  # counts as another failure
                self._left(child_id, Exit.CRASH, str(fault), again=True)
                return

    # ---------------------------------------------------------------------------------------------------------- ends

    def stop(self, reason: str = "stopped") -> bool:
        """End all children, the last started first. False: some have tasks that have yet to end; see `shutdown`."""
        if self.state not in {Status.STOPPED, QUARANTINED}:
            self._stop_all(reason, self._stop_done)
        return self.state in {Status.STOPPED, QUARANTINED}

    async def shutdown(self, deadline: float) -> None:
        """Stop, and wait until everything has ended. Never hangs: what still runs at `deadline` (monotonic seconds,
        finite) is cancelled, and left to itself if that does not end it within a second."""
        if not math.isfinite(deadline):
            raise ValueError(f"a shutdown needs a finite deadline, not {deadline}")
        if self.stop("shutdown"):
            return
        await self._until_at_rest(deadline - self.runtime.clock())
        if self.state == Status.STOPPING:
            self.kill()
            await self._until_at_rest(KILLED_WITHIN_S)
        if self.state == Status.STOPPING:
            self.abandon()

    async def _until_at_rest(self, seconds: float) -> None:
        self._at_rest = self._at_rest or anyio.Event()
        with anyio.move_on_after(max(0.0, seconds), shield=True):
            await self._at_rest.wait()

    def kill(self) -> None:
        """Cancel every task below, now."""
        for life in list(self._children.tasks.values()):
            life.kill()
        for sub in list(self._children.subs.values()):
            sub.kill()

    def abandon(self) -> None:
        """Count every task below as ended, whether it did or not."""
        for sub in list(self._children.subs.values()):
            sub.abandon()
        for life in list(self._children.tasks.values()):
            life.abandon()

    @uninterrupted
    def _stop_all(self, reason: str, then: Callable[[], None]) -> None:
        self.state = Status.STOPPING
        self._forget_waits()
        self._descent.begin(list(self._children.specs), lambda child_id: self._children.end(child_id, reason), then)

    def _forget_waits(self) -> None:
        for child_id in self._waiting:
            self.forget_wait(child_id)
        self.runtime.timers.cancel((self, _GROUP))
        self._waiting.clear()
        self._group_due = -INF

    def forget_wait(self, child_id: str) -> None:
        """Cancel the child's planned restart."""
        self.runtime.timers.cancel((self, child_id))

    def _stop_done(self) -> None:
        self._arrive(Status.STOPPED)
        if self.parent is not None:
            self.parent.rested(self.spec.id)

    def _shut_down(self) -> None:
        self._arrive(Status.STOPPED)
        if self.parent is not None:
            self.parent.ended(self.spec.id, Exit.SHUTDOWN)

    def _gave_up(self, child_id: str, plan: Plan) -> None:
        assert plan.exceeded is not None
        now, limit = self.runtime.clock(), plan.exceeded
        quarantined = self.spec.on_give_up is OnGiveUp.QUARANTINE
        self._arrive(QUARANTINED if quarantined else Status.STOPPED)
        self.runtime.publish(SupervisorGaveUp(now, self.spec.id, child_id, limit.max_restarts or 0, limit.within_s))
        if quarantined:
            self.runtime.publish(Quarantined(now, self.spec.id, self.cause))
            if self.parent is not None:
                self.parent.rested(self.spec.id)
        elif self.parent is not None:
            self.parent.crashed(self.spec.id, f"gave up on {self.cause}")
        elif self.on_fatal is not None:
            self.on_fatal(f"supervisor {self.spec.id!r} gave up on {self.cause}")

    def _arrive(self, state: str) -> None:
        self.state = state
        if self._at_rest is not None:
            self._at_rest.set()
            self._at_rest = None

    # ------------------------------------------------------------------------------------------- as a child of another

    def nested(self, spec: SupervisorSpec) -> Node:
        """A supervisor of the same kind below this one."""
        return type(self)(self.runtime, spec, self, rng=self._rng, spawn_task=self._spawn_task)

    def bring_up(self) -> None:
        """What the parent does to start it: one in quarantine stays there."""
        if self.state != QUARANTINED:
            self.start()

    def rest(self, resumes_at: float) -> bool:
        """Bring all children to rest until `start`: their mail waits. False: some have yet to end."""
        if self.state == Status.RUNNING:
            self.state = Status.STOPPING
            self._forget_waits()
            self._descent.begin(
                list(self._children.specs), lambda child_id: self._children.rest(child_id, resumes_at), self._all_rest
            )
        return self.state != Status.STOPPING

    def _all_rest(self) -> None:
        self._arrive(Status.RESTARTING)
        if self.parent is not None:
            self.parent.rested(self.spec.id)

    def await_restart(self) -> bool:
        """It has ended and its parent may start it again. False: it runs, or is in quarantine."""
        if self.state == Status.STOPPED:
            self._arrive(Status.RESTARTING)
        return self.state not in {Status.RUNNING, QUARANTINED}

    def forget(self, reason: str) -> None:
        """Let go of all children, which have ended, and of their logs."""
        for child_id in list(self._children.specs):
            self._children.forget(child_id, reason)
