"""Trouble on purpose: which of the described faults is on, for whom, and what it does to an answer.

Chance is an argument, drawn from only where a fault or its probability needs it, so that a seed replays a run.
"""

from typing import Protocol

from attrs import Factory, define, evolve

from actorrouter.simulation.providers.arrivals import Delivery, Request
from actorrouter.simulation.providers.books import Key
from actorrouter.simulation.providers.config import DialFault, FaultConfig, FaultKind, ServiceConfig
from actorrouter.simulation.providers.storms import Storm

FAULTS_MAX = 1_000
_DIALS: dict[str, DialFault] = {"refused": "refused", "dns": "dns", "tls": "tls", "silent": "silent"}


class Chance(Protocol):
    """What is needed of `random.Random`."""

    def random(self) -> float: ...


@define
class Faults:
    """The faults of one provider. `elapsed`: seconds since its start."""

    _chance: Chance
    _listed: list[FaultConfig]
    _kinds: frozenset[FaultKind] = frozenset()
    _storms: dict[tuple[int, float, float], Storm] = Factory(dict)

    def __attrs_post_init__(self) -> None:
        self._kinds = frozenset(fault.kind for fault in self._listed)

    def add(self, fault: FaultConfig, elapsed: float) -> FaultConfig:
        """Add a fault whose `at_s` counts from `elapsed`; forget those that are over. Raises ValueError: too many."""
        self._listed = [old for old in self._listed if old.for_s is None or elapsed < old.at_s + old.for_s]
        if len(self._listed) >= FAULTS_MAX:
            raise ValueError(f"no more than {FAULTS_MAX} faults at a time")
        added = evolve(fault, at_s=fault.at_s + elapsed)
        self._listed.append(added)
        self._kinds = frozenset(listed.kind for listed in self._listed)
        self._storms.clear()  # they are made anew from their seeds
        return added

    def strike(self, kind: FaultKind, key: Key | None, elapsed: float, model: str = "") -> FaultConfig | None:
        """Find the first fault of the kind that is on for the key and the model, and wins its draw."""
        if kind not in self._kinds:
            return None
        for fault in self._listed:
            if fault.kind == kind and self._meets(fault, key, elapsed, model) and self._draw(fault.probability):
                return fault
        return None

    def _meets(self, fault: FaultConfig, key: Key | None, elapsed: float, model: str) -> bool:
        active = fault.at_s <= elapsed and (fault.for_s is None or elapsed < fault.at_s + fault.for_s)
        aimed = active and _aims_at(fault.target, key) and (not fault.models or model in fault.models)
        return aimed and (fault.kind != "storm" or self._storm(fault).raging(elapsed))

    def _storm(self, fault: FaultConfig) -> Storm:
        which = (fault.seed, fault.every_s, fault.lasts_s)
        if which not in self._storms:
            self._storms[which] = Storm(*which)
        return self._storms[which]

    def _draw(self, probability: float) -> bool:
        return probability >= 1 or self._chance.random() < probability

    def factor(self, kind: FaultKind, key: Key | None, elapsed: float, model: str = "") -> float:
        """By how much a fault of the kind multiplies; 1 where none strikes."""
        fault = self.strike(kind, key, elapsed, model)
        return fault.factor if fault else 1

    def misses(self, probability: float) -> bool:
        """Draw whether something is left out."""
        return probability > 0 and self._draw(probability)

    def dial(self, elapsed: float) -> DialFault | None:
        """Say what becomes of an attempt to connect; none: a connection."""
        fault = self.strike("dial", None, elapsed)
        return _DIALS[fault.how] if fault else None

    def deliver(self, plain: Delivery, key: Key, request: Request, elapsed: float, idle_s: float) -> Delivery:
        """Say how an accepted request is answered: as usual, save where a fault strikes."""
        if not self._listed:
            return plain

        def strike(kind: FaultKind) -> FaultConfig | None:
            return self.strike(kind, key, elapsed, request.model)

        cold, slow, cut, error = strike("slow_start"), strike("slow_stream"), strike("truncate"), strike("stream_error")
        comments = strike("keep_alive")
        usage_chunks = 0 if strike("no_usage") else 2 if strike("double_usage") else 1
        return Delivery(
            first_token_s=plain.first_token_s * (cold.factor if cold and idle_s >= cold.idle_s else 1),
            per_token_s=plain.per_token_s * (slow.factor if slow else 1),
            hang=strike("hang") is not None,
            garbage=strike("garbage") is not None,
            cut_after=int(self._chance.random() * request.output_tokens) if cut else None,
            cut_how="drop" if cut and cut.how == "drop" else "answer",
            error_after=int(self._chance.random() * request.output_tokens) if error else None,
            error_status=error.status if error else 503,
            usage_chunks=usage_chunks,
            comment_every_s=comments.every_s if comments else None,
        )


def usual(service: ServiceConfig) -> Delivery:
    """How the service answers where nothing is wrong."""
    return Delivery(service.first_token_s * service.time_scale, service.per_token_s * service.time_scale)


def _aims_at(target: str, key: Key | None) -> bool:
    return target == "*" or (key is not None and (target == key.name or target in key.described.scopes))
