"""The window shapes of a limit: how much fits, when more will, and what drains.

Amounts are first *held* (reserved, not yet charged; held never drains), then *charged*, and what is charged drains by
the window's shape: `limit = free + held + level`. Instants are monotonic seconds. `ready_at` only reads.

**Guard.** Requests sent at s arrive at the provider within [s, s + guard]. A charge therefore starts to drain one
guard later, which is what keeps the provider's count within the limit: for a bucket, arrivals in any T are at most
burst + rate * (T - guard) as sent, hence burst + rate * T as received.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final, Protocol

import attrs

from actorrouter.actors.calendar import Edges
from actorrouter.values import INF

_SLACK: Final = 1e-6  # units; floating-point noise of (instant * rate), far below one unit
_SLOTS: Final = 512  # a sliding window frees in steps of 1/512 of its length, always late, never early


@attrs.define
class Terms:
    """What every limit has, whatever its shape. `up_front`: charged when sent; `settles`: corrected at the end."""

    dimension: str
    amount: Any
    window_s: float
    guard_s: float
    up_front: bool
    settles: bool


class Window(Protocol):
    """One limit's books."""

    terms: Terms
    held: Any

    @property
    def capacity(self) -> Any:
        """`capacity = free + held + level`."""

    def fits(self, amount: Any) -> bool:
        """Could this amount ever be granted?"""

    def ready_at(self, amount: Any, now: float) -> float:
        """Earliest instant at which `amount` more fits, nothing else happening; `now` if it does; INF: a settlement."""

    def charge(self, amount: Any, at: float) -> None:
        """What was sent or used at `at` counts from now on."""

    def refund(self, amount: Any, charged_at: float, now: float) -> None:
        """Take back part of a charge made at `charged_at`, as far as it still counts."""

    def level(self, now: float) -> Any:
        """What is charged and not yet drained."""

    def tighten(self, remaining: float, at: float) -> None:
        """The provider said at `at` that so much remains: never have more free than that. Never loosens."""

    def fill(self, now: float) -> None:
        """Assume the limit is fully used at `now`."""

    def align(self, wall: float, now: float, *, jumped: bool) -> None:
        """Learn where the wall clock stands."""

    def share(self, now: float) -> float:
        """How much of the limit is held or charged, as a fraction of what may be used at once."""

    def copy(self) -> Window:
        """An independent copy, for a snapshot."""


@attrs.define
class Bucket:
    """Continuous refill: `rate` units a second up to `burst`. State is one instant, as in GCRA.

    `burst < ceiling` is the safe reading of an unknown shape (burst + rate * W <= L): an amount above the burst is
    granted only after the bucket has been idle as long as the amount takes to refill, which keeps every window <= L.
    """

    terms: Terms
    rate: float
    burst: float
    ceiling: float
    empty_at: float = -INF
    held: float = 0

    @property
    def capacity(self) -> float:
        return self.ceiling

    def fits(self, amount: float) -> bool:
        return amount <= self.ceiling

    def ready_at(self, amount: float, now: float) -> float:
        if amount > self.burst:
            return self._idle_at(amount, now)
        room = self.burst - self.held - amount
        if room < -_SLACK:
            return INF
        if self.empty_at <= now or (self.empty_at - now) * self.rate <= room + _SLACK:
            return now
        return self.empty_at - room / self.rate if self.rate else INF

    def _idle_at(self, amount: float, now: float) -> float:
        if self.held or not self.fits(amount):
            return INF
        return max(now, self.empty_at + (amount / self.rate if self.burst < self.ceiling else 0.0))

    def charge(self, amount: float, at: float) -> None:
        self.empty_at = max(self.empty_at, at + self.terms.guard_s) + (amount / self.rate if self.rate else INF)

    def refund(self, amount: float, charged_at: float, now: float) -> None:
        if self.rate:
            self.empty_at -= amount / self.rate

    def level(self, now: float) -> float:
        ahead = self.empty_at - self.terms.guard_s - now
        return min(ahead * self.rate, self.ceiling) if ahead > 0 else 0.0

    def tighten(self, remaining: float, at: float) -> None:
        unseen = self.burst - remaining - self.held
        if unseen > 0 and self.rate:
            self.empty_at = max(self.empty_at, at + unseen / self.rate)

    def fill(self, now: float) -> None:
        self.charge(self.burst, now)

    def align(self, wall: float, now: float, *, jumped: bool) -> None:
        """A bucket has no edges."""

    def share(self, now: float) -> float:
        ahead = self.empty_at - now
        return (self.held + (ahead * self.rate if ahead > 0 else 0.0)) / (self.burst or 1.0)

    def copy(self) -> Bucket:
        return Bucket(self.terms, self.rate, self.burst, self.ceiling, self.empty_at, self.held)


