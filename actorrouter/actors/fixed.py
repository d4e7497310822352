"""A limit that starts anew at each edge of the wall clock."""

from __future__ import annotations

from typing import Any

from actorrouter.actors.calendar import Edges
from actorrouter.actors.sliding import unseen_use
from actorrouter.actors.terms import Terms
from actorrouter.values import INF, record


@record
class Fixed:
    """A counter that starts anew at each edge. Nothing is granted before the first reading of the clock.

    What is charged within a guard of an edge, either side, counts in both windows: it may have arrived in either. When
    the wall clock jumps, what was used goes on counting until an edge that the running clock reaches; when it goes back
    across an edge that had passed, what was used `before` that edge counts again.
    """

    terms: Terms
    edges: Edges
    edge: float = INF
    following: float = INF
    opened: float = -INF
    offset: float | None = None
    used: Any = 0
    tail: Any = 0
    held: Any = 0
    before: Any = 0

    @property
    def capacity(self) -> Any:
        return self.terms.amount

    def fits(self, amount: Any) -> bool:
        return bool(amount <= self.terms.amount)

    def ready_at(self, amount: Any, now: float) -> float:
        if self.offset is None:
            return INF
        room = self.terms.amount - self.held - amount
        level = self.level(now)
        if level <= room:
            return now
        room += self.terms.slack
        if room < 0:
            return INF
        if level <= room:
            return now
        guard = self.terms.guard_s
        return (self.edge if self.tail <= room and now < self.edge + guard else self.following) + guard

    def room(self, now: float) -> Any:
        return max(self.terms.amount - self.held - self.level(now), 0) if self.offset is not None else 0

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
        guard = self.terms.guard_s
        while now >= self.edge + guard:
            self.before, self.used, self.tail = self.used, self.tail, 0
            self.opened = self.edge - guard
            self.edge = self.following
            self.following = self._after(self.edge)

    def tighten(self, remaining: float, at: float) -> None:
        unseen = unseen_use(self, remaining, at)
        if unseen > 0:
            self.charge(unseen, at)

    def fill(self, now: float) -> None:
        self._roll(now)
        self.used = max(self.used, self.terms.amount)

    def align(self, wall: float, now: float, *, jumped: bool) -> None:
        told, self.offset = self.offset, wall - now
        back = told is not None and self._went_back(wall, told)
        if told is None or jumped or back:
            self.edge = self._after(now)
            self.tail = self.used if self.edge - now <= self.terms.guard_s else self.tail
        elif self.edge < INF:
            self.edge = self._after(self.edge - self.terms.window_s / 2)
        self.following = self._after(self.edge)
        self._roll(now)

    def _went_back(self, wall: float, told: float) -> bool:
        """By the new reading the last edge has not come yet: what was used before it counts again."""
        back = wall < self.opened + self.terms.guard_s + told
        if back:
            self.used, self.before = self.used + self.before, 0
        return back

    def _after(self, at: float) -> float:
        if at == INF or self.offset is None:
            return INF
        return self.edges.after(at + self.offset + 1e-6) - self.offset

    def share(self, now: float) -> float:
        return float((self.held + self.level(now)) / (self.terms.amount or 1))

    def copy(self) -> Fixed:
        return Fixed(
            self.terms,
            self.edges,
            self.edge,
            self.following,
            self.opened,
            self.offset,
            self.used,
            self.tail,
            self.held,
            self.before,
        )
