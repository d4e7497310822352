"""Who bears the blame for a send: settles it, and gives back whom the provider had refused together with others."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from actorrouter.actors.circuit import Breaker, CircuitState
from actorrouter.actors.key import REJECTED
from actorrouter.actors.recovery import CLOSED
from actorrouter.actors.together import REFUSALS, is_provider, taken_out
from actorrouter.messages import Clear
from actorrouter.router.entries import KeyEntry, Seat
from actorrouter.router.grants import Grant
from actorrouter.runtime.runtime import Runtime
from actorrouter.values import INF, Outcome, OutcomeClass, Scope

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
        if who and _provider_did(grant.seat, who, runtime.clock()):
            outcome = _of_provider(outcome)
    grant.close(_of_key(outcome) if outcome.scope is Scope.POOL and not grant.seat.group.pools else outcome)
    circuit = provider.circuit.state  # settling may have rebuilt it
    if circuit.together.suspected:
        if circuit.breaker is Breaker.CLOSED:
            give_back(runtime, circuit)
            runtime.tell(circuit.circuit_id, Clear())
        elif was_closed:
            give_back(runtime, circuit, but=who)
    return outcome


def _provider_did(seat: Seat, who: tuple[str, ...], now: float) -> bool:
    """Whether it refuses not these, but everybody: enough keys that had served, or all there are."""
    provider = seat.key.provider
    state: CircuitState = provider.circuit.state
    if state.together.suspected and state.breaker is not Breaker.CLOSED:
        return True
    since = now - state.config.window_s
    lately = state.together.lately(since) | {who: (now, seat.key.key_id)}
    succeeded = [ended - took for ended, took, failed in state.recent if not failed]
    proven = [at for at, name in lately.values() if name in provider.keys and provider.keys[name].cell.state.served]
    if is_provider(proven, len(provider.keys), succeeded):
        return True
    if not is_provider((at for at, _ in lately.values()), 0, succeeded):
        return False
    refused = state.together.actors
    return not _somebody_left(seat, lambda actor_id: actor_id in who or refused.get(actor_id, -INF) >= since)


def _somebody_left(seat: Seat, refused: Callable[[str], bool]) -> bool:
    """Whether a key of the provider could serve, as far as is known. The one that would be asked next nearly always
    could, so that all are looked at only when hardly any is left."""
    ready = seat.group.candidate.ready.first()
    following = ready.first() if ready is not None else None
    if following is not None and _is_left(following.key, refused):
        return True
    return any(_is_left(key, refused) for key in seat.key.provider.keys.values())


def _is_left(key: KeyEntry, refused: Callable[[str], bool]) -> bool:
    if refused(key.cell.actor_id) or key.cell.state.recovery.phase in CLOSED:
        return False
    return not any(refused(pool.pool_id) for pool in (*key.pools, *([key.private] if key.private else ())))


def _of_key(outcome: Outcome) -> Outcome:
    """A key without limits draws on no pool that could be paused: it is its own."""
    return attrs.evolve(outcome, scope=Scope.KEY)  # type: ignore[misc] # a value is an attrs class


def _of_provider(outcome: Outcome) -> Outcome:
    said = f"{outcome.message} (one of many keys refused at once: the provider is blamed)".strip()
    return attrs.evolve(outcome, scope=Scope.PROVIDER, message=said)  # type: ignore[misc] # a value is an attrs class


def give_back(runtime: Runtime, circuit: CircuitState, but: tuple[str, ...] = ()) -> None:
    """Let the suspects prove themselves, each by one request, as far as nothing else keeps them out."""
    for actor_id in sorted(circuit.together.suspects.difference(but)):
        cell = runtime.cells.get(actor_id)
        if cell is not None and cell.state.recovery.reason in _REASONS:
            runtime.tell(actor_id, Clear(probe=True))
