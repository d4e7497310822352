"""The router's run and simpler key pickers' side by side: the same seed, the same calls, the same providers.

The pickers are what programs have instead of a router. Each sees the same keys and the same answers; none knows what
its own requests in flight will cost, and none waits for room but the last. `naive` sends for them.
"""

# ruff: noqa: ARG002 - every picker has the same methods

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, Protocol

import attrs

from actorrouter.config import LimitConfig, RouterConfig, Shape
from actorrouter.simulation.workloads import Arrival
from actorrouter.values import INF, Outcome, OutcomeClass

COOLDOWN_S: Final = 5.0
"""LiteLLM's default: DEFAULT_COOLDOWN_TIME_SECONDS of its constants; any 429 cools a deployment that has others beside
it (its reliability page, read 2026-11-23)."""


@attrs.frozen
class Place:
    """Where a call may go: one key for one of the route's candidates."""

    key_id: str
    provider: str
    model: str


class Picker(Protocol):
    """Chooses a key for each send, and is told how it went."""

    def pick(self, route: str, places: Sequence[Place], arrival: Arrival, now: float) -> Place | None:
        """One of the places; None: none now."""

    def again_at(self, places: Sequence[Place], now: float) -> float:
        """When to ask again after None; infinite: it counts as a send that failed."""

    def sent(self, place: Place, arrival: Arrival, now: float) -> None:
        """A request goes out."""

    def ended(self, place: Place, outcome: Outcome, now: float) -> None:
        """Its answer is judged."""


class RoundRobin:
    """Each key in turn."""

    def __init__(self) -> None:
        self._turns: Counter[str] = Counter()

    def pick(self, route: str, places: Sequence[Place], arrival: Arrival, now: float) -> Place | None:
        self._turns[route] += 1
        return places[(self._turns[route] - 1) % len(places)]

    def again_at(self, places: Sequence[Place], now: float) -> float:
        return INF

    def sent(self, place: Place, arrival: Arrival, now: float) -> None:
        """Not looked at."""

    def ended(self, place: Place, outcome: Outcome, now: float) -> None:
        """Not looked at."""


