"""A limit that refills continuously."""

from __future__ import annotations

import attrs

from actorrouter.actors.terms import SLACK, Terms
from actorrouter.values import INF


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
        if room < -SLACK:
            return INF
        if self.empty_at <= now:
            return now
        ready = self.empty_at - room / self.rate
        if ready <= now:
            return now
        return ready

    def _idle_at(self, amount: float, now: float) -> float:
        if self.held > SLACK or not self.fits(amount):
            return INF
        return max(now, self.empty_at + amount / self.rate)

    def room(self, now: float) -> float:
        return max(0.0, self.burst - self.held - max(0.0, self.empty_at - now) * self.rate)

    def charge(self, amount: float, at: float) -> None:
        if self.rate:  # nothing fits a limit of nought
            self.empty_at = max(self.empty_at, at + self.terms.guard_s) + amount / self.rate

    def refund(self, amount: float, charged_at: float, now: float) -> None:
        """What may have drained since is not given back: it was free to others already."""
        if self.rate:
            self.empty_at -= max(0.0, amount / self.rate - (now - charged_at))

    def level(self, now: float) -> float:
        ahead = self.empty_at - self.terms.guard_s - now
        return min(ahead * self.rate, self.ceiling) if ahead > 0 else 0.0

    def tighten(self, remaining: float, at: float) -> None:
        unseen = self.burst - remaining - self.held
        if unseen > 0 and self.rate:
            self.empty_at = max(self.empty_at, at + self.terms.guard_s + unseen / self.rate)

    def fill(self, now: float) -> None:
        self.charge(self.burst, now)

    def align(self, wall: float, now: float, *, jumped: bool) -> None:
        """A bucket has no edges."""

    def share(self, now: float) -> float:
        ahead = self.empty_at - now
        return (self.held + (ahead * self.rate if ahead > 0 else 0.0)) / (self.burst or 1.0)

    def copy(self) -> Bucket:
        return Bucket(self.terms, self.rate, self.burst, self.ceiling, self.empty_at, self.held)
