"""A provider's breaker: closed -> open -> half-open -> closed. Only what the provider itself did wrong counts.

Calls that last minutes must not blind it, nor make it panic. Outcomes are kept by count and judged over a span that
stretches to three times the longest recent call, and failures in a row count however far apart they are: a hang is seen
when its calls time out. Against that, calls are counted when sent: one that was sent in the same span and has already
outlived the failures is a call that did not fail, though it has not ended. Calls from before the circuit last closed
say nothing about now. Refusals for a key, a pool or a request, and callers that went away, say nothing about the
provider; unless many come together (`actors.together`): then it opens at once.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import Final

import attrs

from actorrouter.actors.together import LEAST, REFUSALS, Together
from actorrouter.config import CircuitConfig
from actorrouter.events import Cleared, Expired, Granted, Isolated, Renewed, Settled
from actorrouter.messages import Clear, Expire, Isolate, Renew, Reserve, Settle
from actorrouter.turns import CONSENT, Behaviour, Turn
from actorrouter.values import INF, Basis, OutcomeClass, Refusal, Scope, record


class Breaker(StrEnum):
    """The circuit's states; `isolated` is open by hand until reset."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    ISOLATED = "isolated"


_CLOSED: Final = Breaker.CLOSED  # an enum's member costs a call each time it is named, up to Python 3.11
_PROVIDER: Final = Scope.PROVIDER
_SUCCEEDED: Final = OutcomeClass.SUCCEEDED
_REFUSED: Final = frozenset({Scope.KEY, Scope.POOL, Scope.PROVIDER})


@record
class CircuitState:
    """`recent`: (ended at, seconds it took, failed) of the last calls. `opens`: openings in a row. `opened`: id -> sent
    at. `in_a_row`: failures since a success; the first sent at `row_since`, the longest took `row_longest_s`."""

    circuit_id: str
    config: CircuitConfig
    breaker: Breaker = Breaker.CLOSED
    until: float = -INF
    opens: int = 0
    probe: int | None = None
    probe_ends: float = INF
    closed_at: float = -INF
    in_a_row: int = 0
    row_since: float = INF
    row_longest_s: float = 0.0
    recent: deque[tuple[float, float, bool]] = attrs.field(factory=deque)
    opened: dict[int, float] = attrs.field(factory=dict)
    together: Together = attrs.field(factory=Together)


def reserve(state: CircuitState, message: Reserve, now: float) -> Turn:
    """Let the call through if closed, or as the one probe when the open time is over."""
    if state.breaker is _CLOSED:
        return CONSENT
    if state.breaker is Breaker.OPEN:
        if now >= state.until:
            return CONSENT
        return Turn((Refusal(state.circuit_id, "circuit open", state.until, Basis.LEARNED, firm=True),))
    if state.breaker is Breaker.ISOLATED:
        return Turn((Refusal(state.circuit_id, "circuit isolated by an operator", final=True),))
    if state.probe is None:
        return CONSENT
    refusal = Refusal(
        state.circuit_id, "circuit half-open: probe in flight", INF, Basis.UNKNOWN, latest=state.probe_ends
    )
    return Turn((refusal,))


def settle(state: CircuitState, message: Settle | Expire | Renew, now: float) -> Turn:
    """Consent if the call went through here."""
    return CONSENT if message.reservation_id in state.opened else REPEATED


def isolate(state: CircuitState, message: Isolate, now: float) -> Turn:
    """Hold it open by hand."""
    return Turn(events=(Isolated(now, (state.circuit_id,)),))


def clear(state: CircuitState, message: Clear, now: float) -> Turn:
    """Reset: closed, statistics forgotten. Repeats change nothing."""
    return Turn(events=(Cleared(now, (state.circuit_id,)),))


REPEATED = Turn(reply="repeated")


def granted(state: CircuitState, event: Granted) -> None:
    state.opened[event.reservation_id] = event.at
    if state.breaker is not _CLOSED:
        state.breaker, state.probe, state.probe_ends = Breaker.HALF_OPEN, event.reservation_id, event.expires_at


def settled(state: CircuitState, event: Settled) -> None:
    started = state.opened.pop(event.reservation_id)
    failed = event.scope is _PROVIDER
    told = failed or event.outcome is _SUCCEEDED or event.scope is Scope.REQUEST
    if event.outcome in REFUSALS and event.scope in _REFUSED:
        _refuse(state, event)
    if event.reservation_id == state.probe:
        _judge_probe(state, event, told=told, failed=failed)
    elif told and state.breaker is _CLOSED and started >= state.closed_at:
        _count(state, event, started, failed=failed)


