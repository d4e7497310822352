"""What a provider writes down: counts for each pool, key and itself, and each pool's log of postings.

Bounded by the description: its keys and pools, and `log_max` postings a pool.
"""

from collections import Counter, deque
from typing import Any

from attrs import Factory, asdict, define

from actorrouter.simulation.providers.arrivals import CAUSES
from actorrouter.simulation.providers.audit import Posting, PostingKind
from actorrouter.simulation.providers.config import KeyConfig, ScopeConfig
from actorrouter.simulation.providers.limits import Limit


@define
class Books:
    """What a pool, a key or the provider has seen. Arrived = accepted + all rejected."""

    accepted: int = 0
    served: int = 0  # answered in full
    rejected: Counter[str] = Factory(Counter)
    in_flight: int = 0
    in_flight_max: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def accept(self) -> None:
        self.accepted += 1
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)

    def finish(self, input_tokens: int, output_tokens: int, served: bool) -> None:
        self.in_flight -= 1
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        self.served += served

    def read(self) -> dict[str, Any]:
        rejected = {cause: self.rejected[cause] for cause in CAUSES}
        return {**asdict(self), "arrived": self.accepted + self.rejected.total(), "rejected": rejected}


@define
class Scope:
    """One quota pool: its limits, its log, its books."""

    name: str
    described: ScopeConfig
    limits: list[Limit]
    log: deque[Posting]
    logged: int = 0
    books: Books = Factory(Books)

    def post(self, kind: PostingKind, at: float, sequence: int, input_tokens: int, output_tokens: int) -> None:
        self.log.append((kind, at, sequence, input_tokens, output_tokens))
        self.logged += 1

    def read(self, now: float) -> dict[str, Any]:
        return {
            **self.books.read(),
            "log_complete": self.logged == len(self.log),  # else the audit saw only the newest postings
            "limits": [limit.read(now) for limit in self.limits],
        }


@define
class Key:
    """One credential and the pools it draws on."""

    name: str
    described: KeyConfig
    scopes: list[Scope]
    books: Books = Factory(Books)
