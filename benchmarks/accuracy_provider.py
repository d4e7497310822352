"""The provider of `accuracy`, the same for our router and for the peers, and what it says of whoever called it.

Its limit is kept by the simulation's own meters, which share no code with the router. No event loop, no clock: whoever
calls says when. Imports nothing that the peers' environment has not.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any, Final

from actorrouter.simulation.providers.arrivals import Request
from actorrouter.simulation.providers.config import LimitConfig
from actorrouter.simulation.providers.limits import Limit
from actorrouter.simulation.providers.money import read_prices
from actorrouter.simulation.providers.shapes import make_meter

AMOUNT: Final = 500
WINDOW_S: Final = 60.0
PHASE_S: Final = 23.0
"""The fixed window starts anew here: the run starts in the middle of one."""
TASKS: Final = 200
ON_S: Final = 45.0
"""Bursty load: so long on, so long off. What waits when it goes off still goes."""
SHAPES: Final = {
    "fixed": LimitConfig("requests", AMOUNT, WINDOW_S, "fixed", phase_s=PHASE_S),
    "bucket 500": LimitConfig("requests", AMOUNT, WINDOW_S, "bucket"),
    "bucket 50": LimitConfig("requests", AMOUNT, WINDOW_S, "bucket", burst=50),
    "log": LimitConfig("requests", AMOUNT, WINDOW_S, "sliding"),
}
NO_PRICES: Final = read_prices({})
ONE: Final = Request("m", input_tokens=0, max_tokens=0, output_tokens=0)


class Provider:
    """Takes requests as they arrive. `started_at`: the clock when the run starts."""

    def __init__(self, shape: str, started_at: float) -> None:
        described = SHAPES[shape]
        self._limit = Limit(described, make_meter(described, started_at), make_meter(described, started_at), NO_PRICES)
        self._started_at = started_at
        self.arrivals: list[float] = []
        self.accepted: list[float] = []

    def arrive(self, now: float) -> tuple[bool, int, float]:
        """One request at this instant: whether it is served, how many more would be, else when one would be."""
        limit = self._limit
        self.arrivals.append(now)
        wait_s = limit.wait_s(ONE, now)
        if wait_s:
            limit.refuse(1, now, itself=True)
            return False, 0, wait_s
        limit.accept(1, now)
        self.accepted.append(now)
        return True, int(limit.capacity - limit.meter.used(now) + 1e-9), 0.0

    def figures(self, shape: str, span_s: float, *, bursty: bool) -> dict[str, float]:
        """What it saw. `worst_window`: arrivals in any 60 s over the limit. `steady`: as `of_maximum`, without the
        first minute, in which a provider may give more than the rate of its limit."""
        steady = sum(at >= self._started_at + WINDOW_S for at in self.accepted)
        most, most_steady = maximum(shape, span_s, bursty=bursty)
        sent = len(self.arrivals)
        return {
            "sends_over_limit": sent / (AMOUNT * span_s / WINDOW_S),
            "worst_window": worst_window(self.arrivals) / AMOUNT,
            "rejected": (sent - len(self.accepted)) / max(1, sent),
            "of_maximum": len(self.accepted) / most,
            "steady": steady / max(1, most_steady),
        }


def maximum(shape: str, span_s: float, *, bursty: bool) -> tuple[int, int]:
    """The most the provider could have served of this load, in all and after the first minute: a caller who knows its
    state and is there at once. Of a load that goes off as many are left as there are tasks."""
    described = SHAPES[shape]
    limit = Limit(described, make_meter(described, 0.0), make_meter(described, 0.0), NO_PRICES)
    now, left, taken, steady = 0.0, TASKS, 0, 0
    while now < span_s:
        on = is_on(now, bursty=bursty)
        left = TASKS if on else left
        wait_s = limit.wait_s(ONE, now)
        if not on and not left:
            wait_s = next_on(now) - now
        elif not wait_s:
            limit.accept(1, now)
            taken += 1
            steady += now >= WINDOW_S
            left -= not on
        now += wait_s
    return taken, steady


def worst_window(arrivals: list[float]) -> int:
    """The most arrivals within any stretch of a window's length."""
    most, inside = 0, deque[float]()
    for at in sorted(arrivals):
        inside.append(at)
        while inside[0] <= at - WINDOW_S:
            inside.popleft()
        most = max(most, len(inside))
    return most


def is_on(since_start_s: float, *, bursty: bool) -> bool:
    """Whether callers begin new requests."""
    return not bursty or since_start_s % (2 * ON_S) < ON_S


def next_on(since_start_s: float) -> float:
    """When they do again."""
    return (since_start_s // (2 * ON_S) + 1) * 2 * ON_S


def transit_s(rng: random.Random) -> float:
    """To the provider, or back."""
    return rng.uniform(0.01, 0.06)


def service_s(rng: random.Random) -> float:
    """How long an answer takes: 1.4 s on average."""
    return rng.lognormvariate(0.2, 0.55)


def pause_s(rng: random.Random) -> float:
    """What a caller does who was refused."""
    return rng.uniform(0.2, 0.5)


def rows(who: str, load: str, by_shape: dict[str, dict[str, float]]) -> list[list[Any]]:
    """Lines of the table."""
    names = ("sends_over_limit", "worst_window", "rejected", "of_maximum", "steady")
    return [
        [who, load, shape, *(_percent(name, figures[name]) for name in names)] for shape, figures in by_shape.items()
    ]


def _percent(name: str, figure: float) -> str:
    return f"{figure:.3f}" if name in ("sends_over_limit", "worst_window") else f"{100 * figure:.1f}"
