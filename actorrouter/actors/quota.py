"""A quota pool: several limits that one or more keys draw on together, reserved all or nothing.

Reserve holds the amounts in every limit; dispatch turns what is charged up front into level; settle replaces what was
held or charged by the truth, as far as the limit's charge mode lets the provider correct it. An expired reservation is
charged in full and remembered until its settlement comes or no window can still count it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs

from actorrouter.actors import recovery as rec
from actorrouter.actors.mirror import Mirror, sooner
from actorrouter.actors.recovery import AVAILABLE, Recovery
from actorrouter.actors.shortage import shortage
from actorrouter.actors.windows import Sliding, Window
from actorrouter.events import Cleared, ClockAligned, Dispatched, Expired, Granted, Observed, Renewed, Settled
from actorrouter.messages import Clear, ClockRead, Dispatch, Expire, Observe, Renew, Reserve, Settle
from actorrouter.turns import CONSENT, Behaviour, Turn
from actorrouter.values import INF, Amounts, OutcomeClass, QuotaObservation, Refusal, Scope, record

_LONGER: Final = 1.05
"""A month may have 31 days, a day 25 hours: what the longest window is beyond its usual length."""

_NEARLY: Final = 0.1
"""Share by which a window may differ from the one a provider speaks of: a month has 28 to 31 days."""

LOAD_SPAN_S: Final = 60.0
"""A day's window that is a tenth used weighs as much as a minute's: the share ranks, not how long it lasts."""


_POOL: Final = Scope.POOL
_NO_SURPRISE: Final[Mapping[str, Any]] = MappingProxyType({})


@record
class Open:
    """A reservation not yet settled. `sent_at`: when it was dispatched. `expired_at`: when its lease ran out."""

    amounts: Amounts
    expires_at: float
    sent_at: float | None = None
    expired_at: float | None = None


@record
class PoolState:
    """The books of one pool. `surprise`: units used beyond what was reserved, by dimension, for its life. `mirrors`:
    what the provider itself says, where that is followed.

    `late`: (expired at, reservation id) of the expired, oldest first; some may have been settled since. Of both, a pool
    that has none holds nothing: there are many such.
    """

    pool_id: str
    windows: tuple[Window, ...]
    recovery: Recovery
    mirrors: tuple[Mirror, ...] = ()
    opened: dict[int, Open] = attrs.field(factory=dict)
    expired: int = 0
    late: list[tuple[float, int]] | tuple[()] = ()
    surprise: Mapping[str, Any] = _NO_SURPRISE
    wall_offset: float | None = None
    latest_end: float = -INF
    """No reservation open now outlives this instant, unless it is renewed."""


# ------------------------------------------------------------------------------------------------------------ decide


def reserve(state: PoolState, message: Reserve, now: float) -> Turn:
    """Say whether every limit has room for this reservation; change nothing."""
    amounts = message.amounts
    if state.recovery.phase is AVAILABLE:
        for window in state.windows:
            amount = amounts.get(window.terms.dimension)
            if amount and window.ready_at(amount, now) > now:
                break
        else:
            return CONSENT
    return _refused_or_consent(state, amounts, now)


def _refused_or_consent(state: PoolState, amounts: Amounts, now: float) -> Turn:
    in_flight, latest = bool(state.opened), state.latest_end
    found: list[Refusal | None] = []
    for window in state.windows:
        amount = amounts.get(window.terms.dimension)
        short = shortage(window, state.pool_id, amount, now, latest, in_flight=in_flight) if amount else None
        found.append(sooner(state.mirrors, window, short, amount, now) if short and state.mirrors else short)
    found.append(rec.refusal(state.recovery, state.pool_id, now, latest))
    refusals = tuple(refusal for refusal in found if refusal is not None)
    return Turn(refusals) if refusals else CONSENT


def dispatch(state: PoolState, message: Dispatch, now: float) -> Turn:
    """The request left: consent if it is known and was not dispatched before."""
    held = state.opened.get(message.reservation_id)
    return CONSENT if held is not None and held.sent_at is None and held.expired_at is None else REPEATED


def settle(state: PoolState, message: Settle, now: float) -> Turn:
    """Consent if the reservation is still to be settled. Late is fine, repeating changes nothing."""
    return CONSENT if message.reservation_id in state.opened else REPEATED


def expire(state: PoolState, message: Expire | Renew, now: float) -> Turn:
    """Consent if the lease is running."""
    held = state.opened.get(message.reservation_id)
    return CONSENT if held is not None and held.expired_at is None else REPEATED


def observe(state: PoolState, message: Observe, now: float) -> Turn:
    """Take down what the provider said."""
    return Turn(events=(Observed(now, (state.pool_id,), message.observations, message.reservation_id),))


def read_clock(state: PoolState, message: ClockRead, now: float) -> Turn:
    """Align calendar limits."""
    return Turn(events=(ClockAligned(message.monotonic, message.wall, (state.pool_id,)),))


def clear(state: PoolState, message: Clear, now: float) -> Turn:
    """Forgive cooldowns; what was charged stays charged."""
    return Turn(events=(Cleared(now, (state.pool_id,), message.probe),))


REPEATED = Turn(reply="repeated")

# ------------------------------------------------------------------------------------------------------------ evolve


def granted(state: PoolState, event: Granted) -> None:
    amounts = event.amounts
    state.opened[event.reservation_id] = Open(amounts, event.expires_at)
    if event.expires_at > state.latest_end:
        state.latest_end = event.expires_at
    for window in state.windows:
        amount = amounts.get(window.terms.dimension)
        if amount:
            window.held += amount
    for mirror in state.mirrors:
        if mirror.terms.dimension in amounts:
            mirror.take(event.reservation_id, amounts[mirror.terms.dimension], event.at)
    if state.recovery.phase is not AVAILABLE:
        rec.granted(state.recovery, event.reservation_id)


def dispatched(state: PoolState, event: Dispatched) -> None:
    held = state.opened[event.reservation_id]
    held.sent_at = event.at
    for window in state.windows:
        terms = window.terms
        amount = held.amounts.get(terms.dimension)
        if amount and terms.up_front:
            window.held -= amount
            window.charge(amount, event.at)
    for mirror in state.mirrors:
        mirror.sent(event.reservation_id, event.at)


def settled(state: PoolState, event: Settled) -> None:
    held = state.opened.pop(event.reservation_id)
    if state.expired:
        state.expired -= held.expired_at is not None
        _forget(state, event.at)
    amounts, usage, charged = held.amounts, event.usage, event.charged
    for window in state.windows:
        dimension = window.terms.dimension
        reserved = amounts.get(dimension, 0)
        actual = usage.get(dimension, reserved) if charged else 0
        if reserved or actual:
            _settle_window(window, held, reserved, actual, event)
    if event.surprise:
        known = state.surprise
        state.surprise = {**known, **{d: known.get(d, 0) + amount for d, amount in event.surprise.items()}}
    if event.scope is _POOL or state.recovery.phase is not AVAILABLE:
        _recover(state.recovery, event)
    for mirror in state.mirrors:
        dimension = mirror.terms.dimension
        mirror.end(event.reservation_id, event.surprise.get(dimension, 0))
        if event.scope is _POOL:
            mirror.refused(amounts.get(dimension, 0), state.recovery.until)


def _settle_window(window: Window, held: Open, reserved: Any, actual: Any, event: Settled) -> None:
    terms = window.terms
    charged_at = held.expired_at if held.sent_at is None or not terms.up_front else held.sent_at
    if charged_at is not None:
        if actual > reserved:
            window.charge(actual - reserved, event.at)
        elif actual < reserved and (terms.settles or not event.charged):
            window.refund(reserved - actual, charged_at, event.at)
        return
    window.held -= reserved
    charge = actual if actual > reserved or terms.settles or not event.charged else reserved
    if charge:
        window.charge(charge, event.at)


def _recover(recovery: Recovery, event: Settled) -> None:
    if event.scope is _POOL:
        rec.paused(recovery, event)
    elif event.outcome is OutcomeClass.SUCCEEDED:
        rec.succeeded(recovery, event.reservation_id)
    else:
        rec.passed(recovery, event.reservation_id)


def expired(state: PoolState, event: Expired) -> None:
    held = state.opened[event.reservation_id]
    for window in state.windows:
        amount = held.amounts.get(window.terms.dimension)
        if amount and not (window.terms.up_front and held.sent_at is not None):
            window.held -= amount
            window.charge(amount, event.at)
    held.expired_at = event.at
    state.expired += 1
    state.late = state.late or []
    state.late.append((event.at, event.reservation_id))
    rec.passed(state.recovery, event.reservation_id)
    _forget(state, event.at)


def _forget(state: PoolState, now: float) -> None:
    """Drop expired reservations that no window can still count."""
    longest = _LONGER * max((w.terms.window_s + w.terms.guard_s for w in state.windows), default=0.0)
    late = state.late
    while late and late[0][0] + longest < now:
        reservation_id = late.pop(0)[1]
        state.expired -= state.opened.pop(reservation_id, None) is not None
        for mirror in state.mirrors:
            mirror.end(reservation_id, 0)
    state.late = late or ()


def renewed(state: PoolState, event: Renewed) -> None:
    state.opened[event.reservation_id].expires_at = event.expires_at
    state.latest_end = max(state.latest_end, event.expires_at)


def observed(state: PoolState, event: Observed) -> None:
    for observation in event.observations:
        window = _observed_window(state, observation)
        free = _said_free(observation)
        if window is None or free is None:
            continue
        window.tighten(free, observation.at)
        for mirror in state.mirrors:
            if mirror.terms is window.terms and observation.remaining is not None:
                mirror.hear(event.reservation_id, observation)


def _said_free(observation: QuotaObservation) -> float | None:
    """The most that can be free: what remains, and never more than a limit that was lowered (Azure OpenAI does)."""
    said = [each for each in (observation.remaining, observation.limit) if each is not None]
    return max(min(said), 0) if said else None


def _observed_window(state: PoolState, observation: QuotaObservation) -> Window | None:
    """The limit it speaks of: the shortest of its dimension, or the one of just its window if that is said."""
    same = [w for w in state.windows if w.terms.dimension == observation.dimension]
    spoken = observation.window_s
    if spoken is None:
        return min(same, key=lambda w: w.terms.window_s, default=None)
    near = [w for w in same if abs(w.terms.window_s - spoken) <= _NEARLY * spoken]
    return min(near, key=lambda w: abs(w.terms.window_s - spoken), default=None)


def aligned(state: PoolState, event: ClockAligned) -> None:
    offset = event.wall - event.at
    jumped = state.wall_offset is not None and abs(offset - state.wall_offset) > 1.0
    state.wall_offset = offset
    for window in state.windows:
        window.align(event.wall, event.at, jumped=jumped)


def cleared(state: PoolState, event: Cleared) -> None:
    rec.cleared(state.recovery, event)


# ------------------------------------------------------------------------------------------------------- publish, copy


def load_s(state: PoolState, now: float) -> float:
    """How loaded the pool is: the seconds in which its fullest limit drains, as if no window were over a minute."""
    most = 0.0
    for window in state.windows:
        share = window.share(now)
        if share:
            window_s = window.terms.window_s
            seconds = share * (window_s if window_s < LOAD_SPAN_S else LOAD_SPAN_S)
            if seconds > most:
                most = seconds
    return most


def fill(state: PoolState, now: float) -> None:
    """Cold start: assume everything was used just now. Only for a state that has not been journalled yet."""
    for window in state.windows:
        window.fill(now)


def copy(state: PoolState) -> PoolState:
    return PoolState(
        state.pool_id,
        tuple(window.copy() for window in state.windows),
        state.recovery.copy(),
        tuple(mirror.copy() for mirror in state.mirrors),
        {i: Open(o.amounts, o.expires_at, o.sent_at, o.expired_at) for i, o in state.opened.items()},
        state.expired,
        list(state.late) or (),
        state.surprise,
        state.wall_offset,
        state.latest_end,
    )


def weigh(state: PoolState) -> int:
    slots = sum(len(window.slots) for window in state.windows if isinstance(window, Sliding))
    return len(state.opened) + len(state.late) + slots


BEHAVIOUR = Behaviour(
    name="pool",
    decide={
        Reserve: reserve,
        Dispatch: dispatch,
        Settle: settle,
        Expire: expire,
        Renew: expire,
        Observe: observe,
        ClockRead: read_clock,
        Clear: clear,
    },
    evolve={
        Granted: granted,
        Dispatched: dispatched,
        Settled: settled,
        Expired: expired,
        Renewed: renewed,
        Observed: observed,
        ClockAligned: aligned,
        Cleared: cleared,
    },
    copy=copy,
    weigh=weigh,
)
