"""Whom to ask next, what a no means, and what all the noes of one attempt say about when.

A refusal is of a *seat* (the key or its private pool), of its *group* (a shared pool), or of the whole candidate (its
circuit, a budget): the *gate*. Seats and groups are set aside until they could grant; a gate is asked every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

import attrs

from actorrouter.observe.decisions import TRIED_MAX, Decision, Tried
from actorrouter.router.board import close, next_change, set_aside, smaller
from actorrouter.router.demand import Demand
from actorrouter.router.entries import Candidate, Group, Seat
from actorrouter.values import INF, Basis, Refusal

SCAN_MAX: Final = 128
"""Keys asked for one call in one go. Who refuses is set aside, so the next call does not ask it again. As many of
those that are set aside are looked at for one that a smaller amount may fit."""


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

    @property
    def too_big(self) -> bool:
        """Whoever was asked can never grant as much."""
        tried = self.decision.tried
        return bool(tried) and all(any(map(never_fits, each.refusals)) for each in tried)


class Search:
    """What one attempt has found so far; of the candidate in hand: whom it asked (`asked`), whom it passes over
    without setting aside (`passed`), and the latest refusal of the whole candidate (`gate`)."""

    __slots__ = ("asked", "decision", "demand", "earliest", "firm", "gate", "hope", "passed", "tried")

    def __init__(self, decision: Decision, demand: Demand) -> None:
        self.decision, self.demand = decision, demand
        self.tried: list[Tried] = []
        self.earliest, self.firm, self.hope = INF, True, False

    def enter(self) -> None:
        """Go on to the next candidate."""
        self.asked: set[str] = set()
        self.passed: set[Group | Seat] = set()
        self.gate: Refusal | None = None

    def refused(self, seat: Seat, index: int, refusals: list[Refusal]) -> bool:
        """Take down a no, and set aside who said it. False: the whole candidate refuses, asking on is no use."""
        self.tried.append(Tried(seat.key.key_id, index, seat.group.score, seat.key.in_flight, tuple(refusals)))
        if not any(refusal.final for refusal in refusals):
            last = latest(refusals)
            self._may_come(last.available_at, firm=last.firm)
        return self._aside(seat, refusals)

    def granted(self, seat: Seat, index: int) -> Decision:
        """Take down the yes."""
        decision = self._told() if self.tried else self.decision
        granted = Tried(seat.key.key_id, index, seat.group.score, seat.key.in_flight)
        decision.tried = (*decision.tried, granted) if decision.tried else (granted,)
        decision.chosen = granted.key_id
        return decision

    def broke(self) -> None:
        """The yes did not hold. What was asked before it is void: to take it back has changed who is loaded."""
        self.tried.clear()
        self.decision.chosen, self.decision.tried, self.decision.reservation_id = "", (), 0

    def gated(self, refusals: list[Refusal]) -> None:
        """The candidate as a whole refuses: its circuit or a budget."""
        if refusals:
            self.gate = next((refusal for refusal in refusals if refusal.final), None) or latest(refusals)

    def stopped_short(self) -> None:
        """There are more keys than are asked in one go."""
        self._may_come(self.decision.at, firm=False)

    def leave(self, candidate: Candidate) -> None:
        """The candidate in hand gave nothing: what is set aside there may be ready at a known instant."""
        gate = self.gate
        if self.demand.call.keys or (gate is not None and gate.final):
            return
        counts = _counts(self)
        if not any(map(counts, candidate.blocked)):
            return
        at = next_change(candidate, counts)
        if gate is not None and gate.available_at >= at:
            self._may_come(gate.available_at, firm=gate.firm)
        else:
            self._may_come(at, firm=not candidate.soft)

    def shortage(self) -> Shortage:
        """What it all comes to."""
        decision, demand = self._told(), self.demand
        decision.excluded = demand.call.exclude_keys | demand.skip
        decision.set_aside = sum(len(candidate.blocked) for candidate in demand.candidates)
        decision.available_at = self.earliest
        if self.tried:
            demand.sized = tuple(r for tried in decision.tried for r in tried.refusals if r.dimension and not r.final)
        return Shortage(decision, self.earliest, final=not self.hope, firm=self.firm)

    def _told(self) -> Decision:
        self.decision.tried = tuple(self.tried[:TRIED_MAX])
        self.decision.tried_more = max(0, len(self.tried) - TRIED_MAX)
        return self.decision

    def _may_come(self, at: float, *, firm: bool) -> None:
        self.hope, self.firm = True, self.firm and firm
        if at < self.earliest:
            self.earliest = at

    def _aside(self, seat: Seat, refusals: list[Refusal]) -> bool:
        by_pools: list[Refusal] = []
        by_key: list[Refusal] = []
        by_all: list[Refusal] = []
        for refusal in refusals:
            whose = _whose(seat, refusal.holder)
            (by_key if whose is seat else by_pools if whose is seat.group else by_all).append(refusal)
        self.gated(by_all)
        if by_pools:
            self._set_aside(seat.group, by_pools)
        if by_key and not (by_pools and all(not refusal.final for refusal in by_key)):
            self._set_aside(seat, by_key)
        return bool(by_pools or by_key)

    def _set_aside(self, what: Group | Seat, refusals: list[Refusal]) -> None:
        if any(map(never_fits, refusals)):
            self.passed.add(what)
        elif isinstance(what, Seat) and any(refusal.final for refusal in refusals):
            close(what)
        else:
            last = latest(refusals)
            set_aside(what, last.available_at, last if last.dimension else None, firm=last.firm)


def _whose(seat: Seat, holder: str) -> Group | Seat | None:
    """What a refusal of this holder is of; None: of the whole candidate."""
    for pool in seat.group.pools:
        if pool.pool_id == holder:
            return seat.group
    key = seat.key
    own = holder == key.cell.actor_id or (key.private is not None and holder == key.private.pool_id)
    return seat if own else None


def latest(refusals: list[Refusal]) -> Refusal:
    """The one that says when; a firm one if several do."""
    if len(refusals) == 1:
        return refusals[0]
    return max(refusals, key=lambda refusal: (refusal.available_at, refusal.firm))


def never_fits(refusal: Refusal) -> bool:
    """Larger than the whole limit, whoever uses it."""
    return refusal.final and bool(refusal.dimension) and refusal.basis is Basis.EXACT


def next_seat(candidate: Candidate, search: Search) -> Seat | None:
    """The best key not asked yet; the common case costs two look-ups."""
    demand = search.demand
    if demand.call.keys:
        return _pinned(candidate, search)
    group = candidate.ready.first()
    if group is not None and not search.passed:
        seat = group.first()
        if seat is not None and demand.wants(seat.key):
            return seat
    return next(_seats(candidate, search), None)


def _seats(candidate: Candidate, search: Search) -> Iterator[Seat]:
    demand, passed = search.demand, search.passed
    for group in candidate.ready:
        if group not in passed and demand.draws_apart(group.pools):
            yield from (s for s in group.ranked() if s not in passed and demand.wants(s.key))
            passed.add(group)
    amounts = demand.amounts(candidate)
    for what in islice(candidate.sized, SCAN_MAX):
        if what not in passed and smaller(what, amounts):
            seats = (what,) if isinstance(what, Seat) else what.ranked()
            yield from (s for s in seats if s not in passed and demand.wants(s.key) and _open(s, amounts))


def _open(seat: Seat, amounts: object) -> bool:
    """Its group is not set aside, or only for larger amounts."""
    group = seat.group
    return group.aside_until == -INF or smaller(group, amounts)  # type: ignore[arg-type]


def _pinned(candidate: Candidate, search: Search) -> Seat | None:
    """Keys asked for by name are asked even if set aside, the least loaded first."""
    wanted = search.demand.call.keys - search.asked
    keys = [candidate.provider.keys[key_id] for key_id in wanted if key_id in candidate.provider.keys]
    seats = [
        seat for key in keys if search.demand.wants(key) for seat in key.seats if seat.group.candidate is candidate
    ]
    if not seats:
        return None
    best = min(seats, key=lambda seat: (seat.group.score, seat.key.in_flight, seat.key.key_id))
    search.asked.add(best.key.key_id)
    return best


def _counts(search: Search) -> Callable[[Group | Seat], bool]:
    """Whether something set aside could serve this call when it is back: it has a key that is wanted and not too
    small."""
    demand, passed = search.demand, search.passed
    if not (demand.limited or passed):
        return _can_serve

    def serves(seat: Seat) -> bool:
        return seat not in passed and demand.wants(seat.key)

    def counts(what: Group | Seat) -> bool:
        if isinstance(what, Seat):
            return serves(what)
        return what not in passed and demand.draws_apart(what.pools) and any(map(serves, what.ranked()))

    return counts


def _can_serve(what: Group | Seat) -> bool:
    return isinstance(what, Seat) or what.first() is not None


def not_asked(candidate: Candidate, demand: Demand) -> Iterator[Seat]:
    """Keys that were not asked because they had said no before, for those who want to hear it again."""
    for what in (*islice(candidate.blocked, TRIED_MAX), *islice(candidate.closed, TRIED_MAX)):
        seat = what if isinstance(what, Seat) else what.first()
        if seat is not None and demand.wants(seat.key):
            yield seat
