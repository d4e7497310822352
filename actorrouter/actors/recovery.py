"""How a key or a pool that said no comes back: available -> throttled or exhausted -> recovering -> available.

Shared by the key and the quota pool. When the pause is over, exactly one real request goes as a probe; each success
doubles how many may be in flight, until the ramp ends. A hint of the provider is honoured up to a bound; the pause is
the latest of all evidence. Pure.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from actorrouter.config import RecoveryConfig
from actorrouter.events import Cleared, Settled
from actorrouter.values import INF, Basis, OutcomeClass, Refusal, record


class Phase(StrEnum):
    """The states of DESIGN's key: what the holder allows."""

    AVAILABLE = "available"
    THROTTLED = "throttled"
    EXHAUSTED = "exhausted"
    RECOVERING = "recovering"
    DRAINING = "draining"
    DISABLED = "disabled"


AVAILABLE: Final = Phase.AVAILABLE
"""For the hot path: up to Python 3.11 an enum's member costs a call each time it is named."""

REST_MAX_S: Final = 600.0
"""Ten times as long as a circuit stays open by default: as many keys probe in turn, should the first of them be bad."""

PAUSED = (Phase.THROTTLED, Phase.EXHAUSTED)
CLOSED = (Phase.DRAINING, Phase.DISABLED)


@record
class Recovery:
    """`until`: end of the pause. `strikes`: pauses in a row. `width`: parallel trials allowed. `trials`: in flight."""

    config: RecoveryConfig
    phase: Phase = Phase.AVAILABLE
    until: float = -INF
    strikes: int = 0
    width: int = 0
    trials: frozenset[int] = frozenset()
    reason: str = ""

    def copy(self) -> Recovery:
        return Recovery(self.config, self.phase, self.until, self.strikes, self.width, self.trials, self.reason)


def phase_at(recovery: Recovery, now: float) -> Phase:
    """The phase a person would name: a pause that is over is recovering, though no probe has gone yet."""
    return Phase.RECOVERING if recovery.phase in PAUSED and now >= recovery.until else recovery.phase


def refusal(recovery: Recovery, holder: str, now: float, latest: float) -> Refusal | None:
    """Why the holder takes no request now, or None. `latest`: when a trial in flight ends at the latest."""
    if recovery.phase is Phase.AVAILABLE:
        return None
    if recovery.phase in CLOSED:
        return Refusal(holder, f"{recovery.phase}: {recovery.reason}".rstrip(": "), final=True)
    if recovery.phase in PAUSED:
        if now >= recovery.until:
            return None
        reason = f"{recovery.phase}: {recovery.reason}".rstrip(": ")
        return Refusal(holder, reason, recovery.until, Basis.LEARNED, firm=True)
    if len(recovery.trials) < recovery.width:
        return None
    return Refusal(holder, "recovering: trial in flight", INF, Basis.UNKNOWN, latest=latest)


def granted(recovery: Recovery, reservation_id: int) -> None:
    """A request goes through: the first after a pause is the probe."""
    if recovery.phase in PAUSED:
        recovery.phase, recovery.width = Phase.RECOVERING, 1
        recovery.trials = frozenset()
    if recovery.phase is Phase.RECOVERING:
        recovery.trials |= {reservation_id}


def succeeded(recovery: Recovery, reservation_id: int) -> None:
    """A trial came back well: the ramp widens, and ends at its maximum."""
    if reservation_id not in recovery.trials:
        return
    recovery.trials -= {reservation_id}
    recovery.strikes = 0
    recovery.width *= 2
    if recovery.width > recovery.config.ramp_max:
        reset(recovery)


def passed(recovery: Recovery, reservation_id: int) -> None:
    """A trial ended without telling anything about this holder: another may go."""
    recovery.trials -= {reservation_id}


def paused(recovery: Recovery, event: Settled) -> None:
    """The holder said no: pause until the latest of what it asked for and what is already known.

    A strike is a no to the first request or to a trial; the many that were in flight with it say the same thing again.
    """
    if recovery.phase in CLOSED:
        return
    spent = event.outcome is OutcomeClass.QUOTA_SPENT
    config, at = recovery.config, event.at
    first, most = (config.exhausted_s, config.exhausted_max_s) if spent else (config.throttle_s, config.throttle_max_s)
    backoff = _backoff_s(recovery, event, first, most)
    asked = event.retry_at if event.retry_at is not None and event.retry_at > at else None  # "now" asks for nothing
    pause_until = min(at + most, at + backoff if asked is None else asked)
    if spent:
        pause_until = max(pause_until, min(at + most, at + first))  # a day quota may come with `retryDelay: 1s`
    still_spent = recovery.phase is Phase.EXHAUSTED and at < recovery.until
    recovery.until = max(recovery.until, pause_until)
    recovery.phase = Phase.EXHAUSTED if spent or still_spent else Phase.THROTTLED
    recovery.reason = str(event.outcome)
    recovery.trials = frozenset()


def rested(recovery: Recovery, event: Settled) -> None:
    """It was refused, and the provider is blamed: others are to probe before this one does again."""
    if recovery.phase in CLOSED:
        return
    backoff = _backoff_s(recovery, event, recovery.config.throttle_s, REST_MAX_S)
    recovery.until = max(recovery.until, event.at + backoff)
    recovery.phase, recovery.reason, recovery.trials = Phase.THROTTLED, str(event.outcome), frozenset()


def _backoff_s(recovery: Recovery, event: Settled, first: float, most: float) -> float:
    if recovery.phase is Phase.AVAILABLE or event.reservation_id in recovery.trials or not recovery.strikes:
        recovery.strikes += 1
    return min(most, first * 2.0 ** min(recovery.strikes - 1, 30)) * (0.75 + 0.5 * event.draw)


def closed(recovery: Recovery, phase: Phase, reason: str) -> None:
    """Nothing more goes: disabled until cleared, or draining for good."""
    if recovery.phase is Phase.DRAINING:
        return
    recovery.phase, recovery.reason = phase, reason
    recovery.trials = frozenset()


def cleared(recovery: Recovery, event: Cleared) -> None:
    """As new by an operator's word; or to be probed at once. What drains goes on draining."""
    if recovery.phase is Phase.DRAINING:
        return
    reset(recovery)
    if event.probe:
        recovery.phase, recovery.until = Phase.THROTTLED, event.at


def reset(recovery: Recovery) -> None:
    """As new: the end of a ramp, or an operator's word."""
    recovery.phase, recovery.until, recovery.strikes, recovery.width = Phase.AVAILABLE, -INF, 0, 0
    recovery.reason = ""
    recovery.trials = frozenset()
