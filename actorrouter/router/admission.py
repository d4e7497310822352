"""Reserve and settle: the two transactions of a request, and the ranking that leads to the first."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import attrs

from actorrouter.events import Dispatched, Expired, Granted, Renewed, Settled, SettlementRepeated
from actorrouter.messages import Dispatch, Expire, Renew, Reserve, Settle
from actorrouter.observe.decisions import TRIED_MAX, Decision, DecisionLog, Tried
from actorrouter.policies.index import ABSENT
from actorrouter.policies.order import POLICIES
from actorrouter.router.board import freed, gave_back, release_due, took
from actorrouter.router.demand import Demand, learn, surprise, truth
from actorrouter.router.entries import Candidate, Seat
from actorrouter.router.grants import Grant, Lease, Leases
from actorrouter.router.search import SCAN_MAX, Search, Shortage, next_seat, not_asked
from actorrouter.runtime.cell import Cell
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.transaction import commit, conclude, propose
from actorrouter.values import INF, Outcome, OutcomeClass, Scope

_LEASES = ("router", "leases")

Accept = Callable[[Decision, Seat, tuple[Cell, ...], Reserve], Any]
"""What to do when all holders consent. None: it did not hold, go on searching."""


class Admission:
    """Grants and settlements. Synchronous throughout: what happens here happens in one step."""

    def __init__(self, runtime: Runtime, decisions: DecisionLog, lease_s: float, rng: random.Random) -> None:
        self._runtime = runtime
        self._decisions = decisions
        self._lease_s = lease_s
        self._rng = rng
        self.leases = Leases()
        self.on_room: Callable[[], None] = lambda: None
        """Called when something was given back or released."""

    # ---------------------------------------------------------------------------------------------------------- reserve

    def attempt(self, demand: Demand, waited_s: float = 0.0) -> Grant | Shortage:
        """Ask keys in policy order until one grants. Nothing has changed if none does."""
        found = self._search(demand, waited_s, self._grant)
        return found if isinstance(found, Grant) else found.shortage()

    def quote(self, demand: Demand) -> Shortage:
        """As `attempt`, but whoever would grant is only named: `decision.chosen`. Reserves nothing."""
        found = self._search(demand, 0.0, _name)
        return found.shortage() if isinstance(found, Search) else found

    def record(self, demand: Demand, found: Shortage) -> None:
        """Somebody is told of this shortage: keep its decision, and what the keys not asked have to say."""
        self._ask_aside(demand, found)
        self._decisions.add(found.decision)

    def fits(self, demand: Demand, found: Shortage) -> bool:
        """Whether some key could ever grant as much. True also if there are too many to ask."""
        aside = sum(len(candidate.blocked) + len(candidate.closed) for candidate in demand.candidates)
        if not aside or aside > TRIED_MAX:
            return not found.too_big
        self._ask_aside(demand, found)
        return not found.too_big

    def _ask_aside(self, demand: Demand, found: Shortage) -> None:
        decision = found.decision
        tried = list(decision.tried)
        for index, candidate in enumerate(() if demand.call.keys or decision.chosen else demand.candidates):
            message = Reserve(0, demand.amounts(candidate), candidate.config.model, decision.at)
            for seat in not_asked(candidate, demand):
                refusals = () if len(tried) >= TRIED_MAX else propose(self._runtime, seat.holders, message, decision.at)
                if refusals and seat.key.key_id not in {each.key_id for each in tried if each.candidate == index}:
                    tried.append(Tried(seat.key.key_id, index, ABSENT, seat.key.in_flight, tuple(refusals)))
        decision.tried = tuple(tried)

    def _search(self, demand: Demand, waited_s: float, accept: Accept) -> Any:
        now = self._runtime.clock()
        route = demand.route
        decision = Decision(
            self._runtime.new_id(),
            now,
            route.name,
            demand.call.tenant,
            route.config.policy,
            {},
            pinned=demand.call.keys,
            waited_s=waited_s,
            unfit=demand.unfit,
        )
        search = Search(decision, demand)
        for index, candidate in enumerate(_ordered(demand)):
            accepted = self._ask_candidate(index, candidate, search, accept)
            if accepted is not None:
                return accepted
        return search

    def _ask_candidate(self, index: int, candidate: Candidate, search: Search, accept: Accept) -> Any:
        demand, now = search.demand, search.decision.at
        release_due(candidate, now)
        search.enter()
        search.decision.amounts = amounts = demand.amounts(candidate)
        search.decision.counted = demand.counted(candidate)
        message = Reserve(self._runtime.new_id(), amounts, candidate.config.model, now + self._lease_s)
        budgets = candidate.budgets + demand.tenant_budgets if demand.tenant_budgets else candidate.budgets
        for _ in range(SCAN_MAX):
            seat = next_seat(candidate, search)
            if seat is None:
                break
            holders = budgets + seat.holders if budgets else seat.holders
            refusals = propose(self._runtime, holders, message, now)
            if refusals:
                if not search.refused(seat, index, refusals):
                    break
                continue
            accepted = accept(search.granted(seat, index), seat, holders, message)
            if accepted is not None:
                return accepted
            search.broke()
            message = Reserve(self._runtime.new_id(), amounts, candidate.config.model, now + self._lease_s)
        else:
            search.stopped_short()
        if search.gate is None and candidate.blocked:
            search.gated(propose(self._runtime, (*budgets, candidate.provider.circuit), message, now))
        search.leave(candidate)
        return None

    def _grant(self, decision: Decision, seat: Seat, holders: tuple[Cell, ...], message: Reserve) -> Grant | None:
        now = decision.at
        candidate = seat.group.candidate
        event = Granted(
            now,
            message.reservation_id,
            seat.key.key_id,
            candidate.config.model,
            decision.route,
            message.amounts,
            message.expires_at,
            tuple([cell.actor_id for cell in holders]),
            decision.decision_id,
        )
        lease = Lease(message.reservation_id, seat, holders, message.amounts, message.expires_at, decision)
        took(seat, now)
        decision.reservation_id = message.reservation_id
        broken = commit(self._runtime, holders, event)
        if broken:
            lease.holders = tuple([cell for cell in holders if cell not in broken])
            lease.decision = attrs.evolve(decision)  # the search goes on with its own
            self.leases.open[lease.reservation_id] = lease
            self.settle(lease, Outcome(OutcomeClass.NOT_SENT, Scope.NONE))
            return None
        self.leases.open[lease.reservation_id] = lease
        self._queue(lease)
        self._decisions.add(decision)
        return Grant(lease, self.settle, self.dispatch)

    # --------------------------------------------------------------------------------------------------------- dispatch

    def dispatch(self, lease: Lease) -> None:
        """The request is on the wire."""
        lease.dispatched = True
        now = self._runtime.clock()
        pools = tuple(cell for cell in lease.holders if Dispatch in cell.behaviour.decide)
        if pools:
            event = Dispatched(now, lease.reservation_id, tuple([cell.actor_id for cell in pools]))
            conclude(self._runtime, pools, Dispatch(lease.reservation_id), event, now)

    # ----------------------------------------------------------------------------------------------------------- settle

    def settle(self, lease: Lease, outcome: Outcome) -> None:
        """Close a reservation with the truth. Late corrects the charge; repeated is ignored."""
        now = self._runtime.clock()
        if self.leases.open.pop(lease.reservation_id, None) is None:
            self._runtime.publish(SettlementRepeated(now, lease.reservation_id))
            return
        candidate = lease.seat.group.candidate
        learn(candidate, lease.decision.counted, lease.amounts, outcome.usage)
        usage, charged = truth(candidate, lease.amounts, outcome, dispatched=lease.dispatched)
        message = Settle(
            lease.reservation_id,
            outcome.outcome,
            outcome.scope,
            usage,
            charged,
            now + outcome.retry_after_s if outcome.retry_after_s is not None else None,
            self._rng.random(),
        )
        event = Settled(
            now,
            lease.reservation_id,
            lease.seat.key.key_id,
            tuple([cell.actor_id for cell in lease.holders]),
            message.outcome,
            message.scope,
            usage,
            surprise(lease.amounts, usage) if usage else usage,
            charged,
            message.retry_at,
            message.draw,
            lease.expired,
        )
        for cell in conclude(self._runtime, lease.holders, message, event, now, on_broken=partial(self._keep, lease)):
            self._keep(lease, cell)
        self._give_back(lease, now)
        lease.decision.outcome, lease.decision.said, lease.decision.usage = outcome.outcome, outcome.message, usage
        self.on_room()

    def _keep(self, lease: Lease, cell: Cell) -> None:
        """A holder that could not take the ending still has the reservation: let it expire there."""
        kept = self.leases.open.get(lease.reservation_id)
        if kept is not None:
            kept.holders = (*kept.holders, cell)
            return
        lease.holders, lease.abandoned = (cell,), True
        self.leases.open[lease.reservation_id] = lease
        if not lease.expired:
            lease.expires_at = self._runtime.clock() + self._lease_s
            self._queue(lease)

    def _give_back(self, lease: Lease, now: float) -> None:
        give_back = freed if lease.given_back else gave_back
        lease.given_back = True
        give_back(lease.seat, now)

    # ----------------------------------------------------------------------------------------------------------- leases

    def _queue(self, lease: Lease) -> None:
        if self.leases.queue(lease):
            self._runtime.timers.set(_LEASES, lease.expires_at, self._end_leases)

    def _end_leases(self) -> None:
        now = self._runtime.clock()
        for lease in self.leases.due(now):
            if lease.abandoned:
                self._expire(lease, now)
            else:
                self._renew(lease, now)
        if self.leases.next_at() < INF:
            self._runtime.timers.set(_LEASES, self.leases.next_at(), self._end_leases)

    def _renew(self, lease: Lease, now: float) -> None:
        lease.expires_at = now + self._lease_s
        event = Renewed(now, lease.reservation_id, lease.expires_at, tuple([c.actor_id for c in lease.holders]))
        conclude(self._runtime, lease.holders, Renew(lease.reservation_id, lease.expires_at), event, now)
        self.leases.queue(lease)

    def _expire(self, lease: Lease, now: float) -> None:
        self._expire_at(lease, lease.holders)
        self.leases.keep_late(lease)
        lease.decision.outcome = lease.decision.outcome or "expired"
        self._give_back(lease, now)
        self.on_room()

    def _expire_at(self, lease: Lease, holders: Sequence[Cell]) -> None:
        now, again = self._runtime.clock(), partial(self._expire_again, lease)
        ids = tuple([cell.actor_id for cell in holders])
        event = Expired(now, lease.reservation_id, lease.seat.key.key_id, ids)
        for cell in conclude(self._runtime, holders, Expire(lease.reservation_id), event, now, on_broken=again):
            again(cell)

    def _expire_again(self, lease: Lease, cell: Cell) -> None:
        """A holder that broke over an expiry still has the reservation: try once more, a lease later."""
        key, at = (*_LEASES, lease.reservation_id, cell.actor_id), self._runtime.clock() + self._lease_s
        self._runtime.timers.set(key, at, partial(self._expire_late, lease, cell))

    def _expire_late(self, lease: Lease, cell: Cell) -> None:
        self._expire_at(lease, (cell,))
        self._give_back(lease, self._runtime.clock())
        self.on_room()


def _name(decision: Decision, seat: Seat, holders: tuple[Cell, ...], message: Reserve) -> Shortage:  # noqa: ARG001
    return Shortage(decision, decision.at, final=False, firm=False)


def _ordered(demand: Demand) -> Sequence[Candidate]:
    candidates = demand.candidates
    if len(candidates) == 1:
        return candidates
    ordered = POLICIES[demand.route.config.policy](candidates)
    return sorted(ordered, key=lambda c: c.provider.name in demand.avoid) if demand.avoid else ordered
