"""What a provider writes down: counts for each pool, key and itself, and each pool's log of postings.

Bounded by the description: its keys, pools and models, and `log_max` postings a pool.
"""

from collections import Counter, deque
from typing import Any

from attrs import Factory, asdict, define, field

from actorrouter.simulation.providers.arrivals import CAUSES, Request
from actorrouter.simulation.providers.config import KeyConfig, ScopeConfig
from actorrouter.simulation.providers.limits import Limit
from actorrouter.simulation.providers.postings import Posting, PostingKind


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
    cached_tokens: int = 0
    cost_usd: float = 0.0

    def accept(self) -> None:
        self.accepted += 1
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)

    def finish(self, request: Request, output_tokens: int, cost_usd: float, served: bool) -> None:
        self.in_flight -= 1
        self.input_tokens += request.input_tokens
        self.output_tokens += output_tokens
        self.cached_tokens += request.cached_tokens
        self.cost_usd += cost_usd
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
    live: bool = field(init=False)  # output counts as it is produced
    adaptive: bool = field(init=False)  # refusals count too

    def __attrs_post_init__(self) -> None:
        self.live = any(limit.described.charge == "live" for limit in self.limits)
        self.adaptive = any(limit.described.shape == "adaptive" for limit in self.limits)

    def post(self, kind: PostingKind, at: float, sequence: int, request: Request, output_tokens: int) -> None:
        self.logged += 1
        if self.log.maxlen:
            self.log.append((kind, at, sequence, request, output_tokens))

    @property
    def log_complete(self) -> bool:
        return self.logged == len(self.log)

    def read(self, now: float) -> dict[str, Any]:
        return {
            **self.books.read(),
            "log_complete": self.log_complete,  # else the audit saw only the newest postings
            "limits": [limit.read(now) for limit in self.limits],
        }


@define
class Reach:
    """What an arrival with one key for one model meets."""

    scopes: tuple[Scope, ...]
    limits: list[Limit]
    books: tuple[Books, ...]


@define
class Key:
    """One credential and the pools it draws on."""

    name: str
    described: KeyConfig
    scopes: list[Scope]
    books: Books = Factory(Books)
    _reaches: dict[str, Reach] = Factory(dict)  # by the models that pools name; "": any other

    def reach(self, model: str) -> Reach:
        """The pools, limits and books of a request for the model."""
        reach = self._reaches.get(model)
        if reach is None:
            named = any(model in scope.described.models for scope in self.scopes)
            reach = self._reaches.get("") if not named else None
            if reach is None:
                reach = self._reaches[model if named else ""] = self._find(model)
        return reach

    def _find(self, model: str) -> Reach:
        scopes = tuple(s for s in self.scopes if not s.described.models or model in s.described.models)
        books = (self.books, *(scope.books for scope in scopes))
        return Reach(scopes, [limit for scope in scopes for limit in scope.limits], books)
