"""Trouble on purpose: which of the described faults is on, for whom, and what it does to an answer.

Chance is an argument, drawn from only where a fault or its probability needs it, so that a seed replays a run.
"""

from typing import Protocol

from attrs import define, evolve

from actorrouter.simulation.providers.arrivals import Delivery, Request
from actorrouter.simulation.providers.books import Key
from actorrouter.simulation.providers.config import FaultConfig, FaultKind, ServiceConfig

FAULTS_MAX = 1_000


class Chance(Protocol):
    """What is needed of `random.Random`."""

    def random(self) -> float: ...


@define
class Faults:
    """The faults of one provider. `elapsed`: seconds since its start."""

    _chance: Chance
    _listed: list[FaultConfig]

    def add(self, fault: FaultConfig, elapsed: float) -> None:
        """Add a fault whose `at_s` counts from `elapsed`; forget those that are over. Raises ValueError: too many."""
        self._listed = [old for old in self._listed if old.for_s is None or elapsed < old.at_s + old.for_s]
        if len(self._listed) >= FAULTS_MAX:
            raise ValueError(f"no more than {FAULTS_MAX} faults at a time")
        self._listed.append(evolve(fault, at_s=fault.at_s + elapsed))

    def strike(self, kind: FaultKind, key: Key | None, elapsed: float) -> FaultConfig | None:
        """Find the first fault of the kind that is on for the key and wins its draw."""
        for fault in self._listed:
            active = fault.at_s <= elapsed and (fault.for_s is None or elapsed < fault.at_s + fault.for_s)
            if fault.kind == kind and active and _aims_at(fault.target, key) and self._draw(fault.probability):
                return fault
        return None

    def _draw(self, probability: float) -> bool:
        return probability >= 1 or self._chance.random() < probability

    def deliver(self, service: ServiceConfig, key: Key, request: Request, elapsed: float) -> Delivery:
        """Say how an accepted request is answered: as the service does, save where a fault strikes."""
        slow = self.strike("slow_stream", key, elapsed)
        cut = self.strike("truncate", key, elapsed)
        return Delivery(
            first_token_s=service.first_token_s * service.time_scale,
            per_token_s=service.per_token_s * service.time_scale * (slow.factor if slow else 1),
            hang=self.strike("hang", key, elapsed) is not None,
            garbage=self.strike("garbage", key, elapsed) is not None,
            cut_after=int(self._chance.random() * request.output_tokens) if cut else None,
            cut_how=cut.how if cut else "answer",
        )


def _aims_at(target: str, key: Key | None) -> bool:
    return target == "*" or (key is not None and (target == key.name or target in key.described.scopes))
