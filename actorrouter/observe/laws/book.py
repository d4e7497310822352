"""Reads the events of a running router on behalf of every law, and keeps what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from actorrouter import events as ev
from actorrouter.errors import RouterError
from actorrouter.observe.laws.bookings import Bookings
from actorrouter.observe.laws.explained import Explained
from actorrouter.observe.laws.found import Violation
from actorrouter.observe.laws.leaks import Leaks
from actorrouter.observe.laws.load import Load
from actorrouter.observe.laws.lost import Lost
from actorrouter.observe.laws.needless import Evidence, Needless
from actorrouter.observe.laws.promise import Promise
from actorrouter.observe.laws.secrets import SecretScan
from actorrouter.runtime.cell import Cell
from actorrouter.values import Call, Secret

_AUDIT_EVERY: Final = 1_000
_SHARED: Final = frozenset({ev.Granted, ev.Dispatched, ev.Settled, ev.Expired, ev.Renewed})
_AFTER_A_CRASH: Final = frozenset({ev.ActorStopped, ev.SupervisorGaveUp, ev.Quarantined, ev.DeadLettered})
"""What a supervisor does about one broken holder comes before the next one is named."""
_ENDINGS: Final = frozenset({"Settle", "Settled", "Expire", "Expired"})
_ASKED: Final = {"Dispatch": "Dispatched", "Settle": "Settled", "Expire": "Expired", "Renew": "Renewed"}


class LawBook:
    """`laws = LawBook(router)` right after `open_router`, before the first call, in the router's own thread.

    Tell it what callers saw with `failed` and `answered`, call `check` between steps and `close` at the end, while the
    router still runs; then `violations` is empty if every law held. Never raises into the router.

    A holder that breaks on an event is named only by the next one, so each event is taken down when the next arrives.
    Of what an earlier process left in its journal only the reservations are followed: what its limits had been charged
    nobody here has seen.
    """

    def __init__(self, router: Any, *, violations_max: int = 200, scan_events: bool = True) -> None:
        self._router = router
        self._scan_events = scan_events
        self._violations_max = violations_max
        self.violations: list[Violation] = []
        """The first of them; `violated` is how many there were."""
        self.violated = 0
        self.events = 0
        self._audited = 0
        self._pending: Any = None
        self._broken: set[str] = set()
        self._touched: set[str] = set()
        self._cells: dict[str, Cell] = {}
        self._last_id = 0
        config = router.config
        self.bookings = Bookings(self._tell)
        self.promise = Promise(self._tell, config)
        self.leaks = Leaks(self._tell, self.bookings, self.promise, config.lease_s)
        self.lost = Lost(self._tell, self.bookings, self.promise)
        self.needless = Needless(
            self._tell, router.decision, lambda: str(router.status()["state"]), router.runtime.clock
        )
        self.load = Load(self._tell, config.providers, config.recovery.throttle_max_s)
        self.explained = Explained(self._tell, router.decisions.get)
        self.secrets = SecretScan(_fixed_secrets(config.keys), self._tell)
        self._follow_all()
        router.runtime.readers.append(self.read)

    def _tell(self, law: int, at: float, what: str) -> None:
        self.violated += 1
        if len(self.violations) < self._violations_max:
            self.violations.append(Violation(law, at, what))

    def __str__(self) -> str:
        more = self.violated - len(self.violations)
        return "\n".join([*map(str, self.violations), *([f"and {more} more"] if more else [])])

    # ---------------------------------------------------------------------------------------------------- who there is

    def _follow_all(self) -> None:
        now, fleet = self._router.runtime.clock(), self._router.fleet
        pools = {pool.pool_id: pool for key in fleet.keys.values() for pool in (*key.pools, key.private) if pool}
        for pool_id, pool in pools.items():
            if pool_id not in self._router.runtime.restored:
                self._follow_pool(pool, now)
        for name, cell in fleet.budgets.items():
            if cell.actor_id not in self._router.runtime.restored:
                self.promise.open_budget(cell.actor_id, cell, self._router.config.budgets[name])
        self._cells.update(self._router.runtime.cells)
        for holder in sorted(self._router.runtime.restored):
            self.bookings.adopt(self._cells[holder], now + self._router.config.lease_s / 2)
            self.lost.adopt(self._cells[holder])

    def _follow_pool(self, pool: Any, cold_at: float | None) -> None:
        provider = self._router.fleet.providers[pool.pool_id.split(":", 2)[1]]
        charges = (provider.config.charge, provider.adapter.default_charge)
        account = self.promise.open_pool(
            pool.pool_id, pool.cell, pool.config.limits, charges, cold_at, mirror=pool.config.mirror
        )
        self.bookings.counted_s[pool.pool_id] = account.longest_s

    def _meet(self, holder: str) -> None:
        """An actor under this name that is not the one we knew: added at run time."""
        cell = self._router.runtime.cells[holder]
        if holder in self._cells:
            self.bookings.drop(holder)
            self.lost.drop(holder)
        self._cells[holder] = cell
        _, pool = self._router.fleet.by_actor(holder)
        if pool is not None:
            self._follow_pool(pool, None)

    # --------------------------------------------------------------------------------------------------------- reading

    def read(self, event: Any) -> None:
        """Take down one event. A fault of the checkers is a violation too."""
        self.events += 1
        try:
            if self._scan_events:
                self.secrets.look_at_event(event, event.at)
            self._read(event)
        except Exception as error:  # must not make the router drop its reader unseen
            self._tell(0, event.at, f"checkers failed on {type(event).__name__}: {error!r}")

    def _read(self, event: Any) -> None:
        kind = type(event)
        if kind is ev.ActorCrashed:
            self._crashed(event)
        elif kind is ev.ActorRestarted:
            self.load.forgiven(event)
        else:
            if kind not in _AFTER_A_CRASH:
                self._flush()
            if kind in _SHARED:
                self._pending = event
            elif kind in _ALONE:
                _ALONE[kind](self, event)

    def _crashed(self, event: ev.ActorCrashed) -> None:
        pending = self._pending
        about = event.reservation_id
        if pending is not None and event.actor in pending.holders and about in (0, pending.reservation_id):
            name = type(pending).__name__
            if event.where in (name, next((asked for asked, told in _ASKED.items() if told == name), "")):
                self._broken.add(event.actor)
                return
        if event.where in _ENDINGS:
            self.bookings.broke_at[event.actor] = event.at

    def _flush(self) -> None:
        event, self._pending = self._pending, None
        if event is None:
            return
        takers = set(event.holders) - self._broken
        self._broken.clear()
        self._touched.update(event.holders)
        _TOGETHER[type(event)](self, event, takers)

    def _granted(self, event: ev.Granted, takers: set[str]) -> None:
        for holder in event.holders:
            if self._cells.get(holder) is not self._router.runtime.cells.get(holder):
                self._meet(holder)
        self._last_id = max(self._last_id, event.reservation_id, event.decision_id)
        self.bookings.granted(event, takers)
        self.promise.granted(event, takers)
        self.load.granted(event)
        if len(takers) == len(event.holders):  # otherwise it is taken back at once, and nobody was told
            self.explained.granted(event)

    def _dispatched(self, event: ev.Dispatched, takers: set[str]) -> None:
        _, news = self.bookings.dispatched(event, takers)
        self.promise.dispatched(event, news)

    def _settled(self, event: ev.Settled, takers: set[str]) -> None:
        booking, news = self.bookings.settled(event, takers)
        if booking is not None:
            self.promise.settled(event, booking, news)
            self.lost.settled(event, booking.granted.decision_id, news)
            self.load.settled(event, booking.granted.decision_id, takers)

    def _expired(self, event: ev.Expired, takers: set[str]) -> None:
        _, news = self.bookings.expired(event, takers)
        self.promise.expired(event, news)

    def _renewed(self, event: ev.Renewed, takers: set[str]) -> None:
        del takers
        self.bookings.renewed(event)

    def _repeated(self, event: ev.SettlementRepeated) -> None:
        booking = self.bookings.admitted_once(event.reservation_id)
        if booking is None or not booking.ended:
            self._tell(2, event.at, f"the first settlement of reservation {event.reservation_id} was ignored")

    # ------------------------------------------------------------------------------------------------ what callers saw

    def failed(self, error: BaseException, call: Call | None = None, would_grant: Evidence | None = None) -> None:
        """A caller saw this error. `would_grant`: who would grant the same call at this instant, for NoCapacity, e.g.
        `lambda: router.quote(call).key_id`; not for a route where others wait, whom nobody may pass."""
        now = self._router.runtime.clock()
        self._flush()
        self.needless.failed(error, call, would_grant, now)
        self.secrets.look(error, f"an error ({type(error).__name__})", now)
        if isinstance(error, RouterError):
            self._attempted(error.attempts, call, now)
            self.explained.failed(error.decision_id, self._last_id, self._router.config.decisions_max, now)

    def answered(self, reply: Any, call: Call | None = None) -> None:
        """A caller has read this reply to its end, and no error came."""
        now = self._router.runtime.clock()
        self._flush()
        self.lost.answered(reply.decision_id, now)
        self._attempted(reply.attempts, call, now)

    def _attempted(self, attempts: Any, call: Call | None, now: float) -> None:
        keys = self._router.config.keys
        known = [each for each in attempts if each.key_id in keys]
        self.load.attempted(known, [keys[each.key_id].provider for each in known], call, now)

    # ---------------------------------------------------------------------------------------------------------- checks

    def check(self, now: float | None = None) -> None:
        """Compare the books of what was touched since the last time; every 1,000 events, everything. Not in a turn."""
        now = self._router.runtime.clock() if now is None else now
        self._flush()
        if self.read not in self._router.runtime.readers:
            self._tell(0, now, "the law book was dropped from the readers: it raised")
        if self.events - self._audited >= _AUDIT_EVERY:
            self.audit(now)
        else:
            self._compare(self._touched, now)
        self._touched = set()

    def audit(self, now: float) -> None:
        """Recompute all sums and compare every actor's books."""
        self._flush()
        self._audited = self.events
        self.promise.recount(now)
        self.bookings.overdue(now, self._router.config.lease_s)
        self._compare(set(self._router.runtime.cells), now)
        self.secrets.look(self._router.status(), "the status", now)
        self.secrets.look(self._router.decisions.last(64), "the decisions", now)

    def _compare(self, holders: set[str], now: float) -> None:
        self.lost.check(now)
        cells: dict[str, Cell] = self._router.runtime.cells
        keys = self._router.fleet.keys
        for holder in sorted(holders):
            cell: Cell | None = cells.get(holder)
            if cell is None or cell is not self._cells.get(holder):
                continue
            self.leaks.compare(cell, now)
            self.lost.compare(cell, now)
            kind, _, name = holder.partition(":")
            if kind == "key" and name in keys:
                self.leaks.board(name, keys[name].in_flight, now)

    def close(self, now: float | None = None) -> None:
        """The end: all calls are over, so nothing may be open. While the router runs its books are compared, too."""
        now = self._router.runtime.clock() if now is None else now
        self.check(now)
        self.audit(now)
        self.bookings.all_ended(now)
        if self.lost.dead_letters not in (None, self._router.runtime.dead_letters):
            self._tell(
                3, now, f"{self._router.runtime.dead_letters} dead letters counted, {self.lost.dead_letters} told"
            )


_TOGETHER: Final[Mapping[type, Callable[[LawBook, Any, set[str]], None]]] = {
    ev.Granted: LawBook._granted,
    ev.Dispatched: LawBook._dispatched,
    ev.Settled: LawBook._settled,
    ev.Expired: LawBook._expired,
    ev.Renewed: LawBook._renewed,
}
"""What several holders take in one step."""

_ALONE: Final[Mapping[type, Callable[[LawBook, Any], None]]] = {
    ev.SettlementRepeated: LawBook._repeated,
    ev.Cleared: lambda book, event: book.load.forgiven(event),
    ev.Observed: lambda book, event: book.promise.observed(event),
    ev.ClockAligned: lambda book, event: book.promise.aligned(event),
    ev.ActorStopped: lambda book, event: book.lost.stopped(event),
    ev.DeadLettered: lambda book, event: book.lost.dead_lettered(event),
}


def _fixed_secrets(keys: Mapping[str, Any]) -> list[Secret]:
    """Secrets that do not change. One too short to look for would be found everywhere."""
    fixed = (each.secret for each in keys.values() if isinstance(each.secret, Secret))
    return [secret for secret in fixed if len(secret.reveal()) >= 6]
