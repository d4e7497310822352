"""Why a key was chosen: the record of one ranking and its outcome, kept for the last few thousand, told in words.

A record holds the candidates tried with their verdicts; nothing in it is computed later, so what it says is what was
known. `replay` runs the recorded facts through the rule again and must come to the same choice.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import attrs

from actorrouter.values import INF, Amounts, Basis, OutcomeClass, Refusal

TRIED_MAX = 8


@attrs.define(eq=False, weakref_slot=False)
class Tried:
    """One key that was asked. `load`: its pools' score, `in_flight`: its own; no refusals: it granted."""

    key_id: str
    candidate: int
    load: int
    in_flight: int
    refusals: tuple[Refusal, ...] = ()


@attrs.define(eq=False, weakref_slot=False)
class Decision:
    """One ranking. `at`: monotonic seconds. `set_aside`: keys and pools not asked because a known instant is ahead.
    `unfit`: providers not asked because they cannot be told of the call, and why. `counted`: input tokens as the
    adapter counted them, 0 where it did not; `amounts` holds what they come to. `said`: the provider's words on an
    outcome that is no success, without secrets."""

    decision_id: int
    at: float
    route: str
    tenant: str
    policy: str
    amounts: Amounts
    tried: tuple[Tried, ...] = ()
    tried_more: int = 0
    set_aside: int = 0
    excluded: frozenset[str] = frozenset()
    pinned: frozenset[str] = frozenset()
    chosen: str = ""
    reservation_id: int = 0
    waited_s: float = 0.0
    available_at: float = INF
    outcome: str = ""
    said: str = ""
    usage: Amounts | None = None
    unfit: Mapping[str, str] = {}
    counted: float = 0


def replay(decision: Decision) -> str:
    """The choice that the recorded facts lead to: the first in order of (candidate, load) that refused nothing."""
    return next((tried.key_id for tried in decision.tried if not tried.refusals), "")


def in_order(decision: Decision) -> bool:
    """Whether the keys were asked as the policy promises: within one candidate, lower load first."""
    asked = [(tried.candidate, tried.load) for tried in decision.tried if tried.load >= 0]
    return all(a[0] != b[0] or a[1] <= b[1] for a, b in pairwise(asked))


class DecisionLog:
    """The last `most` decisions by id."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._decisions: OrderedDict[int, Decision] = OrderedDict()

    def add(self, decision: Decision) -> None:
        """Keep a decision; the oldest goes when there are too many."""
        self._decisions[decision.decision_id] = decision
        if len(self._decisions) > self._most:
            self._decisions.popitem(last=False)

    def get(self, decision_id: int) -> Decision | None:
        """A decision that is still kept."""
        return self._decisions.get(decision_id)

    def last(self, count: int) -> list[Decision]:
        """The newest first."""
        return [self._decisions[i] for i in list(reversed(self._decisions))[:count]]


def explain(decision: Decision) -> str:
    """The decision in words a person can follow."""
    asked = ", ".join(f"{amount} {dimension}" for dimension, amount in decision.amounts.items())
    lines = [f"decision {decision.decision_id}: route {decision.route!r} by policy {decision.policy!r} for {asked}"]
    lines += [_constraint("only", decision.pinned), _constraint("without", decision.excluded)]
    lines += [f"  without provider {name!r}: {why}" for name, why in decision.unfit.items()]
    lines += [f"  {_verdict(tried, decision.at)}" for tried in decision.tried]
    if decision.tried_more:
        lines.append(f"  and {decision.tried_more} more keys refused")
    if decision.set_aside:
        lines.append(f"  {decision.set_aside} set aside by now: each has said when it could")
    lines.append(_conclusion(decision))
    return "\n".join(line for line in lines if line)


def _constraint(word: str, keys: frozenset[str]) -> str:
    return f"  {word} keys: {', '.join(sorted(keys))}" if keys else ""


def _verdict(tried: Tried, at: float) -> str:
    if not tried.refusals:
        return f"{tried.key_id} granted: {_load(tried)}"
    return f"{tried.key_id} refused: " + "; ".join(tell(refusal, at) for refusal in tried.refusals)


def _load(tried: Tried) -> str:
    pools = "its pools were idle" if tried.load <= 0 else "its pools were the least loaded with room"
    return f"{pools}, {tried.in_flight} already in flight on the key"


def tell(refusal: Refusal, at: float) -> str:
    """One refusal in words."""
    when = ""
    if refusal.final:
        when = ", waiting cannot help"
    elif refusal.available_at < INF:
        when = f", free in {max(0.0, refusal.available_at - at):.2f} s ({refusal.basis})"
    elif refusal.basis is Basis.UNKNOWN and at < refusal.latest < INF:
        when = f", free when something settles, within {refusal.latest - at:.1f} s at the latest"
    room = f" (asked {refusal.requested}, free {refusal.available:.6g})" if refusal.dimension else ""
    return f"{refusal.holder}: {refusal.reason}{room}{when}"


def _conclusion(decision: Decision) -> str:
    if not decision.chosen:
        when = f"the first could in {decision.available_at - decision.at:.2f} s" if decision.available_at < INF else ""
        return f"  nobody granted{'; ' + when if when else ''}"
    if not decision.reservation_id:
        return f"  {decision.chosen} had room, but others waited ahead"
    waited = f" after {decision.waited_s:.2f} s of waiting" if decision.waited_s > 0 else ""
    return f"  chosen: {decision.chosen}{waited}; {_ended(decision.outcome, decision.said)}{_used(decision.usage)}"


def _ended(outcome: str, said: str) -> str:
    if outcome == OutcomeClass.SUCCEEDED:
        return "it succeeded"
    if not outcome:
        return "still in flight"
    return f"it ended as {outcome}: {said}" if said else f"it ended as {outcome}"


def _used(usage: Amounts | None) -> str:
    told: dict[str, Any] = {d: a for d, a in (usage or {}).items() if a}
    return f", used {', '.join(f'{amount} {dimension}' for dimension, amount in told.items())}" if told else ""
