"""A provider that enforces its own limits and keeps its own books.

It is the judge of the router and shares no code with it. Pure: `now` is monotonic seconds, chance an argument.
An arrival meets, in this order: outage, key, model, injected 429, limits (all, or nothing is charged), delivery.
Only a refusal by a limit counts as the caller's excess; injected trouble is booked apart. What is kept is bounded by
the description: keys, pools, limits, `log_max` postings a pool and ENTRIES_MAX entries a sliding log.
"""

from collections import Counter, deque
from typing import Any

from attrs import Factory, asdict, define, evolve, field

from actorrouter.simulation.providers.arrivals import CAUSES, OUTCOMES, Cause, Delivery, Outcome, Request
from actorrouter.simulation.providers.audit import Posting, PostingKind, Violation, find_violation, worst_use
from actorrouter.simulation.providers.books import Books, Key, Scope
from actorrouter.simulation.providers.config import FaultConfig, ProviderConfig, ScopeConfig
from actorrouter.simulation.providers.faults import FAULTS_MAX, Chance, Faults
from actorrouter.simulation.providers.headers import Headers, go_duration, rate_limit_headers, retry_after
from actorrouter.simulation.providers.limits import Charge, Limit
from actorrouter.simulation.providers.meters import (
    ENTRIES_MAX,
    BucketMeter,
    ConcurrencyMeter,
    FixedMeter,
    Mark,
    Meter,
    SlidingMeter,
    make_meter,
)
from actorrouter.simulation.providers.refusals import (
    DROPPED,
    OVERLOADED,
    REVOKED,
    THROTTLED,
    UNKNOWN_KEY,
    UNKNOWN_MODEL,
    Refusal,
    refuse_by_limit,
)

__all__ = [
    "CAUSES",
    "ENTRIES_MAX",
    "FAULTS_MAX",
    "OUTCOMES",
    "Admission",
    "BucketMeter",
    "Cause",
    "Chance",
    "ConcurrencyMeter",
    "Delivery",
    "FixedMeter",
    "Mark",
    "Meter",
    "Outcome",
    "Posting",
    "PostingKind",
    "ProviderModel",
    "Request",
    "SlidingMeter",
    "Violation",
    "go_duration",
    "make_meter",
    "worst_use",
]


@define
class Admission:
    """The verdict on one arrival, handed back to `produce` and `finish`. Status 0: drop the connection, say nothing."""

    request_id: str
    status: int
    headers: Headers
    cause: Cause | None = None
    error: dict[str, str | None] | None = None  # OpenAI's shape: message, type, param, code
    delivery: Delivery | None = None
    held: "_Held | None" = None  # until it is finished

    @property
    def accepted(self) -> bool:
        return self.delivery is not None


@define
class _Held:
    """What an accepted request holds at the provider."""

    sequence: int
    request: Request
    key: Key
    scopes: list[Scope]
    charges: list[Charge]
    produced: int = 0


