"""Windows of the calendar: use that is forgotten at midnight, or on the first of the month, somewhere on Earth.

Pure; instants are monotonic seconds, and `offset` makes them the provider's wall clock: seconds since 1970.
"""
# ruff: noqa: ARG002 - every meter has the same methods

from datetime import datetime, timedelta
from math import inf
from typing import Literal
from zoneinfo import ZoneInfo

from attrs import define

from actorrouter.simulation.providers.meters import Mark


@define
class CalendarMeter:
    """Use that is forgotten when a day or a month of the zone begins."""

    period: Literal["day", "month"]
    zone: ZoneInfo
    offset: float
    level: float = 0.0
    _begins: float = inf
    _ends: float = -inf

    def used(self, now: float) -> float:
        if not self._begins <= now < self._ends:
            self._turn(now)
            self.level = 0.0
        return self.level

    def _turn(self, now: float) -> None:
        there = datetime.fromtimestamp(now + self.offset, self.zone)
        begins = there.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if self.period == "day":
            ends = begins + timedelta(days=1)
        else:
            begins = begins.replace(day=1)
            ends = (begins + timedelta(days=32)).replace(day=1)
        self._begins, self._ends = begins.timestamp() - self.offset, ends.timestamp() - self.offset

    def charge(self, amount: float, now: float) -> Mark:
        self.level = self.used(now) + amount
        return Mark(now, amount)

    def correct(self, mark: Mark, change: float, now: float) -> None:
        used = self.used(now)
        if mark.at >= self._begins:
            self.level = used + change

    def free_at(self, excess: float, now: float) -> float:
        self.used(now)
        return self._ends

    def empty_at(self, now: float) -> float:
        return self._ends if self.used(now) else now
