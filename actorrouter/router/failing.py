"""What a caller is told when its sends came to nothing. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from actorrouter.errors import (
    Attempt,
    NoCapacity,
    NotSent,
    OutcomeUnknown,
    Refused,
    RouterError,
    RouterStopped,
    StreamInterrupted,
)
from actorrouter.router.exchange import Exchange
from actorrouter.values import OutcomeClass


def failure(
    route: str, why: str, attempts: Sequence[Attempt], sent: Exchange | None, cause: NotSent | None = None
) -> RouterError:
    """What the sends so far come to. `sent`: the last one that left the process, which decides. `cause`: why there was
    no other."""
    tried = "; ".join(_told(attempt, why) for attempt in attempts)
    if sent is None and isinstance(cause, NoCapacity | RouterStopped):
        error: RouterError = type(cause)(f"{cause} (tried {tried})")
        if isinstance(error, NoCapacity) and isinstance(cause, NoCapacity):
            error.final = cause.final
    else:
        error = _error(f"route {route!r}: {why or 'refused'} ({tried})", sent)
    error.attempts = tuple(attempts)
    error.decision_id = attempts[-1].decision_id
    if cause is not None:
        error.available_at, error.available_in_s = cause.available_at, cause.available_in_s
        error.refusals = cause.refusals
    return error


def _error(text: str, sent: Exchange | None) -> RouterError:
    if sent is None or sent.outcome is None:
        return NotSent(text)
    if sent.outcome.outcome is OutcomeClass.UNKNOWN:
        return OutcomeUnknown(text)
    if sent.cut_off:
        return StreamInterrupted(text, delivered_bytes=0)
    return Refused(text, body=sent.rest, status=sent.outcome.status, headers=sent.headers)


def _told(attempt: Attempt, why: str) -> str:
    said = attempt.outcome.message
    return f"{attempt}, {said}" if said and said not in why else str(attempt)


def first_line(error: NotSent) -> str:
    """The gist of a refusal, without the route's name."""
    said = str(error).partition("\n")[0]
    return said.partition(": ")[2] if said.startswith("route ") else said
