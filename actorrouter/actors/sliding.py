"""A limit on any stretch of time of the window's length, and the paced form of it for an unknown shape."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

import attrs

from actorrouter.actors.terms import Terms
from actorrouter.values import INF, record

SLOTS: Final = 512
"""A sliding window frees in steps of 1/512 of its length, always late, never early."""


@record
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
        if short <= 0 or short <= self.terms.slack:
            return now
        if self.held + amount - self.terms.amount > self.terms.slack:
            return INF
        for slot, charged in self.slots.items():
            short -= charged
            if short <= self.terms.slack:
                return max(now, slot * self.slot_s)
        last: int = next(reversed(self.slots))  # all has drained then, but noise
        return max(now, last * self.slot_s)

    def room(self, now: float) -> Any:
        return max(self.terms.amount - self.held - self.level(now), 0)

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
        self.total = 0  # what is left is noise

    def level(self, now: float) -> Any:
        level = self.total
        for slot, charged in self.slots.items():
            if slot * self.slot_s > now:
                break
            level -= charged
        return level

    def tighten(self, remaining: float, at: float) -> None:
        unseen = unseen_use(self, remaining, at)
        if unseen > 0:
            Sliding.charge(self, unseen, at)

    def fill(self, now: float) -> None:
        Sliding.charge(self, self.terms.amount, now)

    def align(self, wall: float, now: float, *, jumped: bool) -> None:
        """A sliding window has no edges."""

    def share(self, now: float) -> float:
        return float((self.held + self.level(now)) / (self.terms.amount or 1))

    def copy(self) -> Sliding:
        return Sliding(self.terms, self.slot_s, OrderedDict(self.slots), self.total, self.held)


@record
class Paced(Sliding):
    """An unknown shape whose charge is corrected at the end: exact log and burst + rate * W <= L, both.

    The log keeps every window within the limit whatever is corrected when; a bucket alone cannot, as a correction of
    what it has drained already would count twice. The bucket is for providers that smooth: it paces what is charged.
    What is only held until the end is not paced.
    """

    rate: float = attrs.field(kw_only=True)
    burst: float = attrs.field(kw_only=True)
    empty_at: float = -INF

    def ready_at(self, amount: Any, now: float) -> float:
        ready = Sliding.ready_at(self, amount, now)
        paced = amount + self.held if self.terms.up_front else amount
        return max(ready, self.empty_at - float(self.burst - min(paced, self.burst)) / self.rate)

    def room(self, now: float) -> Any:
        room = Sliding.room(self, now)
        held = self.held if self.terms.up_front else 0
        ahead = held + max(0.0, self.empty_at - now) * self.rate
        return min(room, max(0.0, self.burst - ahead)) if ahead else room

    def charge(self, amount: Any, at: float) -> None:
        Sliding.charge(self, amount, at)
        self.empty_at = max(self.empty_at, at) + amount / self.rate

    def refund(self, amount: Any, charged_at: float, now: float) -> None:
        Sliding.refund(self, amount, charged_at, now)
        self.empty_at -= amount / self.rate

    def copy(self) -> Paced:
        return Paced(
            self.terms,
            self.slot_s,
            OrderedDict(self.slots),
            self.total,
            self.held,
            self.empty_at,
            rate=self.rate,
            burst=self.burst,
        )


def unseen_use(window: Any, remaining: float, at: float) -> Any:
    """What others used, or what we do not know of: the limit less all that is accounted for."""
    amount = window.terms.amount
    return amount - min(type(amount)(remaining), amount) - window.held - window.level(at)
