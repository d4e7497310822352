"""A provider that enforces its own limits and keeps its own books.

It is the judge of the router and shares no code with it. Pure: `now` is monotonic seconds, chance an argument.
An arrival meets, in this order: outage, storm, key, model, injected 429, limits (all, or nothing is charged), delivery.
Only a refusal by a limit counts as the caller's excess; injected trouble is booked apart. What is kept is bounded by
the description: keys, pools, limits, `log_max` postings a pool and ENTRIES_MAX entries a sliding log.
"""

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from attrs import Factory, asdict, define, evolve, field

from actorrouter.simulation.providers.arrivals import OUTCOMES, Cause, Delivery, Outcome, Request
from actorrouter.simulation.providers.audit import Judged, Violation, find_violation
from actorrouter.simulation.providers.books import Books, Key, Reach, Scope
from actorrouter.simulation.providers.config import DialFault, FaultConfig, ProviderConfig, ScopeConfig
from actorrouter.simulation.providers.faults import Chance, Faults, usual
from actorrouter.simulation.providers.headers import Headers, Teller, retry_after
from actorrouter.simulation.providers.limit_config import LimitConfig
from actorrouter.simulation.providers.limits import Charge, Limit
from actorrouter.simulation.providers.money import Prices, read_prices
from actorrouter.simulation.providers.postings import Posting
from actorrouter.simulation.providers.refusals import (
    REMOVED_MODEL,
    REVOKED,
    THROTTLED,
    UNKNOWN_KEY,
    UNKNOWN_MODEL,
    Refusal,
    down,
    refuse_by_limit,
)
from actorrouter.simulation.providers.shapes import make_meter
from actorrouter.simulation.providers.squeezes import Squeezes

__all__ = ["Admission", "Delivery", "Outcome", "ProviderModel", "Request", "Violation"]

_NOWHERE = Reach((), [], ())  # of a key that nobody knows


@define
class Admission:
    """The verdict on one arrival, handed back to `produce` and `finish`. Status 0: drop the connection, say nothing."""

    request_id: str
    status: int
    headers: Headers
    cause: Cause | None = None
    error: dict[str, Any] | None = None  # OpenAI's shape: message, type, param, code
    delivery: Delivery | None = None
    held: "_Held | None" = None  # until it is finished
    html: bool = False  # the error is told in HTML

    @property
    def accepted(self) -> bool:
        return self.delivery is not None


@define
class _Held:
    """What an accepted request holds at the provider."""

    sequence: int
    request: Request
    reach: Reach
    charges: list[Charge]
    produced: int = 0


