"""What happens after a failed send: whom else to ask, and whether the budget for repeating work allows it. Pure.

Trying another key because this one is bad is not repeating work, and is bounded by the number of keys. A pool that was
told how long to wait paces whoever comes again by itself. Everything else that reached a provider draws on the
provider's retry budget (facts: limits.md B5).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import attrs

from actorrouter.values import Outcome, OutcomeClass, Scope


class Next(StrEnum):
    """What the outcome calls for."""

    DONE = "done"
    OTHER_KEY = "other_key"  # this key cannot; the work was not done
    ANEW = "anew"  # its secret was out of date: fetch another; the work was not done
    AGAIN = "again"  # worth repeating, on whatever has room
    FAIL = "fail"  # another candidate would say the same
    UNKNOWN = "unknown"  # may have been done: repeat only if the call allows


_NEXT: Final = {
    OutcomeClass.SUCCEEDED: Next.DONE,
    OutcomeClass.KEY_FATAL: Next.OTHER_KEY,
    OutcomeClass.MODEL_SCOPE: Next.OTHER_KEY,
    OutcomeClass.QUOTA_SPENT: Next.OTHER_KEY,
    OutcomeClass.RATE_LIMITED: Next.AGAIN,
    OutcomeClass.CAPACITY: Next.AGAIN,
    OutcomeClass.TRANSIENT: Next.AGAIN,
    OutcomeClass.BROKEN: Next.AGAIN,
    OutcomeClass.NOT_SENT: Next.AGAIN,
    OutcomeClass.CONTEXT: Next.FAIL,
    OutcomeClass.CONTENT: Next.FAIL,
    OutcomeClass.REQUEST_BAD: Next.FAIL,
    OutcomeClass.UNKNOWN: Next.UNKNOWN,
    OutcomeClass.CANCELLED: Next.FAIL,
}


def after(outcome: Outcome, *, repeat_unknown: bool) -> Next:
    """What this outcome calls for. A transport fault that is the key's own (proxy, secret) asks for another key; a
    rejected secret for which nobody is blamed, for a fresh one; a refusal for which the provider is, for a repeat."""
    step = _NEXT[outcome.outcome]
    if outcome.outcome is OutcomeClass.KEY_FATAL and outcome.scope is Scope.NONE:
        return Next.ANEW
    if step is Next.OTHER_KEY and outcome.scope is Scope.PROVIDER:
        return Next.AGAIN
    if step is Next.UNKNOWN:
        return Next.AGAIN if repeat_unknown else Next.UNKNOWN
    if step is Next.AGAIN and outcome.scope in (Scope.KEY, Scope.EGRESS):
        return Next.OTHER_KEY
    return step


TOLD_LEAST_S: Final = 0.1
"""A wait shorter than this is none: it would pace nobody."""


def paced(outcome: Outcome) -> bool:
    """Refused before any work, and the pool was told how long to wait: whoever repeats waits there, too, and then goes
    as the pool's probe or behind it. An error inside an answer that had begun is not such a refusal."""
    refused = outcome.outcome is OutcomeClass.RATE_LIMITED and outcome.scope is Scope.POOL
    return refused and (outcome.status or 0) >= 400 and (outcome.retry_after_s or 0.0) >= TOLD_LEAST_S


@attrs.define
class RetryBudget:
    """Repeats a provider may be burdened with: each first send deposits `ratio`, a repeat withdraws 1, at most
    `reserve` is kept. Load therefore rises by no more than `ratio` when everything fails."""

    ratio: float
    reserve: float
    balance: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.balance = self.reserve

    def deposit(self) -> None:
        """A first send."""
        self.balance = min(self.reserve, self.balance + self.ratio)

    def withdraw(self) -> bool:
        """Ask for one repeat."""
        if self.balance < 1.0:
            return False
        self.balance -= 1.0
        return True
