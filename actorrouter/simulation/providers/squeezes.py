"""Limits that are for a while lower in truth than described: who holds which share, and from when to when."""

from collections.abc import Iterable, Iterator
from math import inf

from attrs import Factory, define

from actorrouter.simulation.providers.books import Scope
from actorrouter.simulation.providers.fault_config import FaultConfig

SQUEEZES_MAX = 1_000  # kept for the audit
Squeeze = tuple[float, float, float]  # from, until, share


@define
class Squeezes:
    """The squeezes of one provider; instants are monotonic seconds. `due`: when something changes next.

    Of several that meet a pool at once the tightest holds.
    """

    due: float = inf
    _listed: list[tuple[str, Squeeze]] = Factory(list)

    def add(self, fault: FaultConfig, started_at: float, now: float) -> None:
        if len(self._listed) >= SQUEEZES_MAX:
            raise ValueError(f"no more than {SQUEEZES_MAX} squeezes in all")
        begins = max(now, started_at + fault.at_s)
        ends = inf if fault.for_s is None else started_at + fault.at_s + fault.for_s
        self._listed.append((fault.target, (begins, ends, fault.factor)))
        self.due = min(self.due, begins)

    def advance(self, scopes: Iterable[Scope], now: float) -> None:
        """Bring the limits to their shares of now, each change at its own instant. Cheap while nothing is due."""
        while self.due <= now:
            at = self.due
            for scope in scopes:
                share = min([share for begins, ends, share in self.of(scope.name) if begins <= at < ends], default=1.0)
                for limit in scope.limits:
                    if limit.share != share:
                        limit.squeeze(share, at)
            edges = (edge for _, (begins, ends, _) in self._listed for edge in (begins, ends) if edge > at)
            self.due = min(edges, default=inf)

    def of(self, scope: str) -> Iterator[Squeeze]:
        """Those that meet the pool."""
        return (squeeze for target, squeeze in self._listed if target in ("*", scope))
