"""What one call needs from a candidate, worked out once for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import attrs

from actorrouter.adapters.wire import amount, exact_units
from actorrouter.router.entries import Candidate, KeyEntry, PoolEntry, RouteEntry
from actorrouter.runtime.cell import Cell
from actorrouter.values import (
    CONCURRENCY,
    COST,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    REQUESTS,
    TOKENS,
    Amounts,
    Call,
    Outcome,
    OutcomeClass,
    Refusal,
    Scope,
    Usage,
)

_MTOK: Final = Decimal(1_000_000)
_SUCCEEDED: Final = OutcomeClass.SUCCEEDED


@attrs.define(eq=False, weakref_slot=False)
class Demand:
    """One call on its way. `given`: amounts named by the caller, used as they are. What cannot serve it: `skip`, keys;
    `proxies`, all keys behind them; `apart`, all keys that draw on these pools. `avoid`: providers that have failed it,
    asked last; `unfit`: providers that could not even be told of it, and why. `sized`: the limits that had no room for
    it when keys were last asked. `since`: when it first asked for capacity."""

    route: RouteEntry
    call: Call
    tenant_budgets: tuple[Cell, ...] = ()
    given: Amounts | None = None
    skip: set[str] = attrs.field(factory=set)
    proxies: set[str] = attrs.field(factory=set)
    apart: frozenset[PoolEntry] = frozenset()
    avoid: set[str] = attrs.field(factory=set)
    unfit: Mapping[str, str] = attrs.field(factory=dict)
    sized: tuple[Refusal, ...] = ()
    since: float | None = None
    _as_counted: bool = False
    _amounts: dict[Candidate, Amounts] = attrs.field(factory=dict)
    _counted: dict[Candidate, float] = attrs.field(factory=dict)

    @property
    def candidates(self) -> Sequence[Candidate]:
        """The route's, as far as they can be told of this call."""
        candidates = self.route.candidates
        return [c for c in candidates if c.provider.name not in self.unfit] if self.unfit else candidates

    def anew(self, call: Call) -> Demand:
        """Another call in this one's place, with its experience."""
        same = (self.route, call, self.tenant_budgets, self.given)
        other = Demand(*same, skip=self.skip, avoid=self.avoid, unfit=self.unfit, since=self.since)
        other.proxies = self.proxies
        return other

    def beside(self, key: KeyEntry) -> Demand:
        """The same call once more on other pools: without this key, and without those that share a pool with it."""
        other = self.anew(self.call)
        other.skip, other.proxies, other.avoid = self.skip | {key.key_id}, set(self.proxies), set(self.avoid)
        other.apart, other.since = frozenset(key.pools), None
        return other

    @property
    def limited(self) -> bool:
        """Whether there is a key that it does not want."""
        return bool(self.skip or self.proxies or self.apart or self.call.exclude_keys)

    def wants(self, key: KeyEntry) -> bool:
        """Whether this key may serve it."""
        if key.key_id in self.skip or key.key_id in self.call.exclude_keys:
            return False
        return key.config.proxy not in self.proxies and (not self.apart or self.draws_apart(key.pools))

    def draws_apart(self, pools: tuple[PoolEntry, ...]) -> bool:
        """Whether none of these is a pool to keep away from."""
        return self.apart.isdisjoint(pools)

    def pass_over(self, key: KeyEntry, outcome: Outcome) -> None:
        """This key has failed it; so would all that go out by the same way, if that is at fault."""
        self.skip.add(key.key_id)
        if outcome.scope is Scope.EGRESS and key.config.proxy is not None:
            self.proxies.add(key.config.proxy)

    def amounts(self, candidate: Candidate) -> Amounts:
        """The most the call may use there, cost included."""
        known = self._amounts.get(candidate)
        if known is None:
            estimate = self.given if self.given is not None else self._estimate(candidate)
            known = self._amounts[candidate] = priced(candidate, estimate)
        return known

    def as_counted(self) -> bool:
        """From now on without what was learned: a guess is no reason to refuse a call for ever. Whether that changes
        any amount."""
        changes = not self._as_counted and any(
            candidate.ratio.factor > 1.0 and self._counted.get(candidate) for candidate in self._amounts
        )
        self._as_counted = True
        self._amounts.clear()
        return changes

    def counted(self, candidate: Candidate) -> float:
        """Input tokens as the adapter counted them there; 0 before `amounts`, and where the caller named them."""
        return self._counted.get(candidate, 0)

    def _estimate(self, candidate: Candidate) -> Amounts:
        """The adapter's estimate, its input as it turned out to be so far. What the call names is not touched."""
        call = self.call
        amounts = candidate.provider.adapter.estimate(call)
        counted = amounts.get(INPUT_TOKENS, 0)
        if not counted or INPUT_TOKENS in call.units:
            return amounts
        self._counted[candidate] = counted
        if candidate.ratio.factor == 1.0 or self._as_counted:
            return amounts
        likely = candidate.ratio.scaled(counted)
        scaled = {**amounts, INPUT_TOKENS: likely}
        if TOKENS in amounts and TOKENS not in call.units:
            scaled[TOKENS] = amounts[TOKENS] + likely - counted
        return scaled