@attrs.define
class Sliding:
    """An exact log, kept in slots: what is charged at t is free again at t + guard + window, rounded up to a slot."""

    terms: Terms
    slot_s: float
    slots: OrderedDict[int, Any] = attrs.field(factory=OrderedDict)
    total: Any = 0
    held: Any = 0

    @property
    def capacity(self) -> Any:
        return self.terms.amount

    def fits(self, amount: Any) -> bool:
        return bool(amount <= self.terms.amount)

    def ready_at(self, amount: Any, now: float) -> float:
        short = self.total + self.held + amount - self.terms.amount
        if short <= 0:
            return now
        for slot, charged in self.slots.items():
            short -= charged
            if short <= 0:
                return max(now, slot * self.slot_s)
        return INF

    def charge(self, amount: Any, at: float) -> None:
        self._prune(at)
        slot = self._slot(at)
        if self.slots:
            slot = max(slot, next(reversed(self.slots)))
        self.slots[slot] = self.slots.get(slot, 0) + amount
        self.total += amount

    def refund(self, amount: Any, charged_at: float, now: float) -> None:
        self._prune(now)
        slot = self._slot(charged_at)
        if slot in self.slots:
            amount = min(amount, self.slots[slot])
            self.slots[slot] -= amount
            self.total -= amount

    def _slot(self, at: float) -> int:
        return -int(-(at + self.terms.guard_s + self.terms.window_s) // self.slot_s)

    def _prune(self, now: float) -> None:
        while self.slots:
            slot = next(iter(self.slots))
            if slot * self.slot_s > now:
                return
            self.total -= self.slots.pop(slot)

    def level(self, now: float) -> Any:
        return sum(charged for slot, charged in self.slots.items() if slot * self.slot_s > now)

    def tighten(self, remaining: float, at: float) -> None:
        unseen = _unseen(self, remaining, at)
        if unseen > 0:
            self.charge(unseen, at)

    def fill(self, now: float) -> None:
        self.charge(self.terms.amount, now)

    def align(self, wall: float, now: float, *, jumped: bool) -> None:
        """A sliding window has no edges."""

    def share(self, now: float) -> float:
        return float((self.held + self.total) / (self.terms.amount or 1))

    def copy(self) -> Sliding:
        return Sliding(self.terms, self.slot_s, OrderedDict(self.slots), self.total, self.held)


@attrs.define
class Fixed:
    """A counter that starts anew at each edge of the wall clock.

    What is charged within a guard of an edge, either side, counts in both windows: it may have arrived in either. When
    the wall clock jumps, what was used goes on counting until an edge that the running clock reaches.
    """

    terms: Terms
    edges: Edges
    edge: float = -INF
    following: float = -INF
    opened: float = -INF
    offset: float | None = None
    used: Any = 0
    tail: Any = 0
    held: Any = 0

    @property
    def capacity(self) -> Any:
        return self.terms.amount

    def fits(self, amount: Any) -> bool:
        return bool(amount <= self.terms.amount)

    def ready_at(self, amount: Any, now: float) -> float:
        room = self.terms.amount - self.held - amount
        if self.offset is None or room < 0:
            return INF
        if self.level(now) <= room:
            return now
        return (self.edge if self.tail <= room and now < self.edge else self.following) + self.terms.guard_s

    def charge(self, amount: Any, at: float) -> None:
        self._roll(at)
        self.used += amount
        if at >= self.edge - self.terms.guard_s:
            self.tail += amount

    def refund(self, amount: Any, charged_at: float, now: float) -> None:
        self._roll(now)
        if charged_at >= self.opened:
            self.used -= min(amount, self.used)
            if charged_at >= self.edge - self.terms.guard_s:
                self.tail -= min(amount, self.tail)

    def level(self, now: float) -> Any:
        guard = self.terms.guard_s
        if now < self.edge + guard:
            return self.used
        return self.tail if now < self.following + guard else 0

    def _roll(self, now: float) -> None:
        if self.offset is None:
            return
        while now >= self.edge + self.terms.guard_s:
            self.used, self.tail = self.tail, 0
            self.opened = self.edge - self.terms.guard_s
            self.edge = self.following
            self.following = self._after(self.edge)

    def tighten(self, remaining: float, at: float) -> None:
        unseen = _unseen(self, remaining, at)
        if unseen > 0:
            self.charge(unseen, at)

    def fill(self, now: float) -> None:
        self._roll(now)
        self.used = max(self.used, self.terms.amount)

    def align(self, wall: float, now: float, *, jumped: bool) -> None:
        first, self.offset = self.offset is None, wall - now
        if first or jumped:
            self.edge = self._after(now)
            self.tail = self.used if jumped and self.edge - now <= self.terms.guard_s else self.tail
        elif self.edge < INF:
            self.edge = self._after(self.edge - self.terms.window_s / 2)
        self.following = self._after(self.edge)

    def _after(self, at: float) -> float:
        if at == INF or self.offset is None:
            return INF
        return self.edges.after(at + self.offset + 1e-6) - self.offset

    def share(self, now: float) -> float:
        return float((self.held + self.level(now)) / (self.terms.amount or 1))

    def copy(self) -> Fixed:
        return attrs.evolve(self)


@attrs.define
class Concurrency:
    """How many at once: everything is held, nothing is ever charged."""

    terms: Terms
    held: Any = 0

    @property
    def capacity(self) -> Any:
        return self.terms.amount

    def fits(self, amount: Any) -> bool:
        return bool(amount <= self.terms.amount)

    def ready_at(self, amount: Any, now: float) -> float:
        return now if self.held + amount <= self.terms.amount else INF

    def charge(self, amount: Any, at: float) -> None:
        """Nothing drains."""

    def refund(self, amount: Any, charged_at: float, now: float) -> None:
        """Nothing was charged."""

    def level(self, now: float) -> int:
        return 0

    def tighten(self, remaining: float, at: float) -> None:
        """What others hold is seen anew with every answer; nothing to remember."""

    def fill(self, now: float) -> None:
        """Work of an earlier process has ended with it."""

    def align(self, wall: float, now: float, *, jumped: bool) -> None:
        """No edges."""

    def share(self, now: float) -> float:
        return float(self.held / (self.terms.amount or 1))

    def copy(self) -> Concurrency:
        return Concurrency(self.terms, self.held)


def _unseen(window: Sliding | Fixed, remaining: float, at: float) -> Any:
    amount = window.terms.amount
    return amount - min(type(amount)(remaining), amount) - window.held - window.level(at)
