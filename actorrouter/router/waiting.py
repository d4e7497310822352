"""Waiting for capacity: the route actor keeps the queue, `dispatch` gives what became free to its head.

One wake-up per grant; newcomers never pass a queue, and a call whose send has failed keeps its place; routes take
turns; a head that cannot go lets those pass that ask for less, or for other keys, until it has waited half its time.
A head that only its tenant's money keeps waiting holds up nobody else. Whoever can no longer be helped is told so at
once.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

from actorrouter.actors.route import RoomFull
from actorrouter.errors import (
    ActorDown,
    ActorFailed,
    InvalidCall,
    MailboxFull,
    NoCapacity,
    NotSent,
    RouterStopped,
    WaitingRoomFull,
)
from actorrouter.messages import Enqueue, Peek, Serve, Ticket
from actorrouter.observe.decisions import Tried, tell
from actorrouter.router.admission import Admission
from actorrouter.router.demand import Demand
from actorrouter.router.entries import RouteEntry
from actorrouter.router.grants import Grant
from actorrouter.router.search import Shortage
from actorrouter.runtime.loop import Event
from actorrouter.runtime.ref import Ref
from actorrouter.runtime.runtime import Runtime
from actorrouter.values import INF, Basis, Refusal

_PEEK: Final = 8
"""Tickets looked at in one go: as many as may pass a head that cannot go."""
_STEP_S: Final = 0.001
"""An instant that has come and still refuses is asked again after this."""
_INLINE_MAX: Final = 16
"""Answers given in one go by whoever settled; the pump goes on."""
_COLD_S: Final = 60.0
"""So long after the start an error names the cold start, as most limits are of a minute."""


class Waiting:
    """Admits calls now or later. `cold`: limits are taken for used up at the start."""

    def __init__(self, runtime: Runtime, admission: Admission, *, cold: bool = False) -> None:
        self._runtime = runtime
        self._cold_until = runtime.clock() + _COLD_S if cold else -INF
        self._admission = admission
        self._queued: OrderedDict[str, RouteEntry] = OrderedDict()
        self._dispatching = False
        self._again = False
        self._called = False
        self._settled: Event | None = None
        admission.on_room = self._room

    # ---------------------------------------------------------------------------------------------------------- callers

    async def acquire(self, demand: Demand, wait_until: float) -> Grant:
        """A grant now, or by `wait_until`. Raises NoCapacity, WaitingRoomFull, InvalidCall, RouterStopped."""
        route, now = demand.route, self._runtime.clock()
        back = demand.since is not None
        demand.since = demand.since if back else now
        ahead = bool(route.cell.state.tickets) and not back
        found = self._admission.quote(demand) if ahead else self._admission.attempt(demand)
        if isinstance(found, Grant):
            return found
        if found.final or not self._admission.fits(demand, found):
            if found.too_big and demand.as_counted():
                return await self.acquire(demand, wait_until)
            raise self._never(demand, found)
        if found.firm and found.available_at > wait_until:
            raise self._no_capacity(demand, found, "nobody has room in time")
        if wait_until <= now:
            raise self._no_capacity(demand, found, "others wait for it" if ahead else "nobody has room now")
        return await self._wait(demand, wait_until, back=back)

    async def _wait(self, demand: Demand, wait_until: float, *, back: bool) -> Grant:
        route, call = demand.route, demand.call
        assert demand.since is not None
        ticket = Ticket(self._runtime.new_id(), call.tenant, call.priority, demand.since, wait_until, demand, back)
        try:
            got = await Ref(self._runtime, route.cell).ask(
                Enqueue(ticket), deadline=wait_until, ask_id=ticket.ticket_id
            )
        except TimeoutError:
            raise self._no_capacity(demand, self._admission.quote(demand), "nobody had room in time") from None
        except RouterStopped as error:  # one instance for all who wait: raise one's own
            raise RouterStopped(f"route {route.name!r}: {error}") from None
        except (ActorDown, ActorFailed, MailboxFull) as error:
            raise NoCapacity(f"route {route.name!r}: its waiting room failed") from error
        if isinstance(got, Grant):
            return got
        assert isinstance(got, RoomFull)
        if got.waiting < route.config.waiting_max:
            raise RouterStopped(f"route {route.name!r}: its waiting room is shut")
        raise WaitingRoomFull(f"route {route.name!r}: {got.waiting} calls are waiting, its bound")

    def _never(self, demand: Demand, found: Shortage) -> NotSent:
        why = self._no_capacity(demand, found, "nobody can")
        if not found.too_big:
            why.final = True
            return why
        text = str(why).replace("nobody can", "larger than any limit", 1)
        return InvalidCall(text, refusals=why.refusals, decision_id=why.decision_id)

    def _no_capacity(self, demand: Demand, found: Shortage, what: str) -> NoCapacity:
        self._admission.record(demand, found)
        now = self._runtime.clock()
        in_s = max(0.0, found.available_at - now) if found.available_at < INF and not found.decision.chosen else None
        when = f"; the first could in {in_s:.2f} s" if in_s is not None else ""
        if when and now < self._cold_until and any(map(_in_use, found.refusals)):
            when += "; a router that has just started takes limits for used up (cold_start)"
        return NoCapacity(
            f"route {found.decision.route!r}: {what}{when}{''.join(_told(t, now) for t in found.decision.tried)}",
            decision_id=found.decision.decision_id,
            available_at=found.available_at if in_s is not None else None,
            available_in_s=in_s,
            refusals=found.refusals,
        )

    def settled(self) -> Event:
        """Set when the next reservation ends."""
        if self._settled is None:
            self._settled = self._runtime.loop.event()
        return self._settled

    # --------------------------------------------------------------------------------------------------------- dispatch

    def _room(self) -> None:
        told, self._settled = self._settled, None
        if told is not None:
            told.set()
        self.room_made()

    def changed(self, route: RouteEntry) -> None:
        """Somebody joined or left this route's queue: who can go may have changed, soon after the present turn."""
        if route.name not in self._queued:
            self._queued[route.name] = route
        self.look_soon()

    def look_soon(self) -> None:
        """See who can go, from the pump."""
        if not self._called and self._queued:
            self._called = True
            self._runtime.soon(self._look)

    def _look(self) -> None:
        self._called = False
        self.room_made()

    def room_made(self) -> None:
        """Something settled, refilled, came back or was added: see who can go."""
        if not self._queued:
            return
        if self._dispatching:
            self._again = True
            return
        self._dispatching = True
        try:
            answered = 0
            while answered < _INLINE_MAX and self._round():
                answered += 1
        finally:
            self._dispatching = False
        if answered >= _INLINE_MAX or self._again:
            self._again = False
            self.look_soon()

    def _round(self) -> bool:
        """One answer for the first route in turn that can have one."""
        for route in list(self._queued.values()):
            if self._serve(route):
                if route.name in self._queued:
                    self._queued.move_to_end(route.name)
                return True
        return False

    def _serve(self, route: RouteEntry) -> bool:
        tickets = self._call(route, Peek(_PEEK))
        if not isinstance(tickets, tuple):
            return False  # its restart calls again
        if not tickets:
            self._queued.pop(route.name, None)
            return False
        now, earliest = self._runtime.clock(), INF
        ahead: list[Demand] = []
        holding: list[Demand] = []
        for ticket in tickets:
            demand = ticket.demand
            if not _may_go(demand, ahead, holding):
                continue
            found = self._admission.attempt(demand, now - ticket.since)
            if isinstance(found, Grant):
                return self._hand_over(route, ticket, found)
            if found.final:
                return self._hand_over(route, ticket, self._never(demand, found))
            if found.firm and found.available_at > ticket.deadline:
                return self._hand_over(route, ticket, self._no_capacity(demand, found, "nobody has room in time"))
            earliest = min(earliest, found.available_at)
            holds = now - ticket.since >= (ticket.deadline - ticket.since) / 2
            if holds and not demand.tenant_budgets:
                break
            (holding if holds else ahead).append(demand)
        self._arm(route, earliest)
        return False

    def _hand_over(self, route: RouteEntry, ticket: Ticket, answer: Grant | NotSent) -> bool:
        served = self._call(route, Serve(ticket.ticket_id, answer)) is True
        if not served and isinstance(answer, Grant):
            answer.release()
        return served

    def _call(self, route: RouteEntry, message: Peek | Serve) -> Any:
        try:
            return Ref(self._runtime, route.cell).call(message)
        except ActorFailed:
            return None

    def _arm(self, route: RouteEntry, at: float) -> None:
        if at < INF:
            at = max(at, self._runtime.clock() + _STEP_S)
            self._runtime.timers.set(("router", "dispatch", route.name), at, self.room_made)


