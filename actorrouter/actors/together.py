"""Refusals that come together: many keys failing at once is the provider, not the keys. Pure.

A credential that is rejected takes its key out for good, a quota that is spent its pools for long. When several are
refused within the span over which a circuit judges, and hardly any call succeeds that was sent since the first of
them, the provider bears the blame: an address throttled, a log-in service down (Mirrowel PR #21, gpt-load#143, #278).
A key that has never served may simply be wrong, so it is evidence only when nobody is left. Those refused become
*suspects*, and are given back when the circuit's probe comes back well.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice, takewhile
from typing import Final

import attrs

from actorrouter.events import Settled
from actorrouter.values import OutcomeClass

REFUSALS: Final = frozenset({OutcomeClass.KEY_FATAL, OutcomeClass.QUOTA_SPENT})
"""What takes a key or its pools out for long."""
LEAST: Final = 3
"""Two keys may well go bad together, as they are often made and paid for together: each is judged by itself."""
MOST: Final = 10
"""So many keys that had served are evidence enough in a fleet of any size; of a small one it takes more than half."""
HARDLY: Final = 0.1
"""Successes for each refusal that are still hardly any: below ten refusals not one."""
EVIDENCE_MAX: Final = 100
"""Refusals that are looked at for one verdict, the latest: the cost of one does not grow with the fleet."""


@attrs.define(weakref_slot=False)
class Together:
    """`refused`: the key, or the pools, that were refused -> when, and with which key, the latest last. `actors`: each
    of them -> when. `suspected`: the provider may have refused them wrongly, so that none is forgotten."""

    refused: OrderedDict[tuple[str, ...], tuple[float, str]] = attrs.field(factory=OrderedDict)
    actors: dict[str, float] = attrs.field(factory=dict)
    suspected: bool = False

    @property
    def suspects(self) -> frozenset[str]:
        """Whom the provider may have refused wrongly, by actor id."""
        return frozenset(self.actors if self.suspected else ())

    def copy(self) -> Together:
        return Together(self.refused.copy(), self.actors.copy(), self.suspected)

    def lately(self, since: float) -> dict[tuple[str, ...], tuple[float, str]]:
        """Who was refused no earlier than `since`, the latest first, and no more of them than one verdict needs."""
        latest = islice(reversed(self.refused.items()), EVIDENCE_MAX)
        return dict(takewhile(lambda entry: entry[1][0] >= since, latest))

    def refuse(self, event: Settled, since: float) -> None:
        """Remember a refusal; forget those before `since`."""
        while self.refused and not self.suspected and next(iter(self.refused.values()))[0] < since:
            self._forget_oldest()
        who = taken_out(event.outcome, event.key_id, event.holders)
        if who:
            self.refused[who] = (event.at, event.key_id)
            self.refused.move_to_end(who)
            self.actors.update(dict.fromkeys(who, event.at))

    def _forget_oldest(self) -> None:
        who, (at, _) = self.refused.popitem(last=False)
        for each in who:
            if self.actors.get(each) == at:  # not refused again since, with other pools
                del self.actors[each]

    def forget(self) -> None:
        """They have been given back."""
        self.refused, self.actors, self.suspected = OrderedDict(), {}, False


def taken_out(outcome: OutcomeClass, key_id: str, holders: Iterable[str]) -> tuple[str, ...]:
    """The actors that a refusal takes out: the key, or its pools."""
    if outcome is OutcomeClass.QUOTA_SPENT:
        return tuple([holder for holder in holders if holder.startswith("pool:")])
    return (f"key:{key_id}",)


def is_provider(refused: Iterable[float], keys: int, succeeded: Iterable[float]) -> bool:
    """Whether refusals at these instants, each of another key or pool, are the provider's doing. `keys`: how many there
    are. `succeeded`: when the calls that lately succeeded had been sent."""
    instants = list(refused)
    if len(instants) < max(LEAST, min(MOST, keys // 2 + 1)):
        return False
    since = min(instants)
    return sum(sent >= since for sent in succeeded) <= HARDLY * len(instants)
