"""What the router's own events say, counted as they happen: the account that is compared with the providers' books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from actorrouter.events import ActorCrashed, ActorRestarted, Dispatched, Granted, Settled
from actorrouter.values import OutcomeClass

UNSURE: Final = (OutcomeClass.CANCELLED, OutcomeClass.UNKNOWN, OutcomeClass.BROKEN)
"""Endings after which the provider may have served all the same. They are charged, so they are accounted for."""


@attrs.define
class Record:
    """Counts by key, and what happened to actors. `notes`: (monotonic second, words) for those who watch."""

    granted: Counter[str] = attrs.field(factory=Counter)
    sent: Counter[str] = attrs.field(factory=Counter)
    outcomes: Counter[tuple[str, OutcomeClass]] = attrs.field(factory=Counter)
    crashes: list[str] = attrs.field(factory=list)
    restarts: list[str] = attrs.field(factory=list)
    notes: list[tuple[float, str]] = attrs.field(factory=list)
    _key_of: dict[int, str] = attrs.field(factory=dict)
    _on_the_wire: set[int] = attrs.field(factory=set)

    def read(self, event: Any) -> None:
        """Take down one event; an observer of the router."""
        take = _TAKE.get(type(event))
        if take is not None:
            take(self, event)

    def of(self, key_id: str, *outcomes: OutcomeClass) -> int:
        """How many sends of a key ended so."""
        return sum(self.outcomes[key_id, outcome] for outcome in outcomes)

    def failed(self, key_id: str) -> int:
        """How many sends of a key ended otherwise than well."""
        return sum(count for (key, outcome), count in self.outcomes.items() if key == key_id) - self.of(
            key_id, OutcomeClass.SUCCEEDED
        )

    def _granted(self, event: Granted) -> None:
        self.granted[event.key_id] += 1
        self._key_of[event.reservation_id] = event.key_id

    def _dispatched(self, event: Dispatched) -> None:
        key_id = self._key_of.get(event.reservation_id)
        if key_id is not None and event.reservation_id not in self._on_the_wire:
            self._on_the_wire.add(event.reservation_id)
            self.sent[key_id] += 1

    def _settled(self, event: Settled) -> None:
        if self._key_of.pop(event.reservation_id, None) is None:
            return  # a holder that was restarting takes the ending later: the same event once more
        self._on_the_wire.discard(event.reservation_id)
        self.outcomes[event.key_id, event.outcome] += 1
        if event.outcome is OutcomeClass.KEY_FATAL:
            self.notes.append((event.at, f"key {event.key_id} is rejected: disabled, its calls go elsewhere"))

    def _crashed(self, event: ActorCrashed) -> None:
        self.crashes.append(event.actor)
        self.notes.append((event.at, f"actor {event.actor} crashed ({event.cause})"))

    def _restarted(self, event: ActorRestarted) -> None:
        self.restarts.append(event.actor)
        self.notes.append((event.at, f"actor {event.actor} restarted from its journal, as number {event.incarnation}"))


_TAKE: Final[Mapping[type, Callable[[Record, Any], None]]] = {
    Granted: Record._granted,
    Dispatched: Record._dispatched,
    Settled: Record._settled,
    ActorCrashed: Record._crashed,
    ActorRestarted: Record._restarted,
}
