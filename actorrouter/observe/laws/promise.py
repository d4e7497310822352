"""Law 1, no over-promise: at every grant, held and charged of each limit together are no more than was declared.

In a pool that mirrors: no more than was declared, or than the provider said remained (`words`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from actorrouter.config import BudgetConfig, Charge, LimitConfig, RouterConfig
from actorrouter.events import ClockAligned, Dispatched, Expired, Granted, Observed, Settled
from actorrouter.observe.laws.bookings import Booking
from actorrouter.observe.laws.found import Tell
from actorrouter.observe.laws.meters import Meter, assume_use, budget_meter, pool_meters
from actorrouter.observe.laws.words import Word
from actorrouter.values import CONCURRENCY, COST, Scope


@attrs.define(eq=False)
class Account:
    """One pool or budget. `surprise`: by dimension, of the settlements it took. `cell`: the actor it is about."""

    holder: str
    cell: Any
    meters: tuple[Meter, ...]
    surprise: dict[str, Any] = attrs.field(factory=dict)

    @property
    def longest_s(self) -> float:
        """How long a charge can count in any of its limits."""
        return max((meter.drains_s for meter in self.meters), default=0.0)


class Promise:
    """The accounts of all pools and budgets."""

    def __init__(self, tell: Tell, config: RouterConfig) -> None:
        self._tell = tell
        self._config = config
        self.accounts: dict[str, Account] = {}

    def open_pool(
        self,
        holder: str,
        cell: Any,
        limits: tuple[LimitConfig, ...],
        charges: Iterable[Mapping[str, Charge]],
        cold_at: float | None,
        *,
        mirror: bool = False,
    ) -> Account:
        """Follow a pool. `charges`: tables of modes, the first that names a dimension decides. `cold_at`: when it was
        started with use by an earlier process to assume; None: unknown, assume nothing."""
        account = Account(holder, cell, pool_meters(limits, _merged(limits, charges), self._config))
        if mirror:
            _listen(account, limits, self._config)
        self._start(account, cell.state.wall_offset)
        if cold_at is not None:
            assume_use(account.meters, limits, self._config, cold_at)
        return account

    def open_budget(self, holder: str, cell: Any, config: BudgetConfig) -> None:
        """Follow a budget."""
        self._start(Account(holder, cell, (budget_meter(config),)), cell.state.wall_offset)

    def _start(self, account: Account, wall_offset: float | None) -> None:
        self.accounts[account.holder] = account
        if wall_offset is not None:
            for meter in account.meters:
                meter.tally.align(wall_offset, 0.0)

    # ---------------------------------------------------------------------------------------------------------- events

    def granted(self, event: Granted, takers: Iterable[str]) -> None:
        """Hold; then nothing may be promised twice."""
        for holder in takers:
            account = self.accounts.get(holder)
            for meter in account.meters if account is not None else ():
                amount = event.amounts.get(meter.dimension)
                if not amount:
                    continue
                meter.hold(event.reservation_id, amount)
                if meter.word is not None:
                    meter.word.granted(event.reservation_id, amount, event.at)
                if meter.over(event.at) > meter.slack and not meter.covered(event.at):
                    why = f"{meter.told(event.at)} at {holder} with reservation {event.reservation_id}"
                    self._tell(1, event.at, f"{why} of key {event.key_id}")

    def dispatched(self, event: Dispatched, holders: Iterable[str]) -> None:
        """What is charged up front drains."""
        for meter in self._meters(holders):
            meter.sent(event.reservation_id, event.at)
            if meter.word is not None:
                meter.word.sent(event.reservation_id, event.at)

    def settled(self, event: Settled, booking: Booking, holders: Iterable[str]) -> None:
        """Charge the truth. What was used beyond what was reserved is said."""
        reserved = booking.granted.amounts
        beyond = {d: used - reserved.get(d, 0) for d, used in event.usage.items() if used > reserved.get(d, 0)}
        if beyond != dict(event.surprise):
            self._tell(
                1, event.at, f"reservation {event.reservation_id} says surprise {dict(event.surprise)}, not {beyond}"
            )
        for holder in holders:
            account = self.accounts.get(holder)
            if account is None:
                continue
            for dimension, amount in beyond.items():
                account.surprise[dimension] = account.surprise.get(dimension, 0) + amount
            for meter in account.meters:
                meter.settled(event.reservation_id, event.usage, event.at, charged=event.charged)
                if meter.word is not None:
                    meter.word.ended(event.reservation_id)
                    if event.scope is Scope.POOL:
                        meter.word.refused(event.reservation_id, event.at)

    def expired(self, event: Expired, holders: Iterable[str]) -> None:
        """Charge in full."""
        for meter in self._meters(holders):
            meter.expired(event.reservation_id, event.at)
            if meter.word is not None:
                meter.word.ended(event.reservation_id)

    def observed(self, event: Observed) -> None:
        """The provider said more was used: books may charge for it, this account need not. A pool that mirrors may
        give what it said remains."""
        for meter in self._meters(event.holders):
            meter.touched_at = max(meter.touched_at, event.at, *(each.at for each in event.observations))
            for said in event.observations:
                if meter.word is not None and said.dimension == meter.dimension and said.remaining is not None:
                    most = said.remaining if said.limit is None else min(said.remaining, said.limit)
                    meter.word.heard(event.reservation_id, most, said.at)

    def aligned(self, event: ClockAligned) -> None:
        """Where the wall clock stands."""
        for meter in self._meters(event.holders):
            meter.tally.align(event.wall, event.at)

    def _meters(self, holders: Iterable[str]) -> Iterable[Meter]:
        return (meter for h in holders if h in self.accounts for meter in self.accounts[h].meters)

    def recount(self, now: float) -> None:
        """Whether the running sums are the sums of what they stand for: a check of the checker."""
        for account in self.accounts.values():
            for meter in account.meters:
                held, used = sum(meter.held.values()), meter.tally.recounted(now)
                if abs(held - meter.held_total) > meter.slack or abs(used - meter.tally.used(now)) > meter.slack:
                    self._tell(0, now, f"sums of {account.holder}, {meter.name} are wrong: {meter.told(now)}")


def _listen(account: Account, limits: tuple[LimitConfig, ...], config: RouterConfig) -> None:
    """Observations tell of the shortest window of their dimension."""
    for dimension in {meter.dimension for meter in account.meters} - {CONCURRENCY, COST}:
        pairs = [(m, limit) for m, limit in zip(account.meters, limits, strict=True) if m.dimension == dimension]
        meter, limit = min(pairs, key=lambda pair: pair[0].window_s)
        guard_s = config.guard_s if limit.guard_s is None else limit.guard_s
        rate = float(limit.amount) / meter.window_s
        meter.word = Word(rate, meter.window_s, guard_s, counted_when_sent=meter.up_front)


def _merged(limits: tuple[LimitConfig, ...], tables: Iterable[Mapping[str, Charge]]) -> dict[str, Charge]:
    """The mode of each dimension by the first table that names it or, with "*", the rest."""
    tables = tuple(tables)
    merged: dict[str, Charge] = {}
    for dimension in {limit.dimension for limit in limits}:
        modes = (table.get(dimension) or table.get("*") for table in tables)
        mode = next((each for each in modes if each is not None), None)
        if mode is not None:
            merged[dimension] = mode
    return merged