class AtRandom(RoundRobin):
    """Any key."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    def pick(self, route: str, places: Sequence[Place], arrival: Arrival, now: float) -> Place | None:
        return self._chance.choice(places)


class LeastUsed(RoundRobin):
    """The key with the fewest requests in flight; the first of several."""

    def __init__(self) -> None:
        super().__init__()
        self._in_flight: Counter[str] = Counter()

    def pick(self, route: str, places: Sequence[Place], arrival: Arrival, now: float) -> Place | None:
        return min(places, key=lambda place: self._in_flight[place.key_id])

    def sent(self, place: Place, arrival: Arrival, now: float) -> None:
        self._in_flight[place.key_id] += 1

    def ended(self, place: Place, outcome: Outcome, now: float) -> None:
        self._in_flight[place.key_id] -= 1


class Cooldown(AtRandom):
    """Any key that did not answer 429 within the last `rest_s`. The only key there is never rests."""

    def __init__(self, chance: random.Random, rest_s: float = COOLDOWN_S) -> None:
        super().__init__(chance)
        self._rest_s = rest_s
        self._until: dict[str, float] = {}

    def pick(self, route: str, places: Sequence[Place], arrival: Arrival, now: float) -> Place | None:
        awake = [place for place in places if self._until.get(place.key_id, now) <= now]
        if len(places) == 1:
            return places[0]
        return self._chance.choice(awake) if awake else None

    def ended(self, place: Place, outcome: Outcome, now: float) -> None:
        if outcome.status == 429:
            self._until[place.key_id] = now + self._rest_s


class WindowCounters(RoundRobin):
    """Counts what it sends against the declared limits, in windows that begin on the wall clock's marks; a call for
    which no key has room waits for the next minute. Tokens: input and `max_tokens`, as sent."""

    def __init__(self, config: RouterConfig, wall: Callable[[], float]) -> None:
        super().__init__()
        self._wall = wall
        self._used: dict[tuple[str, int], tuple[int, float]] = {}
        self._in_flight: Counter[str] = Counter()
        self._config = config
        self._limits: dict[Place, list[tuple[str, int, LimitConfig]]] = {}

    def pick(self, route: str, places: Sequence[Place], arrival: Arrival, now: float) -> Place | None:
        self._turns[route] += 1
        first = self._turns[route] - 1
        turned = (places[(first + step) % len(places)] for step in range(len(places)))
        return next((place for place in turned if self._fits(place, arrival)), None)

    def _fits(self, place: Place, arrival: Arrival) -> bool:
        return all(
            self._count(holder, at, limit) + _cost(limit, arrival) <= float(limit.amount)
            for holder, at, limit in self._limits_of(place)
        )

    def _limits_of(self, place: Place) -> list[tuple[str, int, LimitConfig]]:
        if place not in self._limits:
            self._limits[place] = _limits_of(self._config, place)
        return self._limits[place]

    def _count(self, holder: str, at: int, limit: LimitConfig) -> float:
        if limit.shape is Shape.CONCURRENCY:
            return self._in_flight[holder]
        window, used = self._used.get((holder, at), (0, 0.0))
        return used if window == self._window(limit) else 0.0

    def _window(self, limit: LimitConfig) -> int:
        return int(self._wall() // limit.window_s)

    def again_at(self, places: Sequence[Place], now: float) -> float:
        return now + 60.0 - self._wall() % 60.0

    def sent(self, place: Place, arrival: Arrival, now: float) -> None:
        for holder, at, limit in self._limits_of(place):
            if limit.shape is Shape.CONCURRENCY:
                self._in_flight[holder] += 1
            else:
                used = self._count(holder, at, limit) + _cost(limit, arrival)
                self._used[holder, at] = (self._window(limit), used)

    def ended(self, place: Place, outcome: Outcome, now: float) -> None:
        for holder, _, limit in self._limits_of(place):
            self._in_flight[holder] -= limit.shape is Shape.CONCURRENCY


def _limits_of(config: RouterConfig, place: Place) -> list[tuple[str, int, LimitConfig]]:
    """(who counts, which of its limits, the limit): the key's own and its pools', as far as they count the model."""
    key = config.keys[place.key_id]
    holders = [(f"key {place.key_id}", key.limits)]
    for name in key.pools:
        models = config.pools[name].models
        if not models or any(fnmatchcase(place.model, pattern) for pattern in models):
            holders.append((f"pool {name}", config.pools[name].limits))
    return [(holder, at, limit) for holder, limits in holders for at, limit in enumerate(limits)]


def _cost(limit: LimitConfig, arrival: Arrival) -> float:
    match limit.dimension:
        case "requests" | "concurrency":
            return 1
        case "tokens":
            return arrival.input_tokens + arrival.max_tokens
        case "input_tokens":
            return arrival.input_tokens
        case "output_tokens":
            return arrival.max_tokens
        case _:
            return 0


Made = Callable[[RouterConfig, random.Random, Callable[[], float]], Picker]
PICKERS: Final[Mapping[str, Made]] = {
    "round robin": lambda _config, _chance, _wall: RoundRobin(),
    "random": lambda _config, chance, _wall: AtRandom(chance),
    "least used": lambda _config, _chance, _wall: LeastUsed(),
    "cooldown on 429": lambda _config, chance, _wall: Cooldown(chance),
    "minute counters": lambda config, _chance, wall: WindowCounters(config, wall),
}
"""What they are called -> how each is made, from the fleet, a chance of its own and the wall clock."""


def is_limit(outcome: Outcome) -> bool:
    """A refusal that callers see as "too many requests"."""
    return outcome.outcome in (OutcomeClass.RATE_LIMITED, OutcomeClass.QUOTA_SPENT)
