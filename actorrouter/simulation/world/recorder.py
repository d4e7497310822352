"""What is kept of a run while it goes on: counts by bucket of time, waits, states, marks, and the trace's hash."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from typing import Any, Final

import attrs

from actorrouter import Router, RouterError
from actorrouter import events as ev
from actorrouter.errors import NoCapacity, WaitingRoomFull
from actorrouter.observe import status
from actorrouter.simulation.workloads import Arrival
from actorrouter.simulation.world.samples import Samples
from actorrouter.simulation.world.scenario import TroubleConfig

BUCKETS: Final = 240
_STATES_MAX: Final = 60
_MARKS_MAX: Final = 2_000


@attrs.define
class Tenant:
    """What became of one tenant's calls."""

    offered: int = 0
    served: int = 0
    tokens: int = 0
    waits: Samples = attrs.field(factory=Samples)


@attrs.define(eq=False)
class Recorder:
    """Reads the router's events and is told what callers saw. `span_s`: seconds the series cover."""

    span_s: float
    started: float
    counts: Counter[str] = attrs.field(factory=Counter)
    series: dict[str, list[float]] = attrs.field(factory=dict)
    waits: Samples = attrs.field(factory=Samples)
    firsts: Samples = attrs.field(factory=Samples)
    took: Samples = attrs.field(factory=Samples)
    tenants: dict[str, Tenant] = attrs.field(factory=lambda: defaultdict(Tenant))
    refusals: Counter[str] = attrs.field(factory=Counter)
    outcomes: Counter[str] = attrs.field(factory=Counter)
    events: Counter[str] = attrs.field(factory=Counter)
    seen: Counter[str] = attrs.field(factory=Counter)
    """States and transitions that were reached, by name."""
    marks: list[tuple[float, float, str]] = attrs.field(factory=list)
    restarts: list[tuple[float, str, str]] = attrs.field(factory=list)
    states: dict[str, list[tuple[float, str]]] = attrs.field(factory=dict)
    use: dict[tuple[str, str, str], list[float]] = attrs.field(factory=dict)
    spend: dict[str, list[float]] = attrs.field(factory=dict)
    caps: dict[str, float] = attrs.field(factory=dict)
    surprise: Counter[str] = attrs.field(factory=Counter)
    dead_letters: int = 0
    _hash: Any = attrs.field(factory=hashlib.sha256)

    @property
    def bucket_s(self) -> float:
        """Seconds of one bucket."""
        return self.span_s / BUCKETS

    def _bucket(self, elapsed: float) -> int:
        return min(BUCKETS - 1, max(0, int(elapsed / self.bucket_s)))

    def add(self, name: str, elapsed: float, amount: float = 1) -> None:
        """Count in the bucket of this second."""
        series = self.series.get(name)
        if series is None:
            series = self.series[name] = [0.0] * BUCKETS
        series[self._bucket(elapsed)] += amount

    # ----------------------------------------------------------------------------------------------- what callers saw

    def offered(self, elapsed: float, arrival: Arrival) -> None:
        """A call begins."""
        self.counts["offered"] += 1
        self.tenants[arrival.tenant].offered += 1
        self.add("offered", elapsed)

    def ended(self, elapsed: float, arrival: Arrival, kind: str) -> None:
        """A call has ended so: served, refused, failed, cancelled, abandoned, stopped, down or lost."""
        self.counts[kind] += 1
        self.add(kind, elapsed)
        self._hash.update(f"{elapsed!r} {arrival.client} {kind};".encode())

    def served(self, arrival: Arrival, waited_s: float, first_s: float, took_s: float, attempts: int) -> None:
        """An answer was read to its end. Seconds: for capacity, to the first byte, in all."""
        self.waits.add(waited_s)
        self.took.add(took_s)
        if arrival.stream:
            self.firsts.add(first_s)
        tenant = self.tenants[arrival.tenant]
        tenant.served += 1
        tenant.tokens += arrival.input_tokens + arrival.output_tokens
        tenant.waits.add(waited_s)
        self.counts["goodput_tokens"] += arrival.output_tokens
        self.counts["repeats"] += attempts - 1

    def refused(self, error: RouterError) -> None:
        """A caller saw this error."""
        kind = type(error).__name__
        if isinstance(error, NoCapacity) and not isinstance(error, WaitingRoomFull):
            dimensions = sorted({refusal.dimension or refusal.holder.partition(":")[0] for refusal in error.refusals})
            kind = f"{kind}: {', '.join(dimensions)}" if dimensions else kind
        self.refusals[kind] += 1

    def mark(self, elapsed: float, trouble: TroubleConfig) -> None:
        """A trouble of ours strikes."""
        if len(self.marks) < _MARKS_MAX:
            self.marks.append((elapsed, elapsed, f"{trouble.kind} {trouble.target}"))
        self.seen[f"trouble {trouble.kind}"] += 1

    # ------------------------------------------------------------------------------------------------- what happened

    def read(self, event: Any) -> None:
        """One event of the router."""
        kind = type(event)
        name = kind.__name__
        self.events[name] += 1
        told = _TOLD.get(kind)
        if told is not None:
            self._hash.update(told(event).encode())
        note = _NOTED.get(kind)
        if note is not None:
            note(self, event)

    def _settled(self, event: ev.Settled) -> None:
        self.outcomes[event.outcome] += 1
        if event.outcome != "succeeded":
            self.add(f"outcome {event.outcome}", event.at - self.started)
        for dimension, amount in event.surprise.items():
            self.surprise[dimension] += float(amount)  # type: ignore[assignment] # counters count in any number

    def _restarted(self, event: ev.ActorRestarted) -> None:
        self._mark_restart(event.at, event.actor, "restarted")

    def _crashed(self, event: ev.ActorCrashed) -> None:
        self.seen[f"crash of a {event.actor.partition(':')[0]} in {event.where}"] += 1

    def _quarantined(self, event: ev.Quarantined) -> None:
        self._mark_restart(event.at, event.supervisor, "quarantined")

    def _mark_restart(self, at: float, who: str, what: str) -> None:
        if len(self.restarts) < _MARKS_MAX:
            self.restarts.append((at - self.started, who, what))

    # ------------------------------------------------------------------------------------------------------- samples

    def sample(self, elapsed: float, router: Router) -> None:
        """How full, in which state, how much spent: at this second."""
        now, fleet = router.runtime.clock(), router.fleet
        bucket = self._bucket(elapsed)
        waiting = sum(len(route.cell.state.tickets) for route in fleet.routes.values())
        in_flight = sum(key.in_flight for key in fleet.keys.values())
        for name, amount in (("waiting", waiting), ("in_flight", in_flight)):
            series = self.series.setdefault(name, [0.0] * BUCKETS)
            series[bucket] = max(series[bucket], float(amount))
        for name, provider in fleet.providers.items():
            told = str(status.circuit_status(provider.circuit.state, now)["state"])
            self._state(f"circuit {name}", elapsed, "quarantined" if router.tree.quarantined(name) else told)
        for key_id, key in list(fleet.keys.items())[:_STATES_MAX]:
            self._state(f"key {key_id}", elapsed, str(status.key_status(key.cell.state, now)["state"]))
        for name, cell in fleet.budgets.items():
            booked = status.budget_status(cell.state, now)
            self.caps[name] = float(booked["usd"])
            self.spend.setdefault(name, [0.0] * BUCKETS)[bucket] = float(booked["charged"]) + float(booked["held"])

    def _state(self, actor: str, elapsed: float, state: str) -> None:
        known = self.states.setdefault(actor, [])
        if known and known[-1][1] == state:
            return
        if known:
            self.seen[f"{actor.partition(' ')[0]} {known[-1][1]} -> {state}"] += 1
        known.append((elapsed, state))

    def sample_use(self, elapsed: float, provider: str, used: dict[str, dict[str, float]]) -> None:
        """Scope -> limit -> share in use, as the provider sees it."""
        bucket = self._bucket(elapsed)
        for scope, limits in used.items():
            for limit, share in limits.items():
                series = self.use.setdefault((provider, scope, limit), [0.0] * BUCKETS)
                series[bucket] = max(series[bucket], share)

    def lived(self, router: Router) -> None:
        """A router's life is over."""
        self.dead_letters += router.runtime.dead_letters

    def seal(self, books: Any) -> str:
        """The hash of everything that happened, with the providers' own account."""
        self._hash.update(repr(books).encode())
        return str(self._hash.hexdigest())


_NOTED: Final[dict[type, Any]] = {
    ev.Settled: Recorder._settled,
    ev.ActorRestarted: Recorder._restarted,
    ev.ActorCrashed: Recorder._crashed,
    ev.Quarantined: Recorder._quarantined,
}
_TOLD: Final[dict[type, Any]] = {
    ev.Granted: lambda e: f"G{e.at!r} {e.reservation_id} {e.key_id} {e.holders} {e.amounts};",
    ev.Dispatched: lambda e: f"D{e.at!r} {e.reservation_id};",
    ev.Settled: lambda e: f"S{e.at!r} {e.reservation_id} {e.outcome} {e.usage} {e.retry_at!r};",
    ev.Expired: lambda e: f"E{e.at!r} {e.reservation_id};",
    ev.ActorCrashed: lambda e: f"C{e.at!r} {e.actor} {e.where};",
    ev.ActorRestarted: lambda e: f"R{e.at!r} {e.actor} {e.incarnation};",
    ev.Observed: lambda e: f"O{e.at!r} {e.holders} {e.observations};",
    ev.DeadLettered: lambda e: f"L{e.at!r} {e.actor} {e.message};",
}
