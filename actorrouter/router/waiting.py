"""Waiting for capacity: the route actor keeps the queue, `dispatch` gives what became free to its head.

One wake-up per grant; newcomers never pass a queue; routes take turns; a head too big to fit lets smaller ones pass
only until it has waited half its time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from actorrouter.actors.route import RoomFull
from actorrouter.errors import InvalidCall, NoCapacity, WaitingRoomFull
from actorrouter.messages import Enqueue, Peek, Serve, Ticket
from actorrouter.observe.decisions import Tried, tell
from actorrouter.router.admission import Admission, Shortage
from actorrouter.router.board import RouteEntry
from actorrouter.router.demand import Demand
from actorrouter.router.grants import Grant
from actorrouter.runtime.ref import Ref
from actorrouter.runtime.runtime import Runtime
from actorrouter.values import INF, Refusal

_PEEK = 8
_STEP_S = 0.001
"""An instant that has come and still refuses is asked again after this."""
_INLINE_MAX = 16
"""Grants given in one go by whoever settled; the pump goes on."""


class Waiting:
    """Admits calls now or later."""

    def __init__(self, runtime: Runtime, admission: Admission) -> None:
        self._runtime = runtime
        self._admission = admission
        self._queued: OrderedDict[str, RouteEntry] = OrderedDict()
        self._dispatching = False
        self._again = False
        self.on_settled: Callable[[], None] | None = None
        """Called once, when a reservation ends."""
        admission.on_room = self._settled

    async def acquire(self, demand: Demand, wait_until: float) -> Grant:
        """A grant now, or by `wait_until`. Raises NoCapacity, WaitingRoomFull, ActorDown."""
        route, now = demand.route, self._runtime.clock()
        if route.name not in self._queued:
            found = self._admission.attempt(demand)
            if isinstance(found, Grant):
                return found
            if found.final and found.decision.tried and all(_too_big(tried) for tried in found.decision.tried):
                raise InvalidCall(
                    str(self._no_capacity(found, "larger than any limit")),
                    refusals=found.refusals,
                    decision_id=found.decision.decision_id,
                )
            if found.final or wait_until <= now or (found.firm and found.available_at > wait_until):
                raise self._no_capacity(found, "nobody can" if found.final else "nobody has room in time")
            self._arm(route, found.available_at)
        return await self._wait(demand, now, wait_until)

    async def _wait(self, demand: Demand, now: float, wait_until: float) -> Grant:
        route, call = demand.route, demand.call
        ticket = Ticket(self._runtime.new_id(), call.tenant, call.priority, now, wait_until, demand)
        try:
            got = await Ref(self._runtime, route.cell).ask(
                Enqueue(ticket), deadline=wait_until, ask_id=ticket.ticket_id
            )
        except TimeoutError:
            raise self._no_capacity(self._admission.quote(demand), "nobody had room in time") from None
        if isinstance(got, Grant):
            return got
        if isinstance(got, RoomFull):
            raise WaitingRoomFull(f"route {route.name!r}: {got.waiting} calls are waiting, its bound")
        raise NoCapacity(f"route {route.name!r}: {got.reason}", refusals=[got] if isinstance(got, Refusal) else ())

    def _no_capacity(self, found: Shortage, what: str) -> NoCapacity:
        now = self._runtime.clock()
        known = found.available_at < INF
        when = f"; the first could in {max(0.0, found.available_at - now):.2f} s" if known else ""
        why = "".join(
            f"\n  {tried.key_id}: " + "; ".join(tell(r, now) for r in tried.refusals) for tried in found.decision.tried
        )
        return NoCapacity(
            f"route {found.decision.route!r}: {what}{when}{why}",
            decision_id=found.decision.decision_id,
            available_at=found.available_at if known else None,
            available_in_s=max(0.0, found.available_at - now) if known else None,
            refusals=found.refusals,
        )

    # ---------------------------------------------------------------------------------------------------------- dispatch

    def _settled(self) -> None:
        told, self.on_settled = self.on_settled, None
        if told is not None:
            told()
        self.room_made()

    def queued(self, route: RouteEntry) -> None:
        """Somebody waits for this route now. The first one is looked at once more: room may have been made since it
        was refused."""
        if route.name not in self._queued:
            self._queued[route.name] = route
            self._runtime.soon(self.room_made)

    def room_made(self) -> None:
        """Something settled, refilled, came back or was added: see who can go."""
        if not self._queued:
            return
        if self._dispatching:
            self._again = True
            return
        self._dispatching = True
        try:
            granted = 0
            while granted < _INLINE_MAX and self._round():
                granted += 1
        finally:
            self._dispatching = False
        if granted >= _INLINE_MAX or self._again:
            self._again = False
            self._runtime.soon(self.room_made)

    def _round(self) -> bool:
        """One grant for the first route in turn that can have one."""
        for route in list(self._queued.values()):
            if self._serve(route):
                if route.name in self._queued:
                    self._queued.move_to_end(route.name)
                return True
        return False

    def _serve(self, route: RouteEntry) -> bool:
        tickets = Ref(self._runtime, route.cell).call(Peek(_PEEK))
        if isinstance(tickets, Refusal):
            return False
        if not tickets:
            self._queued.pop(route.name, None)
            return False
        now, earliest = self._runtime.clock(), INF
        too_big: Refusal | None = None
        for ticket in tickets:
            if too_big is not None and not _smaller(ticket.demand, too_big):
                continue
            found = self._admission.attempt(ticket.demand, now - ticket.since)
            if isinstance(found, Grant):
                return self._hand_over(route, ticket, found)
            earliest = min(earliest, found.available_at)
            too_big = next((refusal for refusal in found.refusals if refusal.dimension), None)
            if too_big is None or now - ticket.since >= (ticket.deadline - ticket.since) / 2:
                break
        self._arm(route, earliest)
        return False

    def _hand_over(self, route: RouteEntry, ticket: Ticket, grant: Grant) -> bool:
        served = Ref(self._runtime, route.cell).call(Serve(ticket.ticket_id, grant))
        if served is not True:
            grant.release()
            return False
        return True

    def _arm(self, route: RouteEntry, at: float) -> None:
        if at < INF:
            at = max(at, self._runtime.clock() + _STEP_S)
            self._runtime.timers.set(("router", "dispatch", route.name), at, self.room_made)


def _too_big(tried: Tried) -> bool:
    return any(refusal.final and refusal.dimension for refusal in tried.refusals)


def _smaller(demand: object, refusal: Refusal) -> bool:
    assert isinstance(demand, Demand)
    return any(
        demand.amounts(candidate).get(refusal.dimension, 0) < refusal.requested for candidate in demand.route.candidates
    )
