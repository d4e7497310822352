"""Law 5, load goes down under failure: a retry is a fresh reservation drawn from a retry budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from actorrouter.config import ProviderConfig
from actorrouter.errors import Attempt
from actorrouter.events import Granted
from actorrouter.observe.laws.found import Tell
from actorrouter.values import Call, OutcomeClass, Scope

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
_OWN: Final = frozenset({Scope.KEY, Scope.EGRESS})


class Load:
    """Counts first sends and repeats by provider. A repeat is charged to the provider that failed, whoever gets it."""

    def __init__(self, tell: Tell, providers: Mapping[str, ProviderConfig]) -> None:
        self._tell = tell
        self._providers = providers
        self._grants: Counter[str] = Counter()
        self._later: Counter[str] = Counter()
        self._repeats: Counter[str] = Counter()
        self._told: set[str] = set()

    def granted(self, event: Granted) -> None:
        """A send is about to be made."""
        self._grants[_provider(event)] += 1

    def attempted(self, attempts: Sequence[Attempt], providers: Sequence[str], call: Call | None, now: float) -> None:
        """All sends of one call. `providers`: of each attempt's key."""
        repeats = [
            provider
            for attempt, provider in zip(attempts[:-1], providers, strict=False)
            if attempt.outcome.outcome in _REPEATED and attempt.outcome.scope not in _OWN
        ]
        self._repeats.update(repeats)
        self._later.update(providers[1:])
        most = call.max_attempts if call is not None else None
        if most is not None and len(repeats) + 1 > most:
            self._tell(5, now, f"a call was sent {len(repeats) + 1} times to do the same work; {most} are allowed")
        decisions = [attempt.decision_id for attempt in attempts]
        if len(set(decisions)) < len(decisions):
            self._tell(5, now, f"a call was sent twice on one reservation: decisions {decisions}")
        for provider in set(repeats) - self._told:
            self._check(provider, now)

    def _check(self, provider: str, now: float) -> None:
        config, repeats = self._providers[provider], self._repeats[provider]
        first = self._grants[provider] - self._later[provider]
        allowed = config.retry_reserve + config.retry_ratio * max(0, first)
        if repeats > allowed + 1e-6:
            self._told.add(provider)
            self._tell(5, now, f"provider {provider} was burdened with {repeats} repeats for {first} first sends")


def _provider(event: Granted) -> str:
    circuit = next((holder for holder in event.holders if holder.startswith("circuit:")), "circuit:")
    return circuit.partition(":")[2]
