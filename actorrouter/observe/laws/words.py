"""What a provider said of one limit, and how far that goes: the naive half of law 1 for a pool that mirrors. Pure.

A grant beyond the declared limit is covered if the provider said that so much remained, less whatever it may not have
counted then, less whatever was granted since, and what the declared rate refilled since.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from actorrouter.values import INF

_KEPT_MAX: Final = 4096


@attrs.define(eq=False)
class _Entry:
    amount: Any
    granted_at: float
    step: int
    sent_at: float = INF
    ended: int | None = None


class Word:
    """The last word on one limit. `left`: what may still go by it, without what was refilled. `lent`: units granted
    while it had some left, ever."""

    def __init__(self, rate: float, window_s: float, guard_s: float, *, counted_when_sent: bool) -> None:
        self._rate, self._window_s = rate, window_s
        self._guard_s = guard_s if counted_when_sent else INF
        self._entries: dict[int, _Entry] = {}
        self._step = 0
        self._said_at, self._said_of, self._newest = -INF, 0, 0
        self.left: Any = -INF
        self.lent: Any = 0

    def granted(self, reservation_id: int, amount: Any, at: float) -> None:
        """One more is out."""
        self._step += 1
        self._newest = reservation_id
        self._entries[reservation_id] = _Entry(amount, at, self._step)
        self.left -= amount
        if self.covers(at, 0):
            self.lent += amount
        if len(self._entries) > _KEPT_MAX:
            self._forget()

    def sent(self, reservation_id: int, at: float) -> None:
        """It is on the wire."""
        if reservation_id in self._entries:
            self._entries[reservation_id].sent_at = at

    def ended(self, reservation_id: int) -> None:
        """Settled or expired."""
        self._step += 1
        if reservation_id in self._entries:
            self._entries[reservation_id].ended = self._step

    def heard(self, reservation_id: int, remaining: Any, at: float) -> None:
        """The answer to this request says that so much remains. An older request's word is no news."""
        told = self._entries.get(reservation_id)
        if told is None or reservation_id <= self._said_of:
            return
        uncounted = sum(e.amount for e in self._entries.values() if e is not told and not self._counts(told, e))
        self.left, self._said_at, self._said_of = remaining - uncounted, at, reservation_id

    def _counts(self, told: _Entry, other: _Entry) -> bool:
        if other.ended is not None and other.ended < told.step:
            return True
        return other.step < told.step and other.sent_at + self._guard_s <= told.granted_at

    def refused(self, reservation_id: int, at: float) -> None:
        """The provider said no, and when there is room for this one: all else it said is void."""
        entry = self._entries.get(reservation_id)
        self.left, self._said_at, self._said_of = entry.amount if entry else 0, at, self._newest

    def covers(self, now: float, slack: float) -> bool:
        """Whether all that was granted is within what was said."""
        if now > self._said_at + self._window_s + slack:
            return False
        return bool(self.left + self._rate * (now - self._said_at) >= -slack)

    def _forget(self) -> None:
        oldest = min((e.step for e in self._entries.values() if e.ended is None), default=self._step)
        self._entries = {i: e for i, e in self._entries.items() if e.ended is None or e.ended > oldest}
