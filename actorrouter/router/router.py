"""What callers hold. The way of a request is in `journey`; here is what else may be asked of a router."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Unpack

import anyio
from anyio.abc import TaskStatus

from actorrouter.adapters import continuation
from actorrouter.adapters.port import Adapter
from actorrouter.config import KeyConfig, RouterConfig
from actorrouter.errors import InvalidCall, RouterStopped
from actorrouter.events import ActorRestarted, Cleared, Disabled, Draining, Enqueued, Observed, Withdrawn
from actorrouter.messages import Clear, ClockRead, Disable, Drain, Isolate, Shut
from actorrouter.observe import status
from actorrouter.observe.decisions import Decision, DecisionLog, explain
from actorrouter.router import blame
from actorrouter.router.abandoned import Abandoned
from actorrouter.router.admission import Admission
from actorrouter.router.board import KeyEntry, close, freshen, freshen_pool
from actorrouter.router.demand import Demand, exact_amounts
from actorrouter.router.exchange import Connect, Exchange, transport_of
from actorrouter.router.fleet import Fleet
from actorrouter.router.grants import Grant
from actorrouter.router.journey import Journey
from actorrouter.router.orphans import Orphans
from actorrouter.router.reply import Reply
from actorrouter.router.search import Shortage
from actorrouter.router.tree import Tree
from actorrouter.router.waiting import Waiting
from actorrouter.runtime import loops
from actorrouter.runtime.collector import freeze, uncollected
from actorrouter.runtime.journal import Journal
from actorrouter.runtime.loop import AnyioLoop, Loop
from actorrouter.runtime.runtime import Runtime
from actorrouter.transport import connect as connect_http
from actorrouter.transport import prepare
from actorrouter.transport.port import Transport
from actorrouter.values import CONCURRENCY, INF, REQUESTS, Amounts, Call, Outcome, Refusal, value

if TYPE_CHECKING:
    from actorrouter.integrations.port import Options
    from actorrouter.router.probing import KeyTest

_HEARD = frozenset({Enqueued, Withdrawn, Observed, Disabled, Draining, Cleared, ActorRestarted})
_CLOCK_EVERY_S = 60.0
_CLOCKED_AT_ONCE, _CLOCKED_EVERY_S = 16, 0.005
"""The pace at which calendar limits are told the time: 100,000 in half a minute, under a millisecond in one go."""
_JUMP_S = 1.0


@value
class Quote:
    """When and where a call could go. `key_id`: who would grant now. `wait_s`: seconds until somebody could, None when
    only a settlement can tell. `final`: waiting cannot help."""

    key_id: str | None
    wait_s: float | None
    refusals: tuple[Refusal, ...]
    final: bool


class Router:
    """Routes calls to keys that have room. Made and run by `open_router`, or by `await task_group.start(router.serve)`.

    Belongs to the event loop that runs it; other threads use `open_router_blocking`.
    """

    def __init__(
        self,
        config: RouterConfig,
        *,
        journal: Journal | None = None,
        observers: Iterable[Callable[[Any], None]] = (),
        wall: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        connect: Connect = connect_http,
        loop: Loop | None = None,
        first_id: int = 1,
    ) -> None:
        for client, proxied in sorted(_clients(config)):
            prepare(client, proxied=proxied)
        self.config = config
        self._journal, self._observers = journal, tuple(observers)
        self._wall, self._connect = wall, connect
        self.loop, self._first_id = loop or AnyioLoop(), first_id
        self._rng = rng or random.Random()
        self._thread = 0
        self._state = "new"
        self._offset, self._read_clock_at = 0.0, 0.0
        self.decisions = DecisionLog(config.decisions_max)

    # ------------------------------------------------------------------------------------------------------------- life

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

    def begin(self) -> None:
        """Make everything, run nothing: for `serve`, and for whoever moves time themselves."""
        if self._state != "new":
            raise RuntimeError(f"this router is {self._state}; a router is run once")
        self._state, self._thread = "running", threading.get_ident()
        self.runtime = Runtime(self.loop.clock(), self._journal, self.loop, self._first_id)
        self.fatal = ""
        self._stop = anyio.Event()
        self.admission = Admission(self.runtime, self.decisions, self.config.lease_s, self._rng)
        self._waiting = Waiting(self.runtime, self.admission)
        self._abandoned = Abandoned(self.loop, self.settle)
        self.tree = Tree(self.runtime, self.config.restart, self._rng, self._give_up)
        with uncollected():
            self.fleet = Fleet(self.runtime, self.tree, self.config, _take_back)
            self.runtime.readers += [self._read, *self._observers]
            self._read_clock()
        Orphans(self.runtime, self.config.lease_s, self._refresh_all).adopt()

    def _give_up(self, cause: str) -> None:
        self.fatal, self._state = cause, "stopped"
        self._stop.set()

    async def _end(self) -> None:
        self._abandoned.stop()
        self._shut_rooms(RouterStopped("the router has stopped"))
        await self.tree.shutdown()
        for entry in list(self.fleet.keys.values()):  # a removal may end meanwhile
            if entry.transport is not None:
                await entry.transport.aclose()

    def stop(self) -> None:
        """End `serve`. What is in flight in other tasks is theirs to finish; `drain` first to wait for it."""
        self._stop.set()

    async def drain(self, timeout_s: float | None = None) -> bool:
        """Admit nothing new, let what is in flight finish. True: nothing is open. Waiting calls get RouterStopped."""
        self._check()
        self._state = "draining"
        self._shut_rooms(RouterStopped("the router is draining"))
        with self.loop.within(self.runtime.clock() + (self.config.drain_s if timeout_s is None else timeout_s)):
            while self.open_reservations:
                await self._waiting.settled().wait()
        return not self.open_reservations

    @property
    def open_reservations(self) -> int:
        """How many reservations have not ended; an expired one has."""
        return sum(1 for lease in self.admission.leases.open.values() if not lease.expired)

    def _shut_rooms(self, error: RouterStopped) -> None:
        for route in self.fleet.routes.values():
            self.runtime.tell(route.cell.actor_id, Shut(error))

    def _check(self) -> None:
        if self._thread != threading.get_ident():
            if self._state == "new":
                raise RuntimeError("this router is not running: use `async with open_router(config) as router`")
            raise RuntimeError("a router belongs to one thread; from others use open_router_blocking")

    def _check_open(self) -> None:
        self._check()
        if self._state != "running":
            raise RouterStopped(f"the router is {self._state}")

    def freeze(self) -> None:
        """Keep the garbage collector from walking over the fleet: at 100,000 keys each full collection stops the event
        loop for a second. Call it once when the program has started; it freezes all that is there (`gc.freeze`) and
        makes full collections rare, for the whole process."""
        self._check()
        freeze()

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
        route = self.fleet.routes.get(call.model)
        if route is None:
            known = ", ".join(sorted(self.fleet.routes)[:10])
            raise InvalidCall(f"unknown model {call.model[:80]!r}; routes are: {known}")
        unfit = self._check_call(call, route.candidates if given is None else ())
        try:
            given = given and exact_amounts(given)
        except ValueError as error:
            raise InvalidCall(f"reserve for {call.model!r}: {error}") from None
        tenant = self.fleet.tenant_budgets(call.tenant) if call.tenant else ()
        return Demand(route, call, tenant, given, unfit=unfit)

    def _check_call(self, call: Call, candidates: Iterable[Any]) -> dict[str, str]:
        """The providers that cannot be told of this call, and why. Raises InvalidCall if none can."""
        if call.keys or call.exclude_keys:
            unknown = [key_id for key_id in call.keys | call.exclude_keys if key_id not in self.fleet.keys]
            if unknown:
                raise InvalidCall(f"unknown key {min(unknown)[:80]!r}")
        adapters = {c.provider.name: c.provider.adapter for c in candidates}
        unfit = {name: fault for name, adapter in adapters.items() if (fault := _fault(call, adapter))}
        if unfit and len(unfit) == len(adapters):
            raise InvalidCall(f"call for {call.model!r}: {'; '.join(dict.fromkeys(unfit.values()))}")
        return unfit

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
        if (
            self.runtime.clock() >= self._read_clock_at
            or abs(self._wall() - self.runtime.clock() - self._offset) > _JUMP_S
        ):
            self._read_clock()
        return grant

    def exchange(self, grant: Grant, call: Call) -> Exchange:
        """One send over this grant."""
        return Exchange(self.runtime, self._wall, self._open, grant, call)

    def settle(self, grant: Grant, outcome: Outcome) -> Outcome:
        """Close a grant with its outcome, and say how that is to be understood."""
        return blame.settle(self.runtime, grant, outcome)

    def abandon(self, exchange: Exchange) -> None:
        """End a send whose caller is gone. Any thread may say so, at any moment."""
        self._abandoned.drop(exchange)

    def _open(self, client: str, *, proxy: str | None) -> Transport:
        """A key's pool of connections. Once the router has stopped nobody would close it."""
        if self._state == "stopped":
            raise RouterStopped("the router has stopped")
        return self._connect(client, proxy=proxy)

    # -------------------------------------------------------------------------------------------------------- operators

    def explain(self, decision_id: int) -> str:
        """Why that decision went as it did, in words."""
        decision = self.decision(decision_id)
        if decision is None:
            return f"decision {decision_id} is not kept any more (the last {self.config.decisions_max} are)"
        return explain(decision)

    def decision(self, decision_id: int) -> Decision | None:
        """The record behind `explain`."""
        return self.decisions.get(decision_id)

    def clear_key(self, key_id: str) -> None:
        """Make a throttled, exhausted or disabled key, and the pools it draws on, available again."""
        entry = self._key(key_id)
        for cell in (entry.cell, *(pool.cell for pool in entry.pools), *_own(entry)):
            self.runtime.tell(cell.actor_id, Clear())

    def disable_key(self, key_id: str, reason: str = "operator") -> None:
        """Take a key out until it is cleared."""
        self.runtime.tell(self._key(key_id).cell.actor_id, Disable(reason))

    def add_key(self, key_id: str, config: KeyConfig) -> None:
        """Serve with one more key, at once. ValueError if the id is in use or names an unknown provider or pool."""
        self._check_open()
        entry = self.fleet.add_key(key_id, config)
        self._tell_clock(iter([pool.pool_id for pool in (*entry.pools, *_own_pool(entry))]), None)
        self._waiting.look_soon()

    async def remove_key(self, key_id: str, timeout_s: float | None = None) -> bool:
        """No new work for the key at once; forget it when what is in flight has finished. False: it has not in time,
        the key stays as draining."""
        entry = self._key(key_id)
        self.runtime.tell(entry.cell.actor_id, Drain())
        deadline = self.runtime.clock() + (self.config.drain_s if timeout_s is None else timeout_s)
        with self.loop.within(deadline):
            while entry.in_flight:
                await self._waiting.settled().wait()
        if entry.in_flight or self.fleet.keys.get(key_id) is not entry:
            return not entry.in_flight
        self.fleet.remove_key(key_id)
        self._waiting.look_soon()
        if entry.transport is not None:
            await entry.transport.aclose()
        return True

    async def test_key(self, key_id: str) -> KeyTest:
        """Prove a key's secret with the provider's cheapest request. Its state is not changed: clear it if you like."""
        entry = self._key(key_id)
        from actorrouter.router.probing import probe

        return await probe(entry, transport_of(entry, self._open), self.runtime, self._wall)

    def reset_circuit(self, provider: str) -> None:
        """Close a provider's circuit and forget its statistics; keys it refused all at once are available again."""
        circuit_id = self._circuit(provider)
        blame.give_back(self.runtime, self.fleet.providers[provider].circuit.state)
        self.runtime.tell(circuit_id, Clear())

    def isolate_circuit(self, provider: str) -> None:
        """Send nothing to a provider until its circuit is reset."""
        self.runtime.tell(self._circuit(provider), Isolate())

    def revive(self, provider: str) -> None:
        """Bring a quarantined provider back."""
        self._circuit(provider)
        self.tree.revive(provider)
        self._refresh_all()

    def _refresh_all(self) -> None:
        now = self.runtime.clock()
        for entry in self.fleet.keys.values():
            freshen(entry, now)
            for pool in entry.pools:
                freshen_pool(pool, now)
        self._waiting.look_soon()

    def status(self) -> dict[str, Any]:
        """The fleet as plain data; JSON can hold it but for Decimals, which are text already."""
        self._check()
        now, fleet = self.runtime.clock(), self.fleet
        pools = {pool.pool_id: pool for entry in fleet.keys.values() for pool in (*entry.pools, *_own_pool(entry))}
        return {
            "state": self._state,
            "providers": {
                name: {"quarantined": self.tree.quarantined(name), **status.circuit_status(p.circuit.state, now)}
                for name, p in fleet.providers.items()
            },
            "pools": {pool_id: status.pool_status(pool.cell.state, now) for pool_id, pool in pools.items()},
            "keys": {key_id: status.key_status(entry.cell.state, now) for key_id, entry in fleet.keys.items()},
            "budgets": {name: status.budget_status(cell.state, now) for name, cell in fleet.budgets.items()},
            "estimates": {"/".join(names): ratio.status() for names, ratio in fleet.ratios.items()},
            "routes": {name: status.route_status(route.cell.state) for name, route in fleet.routes.items()},
            "open": self.open_reservations,
            "abandoned_streams": self._abandoned.count,
            "dead_letters": self.runtime.dead_letters,
            "failed_observers": list(self.runtime.reader_failures),
        }

    def _key(self, key_id: str) -> KeyEntry:
        self._check()
        if key_id not in self.fleet.keys:
            raise InvalidCall(f"unknown key {key_id[:80]!r}")
        return self.fleet.keys[key_id]

    def _circuit(self, provider: str) -> str:
        self._check()
        if provider not in self.fleet.providers:
            raise InvalidCall(f"unknown provider {provider[:80]!r}")
        return self.fleet.providers[provider].circuit.actor_id

    # ------------------------------------------------------------------------------------------------- first reader

    def _read(self, event: Any) -> None:
        """The board's part of the event stream: the rare events after which somebody may be asked again."""
        kind = type(event)
        if kind not in _HEARD:
            return
        if kind is Enqueued or kind is Withdrawn:
            self._waiting.changed(self.fleet.routes[event.holders[0].partition(":")[2]])
        elif kind is Observed:
            self._heard(event.holders)
        elif kind is Disabled or kind is Draining:
            self._went(event.holders)
        elif kind is Cleared:
            self._came_back(event.holders)
        elif kind is ActorRestarted:
            self._came_back((event.actor,))

    def _went(self, holders: tuple[str, ...]) -> None:
        for entry, _ in (self.fleet.by_actor(holder) for holder in holders):
            for seat in entry.seats if entry is not None else ():
                close(seat)
        self._waiting.look_soon()

    def _heard(self, holders: tuple[str, ...]) -> None:
        """What a provider said may leave room, in a pool that follows it."""
        if any(pool is not None and pool.config.mirror for _, pool in map(self.fleet.by_actor, holders)):
            self._came_back(holders)

    def _came_back(self, holders: tuple[str, ...]) -> None:
        now = self.runtime.clock()
        for entry, pool in (self.fleet.by_actor(holder) for holder in holders):
            if entry is not None:
                freshen(entry, now)
            if pool is not None:
                freshen_pool(pool, now)
        self._waiting.look_soon()

    def _read_clock(self) -> None:
        """Tell calendar limits where the wall clock stands; after a jump they may be free at another instant."""
        now, wall = self.runtime.clock(), self._wall()
        steady = self._read_clock_at > 0 and abs(wall - now - self._offset) <= _JUMP_S
        if self._read_clock_at and not steady:
            self._refresh_all()
        self._offset, self._read_clock_at = wall - now, now + _CLOCK_EVERY_S
        clocked = list(self.fleet.clocked)
        self._tell_clock(iter(clocked), max(_CLOCKED_AT_ONCE, len(clocked) // 8000) if steady else None)
        self.runtime.timers.set(("router", "clock"), self._read_clock_at, self._read_clock)

    def _tell_clock(self, actor_ids: Iterator[str], most: int | None) -> None:
        """Tell the next `most`, the others by and by: the loop must not stop for all of a large fleet. After a jump and
        at the start nobody may grant before all know."""
        now, wall = self.runtime.clock(), self._wall()
        told = 0
        for actor_id in islice(actor_ids, most):
            told += 1
            if actor_id in self.fleet.clocked:
                self.runtime.tell(actor_id, ClockRead(wall, now))
        if told == most:
            again = partial(self._tell_clock, actor_ids, most)
            self.runtime.timers.set(("router", "clocked"), now + _CLOCKED_EVERY_S, again)


def _fault(call: Call, adapter: Adapter) -> str | None:
    return adapter.check(call) or (continuation.fault(call, adapter.dialects) if call.continue_stream else None)


def _clients(config: RouterConfig) -> set[tuple[str, bool]]:
    """The HTTP clients that calls will need, and whether through a proxy."""
    proxied = {key.provider for key in config.keys.values() if key.proxy is not None}
    providers = config.providers.items()
    return {(provider.http_client, through) for name, provider in providers for through in (False, name in proxied)}


def _take_back(reply: Any) -> None:
    if isinstance(reply, Grant):
        reply.release()


def _own_pool(entry: KeyEntry) -> tuple[Any, ...]:
    return (entry.private,) if entry.private is not None else ()


def _own(entry: KeyEntry) -> tuple[Any, ...]:
    return (entry.private.cell,) if entry.private is not None else ()
