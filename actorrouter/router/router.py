"""What callers hold. The way of a request is in `journey`; here is what else may be asked of a router."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Unpack

import anyio
from anyio.abc import TaskStatus

from actorrouter.errors import RouterStopped
from actorrouter.router import blame
from actorrouter.router.checking import demand_of
from actorrouter.router.demand import Demand
from actorrouter.router.exchange import Exchange
from actorrouter.router.grants import Grant
from actorrouter.router.journey import Journey
from actorrouter.router.operating import Operated
from actorrouter.router.reply import Reply
from actorrouter.router.search import Shortage
from actorrouter.runtime import loops
from actorrouter.values import CONCURRENCY, INF, REQUESTS, Amounts, Call, Outcome, Refusal, value

if TYPE_CHECKING:
    from actorrouter.integrations.port import Options


@value
class Quote:
    """When and where a call could go. `key_id`: who would grant now. `wait_s`: seconds until somebody could, None when
    only a settlement can tell. `final`: waiting cannot help."""

    key_id: str | None
    wait_s: float | None
    refusals: tuple[Refusal, ...]
    final: bool


class Router(Operated):
    """Routes calls to keys that have room. Made and run by `open_router`, or by `await task_group.start(router.serve)`.

    Belongs to the event loop that runs it; other threads use `open_router_blocking`.
    """

    async def serve(self, *, task_status: TaskStatus[Router] = anyio.TASK_STATUS_IGNORED) -> None:
        """Run the router until `stop` is called or the task is cancelled. Raises RouterStopped if its supervisors give
        up. Ready when `task_status` says so."""
        from actorrouter.router.control import serve_control
        from actorrouter.router.control_socket import listening

        self.begin()
        try:
            async with listening(self.config.control) as listener, anyio.create_task_group() as group:
                group.start_soon(loops.serve, self.runtime)
                group.start_soon(self._abandoned.serve)
                group.start_soon(serve_control, self, listener)
                task_status.started(self)
                await self._stop.wait()
                group.cancel_scope.cancel()
        finally:
            self._state = "stopped"
            with anyio.CancelScope(shield=True, deadline=self.runtime.clock() + 5.0):
                await self._end()
        if self.fatal:
            raise RouterStopped(f"the supervisor tree gave up: {self.fatal}")

    # ------------------------------------------------------------------------------------------------------------ calls

    async def send(self, call: Call) -> Reply:
        """Reserve, send, settle; with another key if that helps. The reply is whole, also of a stream."""
        async with self.stream(call) as reply:
            await reply.read()
        return reply

    def stream(self, call: Call) -> Journey:
        """`async with router.stream(call) as reply: async for chunk in reply`. Leaving it settles, read or not."""
        return Journey(self, self._demand(call))

    def transport(self, *, flavor: str = "httpx2", route: str = "", **options: Unpack[Options]) -> Any:
        """What an AsyncClient of httpx2 (or `flavor="httpx"`) takes as its `transport`: each of its requests becomes a
        call. `route`: where those go that name no model. `options`: of every call. Closing it closes nothing."""
        from actorrouter.integrations import clients

        return clients.transport(self, flavor, route, options)

    def http_client(self, *, flavor: str = "httpx2", route: str = "", **options: Unpack[Options]) -> Any:
        """As `transport`, in an AsyncClient that an SDK takes as its `http_client`. The router's timeouts rule."""
        from actorrouter.integrations import clients

        return clients.client(self, flavor, route, options)

    async def reserve(
        self,
        model: str,
        amounts: Amounts,
        *,
        wait_s: float | None = None,
        tenant: str = "",
        priority: int = 0,
        keys: Iterable[str] = (),
        exclude_keys: Iterable[str] = (),
    ) -> Grant:
        """A grant for a request of your own making. `amounts`: the most it may use, by dimension.

        Use it as a context: `with await router.reserve("jobs", {"units": 5}) as grant`. Say `grant.sent()` when the
        request is on the wire and `grant.settle({...})` with what it used. Raises NoCapacity and its kin.
        """
        call = Call(
            model,
            wait_s=wait_s,
            tenant=tenant,
            priority=priority,
            keys=frozenset(keys),
            exclude_keys=frozenset(exclude_keys),
        )
        demand = self._demand(call, {REQUESTS: 1, CONCURRENCY: 1, **amounts})
        wait = demand.route.config.wait_s if wait_s is None else wait_s
        return await self.acquire(demand, self.runtime.clock() + wait)

    def quote(self, call: Call) -> Quote:
        """When and where this call could go. Reserves nothing, so the answer is good for this instant."""
        found: Shortage = self.admission.quote(self._demand(call))
        known = found.available_at < INF
        wait = max(0.0, found.available_at - self.runtime.clock())
        return Quote(found.decision.chosen or None, wait if known else None, found.refusals, found.final)

    def _demand(self, call: Call, given: Amounts | None = None) -> Demand:
        self._check_open()
        return demand_of(self.fleet, call, given)

    # what a journey needs

    def clock(self) -> float:
        """Monotonic seconds of the router's event loop."""
        return self.runtime.clock()

    def draw(self) -> float:
        """A random number in [0, 1)."""
        return self._rng.random()

    async def acquire(self, demand: Demand, wait_until: float) -> Grant:
        """A grant now or by then."""
        self._check_open()
        grant = await self._waiting.acquire(demand, wait_until)
        self.wall_clock.look()
        return grant

    def exchange(self, grant: Grant, call: Call) -> Exchange:
        """One send over this grant."""
        return Exchange(self.runtime, self._wall, self._open, grant, call)

    def settle(self, grant: Grant, outcome: Outcome) -> Outcome:
        """Close a grant with its outcome, and say how that is to be understood."""
        return blame.settle(self.runtime, grant, outcome)

    def abandon(self, exchange: Exchange, *, left: bool) -> None:
        """End a send whose caller is gone. Any thread may say so, at any moment."""
        self._abandoned.drop(exchange, left=left)
