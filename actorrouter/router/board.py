"""What the router knows of every candidate without asking: two levels, pools by load, keys inside a pool by load.

A *group* is the keys of one candidate that draw on the same shared pools; inside it each *seat* is one key. What has
refused is set aside until it could grant, or until something of it settles. Every step costs the same for 10 keys as
for 100,000. Entries point at each other, so none prints the others.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from decimal import Decimal

import attrs

from actorrouter.actors import quota
from actorrouter.adapters.port import Adapter
from actorrouter.config import CandidateConfig, KeyConfig, PoolConfig, ProviderConfig, RouteConfig
from actorrouter.policies.estimates import InputRatio
from actorrouter.policies.index import ABSENT, Buckets
from actorrouter.router.retry import RetryBudget
from actorrouter.router.secrets import SecretKeeper
from actorrouter.runtime.cell import Cell
from actorrouter.transport.port import Transport
from actorrouter.values import INF, Amounts, Refusal

_STEP_S = 0.125
_IDLE = 0
_NONE_READY = 1 << 62
_STALE_MAX = 64
"""Instants that hold no more which a candidate may keep, beyond one for each thing set aside."""


@attrs.define(eq=False, repr=False, weakref_slot=False)
class PoolEntry:
    """A quota pool and the groups that draw on it. `private`: of one key."""

    pool_id: str
    cell: Cell
    config: PoolConfig
    groups: list[Group] = attrs.field(factory=list)


@attrs.define(eq=False, repr=False, weakref_slot=False)
class KeyEntry:
    """A key: its actor, its secret's source, its seats in every candidate it serves."""

    key_id: str
    provider: ProviderEntry
    cell: Cell
    config: KeyConfig
    pools: tuple[PoolEntry, ...]
    private: PoolEntry | None
    secret: SecretKeeper = attrs.field(repr=False)
    in_flight: int = 0
    seats: tuple[Seat, ...] = ()
    transport: Transport | None = None


@attrs.define(eq=False, repr=False, weakref_slot=False)
class ProviderEntry:
    """An upstream: its dialect, its circuit and its keys."""

    name: str
    config: ProviderConfig
    adapter: Adapter
    circuit: Cell
    retries: RetryBudget
    keys: dict[str, KeyEntry] = attrs.field(factory=dict)


@attrs.define(eq=False, repr=False, weakref_slot=False)
class Seat:
    """One key in one candidate: what a reservation is made for. `holders`: circuit, pools, key."""

    key: KeyEntry
    group: Group
    holders: tuple[Cell, ...]
    score: int = ABSENT
    aside_until: float = -INF
    refused: Refusal | None = None


@attrs.define(eq=False, repr=False, weakref_slot=False)
class Group:
    """Keys of one candidate that share the same pools. `only`: while there is one, it needs no index."""

    candidate: Candidate
    pools: tuple[PoolEntry, ...]
    seats: Buckets[Seat] | None = None
    only: Seat | None = None
    members: int = 0
    score: int = ABSENT
    aside_until: float = -INF
    refused: Refusal | None = None

    def ranked(self) -> Iterator[Seat]:
        """Ready keys, least loaded first."""
        if self.only is not None:
            return iter((self.only,) if self.only.score >= 0 else ())
        return iter(self.seats or ())

    def first(self) -> Seat | None:
        """The least loaded ready key."""
        if self.only is not None:
            return self.only if self.only.score >= 0 else None
        return None if self.seats is None else self.seats.first()

    def place(self, seat: Seat, score: int) -> None:
        """Make a key ready, with this many in flight."""
        if self.seats is None:
            seat.score = score
        else:
            self.seats.put(seat, score)

    def remove(self, seat: Seat) -> None:
        """A key is not ready."""
        if self.seats is None:
            seat.score = ABSENT
        else:
            self.seats.discard(seat)

    def add(self, seat: Seat) -> None:
        """A new key."""
        self.members += 1
        if self.members == 1:
            self.only, self.seats = seat, None
        elif self.only is not None:
            first, self.only, self.seats = self.only, None, Buckets()
            score, first.score = first.score, ABSENT
            if score >= 0:
                self.seats.put(first, score)
        self.place(seat, seat.key.in_flight)

    def leave(self, seat: Seat) -> None:
        """A key is gone for good, and with its last key the group."""
        candidate = self.candidate
        self.remove(seat)
        candidate.unblock(seat)
        self.members -= 1
        if self.only is seat:
            self.only = None
        if self.first() is None:
            candidate.ready.discard(self)
        if not self.members:
            candidate.unblock(self)
            del candidate.groups[self.pools]
            for pool in self.pools:
                pool.groups.remove(self)


