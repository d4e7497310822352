"""Law 2, nothing leaks: what the actors' own books say against what the events say. `bookings` has the other half."""

from __future__ import annotations

from typing import Any

from actorrouter.actors.windows import Window
from actorrouter.observe.laws.bookings import Bookings
from actorrouter.observe.laws.found import Tell
from actorrouter.observe.laws.meters import Meter
from actorrouter.observe.laws.promise import Account, Promise
from actorrouter.runtime.cell import Cell, Status


class Leaks:
    """Compares books with bookings. Only of actors that have nothing left to catch up with."""

    def __init__(self, tell: Tell, bookings: Bookings, promise: Promise, lease_s: float) -> None:
        self._tell = tell
        self._bookings = bookings
        self._promise = promise
        self._lease_s = lease_s

    def compare(self, cell: Cell, now: float) -> None:
        """One actor's books."""
        if cell.status is not Status.RUNNING or cell.depth or not hasattr(cell.state, "opened"):
            return
        account = self._promise.accounts.get(cell.actor_id)
        if not self._same_reservations(cell, now) or account is None:
            return
        state = cell.state
        windows = state.windows if hasattr(state, "windows") else (state.window,)
        for meter, window in zip(account.meters, windows, strict=True):
            self._limit(account, meter, window, now)

    def _same_reservations(self, cell: Cell, now: float) -> bool:
        holder, booked = cell.actor_id, self._bookings
        ours = booked.open_at[holder] | booked.late_at[holder].keys()
        theirs = cell.state.opened.keys()
        if theirs == ours:
            return True
        for number in sorted(theirs - ours):
            if not booked.excused(holder, number, now, self._lease_s):
                self._tell(2, now, f"{holder} still has reservation {number}, which has ended")
        for number in sorted(ours - theirs):
            if booked.may_be_forgotten(holder, number, now):
                booked.forget(holder, number)
            else:
                self._tell(2, now, f"{holder} has lost reservation {number}, which is open")
        return bool(theirs == booked.open_at[holder] | booked.late_at[holder].keys())

    def _limit(self, account: Account, meter: Meter, window: Window, now: float) -> None:
        """`limit = free + held + level`: nothing is free that is promised, and nothing is kept that has drained."""
        held, level, room = window.held, window.level(now), window.room(now)
        free = window.capacity - held - level
        who = f"{account.holder}, {meter.name}"
        if all(abs(held - right) > meter.slack for right in meter.could_hold()):
            self._tell(2, now, f"{who}: books hold {held}, open reservations {meter.held_total}")
        if held < -meter.slack or level < -meter.slack:
            self._tell(2, now, f"{who}: {held} held and {level} charged, less than nothing")
        if room > max(free, 0) + meter.slack:
            self._tell(2, now, f"{who}: room for {room} where {free} is free")
        if free < -_beyond(account, meter) - meter.slack and not meter.tally.clock_set:
            self._tell(2, now, f"{who}: {free} free, more than surprise explains")
        if level > meter.slack and meter.tally.is_dry(now, meter.touched_at):
            idle_s = now - meter.touched_at
            self._tell(2, now, f"{who}: {level} still charged after {idle_s:.0f} s without use")

    def board(self, key_id: str, in_flight: int, now: float) -> None:
        """What the ranking believes a key has in flight."""
        if in_flight != self._bookings.in_flight[key_id]:
            ours = self._bookings.in_flight[key_id]
            self._tell(2, now, f"the board has {in_flight} in flight on key {key_id}, the events {ours}")


def _beyond(account: Account, meter: Meter) -> Any:
    lent = meter.word.lent if meter.word is not None else 0
    return lent + (meter.surprise if account.holder.startswith("budget:") else account.surprise.get(meter.dimension, 0))
