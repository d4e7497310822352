"""An event loop whose time is a number: coroutines and callbacks in order of their instants, one heap, no tasks.

Deterministic: what is due at the same instant runs in the order in which it was asked for. It knows just what the
router waits for (`runtime.loop.Loop`); it has no sockets and no threads.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, Final, Protocol, Self

from actorrouter.runtime.loop import Work
from actorrouter.runtime.runtime import Runtime
from actorrouter.values import INF

_MAIL: Final = 64


class Cancelled(BaseException):
    """Thrown into a coroutine whose deadline has come, or that was cancelled."""


class _Trap(Protocol):
    """What a coroutine waits for."""

    def park(self, task: Task) -> None:
        """Have the task go on when it comes."""


class Task:
    """One coroutine under way."""

    __slots__ = ("coroutine", "done", "doomed", "loop", "parked", "scopes")

    def __init__(self, loop: HeapLoop, coroutine: Coroutine[Any, Any, None]) -> None:
        self.loop = loop
        self.coroutine = coroutine
        self.scopes: list[HeapScope] = []
        self.doomed: HeapScope | Task | None = None
        """Whose end has come: a scope of it, or all of it."""
        self.parked = 0
        """Which wait it is in; what was meant for an earlier one is void."""
        self.done = False

    def cancel(self) -> None:
        """End it at what it waits for now, or next."""
        self.doom(self)

    def doom(self, what: HeapScope | Task) -> None:
        """End it, or a block of it; of two blocks the outer one counts."""
        if self.done or (self.doomed is not None and self._depth(self.doomed) <= self._depth(what)):
            return
        self.doomed = what
        if self.loop.current is not self:  # else it learns of it where it waits next
            self.loop.ready.append((self, self.parked))

    def _depth(self, what: HeapScope | Task) -> int:
        return self.scopes.index(what) if isinstance(what, HeapScope) else -1

    def end(self) -> None:
        """Cancel it, and see it end before this returns: its owner may be past waiting for it."""
        loop, owner = self.loop, self.loop.current
        self.doomed = self
        while not self.done:
            loop.step(self, self.parked)
        loop.current = owner

    def drop(self) -> None:
        """Forget it where it is, as the death of its process would."""
        self.done = True
        self.coroutine.close()


class HeapScope:
    """A block that is cancelled at its deadline."""

    __slots__ = ("_deadline", "_task", "cancelled_caught")

    def __init__(self, loop: HeapLoop, deadline: float) -> None:
        self._deadline = deadline
        self._task = loop.current
        self.cancelled_caught = False

    def __enter__(self) -> Self:
        task = self._task
        assert task is not None, "a scope belongs to a task of the heap"
        task.scopes.append(self)
        if self._deadline <= task.loop.now:
            task.doom(self)
        elif self._deadline < INF:
            task.loop.call_at(self._deadline, self._expire)
        return self

    def cancel(self) -> None:
        """End it now."""
        self._expire()

    def _expire(self) -> None:
        task = self._task
        if task is not None and self in task.scopes:
            task.doom(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        task, self._task = self._task, None
        assert task is not None
        task.scopes.remove(self)
        if task.doomed is not self:
            return False
        task.doomed = None
        self.cancelled_caught = isinstance(error, Cancelled)
        return self.cancelled_caught


class HeapEvent:
    """Set once; whoever waits goes on."""

    __slots__ = ("_loop", "_set", "_waiting")

    def __init__(self, loop: HeapLoop) -> None:
        self._loop = loop
        self._set = False
        self._waiting: list[tuple[Task, int]] = []

    def set(self) -> None:
        if not self._set:
            self._set = True
            self._loop.ready.extend(self._waiting)
            self._waiting.clear()

    async def wait(self) -> None:
        if self._set:
            await self._loop.checkpoint_if_cancelled()
        else:
            await _Wait(self)

    def park(self, task: Task) -> None:
        self._waiting.append((task, task.parked))


class _Wait:
    """Yields what is waited for to the loop."""

    __slots__ = ("_trap",)

    def __init__(self, trap: _Trap) -> None:
        self._trap = trap

    def __await__(self) -> Generator[_Trap, None, None]:
        yield self._trap


class _Until:
    """An instant."""

    __slots__ = ("_at",)

    def __init__(self, at: float) -> None:
        self._at = at

    def park(self, task: Task) -> None:
        task.loop.push(self._at, (task, task.parked))


class HeapLoop:
    """Runs coroutines, callbacks and the runtimes' timers and mail in virtual time. A loop for `Router(loop=...)`."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.ready: deque[tuple[Task, int]] = deque()
        self.current: Task | None = None
        self.runtimes: list[Runtime] = []
        """Whose timers and mail are served."""
        self.steps = 0
        self._heap: list[tuple[float, int, Any]] = []
        self._serial = 0

    # ------------------------------------------------------------------------------------------------ what waiters use

    def time(self) -> float:
        """Seconds."""
        return self.now

    def clock(self) -> Callable[[], float]:
        return self.time

    def caller(self) -> Callable[[Callable[[], object]], object]:
        return lambda callback: self.call_at(self.now, callback)

    def within(self, deadline: float) -> HeapScope:
        return HeapScope(self, deadline)

    def event(self) -> HeapEvent:
        return HeapEvent(self)

    async def together(self, first: Work, second: Work) -> None:
        """Run both to their ends; see the port."""
        ended, failed = self.event(), list[BaseException]()
        with self.within(INF) as scope:
            task = self.spawn(self._beside(second, failed, scope, ended))
            try:
                await first()
                await ended.wait()
            finally:
                task.end()
        if failed:
            raise failed[0]

    async def _beside(self, work: Work, failed: list[BaseException], scope: HeapScope, ended: HeapEvent) -> None:
        try:
            await work()
        except Exception as error:
            failed.append(error)
            scope.cancel()
        finally:
            ended.set()

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self.now + seconds)

    async def sleep_until(self, at: float) -> None:
        """Wait for an instant; one that has come lets whatever else is due go first. After a stall what is overdue
        goes in the order of its instants."""
        await _Wait(_Until(at))

    async def checkpoint(self) -> None:
        await self.checkpoint_if_cancelled()

    async def checkpoint_if_cancelled(self) -> None:
        task = self.current
        if task is not None and task.doomed is not None:
            raise Cancelled

    # ----------------------------------------------------------------------------------------------------- what it runs

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> Task:
        """Start a coroutine, soon."""
        task = Task(self, coroutine)
        self.ready.append((task, 0))
        return task

    def call_at(self, at: float, callback: Callable[[], object]) -> None:
        """Call once at an instant."""
        self.push(at, callback)

    def push(self, at: float, due: Any) -> None:
        self._serial += 1
        heapq.heappush(self._heap, (at, self._serial, due))

    def run(self, until: float = INF, idle: Callable[[], bool] | None = None) -> None:
        """Run until that instant; or until nothing is due any more; or until `idle` says so, asked when time moves."""
        heap = self._heap
        while True:
            self._settle()
            if idle is not None and idle():
                return
            timer_at, heap_at = INF, heap[0][0] if heap else INF
            for runtime in self.runtimes:
                timer_at = min(timer_at, runtime.timers.next_at())
            at = min(timer_at, heap_at)
            if at > until or at == INF:
                self.now = max(self.now, until) if until < INF else self.now
                return
            self.now = max(self.now, at)
            if timer_at <= heap_at:
                self._fire_timers()
            else:
                self._fire(heapq.heappop(heap)[2])

    def close(self) -> None:
        """Forget what was about to go on: nobody runs it any more."""
        while self.ready:
            self.ready.popleft()[0].drop()

    def _settle(self) -> None:
        """Run what can run at this instant."""
        ready, busy = self.ready, True
        while busy:
            while ready:
                self.step(*ready.popleft())
            busy = False
            for runtime in self.runtimes:
                if runtime.has_mail:
                    runtime.drain(_MAIL)
                    busy = True

    def _fire_timers(self) -> None:
        for runtime in self.runtimes:
            due = runtime.timers.take_due(self.now)
            if due is not None:
                self.steps += 1
                due()

    def _fire(self, due: Any) -> None:
        if isinstance(due, tuple):
            self.step(*due)
        else:
            self.steps += 1
            due()

    def step(self, task: Task, parked: int) -> None:
        """Let it go on to what it waits for next, if this is still the wait that was meant."""
        if task.done or task.parked != parked:
            return
        self.steps += 1
        task.parked += 1
        self.current = task
        try:
            trap = task.coroutine.send(None) if task.doomed is None else task.coroutine.throw(Cancelled())
            while task.doomed is not None:
                trap = task.coroutine.throw(Cancelled())
        except StopIteration:
            task.done = True
        except Cancelled:
            task.done = True
        else:
            trap.park(task)
        finally:
            self.current = None