@define
class ProviderModel:
    """One provider: `admit` every arrival, `produce` while it is answered, `finish` it once, and read the `books`."""

    name: str
    described: ProviderConfig
    _chance: Chance
    _started_at: float
    _books: Books = Factory(Books)
    _outcomes: Counter[str] = Factory(Counter)
    _sequence: int = 0
    _scopes: dict[str, Scope] = field(init=False)
    _keys: dict[str, Key] = field(init=False)  # by secret
    _faults: Faults = field(init=False)

    def __attrs_post_init__(self) -> None:
        described = self.described
        self._scopes = {name: self._make_scope(name, scope) for name, scope in described.scopes.items()}
        self._keys = {
            key.secret: Key(name, key, [self._scopes[scope] for scope in dict.fromkeys(key.scopes)])
            for name, key in described.keys.items()
        }
        self._faults = Faults(self._chance, list(described.faults))

    def _make_scope(self, name: str, scope: ScopeConfig) -> Scope:
        start = self._started_at
        limits = [Limit(limit, make_meter(limit, start), make_meter(limit, start)) for limit in scope.limits]
        return Scope(name, scope, limits, deque(maxlen=self.described.log_max))

    def knows(self, secret: str) -> bool:
        """Say whether the secret belongs to a key, revoked or not; book nothing."""
        return secret in self._keys

    def add_key(self, name: str, like: str, secret: str) -> None:
        """One more credential, in the scopes of another one."""
        old = next(key for key in self._keys.values() if key.name == like)
        described = evolve(old.described, secret=secret, revoked_at_s=None)
        self._keys[secret] = Key(name, described, old.scopes)

    def sample(self, now: float) -> dict[str, dict[str, float]]:
        """Scope -> limit -> share in use."""
        return {
            scope.name: {limit.described.name: limit.meter.used(now) / limit.capacity for limit in scope.limits}
            for scope in self._scopes.values()
        }

    def add_fault(self, fault: FaultConfig, now: float) -> None:
        """Add a fault whose `at_s` counts from `now`. Raises ValueError: unknown target, or too many faults."""
        self.described.require_target(fault)
        self._faults.add(fault, now - self._started_at)

    # --------------------------------------------------------------------------------------- admission

    def admit(self, secret: str, request: Request, now: float) -> Admission:
        """Decide one arrival. Refused: nothing is charged, save where a limit says that refusals count."""
        self._sequence += 1
        key = self._keys.get(secret)
        scopes = [s for s in key.scopes if not s.described.models or request.model in s.described.models] if key else []
        limits = [limit for scope in scopes for limit in scope.limits]
        refused = self._refuse_early(key, request, now) or refuse_by_limit(limits, request, now)
        if refused is None and key is not None:
            return self._accept(key, scopes, limits, request, now)
        assert refused is not None, "without a key an arrival is always refused early"
        for books in (self._books, *([key.books] if key else []), *(scope.books for scope in scopes)):
            books.rejected[refused.cause] += 1
        return self._reject(refused, limits, now)

    def _refuse_early(self, key: Key | None, request: Request, now: float) -> Refusal | None:
        elapsed = now - self._started_at
        if outage := self._faults.strike("outage", key, elapsed):
            return DROPPED if outage.how == "drop" else OVERLOADED
        if key is None:
            return UNKNOWN_KEY
        revoked_at_s = key.described.revoked_at_s
        if (revoked_at_s is not None and elapsed >= revoked_at_s) or self._faults.strike("revoke", key, elapsed):
            return REVOKED
        if self.described.models and request.model not in self.described.models:
            return UNKNOWN_MODEL
        if throttle := self._faults.strike("throttle", key, elapsed):
            return evolve(THROTTLED, retry_after_s=throttle.retry_after_s)
        return None

    def _reject(self, refused: Refusal, limits: list[Limit], now: float) -> Admission:
        headers = self._headers(limits, now) if refused.status == 429 else []
        if refused.retry_after_s is not None:
            headers += retry_after(self.described.retry_after, refused.retry_after_s)
        error = {"message": refused.message, "type": refused.type, "param": None, "code": refused.code}
        return Admission(self._request_id(), refused.status, headers, refused.cause, error)

    def _accept(self, key: Key, scopes: list[Scope], limits: list[Limit], request: Request, now: float) -> Admission:
        for books in (self._books, key.books, *(scope.books for scope in scopes)):
            books.accept()
        for scope in scopes:
            scope.post("accepted", now, self._sequence, request.input_tokens, request.max_tokens)
        charges = [limit.accept(limit.cost(request), now) for limit in limits]
        delivery = self._faults.deliver(self.described.service, key, request, now - self._started_at)
        held = _Held(self._sequence, request, key, scopes, charges)
        return Admission(self._request_id(), 200, self._headers(limits, now), delivery=delivery, held=held)

    def _request_id(self) -> str:
        return f"req_{self.name}_{self._sequence}"

    def _headers(self, limits: list[Limit], now: float) -> Headers:
        return rate_limit_headers(limits, now) if self.described.rate_limit_headers else []

    # ------------------------------------------------------------------------------------------ answer

    def produce(self, admission: Admission, output_tokens: int, now: float) -> None:
        """Say that so many output tokens are out in all; repeating a number changes nothing."""
        held = admission.held
        if held is None or output_tokens <= held.produced:
            return
        fresh, held.produced = output_tokens - held.produced, output_tokens
        for charge in held.charges:
            charge.produce(fresh, now)
        for scope in held.scopes:
            if any(limit.described.charge == "live" for limit in scope.limits):
                scope.post("produced", now, held.sequence, 0, fresh)

    def finish(self, admission: Admission, output_tokens: int, now: float, outcome: Outcome = "ok") -> None:
        """Close an accepted request with the output tokens it really had; a second time changes nothing."""
        self.produce(admission, output_tokens, now)
        held, admission.held = admission.held, None
        if held is None:
            return
        self._outcomes[outcome] += 1
        for charge in held.charges:
            charge.finish(held.request, output_tokens, now)
        for books in (self._books, held.key.books, *(scope.books for scope in held.scopes)):
            books.finish(held.request.input_tokens, output_tokens, served=outcome == "ok")
        for scope in held.scopes:
            scope.post("finished", now, held.sequence, held.request.input_tokens, output_tokens)

    # ------------------------------------------------------------------------------------------- books

    def books(self, now: float, *, audited: bool = True) -> dict[str, Any]:
        """Everything seen since the start, as plain JSON values. The audit rereads the logs, which takes time."""
        violations = [asdict(found) for found in self.audit()] if audited else None
        return {
            "provider": self.name,
            "elapsed_s": now - self._started_at,
            **self._books.read(),
            "outcomes": {outcome: self._outcomes[outcome] for outcome in OUTCOMES},
            "scopes": {scope.name: scope.read(now) for scope in self._scopes.values()},
            "keys": {key.name: key.books.read() for key in self._keys.values()},
            "violations": violations,
        }

    def audit(self) -> list[Violation]:
        """Recompute from the raw log which limits accepted more than their shape allows, and when most."""
        judged = (
            find_violation(scope.name, limit.described, scope.log, self._started_at)
            for scope in self._scopes.values()
            for limit in scope.limits
        )
        return [violation for violation in judged if violation is not None]