def exact_amounts(amounts: Amounts) -> Amounts:
    """Amounts named by a caller, each in its dimension's own kind. ValueError if one is no believable number."""
    wrong = next((dimension for dimension, said in amounts.items() if amount(said) is None), None)
    if wrong is not None:
        raise ValueError(f"amount of {wrong!r} must be a finite number of at least 0")
    return exact_units(amounts)


def priced(candidate: Candidate, amounts: Amounts) -> Amounts:
    """The amounts with their cost in US dollars, where the candidate has a price."""
    if COST in amounts:
        return amounts
    cost = cost_of(candidate, amounts)
    return {**amounts, COST: cost} if cost else amounts


def cost_of(candidate: Candidate, amounts: Amounts) -> Decimal:
    """US dollars for these amounts at the candidate's price."""
    price = candidate.config.price
    if not (price.input_usd_per_mtok or price.output_usd_per_mtok or price.request_usd):
        return Decimal(0)
    tokens = amounts.get(INPUT_TOKENS, 0) * price.input_usd_per_mtok
    tokens += amounts.get(OUTPUT_TOKENS, 0) * price.output_usd_per_mtok
    return Decimal(tokens / _MTOK + price.request_usd * amounts.get(REQUESTS, 1))


def truth(candidate: Candidate, reserved: Amounts, outcome: Outcome, *, dispatched: bool) -> tuple[Amounts, bool]:
    """What the outcome says was used, and whether anything may have been charged. Missing dimensions stand as reserved.

    An answer that is an error was not billed: tokens and cost are nought (an up-front limit gives nothing back all the
    same). Whatever nobody can know stands as reserved.
    """
    kind = outcome.outcome
    if kind is not _SUCCEEDED and (
        kind is OutcomeClass.NOT_SENT or (kind is OutcomeClass.CANCELLED and not dispatched)
    ):
        return {}, False
    if outcome.usage is not None:
        return _complete(candidate, outcome.usage, reserved), True
    if outcome.status is not None and outcome.status >= 400:
        return dict.fromkeys((d for d in reserved if d not in (REQUESTS, CONCURRENCY)), 0) | _free(reserved), True
    return {}, True


def _free(reserved: Amounts) -> dict[str, Any]:
    return {COST: Decimal(0)} if COST in reserved else {}


def _complete(candidate: Candidate, usage: Usage, reserved: Amounts) -> Amounts:
    amounts = dict(usage.amounts)
    if TOKENS not in amounts and INPUT_TOKENS in amounts and OUTPUT_TOKENS in amounts:
        amounts[TOKENS] = amounts[INPUT_TOKENS] + amounts[OUTPUT_TOKENS]
    if COST not in amounts and COST in reserved and (INPUT_TOKENS in amounts or OUTPUT_TOKENS in amounts):
        amounts[COST] = cost_of(candidate, {**reserved, **amounts})
    return {**amounts, **usage.charged}


def learn(candidate: Candidate, counted: float, reserved: Amounts, usage: Usage | None) -> None:
    """Compare input tokens counted here with what the provider told, if it told everything."""
    if counted and usage is not None and not usage.estimated and INPUT_TOKENS in usage.amounts:
        candidate.ratio.learn(counted, reserved[INPUT_TOKENS], usage.amounts[INPUT_TOKENS])


def surprise(reserved: Amounts, usage: Amounts) -> Amounts:
    """What was used beyond what was reserved, by dimension."""
    beyond: dict[str, Any] = {}
    for dimension, used in usage.items():
        known = reserved.get(dimension, 0)
        if used > known:
            beyond[dimension] = used - known
    return beyond
