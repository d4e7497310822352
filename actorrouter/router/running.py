"""A router's life: made, begun, drained, stopped; and what it consists of meanwhile."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import anyio

from actorrouter.config import ColdStart, RouterConfig
from actorrouter.errors import RouterStopped
from actorrouter.messages import Shut
from actorrouter.observe.decisions import DecisionLog
from actorrouter.router import blame
from actorrouter.router.abandoned import Abandoned
from actorrouter.router.admission import Admission
from actorrouter.router.exchange import Connect
from actorrouter.router.fleet import Fleet
from actorrouter.router.grants import Grant
from actorrouter.router.hearing import Hearing
from actorrouter.router.orphans import Orphans
from actorrouter.router.tree import Tree
from actorrouter.router.waiting import Waiting
from actorrouter.router.wall_clock import WallClock
from actorrouter.runtime.collector import freeze, uncollected
from actorrouter.runtime.journal import Journal
from actorrouter.runtime.loop import AnyioLoop, Loop
from actorrouter.runtime.runtime import Runtime
from actorrouter.transport import connect as connect_http
from actorrouter.transport import prepare
from actorrouter.transport.port import Transport


class Running:
    """What runs. `Operated` is its side towards operators, `Router` that towards callers."""

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
        self.decisions = DecisionLog(config.decisions_max)

    def begin(self) -> None:
        """Make everything, run nothing: for `serve`, and for whoever moves time themselves."""
        if self._state != "new":
            raise RuntimeError(f"this router is {self._state}; a router is run once")
        self._state, self._thread = "running", threading.get_ident()
        self.runtime = Runtime(self.loop.clock(), self._journal, self.loop, self._first_id)
        self.fatal = ""
        self._stop = anyio.Event()
        self.admission = Admission(self.runtime, self.decisions, self.config.lease_s, self._rng)
        self._waiting = Waiting(self.runtime, self.admission, cold=self.config.cold_start is ColdStart.FULL)
        self._abandoned = Abandoned(self.loop, partial(blame.settle, self.runtime))
        self.tree = Tree(self.runtime, self.config.restart, self._rng, self._give_up)
        with uncollected():
            self.fleet = Fleet(self.runtime, self.tree, self.config, _take_back, self._wall)
            self._hearing = Hearing(self.runtime, self.fleet, self._waiting)
            self.wall_clock = WallClock(self.runtime, self.fleet, self._wall, self._hearing.refresh_all)
            self.runtime.readers += [self._hearing, *self._observers]
            self.wall_clock.read()
        Orphans(self.runtime, self.config.lease_s, self._hearing.refresh_all).adopt()

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

    def _open(self, client: str, *, proxy: str | None) -> Transport:
        """A key's pool of connections. Once the router has stopped nobody would close it."""
        if self._state == "stopped":
            raise RouterStopped("the router has stopped")
        return self._connect(client, proxy=proxy)


def _clients(config: RouterConfig) -> set[tuple[str, bool]]:
    """The HTTP clients that calls will need, and whether through a proxy."""
    proxied = {key.provider for key in config.keys.values() if key.proxy is not None}
    providers = config.providers.items()
    return {(provider.http_client, through) for name, provider in providers for through in (False, name in proxied)}


def _take_back(reply: Any) -> None:
    if isinstance(reply, Grant):
        reply.release()
