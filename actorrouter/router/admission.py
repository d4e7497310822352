"""Reserve and settle: the two transactions of a request, and the ranking that leads to the first."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import attrs

from actorrouter.events import Dispatched, Expired, Granted, Renewed, Settled, SettlementRepeated
from actorrouter.messages import Dispatch, Expire, Renew, Reserve, Settle
from actorrouter.observe.decisions import TRIED_MAX, Decision, DecisionLog, Tried
from actorrouter.policies.order import POLICIES
from actorrouter.router.board import (
    Candidate,
    Group,
    Seat,
    gave_back,
    next_change,
    release_due,
    set_aside,
    smaller,
    took,
)
from actorrouter.router.demand import Demand, surprise, truth
from actorrouter.router.grants import Grant, Lease, Leases
from actorrouter.runtime.cell import Cell
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.transaction import commit, conclude, propose
from actorrouter.values import INF, Outcome, OutcomeClass, Refusal, Scope

SCAN_MAX = 128
"""Keys asked for one call in one go. Who refuses is set aside, so the next call does not ask it again."""
_SMALLER_MAX = 16
_LEASES = ("router", "leases")

Accept = Callable[[Decision, Seat, tuple[Cell, ...], Reserve], Any]
"""What to do when all holders consent. None: it did not hold, go on searching."""


@attrs.define(eq=False)
class Shortage:
    """Nobody granted. `available_at`: the first instant a key could. `final`: waiting cannot help. `firm`: nothing
    that settles can make it earlier."""

    decision: Decision
    available_at: float
    final: bool
    firm: bool

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The recorded refusals."""
        return tuple(refusal for tried in self.decision.tried for refusal in tried.refusals)


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
        return found if isinstance(found, Grant) else self._shortage(demand, found)

    def quote(self, demand: Demand) -> Shortage:
        """As `attempt`, but whoever would grant is only named: `decision.chosen`. Reserves nothing."""
        found = self._search(demand, 0.0, _name)
        return self._shortage(demand, found) if isinstance(found, _Search) else found

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
        )
        search = _Search(decision)
        for index, candidate in enumerate(_ordered(demand)):
            accepted = self._ask_candidate(demand, index, candidate, search, accept)
            if accepted is not None:
                return accepted
        return search

    def _ask_candidate(self, demand: Demand, index: int, candidate: Candidate, search: _Search, accept: Accept) -> Any:
        now = search.decision.at
        release_due(candidate, now)
        search.decision.amounts = amounts = demand.amounts(candidate)
        reservation_id = self._runtime.new_id()
        message = Reserve(reservation_id, amounts, candidate.config.model, now + self._lease_s)
        budgets = candidate.budgets + demand.tenant_budgets if demand.tenant_budgets else candidate.budgets
        passed_over: set[Group] = set()
        for _ in range(SCAN_MAX):
            seat = _next_seat(candidate, demand, search, passed_over)
            if seat is None:
                break
            holders = budgets + seat.holders if budgets else seat.holders
            refusals = propose(self._runtime, holders, message, now)
            if not refusals:
                accepted = accept(search.granted(seat, index), seat, holders, message)
                if accepted is not None:
                    return accepted
                continue
            search.refused(seat, index, refusals)
            if not _aside(seat, refusals, passed_over):
                break
        search.earliest = min(search.earliest, next_change(candidate))
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
            lease.holders = tuple(cell for cell in holders if cell not in broken)
            self.leases.open[lease.reservation_id] = lease
            self.settle(lease, Outcome(OutcomeClass.NOT_SENT, Scope.NONE))
            return None
        if self.leases.add(lease):
            self._runtime.timers.set(_LEASES, lease.expires_at, self._end_leases)
        self._decisions.add(decision)
        return Grant(lease, self.settle, self.dispatch)

    def _shortage(self, demand: Demand, search: _Search) -> Shortage:
        decision = search.decision
        decision.excluded = frozenset(demand.skip)
        candidates = demand.route.candidates
        decision.set_aside = sum(len(candidate.blocked) for candidate in candidates)
        decision.available_at = search.earliest
        self._decisions.add(decision)
        waits_help = (search.waits_help or decision.set_aside > 0) and not _all_skipped(demand)
        firm = search.firm and not any(candidate.soft for candidate in candidates)
        return Shortage(decision, search.earliest, final=not waits_help, firm=firm)

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
        broken = conclude(self._runtime, lease.holders, message, event, now)
        if broken:
            self._keep(lease, tuple(broken))
        if not lease.expired:
            gave_back(lease.seat, now)
        lease.decision.outcome, lease.decision.usage = outcome.outcome, usage
        self.on_room()

    def _keep(self, lease: Lease, broken: tuple[Cell, ...]) -> None:
        """Holders that could not take the ending still have the reservation: let it expire there."""
        lease.holders, lease.abandoned = broken, True
        self.leases.open[lease.reservation_id] = lease

    # ----------------------------------------------------------------------------------------------------------- leases

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
        holders = tuple([cell.actor_id for cell in lease.holders])
        event = Expired(now, lease.reservation_id, lease.seat.key.key_id, holders)
        conclude(self._runtime, lease.holders, Expire(lease.reservation_id), event, now)
        self.leases.keep_late(lease)
        lease.decision.outcome = "expired"
        gave_back(lease.seat, now)
        self.on_room()


