"""Who bears the blame for a send: settles it, and gives back whom the provider had refused together with others."""

from __future__ import annotations

import attrs

from actorrouter.actors.circuit import Breaker, CircuitState
from actorrouter.actors.key import REJECTED
from actorrouter.actors.recovery import CLOSED
from actorrouter.actors.together import REFUSALS, is_provider, taken_out
from actorrouter.messages import Clear
from actorrouter.router.board import KeyEntry, ProviderEntry
from actorrouter.router.grants import Grant
from actorrouter.runtime.runtime import Runtime
from actorrouter.values import Outcome, OutcomeClass, Scope

_REASONS = frozenset({REJECTED, str(OutcomeClass.KEY_FATAL), str(OutcomeClass.QUOTA_SPENT)})
_OWN = frozenset({Scope.KEY, Scope.POOL})


def settle(runtime: Runtime, grant: Grant, outcome: Outcome) -> Outcome:
    """Close the grant with the outcome as it is to be understood, which is returned."""
    provider = grant.seat.key.provider
    circuit: CircuitState = provider.circuit.state
    who: tuple[str, ...] = ()
    was_closed = circuit.breaker is Breaker.CLOSED
    if outcome.outcome in REFUSALS and outcome.scope in _OWN and not grant.settled:
        who = taken_out(outcome.outcome, grant.key_id, [cell.actor_id for cell in grant.seat.holders])
        if who and _provider_did(provider, who, grant.key_id, runtime.clock()):
            outcome = _of_provider(outcome)
    grant.close(outcome)
    circuit = provider.circuit.state  # settling may have rebuilt it
    if circuit.together.suspects:
        if circuit.breaker is Breaker.CLOSED:
            give_back(runtime, circuit)
            runtime.tell(circuit.circuit_id, Clear())
        elif was_closed:
            give_back(runtime, circuit, but=who)
    return outcome


def _provider_did(provider: ProviderEntry, who: tuple[str, ...], key_id: str, now: float) -> bool:
    """Whether it refuses not these, but everybody: enough keys that had served, or all there are."""
    state: CircuitState = provider.circuit.state
    if state.together.suspects and state.breaker is not Breaker.CLOSED:
        return True
    lately = state.together.lately(now - state.config.window_s) | {who: (now, key_id)}
    succeeded = [ended - took for ended, took, failed in state.recent if not failed]
    proven = [at for at, name in lately.values() if name in provider.keys and provider.keys[name].cell.state.served]
    if is_provider(proven, len(provider.keys), succeeded):
        return True
    refused = {each for names in lately for each in names}
    return is_provider((at for at, _ in lately.values()), 0, succeeded) and not any(
        _is_left(key, refused) for key in provider.keys.values()
    )


def _is_left(key: KeyEntry, refused: set[str]) -> bool:
    """It could serve, as far as is known."""
    if key.cell.actor_id in refused or key.cell.state.recovery.phase in CLOSED:
        return False
    return refused.isdisjoint(pool.pool_id for pool in (*key.pools, *([key.private] if key.private else ())))


def _of_provider(outcome: Outcome) -> Outcome:
    said = f"{outcome.message} (one of many keys refused at once: the provider is blamed)".strip()
    return attrs.evolve(outcome, scope=Scope.PROVIDER, message=said)  # type: ignore[misc] # a value is an attrs class


def unfit_with(key: KeyEntry, outcome: Outcome) -> set[str]:
    """The keys that this call need not try any more: the one that failed, or all that go out by the same way."""
    if outcome.scope is not Scope.EGRESS or key.config.proxy is None:
        return {key.key_id}
    return {each.key_id for each in key.provider.keys.values() if each.config.proxy == key.config.proxy}


def give_back(runtime: Runtime, circuit: CircuitState, but: tuple[str, ...] = ()) -> None:
    """Let the suspects prove themselves, each by one request, as far as nothing else keeps them out."""
    for actor_id in sorted(circuit.together.suspects.difference(but)):
        cell = runtime.cells.get(actor_id)
        if cell is not None and cell.state.recovery.reason in _REASONS:
            runtime.tell(actor_id, Clear(probe=True))
