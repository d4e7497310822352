"""What the router knows of pools, keys, providers and routes. Entries point at each other, so none prints the others.

A *group* is the keys of one candidate that draw on the same shared pools; inside it each *seat* is one key.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import attrs

from actorrouter.adapters.port import Adapter
from actorrouter.config import CandidateConfig, KeyConfig, PoolConfig, ProviderConfig, RouteConfig
from actorrouter.policies.estimates import InputRatio
from actorrouter.policies.index import ABSENT, Buckets
from actorrouter.router.retry import RetryBudget
from actorrouter.router.secrets import SecretKeeper
from actorrouter.runtime.cell import Cell
from actorrouter.transport.port import Transport
from actorrouter.values import INF, Refusal

_NONE_READY = 1 << 62


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
