"""What the router knows of every candidate without asking: two levels, pools by load, keys inside a pool by load.

A *group* is the keys of one candidate that draw on the same shared pools; inside it each *seat* is one key. What has
refused is set aside until it could grant, or until something of it settles. Every step costs the same for 10 keys as
for 100,000.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from decimal import Decimal

import attrs

from actorrouter.actors import quota
from actorrouter.adapters.port import Adapter
from actorrouter.config import CandidateConfig, KeyConfig, PoolConfig, ProviderConfig, RouteConfig
from actorrouter.policies.index import ABSENT, Buckets
from actorrouter.router.retry import RetryBudget
from actorrouter.router.secrets import SecretKeeper
from actorrouter.runtime.cell import Cell
from actorrouter.transport.port import Transport
from actorrouter.values import INF, Amounts, Refusal

_STEP_S = 0.125
_HORIZON_S = 60.0
_IDLE = 0
_NONE_READY = 1 << 62


@attrs.define(eq=False)
class PoolEntry:
    """A quota pool and the groups that draw on it. `private`: of one key."""

    pool_id: str
    cell: Cell
    config: PoolConfig
    groups: list[Group] = attrs.field(factory=list)


@attrs.define(eq=False)
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
    seats: list[Seat] = attrs.field(factory=list)
    transport: Transport | None = None
    rejected_before: bool = False


@attrs.define(eq=False)
class ProviderEntry:
    """An upstream: its dialect, its circuit and its keys."""

    name: str
    config: ProviderConfig
    adapter: Adapter
    circuit: Cell
    retries: RetryBudget
    keys: dict[str, KeyEntry] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Seat:
    """One key in one candidate: what a reservation is made for. `holders`: circuit, pools, key."""

    key: KeyEntry
    group: Group
    holders: tuple[Cell, ...]
    score: int = ABSENT
    aside_until: float = -INF


@attrs.define(eq=False)
class Group:
    """Keys of one candidate that share the same pools."""

    candidate: Candidate
    pools: tuple[PoolEntry, ...]
    seats: Buckets[Seat] = attrs.field(factory=Buckets)
    only: Seat | None = None
    members: int = 0
    score: int = ABSENT
    aside_until: float = -INF
    refused: Refusal | None = None

    def ranked(self) -> Iterator[Seat]:
        """Ready keys, least loaded first."""
        if self.only is not None:
            return iter((self.only,) if self.only.score >= 0 else ())
        return iter(self.seats)

    def first(self) -> Seat | None:
        """The least loaded ready key."""
        if self.only is not None:
            return self.only if self.only.score >= 0 else None
        return self.seats.first()

    def place(self, seat: Seat, score: int) -> None:
        """Make a key ready, with this many in flight."""
        if self.only is seat:
            seat.score = score
        else:
            self.seats.put(seat, score)

    def remove(self, seat: Seat) -> None:
        """A key is not ready."""
        if self.only is seat:
            seat.score = ABSENT
        else:
            self.seats.discard(seat)

    def add(self, seat: Seat) -> None:
        """A new key. While it is the only one there is no index."""
        self.members += 1
        if self.members == 1:
            self.only = seat
        elif self.only is not None:
            first, self.only = self.only, None
            score, first.score = first.score, ABSENT
            if score >= 0:
                self.seats.put(first, score)
        self.place(seat, seat.key.in_flight)

    def leave(self, seat: Seat) -> None:
        """A key is gone for good."""
        self.remove(seat)
        self.members -= 1
        if self.only is seat:
            self.only = None


@attrs.define(eq=False)
class Candidate:
    """Where a route may go: a provider's model through some keys.

    `blocked`: what is set aside and may come back, and whether the instant is firm; `soft`: how many are not;
    `aside`: (until, serial, what) where the instant is known.
    """

    config: CandidateConfig
    provider: ProviderEntry
    budgets: tuple[Cell, ...] = ()
    groups: dict[tuple[str, ...], Group] = attrs.field(factory=dict)
    ready: Buckets[Group] = attrs.field(factory=Buckets)
    blocked: dict[Group | Seat, bool] = attrs.field(factory=dict)
    aside: list[tuple[float, int, Group | Seat]] = attrs.field(factory=list)
    serial: int = 0
    soft: int = 0

    def unblock(self, what: Group | Seat) -> None:
        """It is not set aside any more, or gone for good."""
        self.soft -= self.blocked.pop(what, True) is False

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


@attrs.define(eq=False)
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
    what.aside_until = -INF
    group = what.group if isinstance(what, Seat) else what
    group.candidate.unblock(what)
    if isinstance(what, Seat):
        group.place(what, what.key.in_flight)
    else:
        group.refused = None
    enlist(group, now)


def enlist(group: Group, now: float) -> None:
    """A group with a ready key, not set aside itself, is ready."""
    if group.score < 0 and group.aside_until == -INF and group.first() is not None:
        group.candidate.ready.put(group, load_score(group.pools, now))


def set_aside(
    what: Group | Seat, until: float, sized: Refusal | None = None, *, firm: bool = False, final: bool = False
) -> None:
    """Not ready before `until` (INF: until something settles). `sized`: the refusal, if a smaller amount may fit.
    `firm`: nothing makes it earlier. `final`: not before somebody intervenes."""
    what.aside_until = until
    group = what.group if isinstance(what, Seat) else what
    candidate = group.candidate
    if isinstance(what, Seat):
        group.remove(what)
    else:
        group.refused = sized
    if what is group or group.first() is None:
        candidate.ready.discard(group)
    if final:
        return
    candidate.unblock(what)
    candidate.blocked[what] = firm
    candidate.soft += not firm
    if until < INF:
        candidate.serial += 1
        heapq.heappush(candidate.aside, (until, candidate.serial, what))


def next_change(candidate: Candidate) -> float:
    """When something that was set aside is ready again at the earliest; INF: only a settlement can tell."""
    aside = candidate.aside
    while aside and aside[0][2].aside_until != aside[0][0]:
        heapq.heappop(aside)
    return aside[0][0] if aside else INF


def load_score(pools: tuple[PoolEntry, ...], now: float) -> int:
    """The pools' load as an instant on a common scale, so that it needs no refresh while it drains."""
    share = 0.0
    for pool in pools:
        share = max(share, quota.share(pool.cell.state, now))
    return int((now + _HORIZON_S * share) / _STEP_S) + 1 if share > 0 else _IDLE


def took(seat: Seat, now: float) -> None:
    """A reservation was granted: the key and its pools are more loaded, in every candidate they serve."""
    key = seat.key
    key.in_flight += 1
    for other in key.seats:
        if other.score >= 0:
            other.group.place(other, key.in_flight)
    _rescore(seat, now)


def gave_back(seat: Seat, now: float) -> None:
    """A reservation ended: what waited for it is ready again."""
    key = seat.key
    key.in_flight -= 1
    freshen(key, now)
    _rescore(seat, now)


def _rescore(seat: Seat, now: float) -> None:
    for pool in seat.group.pools:
        for group in pool.groups:
            if group.score >= 0:
                score = load_score(group.pools, now)
                if score != group.score:
                    group.candidate.ready.put(group, score)
            elif group.aside_until != -INF:
                _ready(group, now)


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
        if group.score < 0 and group.first() is not None:
            _ready(group, now)


def smaller(group: Group, amounts: Amounts) -> bool:
    """Whether these amounts may fit although others did not."""
    return group.refused is not None and bool(amounts.get(group.refused.dimension, 0) < group.refused.requested)
