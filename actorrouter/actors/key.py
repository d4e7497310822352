"""One credential: whether it may be used now, and for which models. Its limits live in pools, also when private."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

from actorrouter.actors import recovery as rec
from actorrouter.actors.recovery import AVAILABLE, Phase, Recovery
from actorrouter.actors.together import REFUSALS
from actorrouter.events import Cleared, Disabled, Draining, Expired, Granted, Renewed, Settled
from actorrouter.messages import Clear, Disable, Drain, Expire, Renew, Reserve, Settle
from actorrouter.turns import CONSENT, Behaviour, Turn
from actorrouter.values import INF, Basis, OutcomeClass, Refusal, Scope, record

_MODEL_PAUSE_S = 300.0
"""How long a key is not asked for a model it was told it may not use."""
REJECTED: Final = "the provider rejects the credential"

_NONE: Final = Scope.NONE
_SUCCEEDED: Final = OutcomeClass.SUCCEEDED
_NO_MODELS: Final[Mapping[str, float]] = MappingProxyType({})


@record
class KeyState:
    """`opened`: reservation id -> upstream model, in flight. `models`: model -> instant until which it is refused."""

    key_id: str
    recovery: Recovery
    opened: dict[int, str] = attrs.field(factory=dict)
    models: Mapping[str, float] = _NO_MODELS
    served: int = 0
    latest_end: float = -INF


def reserve(state: KeyState, message: Reserve, now: float) -> Turn:
    """Say whether the key may be used for this model now; change nothing."""
    if state.recovery.phase is not AVAILABLE:
        refusal = rec.refusal(state.recovery, state.key_id, now, state.latest_end)
        if refusal is not None:
            return Turn((refusal,))
    if state.models and state.models.get(message.upstream_model, -INF) > now:
        until = state.models[message.upstream_model]
        reason = f"the provider refused {message.upstream_model} for this key"
        return Turn((Refusal(state.key_id, reason, until, Basis.LEARNED, firm=True),))
    return CONSENT


def settle(state: KeyState, message: Settle | Expire | Renew, now: float) -> Turn:
    """Consent if the reservation is in flight here."""
    return CONSENT if message.reservation_id in state.opened else REPEATED


def clear(state: KeyState, message: Clear, now: float) -> Turn:
    """Make a disabled or paused key available again; a draining one goes on draining."""
    return Turn(events=(Cleared(now, (state.key_id,), message.probe),))


def disable(state: KeyState, message: Disable, now: float) -> Turn:
    """Take the key out."""
    return Turn(events=(Disabled(now, (state.key_id,), message.reason),))


def drain(state: KeyState, message: Drain, now: float) -> Turn:
    """Finish what is in flight, take nothing new."""
    return Turn(events=(Draining(now, (state.key_id,)),))


REPEATED = Turn(reply="repeated")


def granted(state: KeyState, event: Granted) -> None:
    state.opened[event.reservation_id] = event.upstream_model
    if event.expires_at > state.latest_end:
        state.latest_end = event.expires_at
    if state.recovery.phase is not AVAILABLE:
        rec.granted(state.recovery, event.reservation_id)


def settled(state: KeyState, event: Settled) -> None:
    model = state.opened.pop(event.reservation_id)
    recovery = state.recovery
    succeeded = event.outcome is _SUCCEEDED
    state.served += succeeded
    if event.scope is _NONE and recovery.phase is AVAILABLE:
        return  # nearly always
    if event.scope is Scope.KEY or event.scope is Scope.EGRESS:
        _blame(recovery, event)
    elif event.scope is Scope.PROVIDER and event.outcome in REFUSALS:
        rec.rested(recovery, event)
    elif event.scope is Scope.KEY_MODEL:
        _avoid(state, model, event)
        rec.passed(recovery, event.reservation_id)
    elif recovery.phase is AVAILABLE:
        return
    elif succeeded or event.scope is Scope.REQUEST:
        rec.succeeded(recovery, event.reservation_id)
    else:
        rec.passed(recovery, event.reservation_id)


def _avoid(state: KeyState, model: str, event: Settled) -> None:
    """Other models go on."""
    asked = event.at + _MODEL_PAUSE_S
    if event.retry_at is not None and event.retry_at > event.at:
        asked = event.retry_at
    until = min(asked, event.at + state.recovery.config.throttle_max_s)
    state.models = {**state.models, model: max(until, state.models.get(model, -INF))}


def _blame(recovery: Recovery, event: Settled) -> None:
    if event.outcome is OutcomeClass.KEY_FATAL:
        rec.closed(recovery, Phase.DISABLED, REJECTED)
    else:
        rec.paused(recovery, event)


def expired(state: KeyState, event: Expired) -> None:
    """The work is given up; its late settlement says nothing about the key any more."""
    state.opened.pop(event.reservation_id, None)
    rec.passed(state.recovery, event.reservation_id)


def renewed(state: KeyState, event: Renewed) -> None:
    state.latest_end = max(state.latest_end, event.expires_at)


def cleared(state: KeyState, event: Cleared) -> None:
    rec.cleared(state.recovery, event)
    if not event.probe:
        state.models = _NO_MODELS


def disabled(state: KeyState, event: Disabled) -> None:
    rec.closed(state.recovery, Phase.DISABLED, event.reason)


def draining(state: KeyState, event: Draining) -> None:
    rec.closed(state.recovery, Phase.DRAINING, "being removed")


def copy(state: KeyState) -> KeyState:
    return KeyState(
        state.key_id, state.recovery.copy(), dict(state.opened), state.models, state.served, state.latest_end
    )


def weigh(state: KeyState) -> int:
    return len(state.opened)


BEHAVIOUR = Behaviour(
    name="key",
    decide={
        Reserve: reserve,
        Settle: settle,
        Expire: settle,
        Renew: settle,
        Clear: clear,
        Disable: disable,
        Drain: drain,
    },
    evolve={
        Granted: granted,
        Settled: settled,
        Expired: expired,
        Renewed: renewed,
        Cleared: cleared,
        Disabled: disabled,
        Draining: draining,
    },
    copy=copy,
    weigh=weigh,
)
