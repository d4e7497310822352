"""Whether the laws held: our own account of the run against the books of the providers, which share no code with us."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from actorrouter.demo.record import UNSURE, Record
from actorrouter.demo.traffic import Tally
from actorrouter.demo.world import pools_of_keys
from actorrouter.values import OutcomeClass


@attrs.frozen
class Verdict:
    """The run in figures. `violations`: every broken law, in words; `peak_use_max`: the fullest any limit ever was in
    the providers' books, as a share of it. `unaccounted`: key -> what the two accounts differ by."""

    served: int
    refused: int
    lost: int
    violations: tuple[str, ...]
    provider_429_ours: int
    peak_use_max: float
    restarts: int
    wall_s: float
    unaccounted: Mapping[str, int]

    @property
    def holds(self) -> bool:
        """Every law held."""
        return not (self.violations or self.lost or self.provider_429_ours)

    def line(self) -> str:
        """The figures as one JSON object."""
        told = attrs.asdict(self, filter=attrs.filters.exclude("unaccounted"))
        return json.dumps({**told, "violations": len(self.violations)})


def judge(tally: Tally, record: Record, books: Mapping[str, Any], broken: tuple[str, ...], wall_s: float) -> Verdict:
    """Compare what callers got, what our events say and what the providers booked. `broken`: laws our checkers found
    broken while it ran."""
    unaccounted = dict(_unaccounted(record, books))
    return Verdict(
        served=tally.counts["served"],
        refused=tally.counts["refused"],
        lost=max(tally.counts["lost"] + tally.under_way, sum(unaccounted.values())),  # one call may be seen by both
        violations=(*broken, *_exceeded(books)),
        provider_429_ours=sum(each["rejected"]["limit"] for each in books.values()),
        peak_use_max=round(max(limit["peak"] for _, limit in all_limits(books)), 4),
        restarts=len(record.restarts),
        wall_s=round(wall_s, 1),
        unaccounted=unaccounted,
    )


def _unaccounted(record: Record, books: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Per key: served by the provider, but not charged by us as served or as perhaps served; or the other way round."""
    for key_id, (provider, _) in pools_of_keys().items():
        theirs = books[provider]["keys"][key_id]["served"]
        surely, perhaps = record.of(key_id, OutcomeClass.SUCCEEDED), record.of(key_id, *UNSURE)
        differs = max(surely - theirs, theirs - surely - perhaps, 0)
        if differs:
            yield key_id, differs


def _exceeded(books: Mapping[str, Any]) -> Iterator[str]:
    for provider, each in books.items():
        for found in each["violations"]:
            yield (
                f"{provider}'s books: {found['limit']} of {found['scope']} reached {found['used']:g} "
                f"of {found['capacity']:g} at {found['at_s']:.3f} s"
            )
        if not all(scope["log_complete"] for scope in each["scopes"].values()):
            yield f"{provider}'s books: the log was too long to be audited in full"


def all_limits(books: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(pool or key scope, limit as booked) of every provider."""
    for each in books.values():
        for scope, booked in each["scopes"].items():
            for limit in booked["limits"]:
                yield scope, limit
