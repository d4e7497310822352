"""Law 2, nothing leaks: what the actors' own books say against what the events say. `bookings` has the other half."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final

from actorrouter.observe import status
from actorrouter.observe.laws.bookings import Bookings
from actorrouter.observe.laws.found import Tell
from actorrouter.observe.laws.meters import Meter
from actorrouter.observe.laws.promise import Account, Promise
from actorrouter.runtime.cell import Cell, Status

_NOISE: Final = 1e-3


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
        if cell.actor_id.startswith("pool:"):
            told = status.pool_status(cell.state, now)
            self._limits(account, told["limits"], now)
        else:
            told = status.budget_status(cell.state, now)
            budget = {"held": told["held"], "level": told["charged"], "free": told["free"], "capacity": told["usd"]}
            self._limits(account, [{name: Decimal(text) for name, text in budget.items()}], now)

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
        return theirs == booked.open_at[holder] | booked.late_at[holder].keys()

    def _limits(self, account: Account, books: Collection[Mapping[str, Any]], now: float) -> None:
        for meter, told in zip(account.meters, books, strict=True):
            held, level, free = told["held"], told["level"], told["free"]
            who = f"{account.holder}, {meter.name}"
            if all(abs(held - right) > meter.slack for right in meter.could_hold()):
                self._tell(2, now, f"{who}: books hold {held}, open reservations {meter.held_total}")
            if abs(told["capacity"] - free - held - level) > meter.slack:
                self._tell(2, now, f"{who}: {told['capacity']} is not {free} free + {held} held + {level} charged")
            if free < -_beyond(account, meter) - meter.slack:
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
    return meter.surprise if account.holder.startswith("budget:") else account.surprise.get(meter.dimension, 0)
