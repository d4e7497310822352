"""A limit that refills continuously, and the form of it whose charges are corrected."""

from __future__ import annotations

from itertools import islice
from typing import Final

import attrs

from actorrouter.actors.terms import SLACK, Terms
from actorrouter.values import INF, record

_MARKS: Final = 16
"""How finely a corrected bucket remembers its lows; the oldest merge, which can only give back less."""


@record
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
            starts = at + self.terms.guard_s
            self.empty_at = (self.empty_at if self.empty_at > starts else starts) + amount / self.rate

    def refund(self, amount: float, charged_at: float, now: float) -> None:
        """What may have drained since is not given back: others have had it."""
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


@record
class Mark:
    """The least a charge found `ahead` of it (seconds until empty) since an instant."""

    since: float
    ahead_s: float


@record
class Corrected(Bucket):
    """A bucket whose charges are corrected at the end, to what they would be had they been right from the beginning.

    A bucket that was empty between a charge and its correction has no use for the difference: the provider's gave
    nothing back, or did before later charges. So as much comes back as every charge since has found ahead of it.
    """

    marks: list[Mark] = attrs.field(factory=list)

    def charge(self, amount: float, at: float) -> None:
        ahead_s = self.empty_at - at - self.terms.guard_s
        marks = self.marks
        if ahead_s <= 0:  # all earlier charges have drained
            marks.clear()
            marks.append(Mark(at, INF))
        elif at - marks[-1].since < self.burst / self.rate / _MARKS:
            marks[-1].ahead_s = min(marks[-1].ahead_s, ahead_s)
        else:
            marks.append(Mark(at, ahead_s))
            if len(marks) > _MARKS:
                oldest = marks.pop(0)
                marks[0] = Mark(oldest.since, min(oldest.ahead_s, marks[0].ahead_s))
        Bucket.charge(self, amount, at)

    def refund(self, amount: float, charged_at: float, now: float) -> None:
        passed = 0
        back_s = amount / self.rate
        for mark in reversed(self.marks):
            passed += 1
            back_s = min(back_s, mark.ahead_s)
            if mark.since <= charged_at:
                break
        else:
            return
        for mark in islice(reversed(self.marks), passed):
            mark.ahead_s -= back_s
        self.empty_at -= back_s

    def copy(self) -> Corrected:
        marks = [Mark(mark.since, mark.ahead_s) for mark in self.marks]
        return Corrected(self.terms, self.rate, self.burst, self.ceiling, self.empty_at, self.held, marks)
