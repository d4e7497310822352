"""What a provider itself says of a limit, as a pool with `mirror = true` follows it. Pure.

Its last word is how many units remain, said while answering one request, and counts that request. Of the others it
counts for sure those that had arrived when that request was granted: sent more than a guard earlier, or over. As much
as the word leaves beyond all that it may not have counted may go, and what the declared rate has refilled since; but
much refill is only guessed at by one request at a time, whose answer tells (facts: limits.md C3). A word lasts for one
window; then, and before the first, the declared limit alone decides. A slow answer tells of long ago: only the word of
the request granted last counts.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

import attrs

from actorrouter.actors.windows import Terms, Window
from actorrouter.values import CONCURRENCY, COST, INF, Basis, QuotaObservation, Refusal

_GUESS: Final = 0.01
"""Share of a limit that may go on refill alone before the next answer tells."""


@attrs.define
class Mirror:
    """`granted`: units, ever. `counted`: of these, by every word from now on. `marks`: open reservation -> `counted` in
    what its answer says. `under_way`: the rest. `upto`: the last word lets `granted` come so far; it was said at
    `said_at` of `said_of`, when `newest` may already have been granted."""

    terms: Terms
    rate: float
    granted: float = 0
    counted: float = 0
    marks: dict[int, float] = attrs.field(factory=dict)
    under_way: dict[int, float] = attrs.field(factory=dict)
    arrivals: deque[tuple[float, int]] = attrs.field(factory=deque)
    upto: float = -INF
    said_at: float = -INF
    said_of: int = 0
    newest: int = 0

    def ready_at(self, amount: float, now: float) -> float:
        """When the word leaves room for this much, nothing else happening; INF: not while it lasts."""
        short = self.granted + amount - self.upto
        if now > self.said_at + self.terms.window_s or short > self.terms.amount:
            return INF
        if short > self.terms.amount * _GUESS and self.newest > self.said_of:
            return INF
        return max(now if short <= 0 else self.said_at + short / self.rate, self.said_at)

    def take(self, reservation_id: int, amount: float, at: float) -> None:
        """Granted, by the word or by the declared limit."""
        while self.arrivals and self.arrivals[0][0] <= at:
            self.counted += self.under_way.pop(self.arrivals.popleft()[1], 0)
        self.granted += amount
        self.marks[reservation_id] = self.counted + amount
        self.under_way[reservation_id] = amount
        self.newest = reservation_id

    def sent(self, reservation_id: int, at: float) -> None:
        """On the wire: it arrives within a guard."""
        if self.terms.up_front and reservation_id in self.under_way:
            self.arrivals.append((at + self.terms.guard_s, reservation_id))

    def end(self, reservation_id: int, beyond: float) -> None:
        """Over, having used so much beyond what was reserved."""
        self.marks.pop(reservation_id, None)
        self.counted += self.under_way.pop(reservation_id, 0) + beyond
        self.granted += beyond

    def hear(self, reservation_id: int, said: QuotaObservation) -> None:
        """The provider's word, while answering this reservation."""
        mark = self.marks.get(reservation_id)
        if mark is not None and said.remaining is not None and reservation_id > self.said_of:
            remaining = said.remaining if said.limit is None else min(said.remaining, said.limit)
            self.upto, self.said_at, self.said_of = max(remaining, 0) + mark, said.at, reservation_id

    def refused(self, amount: float, until: float) -> None:
        """Over the limit: what was said before is void, and from `until` there is room for what was refused."""
        self.upto, self.said_at, self.said_of = self.granted + amount, until, self.newest

    def copy(self) -> Mirror:
        return attrs.evolve(self, marks=dict(self.marks), under_way=dict(self.under_way), arrivals=deque(self.arrivals))


def mirrors(windows: tuple[Window, ...]) -> tuple[Mirror, ...]:
    """One for each dimension that observations tell of: of its shortest window."""
    shortest: dict[str, Terms] = {}
    for terms in sorted((window.terms for window in windows), key=lambda terms: terms.window_s):
        if terms.dimension not in (CONCURRENCY, COST) and terms.amount:
            shortest.setdefault(terms.dimension, terms)
    return tuple(Mirror(terms, float(terms.amount) / terms.window_s) for terms in shortest.values())


def sooner(mirrors: tuple[Mirror, ...], window: Window, refusal: Refusal, amount: Any, now: float) -> Refusal | None:
    """The limit's no, unless the provider's word says yes or names an earlier instant."""
    mirror = next((each for each in mirrors if each.terms is window.terms), None)
    if mirror is None or refusal.final:
        return refusal
    ready = mirror.ready_at(amount, now)
    if ready <= now:
        return None
    if ready >= refusal.available_at:
        return attrs.evolve(refusal, firm=False)  # type: ignore[misc] # a value is an attrs class
    return attrs.evolve(  # type: ignore[misc]
        refusal, available_at=ready, basis=Basis.LEARNED, latest=ready, firm=False
    )
