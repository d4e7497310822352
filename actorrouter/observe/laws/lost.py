"""Law 3, nothing lost: what was admitted ends, what was used is counted once, and a break is never called a success."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Final

from actorrouter.events import ActorStopped, DeadLettered, Settled
from actorrouter.observe.laws.bookings import Bookings
from actorrouter.observe.laws.found import Tell
from actorrouter.observe.laws.promise import Promise
from actorrouter.runtime.cell import Cell, Status
from actorrouter.values import OutcomeClass

_ENDINGS: Final = frozenset({"Settle", "Expire"})
_OUTCOMES_MAX: Final = 20_000


class Lost:
    """Counts usage, successes and dead letters."""

    def __init__(self, tell: Tell, bookings: Bookings, promise: Promise) -> None:
        self._tell = tell
        self._bookings = bookings
        self._promise = promise
        self._served: Counter[str] = Counter()
        self._outcomes: dict[int, OutcomeClass] = {}
        self._stopped: set[str] = set()
        self._doubtful: dict[str, str] = {}
        self.dead_settlements: defaultdict[str, int] = defaultdict(int)
        """By actor: endings that reached nobody because it had stopped."""
        self.dead_letters: int | None = None

    def settled(self, event: Settled, decision_id: int, holders: Iterable[str]) -> None:
        """What an attempt came to."""
        self._outcomes[decision_id] = event.outcome
        if len(self._outcomes) > _OUTCOMES_MAX:
            del self._outcomes[next(iter(self._outcomes))]
        if event.outcome is OutcomeClass.SUCCEEDED:
            self._served.update(holder for holder in holders if holder.startswith("key:"))

    def answered(self, decision_id: int, now: float) -> None:
        """A caller was told that its call succeeded: then so says the settlement."""
        booking = self._outcomes.get(decision_id)
        if booking is not OutcomeClass.SUCCEEDED:
            self._tell(3, now, f"decision {decision_id} was reported as a success; it was settled as {booking}")

    def stopped(self, event: ActorStopped) -> None:
        """What comes for it now is a dead letter."""
        self._stopped.add(event.actor)
        self._doubtful.pop(event.actor, None)

    def dead_lettered(self, event: DeadLettered) -> None:
        """Each is counted, and an ending only for want of an actor."""
        if self.dead_letters is not None and event.count != self.dead_letters + 1:
            self._tell(3, event.at, f"dead letter {event.count} follows {self.dead_letters}")
        self.dead_letters = event.count
        if event.message in _ENDINGS:
            self.dead_settlements[event.actor] += 1
            if event.actor not in self._stopped:  # an actor's mail is buried just before its end is told
                self._doubtful[event.actor] = event.message

    def check(self, now: float) -> None:
        """No ending was thrown away while its actor lived."""
        for holder, message in self._doubtful.items():
            self._tell(3, now, f"{message} for {holder} was a dead letter though it has not stopped")
        self._doubtful.clear()

    def compare(self, cell: Cell, now: float) -> None:
        """One actor's sums of usage against those of the events."""
        if cell.status is not Status.RUNNING or cell.depth or self._bookings.broke_at.get(cell.actor_id):
            return
        holder, state = cell.actor_id, cell.state
        account = self._promise.accounts.get(holder)
        if holder.startswith("pool:") and account is not None and holder not in self._bookings.unsure:
            self._same(holder, "surprise", state.surprise, account.surprise, now)
        elif holder.startswith("budget:") and account is not None:
            self._same(holder, "spending", state.spent, account.meters[0].spent, now)
            self._same(holder, "surprise", state.surprise, account.meters[0].surprise, now)
        elif holder.startswith("key:"):
            self._same(holder, "calls served", state.served, self._served[holder], now)

    def _same(self, holder: str, what: str, books: Any, events: Any, now: float) -> None:
        if books != events:
            self._tell(3, now, f"{holder}: {what} is {books} in its books and {events} by the events")

    def adopt(self, cell: Cell) -> None:
        """What an earlier process counted is taken as it stands."""
        if cell.actor_id.startswith("key:"):
            self._served[cell.actor_id] = cell.state.served

    def drop(self, holder: str) -> None:
        """Another actor may come under this name."""
        self._served.pop(holder, None)
