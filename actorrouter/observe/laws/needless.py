"""Law 4, no needless failure: every error a caller sees has a listed reason and says, per candidate, why and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from actorrouter.errors import (
    ActorError,
    Attempt,
    InvalidCall,
    InvalidConfig,
    NoCapacity,
    NotSent,
    OutcomeUnknown,
    Refused,
    RouterError,
    RouterStopped,
    StreamInterrupted,
    WaitingRoomFull,
)
from actorrouter.observe.decisions import Decision
from actorrouter.observe.laws.found import Tell
from actorrouter.values import INF, Basis, Call, OutcomeClass, Refusal, Scope

_SHARED: Final = frozenset(
    {OutcomeClass.CONTEXT, OutcomeClass.CONTENT, OutcomeClass.REQUEST_BAD, OutcomeClass.CANCELLED}
)
"""Another candidate would say the same, or nobody asks any more."""
_OTHER_KEY: Final = frozenset({OutcomeClass.KEY_FATAL, OutcomeClass.MODEL_SCOPE, OutcomeClass.QUOTA_SPENT})

_BOUNDS: Final = ("retry budget", "the most allowed", "deadline passed")

Evidence = Callable[[], str | None]
"""Whom a call like this would be granted by at this instant; None: nobody."""


class Needless:
    """Judges errors."""

    def __init__(
        self,
        tell: Tell,
        decision: Callable[[int], Decision | None],
        state: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        self._tell = tell
        self._decision = decision
        self._state = state
        self._clock = clock

    def failed(self, error: BaseException, call: Call | None, would_grant: Evidence | None, now: float) -> None:
        """A caller saw this error."""
        for kind, judge in _JUDGES:
            if isinstance(error, kind):
                judge(self, error, call, now)
                break
        else:
            self._complain(error, "is not a listed reason", now)
        if type(error) is not NoCapacity or isinstance(error.__cause__, ActorError) or would_grant is None:
            return
        key_id = would_grant()
        if key_id is not None and not self._has_come(error):
            self._complain(error, f"but {key_id} would grant at this instant", now)

    def _has_come(self, error: NoCapacity) -> bool:
        """What the error foretold has happened since it was decided: in real time an instant does not last."""
        decision = self._decision(error.decision_id) if error.decision_id is not None else None
        if decision is None or error.available_at is None:
            return False
        return decision.at < error.available_at <= self._clock()

    def _complain(self, error: BaseException, why: str, now: float) -> None:
        self._tell(4, now, f"{type(error).__name__} ({str(error)[:120]!r}) {why}")

    def _no_capacity(self, error: NoCapacity, call: Call | None, now: float) -> None:
        del call
        if isinstance(error.__cause__, ActorError):
            return  # its waiting room failed, and the cause is attached
        for refusal in error.refusals:
            if not refusal.reason or not _says_when(refusal):
                self._complain(error, f"does not say why or when {refusal.holder} refused", now)
        decision = self._decision(error.decision_id) if error.decision_id is not None else None
        if not error.refusals and decision is None and self._state() == "running":
            self._complain(error, "names no refusal and no decision that does", now)
        elif decision is not None and not _all_told(decision):
            self._complain(error, f"and decision {decision.decision_id} gives no reason", now)

    def _room_full(self, error: WaitingRoomFull, call: Call | None, now: float) -> None:
        """The reason is the bound, and the route's name is in the text."""

    def _stopped(self, error: RouterStopped, call: Call | None, now: float) -> None:
        del call
        if self._state() == "running":
            self._complain(error, "though the router runs", now)

    def _invalid(self, error: InvalidCall, call: Call | None, now: float) -> None:
        del call
        if error.attempts:
            self._complain(error, "though a key was asked to serve it", now)
        decision = self._decision(error.decision_id) if error.decision_id is not None else None
        told = [tried.refusals for tried in decision.tried] if decision is not None else [error.refusals]
        if not all(any(refusal.final for refusal in refusals) for refusals in told if refusals):
            self._complain(error, "though a key's refusal was not final", now)

    def _not_sent(self, error: NotSent, call: Call | None, now: float) -> None:
        if any(attempt.outcome.outcome is not OutcomeClass.NOT_SENT for attempt in error.attempts):
            self._complain(error, "though something reached a provider", now)
        self._gave_up(error, call, now)

    def _refused(self, error: Refused, call: Call | None, now: float) -> None:
        self._gave_up(error, call, now)

    def _gave_up(self, error: RouterError, call: Call | None, now: float) -> None:
        if not error.attempts:
            self._complain(error, "names no attempt", now)
        elif not _exhausted(error, error.attempts[-1], call):
            self._complain(error, "though another candidate could have been asked", now)

    def _unknown(self, error: OutcomeUnknown, call: Call | None, now: float) -> None:
        sent = _last_sent(error)
        if sent is None or sent.outcome.outcome is not OutcomeClass.UNKNOWN:
            self._complain(error, f"after {sent or 'nothing that was sent'}", now)
        elif call is not None and call.repeat_unknown:
            self._gave_up(error, call, now)

    def _interrupted(self, error: StreamInterrupted, call: Call | None, now: float) -> None:
        del call
        sent = _last_sent(error)
        if sent is None or sent.outcome.outcome is OutcomeClass.SUCCEEDED:
            self._complain(error, "names no attempt that broke", now)


_JUDGES: Final[tuple[tuple[type[RouterError], Callable[[Needless, Any, Call | None, float], None]], ...]] = (
    (WaitingRoomFull, Needless._room_full),
    (NoCapacity, Needless._no_capacity),
    (RouterStopped, Needless._stopped),
    (InvalidCall, Needless._invalid),
    (InvalidConfig, lambda *_: None),
    (Refused, Needless._refused),
    (OutcomeUnknown, Needless._unknown),
    (StreamInterrupted, Needless._interrupted),
    (NotSent, Needless._not_sent),
)
"""The listed reasons, the more special ones first."""


def _says_when(refusal: Refusal) -> bool:
    known = refusal.available_at < INF or refusal.latest < INF
    return refusal.final or known or refusal.basis is Basis.UNKNOWN


def _all_told(decision: Decision) -> bool:
    """Each key that was asked says why; a key that was not asked was set aside, excluded or is not of this route."""
    refused = all(tried.refusals for tried in decision.tried if tried.key_id != decision.chosen)
    asked = bool(decision.tried) or decision.set_aside > 0 or bool(decision.excluded) or bool(decision.pinned)
    return refused and asked


def _last_sent(error: RouterError) -> Attempt | None:
    sent = [each for each in error.attempts if each.outcome.outcome is not OutcomeClass.NOT_SENT]
    return sent[-1] if sent else None


def _exhausted(error: RouterError, last: Attempt, call: Call | None) -> bool:
    """The last outcome is one that others share, nobody else had room, or a bound that the error names was reached."""
    outcome, late = last.outcome.outcome, call is not None and call.deadline_s is not None
    if outcome in _SHARED or isinstance(error.__cause__, NotSent) or late:
        return True
    another = outcome in _OTHER_KEY and last.outcome.scope is not Scope.PROVIDER
    return not another and any(bound in str(error) for bound in _BOUNDS)