def _in_use(refusal: Refusal) -> bool:
    """A limit that only time frees: what the cold start takes for used up."""
    return refusal.basis is Basis.EXACT and bool(refusal.dimension)


def _told(tried: Tried, now: float) -> str:
    said = "; ".join(tell(refusal, now) for refusal in tried.refusals)
    return f"\n  {tried.key_id}: {said}" if said else ""


def _may_go(demand: Demand, ahead: list[Demand], holding: list[Demand]) -> bool:
    """Whether there may be room for this one although there was none for those before it."""
    for other in ahead:
        if not _may_pass(demand, other):
            return False
    return all(_apart(demand, other) for other in holding) if holding else True


def _apart(demand: Demand, other: Demand) -> bool:
    """Whether only its tenant's money keeps the other waiting, on which this one does not draw."""
    own = {cell.actor_id for cell in other.tenant_budgets} - {cell.actor_id for cell in demand.tenant_budgets}
    return bool(other.sized) and all(refusal.holder in own for refusal in other.sized)


def _may_pass(demand: Demand, other: Demand) -> bool:
    """Whether what keeps the other waiting may leave room for this one: its tenant's money, other keys, or more."""
    if other.tenant_budgets and _apart(demand, other):
        return True
    call, ahead = demand.call, other.call
    if call.keys != ahead.keys or call.exclude_keys != ahead.exclude_keys or demand.skip != other.skip:
        return True
    if demand.proxies != other.proxies:
        return True
    if demand.unfit.keys() != other.unfit.keys():
        return True
    for candidate in demand.candidates:
        amounts = demand.amounts(candidate)
        for refusal in other.sized:
            if amounts.get(refusal.dimension, 0) < refusal.requested:
                return True
    return False