@attrs.define(eq=False, repr=False, weakref_slot=False)
class Candidate:
    """Where a route may go: a provider's model through some keys. `ratio`: of that model, on whatever route.

    `blocked`: what is set aside and may come back, and whether the instant is firm; `soft`: how many are not; `sized`:
    those that a smaller amount may fit; `closed`: keys only an operator brings back; `aside`: (until, serial, what)
    where the instant is known.
    """

    config: CandidateConfig
    provider: ProviderEntry
    budgets: tuple[Cell, ...] = ()
    ratio: InputRatio = attrs.field(factory=InputRatio)
    groups: dict[tuple[PoolEntry, ...], Group] = attrs.field(factory=dict)
    ready: Buckets[Group] = attrs.field(factory=Buckets)
    blocked: dict[Group | Seat, bool] = attrs.field(factory=dict)
    sized: dict[Group | Seat, None] = attrs.field(factory=dict)
    closed: dict[Seat, None] = attrs.field(factory=dict)
    aside: list[tuple[float, int, Group | Seat]] = attrs.field(factory=list)
    serial: int = 0
    soft: int = 0

    def unblock(self, what: Group | Seat) -> None:
        """It is not set aside any more, or gone for good."""
        what.aside_until, what.refused = -INF, None
        self.soft -= self.blocked.pop(what, True) is False
        self.sized.pop(what, None)
        if isinstance(what, Seat):
            self.closed.pop(what, None)

    @property
    def upstream_model(self) -> str:
        """The provider's word for the model."""
        return self.config.model

    @property
    def load(self) -> int:
        """Score of the least loaded group with room."""
        group = self.ready.first()
        return _NONE_READY if group is None else group.score

    @property
    def price(self) -> Decimal:
        """US dollars for a million tokens in and out."""
        return self.config.price.input_usd_per_mtok + self.config.price.output_usd_per_mtok


@attrs.define(eq=False, repr=False, weakref_slot=False)
class RouteEntry:
    """A model alias: its candidates and its waiting room."""

    name: str
    config: RouteConfig
    cell: Cell
    candidates: list[Candidate] = attrs.field(factory=list)


def release_due(candidate: Candidate, now: float) -> None:
    """What was set aside until now is ready again."""
    aside = candidate.aside
    while aside and aside[0][0] <= now:
        until, _, what = heapq.heappop(aside)
        if what.aside_until == until:
            _ready(what, now)


def _ready(what: Group | Seat, now: float) -> None:
    group = what.group if isinstance(what, Seat) else what
    group.candidate.unblock(what)
    if isinstance(what, Seat):
        group.place(what, what.key.in_flight)
    enlist(group, now)


def enlist(group: Group, now: float) -> None:
    """A group with a ready key, not set aside itself, is ready."""
    if group.score < 0 and group.aside_until == -INF and group.first() is not None:
        group.candidate.ready.put(group, load_score(group.pools, now))


def set_aside(what: Group | Seat, until: float, sized: Refusal | None = None, *, firm: bool = False) -> None:
    """Not ready before `until` (INF: until something settles). `sized`: the refusal, if a smaller amount may fit.
    `firm`: nothing makes it earlier."""
    candidate = _take_out(what)
    known = what.aside_until
    candidate.unblock(what)
    what.aside_until, what.refused = until, sized
    candidate.blocked[what] = firm
    candidate.soft += not firm
    if sized is not None:
        candidate.sized[what] = None
    if until < INF and until != known:
        candidate.serial += 1
        heapq.heappush(candidate.aside, (until, candidate.serial, what))
        if len(candidate.aside) > _STALE_MAX + 2 * len(candidate.blocked):
            _forget_stale(candidate)