@define
class ProviderModel:
    """One provider: `admit` every arrival, `produce` while it is answered, `finish` it once, and read the `books`.

    `wall_offset` makes an instant the true time, in seconds since 1970; the provider's own clock may be wrong.
    """

    name: str
    described: ProviderConfig
    _chance: Chance
    _started_at: float
    _wall_offset: float = 0.0
    _books: Books = Factory(Books)
    _outcomes: Counter[str] = Factory(Counter)
    _dials: Counter[str] = Factory(Counter)
    _sequence: int = 0
    _busy_at: float = field(init=False)  # when there was last something to do
    _scopes: dict[str, Scope] = field(init=False)
    _keys: dict[str, Key] = field(init=False)  # by secret
    _faults: Faults = field(init=False)
    _squeezes: Squeezes = Factory(Squeezes)
    _prices: Prices = field(init=False)
    _teller: Teller = field(init=False)
    _usual: Delivery = field(init=False)

    def __attrs_post_init__(self) -> None:
        described = self.described
        self._busy_at = self._started_at
        self._wall_offset += described.clock_skew_s
        self._prices = read_prices(described.prices)
        self._teller = Teller(described.headers, self._wall_offset)
        self._usual = usual(described.service)
        self._scopes = {name: self._make_scope(name, scope) for name, scope in described.scopes.items()}
        self._keys = {
            key.secret: Key(name, key, [self._scopes[scope] for scope in dict.fromkeys(key.scopes)])
            for name, key in described.keys.items()
        }
        self._faults = Faults(self._chance, list(described.faults))
        for fault in described.faults:
            if fault.kind == "squeeze":
                self._squeezes.add(fault, self._started_at, self._started_at)

    def _make_scope(self, name: str, scope: ScopeConfig) -> Scope:
        log = deque[Posting](maxlen=self.described.log_max)
        return Scope(name, scope, [self._make_limit(limit) for limit in scope.limits], log)

    def _make_limit(self, limit: LimitConfig) -> Limit:
        meter, attempts = (make_meter(limit, self._started_at, self._wall_offset) for _ in range(2))
        return Limit(limit, meter, attempts if self.described.attempts else None, self._prices)

    def knows(self, secret: str) -> bool:
        """Say whether the secret belongs to a key, revoked or not; book nothing."""
        return secret in self._keys

    def add_key(self, name: str, like: str, secret: str, fresh: Mapping[str, str] | None = None) -> None:
        """One more credential, in the scopes of another one. `fresh`: which of them is a new one, of this name."""
        old, named = next(key for key in self._keys.values() if key.name == like), fresh or {}
        scopes = [self._fresh(named[scope.name], scope) if scope.name in named else scope for scope in old.scopes]
        described = evolve(old.described, secret=secret, scopes=tuple(s.name for s in scopes), revoked_at_s=None)
        self._keys[secret] = Key(name, described, scopes)

    def _fresh(self, name: str, like: Scope) -> Scope:
        """An unused pool of the same limits."""
        made = self._scopes[name] = self._make_scope(name, like.described)
        return made

    def offers(self, model: str, now: float) -> bool:
        """Say whether the model is there and has not been removed."""
        removed = self._faults.strike("remove_model", None, now - self._started_at, model)
        return removed is None and (not self.described.models or model in self.described.models)

    def wall(self, now: float) -> float:
        """What the provider's own clock shows: seconds since 1970."""
        return now + self._wall_offset

    def add_fault(self, fault: FaultConfig, now: float) -> None:
        """Add a fault whose `at_s` counts from `now`. Raises ValueError: unknown target, or too many faults."""
        self.described.require_target(fault)
        added = self._faults.add(fault, now - self._started_at)
        if fault.kind == "squeeze":
            self._squeezes.add(added, self._started_at, now)

    def dial_fault(self, elapsed: float) -> DialFault | None:
        """Say what becomes of one attempt to connect, `elapsed` seconds after the start; none: there is a connection.

        For whoever brings connections here; counted in the books.
        """
        met = self._faults.dial(elapsed)
        if met is not None:
            self._dials[met] += 1
        return met

    # --------------------------------------------------------------------------------------- admission

    def admit(self, secret: str, request: Request, now: float) -> Admission:
        """Decide one arrival. Refused: nothing is charged, save where a limit says that refusals count."""
        self._sequence += 1
        self._catch_up(now)
        key = self._keys.get(secret)
        reach = key.reach(request.model) if key else _NOWHERE
        refused = self._refuse_early(key, request, now)
        if refused is None:
            costs = [limit.cost(request) for limit in reach.limits]
            refused = refuse_by_limit(reach.limits, costs, request, now)
            if refused is None and key is not None:
                return self._accept(key, reach, costs, request, now)
            self._post_refused(reach, request, now)
        assert refused is not None, "without a key an arrival is always refused early"
        for books in (self._books, *reach.books):
            books.rejected[refused.cause] += 1
        return self._reject(refused, key, reach, request, now)

    def _catch_up(self, now: float) -> None:
        if self._squeezes.due <= now:
            self._squeezes.advance(self._scopes.values(), now)

    def _refuse_early(self, key: Key | None, request: Request, now: float) -> Refusal | None:
        elapsed, model, strike = now - self._started_at, request.model, self._faults.strike
        if outage := strike("outage", key, elapsed, model):
            return down("outage", outage)
        if storm := strike("storm", key, elapsed, model):
            return down("storm", storm)
        if key is None:
            return UNKNOWN_KEY
        revoked_at_s = key.described.revoked_at_s
        if (revoked_at_s is not None and elapsed >= revoked_at_s) or strike("revoke", key, elapsed, model):
            return REVOKED
        if self.described.models and model not in self.described.models:
            return UNKNOWN_MODEL
        if strike("remove_model", key, elapsed, model):
            return REMOVED_MODEL
        if throttle := strike("throttle", key, elapsed, model):
            return evolve(THROTTLED, retry_after_s=throttle.retry_after_s)
        return None

    def _post_refused(self, reach: Reach, request: Request, now: float) -> None:
        for scope in reach.scopes:
            if scope.adaptive:
                scope.post("refused", now, self._sequence, request, request.max_tokens)

    def _reject(self, refused: Refusal, key: Key | None, reach: Reach, request: Request, now: float) -> Admission:
        of_limits = refused.status == 429 or refused.cause in ("spent", "in_flight")
        told = self.described.headers.on_errors and of_limits
        headers = self._headers(key, reach, request, now) if told else []
        if refused.retry_after_s is not None:
            factor = self._faults.factor("wrong_wait", key, now - self._started_at, request.model)
            headers += retry_after(self.described.retry_after, refused.retry_after_s * factor)
        return Admission(self._request_id(), refused.status, headers, refused.cause, refused.error, html=refused.html)

    def _accept(self, key: Key, reach: Reach, costs: list[float], request: Request, now: float) -> Admission:
        idle_s = now - self._busy_at if self._books.in_flight == 0 else 0.0
        self._busy_at = now
        self._books.accept()
        for books in reach.books:
            books.accept()
        for scope in reach.scopes:
            scope.post("accepted", now, self._sequence, request, request.max_tokens)
        charges = [limit.accept(cost, now) for limit, cost in zip(reach.limits, costs, strict=True)]
        delivery = self._faults.deliver(self._usual, key, request, now - self._started_at, idle_s)
        held = _Held(self._sequence, request, reach, charges)
        headers = self._headers(key, reach, request, now) if self.described.headers.on_success else []
        return Admission(self._request_id(), 200, headers, delivery=delivery, held=held)

    def _request_id(self) -> str:
        return f"req_{self.name}_{self._sequence}"

    def _headers(self, key: Key | None, reach: Reach, request: Request, now: float) -> Headers:
        described = self.described
        if not described.rate_limit_headers or self._faults.misses(described.headers.missing):
            return []
        factor = self._faults.factor("lying", key, now - self._started_at, request.model)
        return self._teller.tell(reach.limits, request, now, factor)

    # ------------------------------------------------------------------------------------------ answer

    def produce(self, admission: Admission, output_tokens: int, now: float) -> None:
        """Say that so many output tokens are out in all; repeating a number changes nothing."""
        held = admission.held
        if held is None or output_tokens <= held.produced:
            return
        self._catch_up(now)
        fresh, held.produced = output_tokens - held.produced, output_tokens
        for charge in held.charges:
            charge.produce(fresh, now)
        for scope in held.reach.scopes:
            if scope.live:
                scope.post("produced", now, held.sequence, held.request, fresh)

    def finish(self, admission: Admission, output_tokens: int, now: float, outcome: Outcome = "ok") -> None:
        """Close an accepted request with the output tokens it really had; a second time changes nothing."""
        self.produce(admission, output_tokens, now)
        held, admission.held = admission.held, None
        if held is None:
            return
        self._catch_up(now)
        self._busy_at = now
        self._outcomes[outcome] += 1
        request, served = held.request, outcome == "ok"
        for charge in held.charges:
            charge.finish(request, output_tokens, now)
        cost_usd = self._prices.cost_usd(request, output_tokens) if self.described.prices else 0.0
        self._books.finish(request, output_tokens, cost_usd, served)
        for books in held.reach.books:
            books.finish(request, output_tokens, cost_usd, served)
        for scope in held.reach.scopes:
            scope.post("finished", now, held.sequence, request, output_tokens)

    # ------------------------------------------------------------------------------------------- books

    def books(self, now: float, *, audited: bool = True) -> dict[str, Any]:
        """Everything seen since the start, as plain JSON values. The audit rereads the logs, which takes time."""
        self._catch_up(now)
        violations = [asdict(found) for found in self.audit()] if audited else None
        return {
            "provider": self.name,
            "elapsed_s": now - self._started_at,
            **self._books.read(),
            "outcomes": {outcome: self._outcomes[outcome] for outcome in OUTCOMES},
            "dial_faults": dict(self._dials),
            "scopes": {scope.name: scope.read(now) for scope in self._scopes.values()},
            "keys": {key.name: key.books.read() for key in self._keys.values()},
            "violations": violations,
        }

    def sample(self, now: float) -> dict[str, dict[str, float]]:
        """Pool -> limit -> the share of it in use; for series, so cheap."""
        self._catch_up(now)
        return {
            scope.name: {limit.described.name: limit.meter.used(now) / limit.capacity_at(now) for limit in scope.limits}
            for scope in self._scopes.values()
        }

    def audit(self) -> list[Violation]:
        """Recompute from the raw log which limits accepted more than their shape allows, and when most."""
        found = []
        for scope in self._scopes.values():
            squeezes = tuple(self._squeezes.of(scope.name))
            prices, complete = self.described.prices, scope.log_complete
            judged = Judged(self._started_at, self._wall_offset, prices, squeezes, complete)
            found += [find_violation(scope.name, limit.described, scope.log, judged) for limit in scope.limits]
        return [violation for violation in found if violation is not None]