class _Search:
    """What one attempt has found so far."""

    __slots__ = ("asked", "decision", "earliest", "firm", "tried", "waits_help")

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        self.tried: list[Tried] = []
        self.asked: set[str] = set()
        self.earliest = INF
        self.firm = True
        self.waits_help = False

    def refused(self, seat: Seat, index: int, refusals: list[Refusal]) -> None:
        """Take down a no, and what it says about when."""
        if len(self.tried) < TRIED_MAX:
            self.tried.append(Tried(seat.key.key_id, index, seat.group.score, seat.key.in_flight, tuple(refusals)))
            self.decision.tried = tuple(self.tried)
        else:
            self.decision.tried_more += 1
        if not any(refusal.final for refusal in refusals):
            self.waits_help = True
            self.earliest = min(self.earliest, max(refusal.available_at for refusal in refusals))
            self.firm = self.firm and any(refusal.firm for refusal in refusals)

    def granted(self, seat: Seat, index: int) -> Decision:
        """Take down the yes."""
        decision = self.decision
        granted = Tried(seat.key.key_id, index, seat.group.score, seat.key.in_flight)
        decision.tried = (*self.tried, granted) if self.tried else (granted,)
        decision.chosen = granted.key_id
        return decision


def _name(decision: Decision, seat: Seat, holders: tuple[Cell, ...], message: Reserve) -> Shortage:  # noqa: ARG001
    return Shortage(decision, decision.at, final=False, firm=True)


def _all_skipped(demand: Demand) -> bool:
    """Every key of the route has failed this call for good."""
    candidates = demand.route.candidates
    if not demand.skip or len(demand.skip) < max(sum(g.members for g in c.groups.values()) for c in candidates):
        return False
    return all(
        key_id in demand.skip
        for c in candidates
        for key_id, key in c.provider.keys.items()
        if any(seat.group.candidate is c for seat in key.seats)
    )


def _ordered(demand: Demand) -> Sequence[Candidate]:
    candidates = demand.route.candidates
    if len(candidates) == 1:
        return candidates
    ordered = POLICIES[demand.route.config.policy](candidates)
    return sorted(ordered, key=lambda c: c.provider.name in demand.avoid) if demand.avoid else ordered


def _next_seat(candidate: Candidate, demand: Demand, search: _Search, passed_over: set[Group]) -> Seat | None:
    """The best key not asked yet; the common case costs two look-ups."""
    if demand.call.keys:
        return _pinned(candidate, demand, search)
    group = candidate.ready.first()
    if group is not None and not passed_over:
        seat = group.first()
        if seat is not None and not demand.skip and seat.key.key_id not in demand.call.exclude_keys:
            return seat
    unwanted = demand.skip | demand.call.exclude_keys
    for group in _open_groups(candidate, demand, passed_over):
        for seat in group.ranked():
            if seat.key.key_id not in unwanted:
                return seat
        passed_over.add(group)
    return None


def _open_groups(candidate: Candidate, demand: Demand, passed_over: set[Group]) -> Iterator[Group]:
    for group in candidate.ready:
        if group not in passed_over:
            yield group
    amounts = demand.amounts(candidate)
    for what in islice(candidate.blocked, _SMALLER_MAX):
        if isinstance(what, Group) and what not in passed_over and smaller(what, amounts):
            yield what


def _pinned(candidate: Candidate, demand: Demand, search: _Search) -> Seat | None:
    for key_id in sorted(demand.call.keys - demand.skip - search.asked):
        search.asked.add(key_id)
        key = candidate.provider.keys.get(key_id)
        for seat in key.seats if key is not None else ():
            if seat.group.candidate is candidate:
                return seat
    return None


def _aside(seat: Seat, refusals: list[Refusal], passed_over: set[Group]) -> bool:
    """Set aside whoever refused. False: the whole candidate refuses (its circuit or a budget)."""
    pools = {pool.pool_id for pool in seat.group.pools}
    own = {seat.key.cell.actor_id, seat.key.private.pool_id if seat.key.private else ""}
    by_pools = [refusal for refusal in refusals if refusal.holder in pools]
    by_key = [refusal for refusal in refusals if refusal.holder in own]
    if len(by_pools) + len(by_key) < len(refusals):
        return False
    if any(refusal.final and refusal.dimension for refusal in refusals):
        passed_over.add(seat.group)
    elif by_pools:
        sized = by_pools[0] if all(refusal.dimension for refusal in by_pools) else None
        set_aside(seat.group, _until(by_pools), sized, firm=any(refusal.firm for refusal in by_pools))
    else:
        final, firm = any(refusal.final for refusal in by_key), any(refusal.firm for refusal in by_key)
        set_aside(seat, _until(by_key), firm=firm, final=final)
    return True


def _until(refusals: list[Refusal]) -> float:
    return max(refusal.available_at for refusal in refusals)
