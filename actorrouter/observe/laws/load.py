"""Law 5, load goes down under failure: a retry is a fresh reservation drawn from a retry budget.

A refusal that told the pool how long to wait needs no budget, for then nobody may use that pool before the instant it
told: this is watched here, for every grant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from actorrouter.config import ProviderConfig
from actorrouter.errors import Attempt
from actorrouter.events import ActorRestarted, Cleared, Granted, Settled
from actorrouter.observe.laws.found import Tell
from actorrouter.values import INF, Call, OutcomeClass, Scope

_REPEATED: Final = frozenset(
    {
        OutcomeClass.RATE_LIMITED,
        OutcomeClass.CAPACITY,
        OutcomeClass.TRANSIENT,
        OutcomeClass.BROKEN,
        OutcomeClass.NOT_SENT,
        OutcomeClass.UNKNOWN,
    }
)
"""A send after one of these repeats work. After others another key is asked, which the number of keys bounds."""
_REFUSED: Final = frozenset({OutcomeClass.KEY_FATAL, OutcomeClass.QUOTA_SPENT, OutcomeClass.MODEL_SCOPE})
"""Unless the provider is blamed."""
_OWN: Final = frozenset({Scope.KEY, Scope.EGRESS})
_TOLD_LEAST_S: Final = 0.1
_TOLD_MAX: Final = 20_000


class Load:
    """Counts first sends and repeats by provider. A repeat is charged to the provider that failed, whoever gets it."""

    def __init__(self, tell: Tell, providers: Mapping[str, ProviderConfig], hint_max_s: float = INF) -> None:
        self._tell = tell
        self._providers = providers
        self._hint_max_s = hint_max_s
        self._shut: dict[str, float] = {}
        """Pool -> the instant its provider told it to wait for."""
        self._paced: dict[int, None] = {}
        """The latest decisions whose pools were told to wait."""
        self._grants: Counter[str] = Counter()
        self._later: Counter[str] = Counter()
        self._repeats: Counter[str] = Counter()
        self._told: set[str] = set()

    def granted(self, event: Granted) -> None:
        """A send is about to be made."""
        self._grants[_provider(event)] += 1
        early = [holder for holder in event.holders if event.at < self._shut.get(holder, event.at) - 1e-6]
        for pool in early:
            early_s = self._shut[pool] - event.at
            self._tell(5, event.at, f"{pool} granted {early_s:.3f} s before the instant its provider had told")

    def settled(self, event: Settled, decision_id: int, takers: Iterable[str]) -> None:
        """A pool that was told to wait is shut until then."""
        told_s = event.retry_at - event.at if event.retry_at is not None else 0.0
        if event.outcome is not OutcomeClass.RATE_LIMITED or event.scope is not Scope.POOL or told_s < _TOLD_LEAST_S:
            return
        until = event.at + min(told_s, self._hint_max_s)
        pools = [taker for taker in takers if taker.startswith("pool:")]
        for pool in pools:
            self._shut[pool] = max(until, self._shut.get(pool, until))
        if pools:
            self._paced[decision_id] = None
        if len(self._paced) > _TOLD_MAX:
            del self._paced[next(iter(self._paced))]

    def forgiven(self, event: Cleared | ActorRestarted) -> None:
        """An operator opened it; or its journal may not have kept what it was told."""
        for holder in (event.actor,) if isinstance(event, ActorRestarted) else event.holders:
            self._shut.pop(holder, None)

    def attempted(self, attempts: Sequence[Attempt], providers: Sequence[str], call: Call | None, now: float) -> None:
        """All sends of one call. `providers`: of each attempt's key."""
        of = dict(zip((attempt.decision_id for attempt in attempts), providers, strict=False))
        beside = {hedge.decision_id: _partner(hedge, attempts) for hedge in attempts if hedge.hedge_of}
        in_turn = _without_losers(attempts, beside)
        again = [attempt for attempt in in_turn[:-1] if _repeated(attempt)]
        repeats = [*again, *beside.values()]
        paid = [of[each.decision_id] for each in repeats if each not in again or not self._is_paced(each)]
        self._repeats.update(paid)
        first = min(of, default=0)
        self._later.update([provider for decision_id, provider in of.items() if decision_id != first])
        most = call.max_attempts if call is not None else None
        if most is not None and len(repeats) + 1 > most:
            self._tell(5, now, f"a call was sent {len(repeats) + 1} times to do the same work; {most} are allowed")
        decisions = [attempt.decision_id for attempt in attempts]
        if len(set(decisions)) < len(decisions):
            self._tell(5, now, f"a call was sent twice on one reservation: decisions {decisions}")
        for provider in set(paid) - self._told:
            self._check(provider, now)

    def _is_paced(self, attempt: Attempt) -> bool:
        return attempt.decision_id in self._paced and (attempt.outcome.status or 0) >= 400

    def _check(self, provider: str, now: float) -> None:
        config, repeats = self._providers[provider], self._repeats[provider]
        first = self._grants[provider] - self._later[provider]
        allowed = config.retry_reserve + config.retry_ratio * max(0, first)
        if repeats > allowed + 1e-6:
            self._told.add(provider)
            self._tell(5, now, f"provider {provider} was burdened with {repeats} repeats for {first} first sends")


def _partner(hedge: Attempt, attempts: Sequence[Attempt]) -> Attempt:
    """The send beside which it stood: the last of that key that was decided before it."""
    earlier = [a for a in attempts if a.key_id == hedge.hedge_of and a.decision_id < hedge.decision_id]
    return max(earlier, key=lambda attempt: attempt.decision_id, default=hedge)


def _without_losers(attempts: Sequence[Attempt], beside: Mapping[int, Attempt]) -> list[Attempt]:
    """The sends that came one after another: of two beside each other the one that ended last."""
    lost = set()
    for hedge in attempts:
        partner = beside.get(hedge.decision_id)
        if partner is not None:
            pair = [each.decision_id for each in attempts if each is hedge or each is partner]
            lost.add(pair[0])
    return [attempt for attempt in attempts if attempt.decision_id not in lost]


def _repeated(attempt: Attempt) -> bool:
    outcome = attempt.outcome
    if outcome.outcome in _REFUSED:
        return outcome.scope is Scope.PROVIDER
    return outcome.outcome in _REPEATED and outcome.scope not in _OWN


def _provider(event: Granted) -> str:
    circuit = next((holder for holder in event.holders if holder.startswith("circuit:")), "circuit:")
    return circuit.partition(":")[2]