def close(seat: Seat) -> None:
    """Not ready before somebody intervenes."""
    candidate = _take_out(seat)
    candidate.unblock(seat)
    seat.aside_until = INF
    candidate.closed[seat] = None


def _take_out(what: Group | Seat) -> Candidate:
    group = what.group if isinstance(what, Seat) else what
    if isinstance(what, Seat):
        group.remove(what)
    if what is group or group.first() is None:
        group.candidate.ready.discard(group)
    return group.candidate


def _forget_stale(candidate: Candidate) -> None:
    live: dict[Group | Seat, tuple[float, int, Group | Seat]] = {}
    for entry in candidate.aside:
        if entry[2].aside_until == entry[0]:
            live[entry[2]] = entry
    candidate.aside = list(live.values())
    heapq.heapify(candidate.aside)


def next_change(candidate: Candidate, counts: Callable[[Group | Seat], bool]) -> float:
    """When something that was set aside is ready again at the earliest; INF: only a settlement can tell.

    `counts`: whether it matters to the asker; costs O(log n) for each that does not."""
    aside = candidate.aside
    passed: list[tuple[float, int, Group | Seat]] = []
    while aside and (aside[0][2].aside_until != aside[0][0] or not counts(aside[0][2])):
        entry = heapq.heappop(aside)
        if entry[2].aside_until == entry[0]:
            passed.append(entry)
    earliest = aside[0][0] if aside else INF
    for entry in passed:
        heapq.heappush(aside, entry)
    return earliest


def load_score(pools: tuple[PoolEntry, ...], now: float) -> int:
    """The pools' load as an instant on a common scale, so that it needs no refresh while it drains."""
    seconds = 0.0
    for pool in pools:
        load_s = quota.load_s(pool.cell.state, now)
        if load_s > seconds:
            seconds = load_s
    return int((now + seconds) / _STEP_S) + 1 if seconds > 0 else _IDLE


def took(seat: Seat, now: float) -> None:
    """A reservation was granted: the key and its pools are more loaded, in every candidate they serve."""
    key = seat.key
    key.in_flight += 1
    for other in key.seats:
        if other.score >= 0:
            other.group.place(other, key.in_flight)
    for pool in seat.group.pools:
        for group in pool.groups:
            if group.score >= 0:
                _rescore(group, now)


def gave_back(seat: Seat, now: float) -> None:
    """A reservation ended: the key is less loaded, and what waited for it is ready again."""
    seat.key.in_flight -= 1
    freed(seat, now)


def freed(seat: Seat, now: float) -> None:
    """Something held for this seat is held no more: what was set aside for want of it is ready again."""
    freshen(seat.key, now)
    for pool in seat.group.pools:
        freshen_pool(pool, now)


def _rescore(group: Group, now: float) -> None:
    score = load_score(group.pools, now)
    if score != group.score:
        group.candidate.ready.put(group, score)


def freshen(key: KeyEntry, now: float) -> None:
    """Something about the key changed: its seats are ready, until asking says otherwise."""
    for seat in key.seats:
        if seat.score >= 0:
            seat.group.place(seat, key.in_flight)
        else:
            _ready(seat, now)


def freshen_pool(pool: PoolEntry, now: float) -> None:
    """Something about the pool changed."""
    for group in pool.groups:
        if group.score >= 0:
            _rescore(group, now)
        elif group.aside_until != -INF:
            _ready(group, now)


def smaller(what: Group | Seat, amounts: Amounts) -> bool:
    """Whether these amounts may fit although others did not."""
    refused = what.refused
    return refused is not None and bool(amounts.get(refused.dimension, 0) < refused.requested)