def _refuse(state: CircuitState, event: Settled) -> None:
    """If the provider is blamed for it, as the last of many, nobody goes until a probe has come back well."""
    together = state.together
    together.refuse(event, event.at - state.config.window_s)
    if event.scope is _PROVIDER and len(together.refused) >= LEAST:
        together.suspected = True
        if state.breaker is _CLOSED:
            _open(state, event)


def _judge_probe(state: CircuitState, event: Settled, *, told: bool, failed: bool) -> None:
    state.probe = None
    if failed:
        _open(state, event)
    elif told:
        _close(state, event.at)


def _count(state: CircuitState, event: Settled, started: float, *, failed: bool) -> None:
    config = state.config
    state.recent.append((event.at, event.at - started, failed))
    if len(state.recent) > config.window_calls:
        state.recent.popleft()
    if not failed:
        if state.in_a_row:
            _end_row(state)
        return
    state.in_a_row += 1
    state.row_since = min(state.row_since, started)
    state.row_longest_s = max(state.row_longest_s, event.at - started)
    if _row_too_long(state, event.at) or _rate_exceeded(state, event.at):
        _open(state, event)


def _row_too_long(state: CircuitState, now: float) -> bool:
    config, row = state.config, state.in_a_row
    if row < config.consecutive_failures:
        return False
    most = row / config.failure_rate - row
    return _survivors(state, now, state.row_since, state.row_longest_s, most) <= most


def _rate_exceeded(state: CircuitState, now: float) -> bool:
    config = state.config
    span = max(config.window_s, 3 * max(took for _, took, _ in state.recent))
    seen = [(took, failed) for ended, took, failed in state.recent if ended >= now - span]
    failures = [took for took, failed in seen if failed]
    most = len(failures) / config.failure_rate - len(seen)
    if len(seen) < config.min_calls or most < 0:
        return False
    return _survivors(state, now, now - span, max(failures), most) <= most


def _survivors(state: CircuitState, now: float, since: float, outlived_s: float, most: float) -> int:
    """Calls in flight, sent no earlier than `since`, that have lasted longer than the failures; counted to `most`."""
    found = 0
    for started in reversed(state.opened.values()):
        if started < since or found > most:
            break
        found += now - started > outlived_s
    return found


def _open(state: CircuitState, event: Settled) -> None:
    config = state.config
    pause_s = config.open_s * 2.0 ** min(state.opens, 30) * (0.75 + 0.5 * event.draw)
    asked_s = event.retry_at - event.at if event.retry_at is not None else 0.0
    _forget(state)
    state.breaker, state.until = Breaker.OPEN, event.at + min(config.open_max_s, max(pause_s, asked_s))
    state.opens += 1


def _close(state: CircuitState, at: float) -> None:
    _forget(state)
    state.breaker, state.until, state.opens, state.probe, state.closed_at = Breaker.CLOSED, -INF, 0, None, at


def _forget(state: CircuitState) -> None:
    _end_row(state)
    state.recent.clear()


def _end_row(state: CircuitState) -> None:
    state.in_a_row, state.row_since, state.row_longest_s = 0, INF, 0.0


def expired(state: CircuitState, event: Expired) -> None:
    """A call given up says nothing; a probe given up makes room for another."""
    state.opened.pop(event.reservation_id, None)
    if event.reservation_id == state.probe:
        state.probe = None


def renewed(state: CircuitState, event: Renewed) -> None:
    if event.reservation_id == state.probe:
        state.probe_ends = event.expires_at


def isolated(state: CircuitState, event: Isolated) -> None:
    state.breaker, state.probe = Breaker.ISOLATED, None


def cleared(state: CircuitState, event: Cleared) -> None:
    state.together.forget()
    _close(state, event.at)


def copy(state: CircuitState) -> CircuitState:
    return CircuitState(
        state.circuit_id,
        state.config,
        state.breaker,
        state.until,
        state.opens,
        state.probe,
        state.probe_ends,
        state.closed_at,
        state.in_a_row,
        state.row_since,
        state.row_longest_s,
        deque(state.recent),
        dict(state.opened),
        state.together.copy(),
    )


def weigh(state: CircuitState) -> int:
    return len(state.opened) + len(state.recent) + len(state.together.refused)


def breaker_at(state: CircuitState, now: float) -> Breaker:
    """The state a person would name: open is half-open once its time is over."""
    return Breaker.HALF_OPEN if state.breaker is Breaker.OPEN and now >= state.until else state.breaker


BEHAVIOUR = Behaviour(
    name="circuit",
    decide={Reserve: reserve, Settle: settle, Expire: settle, Renew: settle, Isolate: isolate, Clear: clear},
    evolve={
        Granted: granted,
        Settled: settled,
        Expired: expired,
        Renewed: renewed,
        Isolated: isolated,
        Cleared: cleared,
    },
    copy=copy,
    weigh=weigh,
)
