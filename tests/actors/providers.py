"""What a provider really counts: meters that can be read at a glance, and a seeded world that tries to exceed them.

A client reserves when the pool consents, sends after a while, and the request arrives within `jitter_s`. The provider
charges as its mode says; the client hears of the end later. Calls may also be released, never sent, expire, settle
late. `worst` is the most by which any meter was ever above its limit.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from typing import Any

import attrs

from actorrouter.config import Charge, LimitConfig
from actorrouter.values import INF
from tests.actors.model import WALL, Driver, pool


class BucketMeter:
    """Refills evenly up to its size; what a correction gives back beyond that is lost."""

    def __init__(self, size: float, rate: float) -> None:
        self.size, self.rate, self.fill, self.at = size, rate, 0.0, 0.0

    def add(self, call: int, amount: Any, now: float) -> None:
        """Charge or, with a negative amount, correct."""
        self.over(now)
        self.fill = max(0.0, self.fill + float(amount))

    def over(self, now: float) -> float:
        """Units above the limit."""
        self.fill, self.at = max(0.0, self.fill - (now - self.at) * self.rate), now
        return self.fill - self.size


class SlidingMeter:
    """An exact log of every charge in the last `window_s`."""

    def __init__(self, size: Any, window_s: float) -> None:
        self.size, self.window_s = size, window_s
        self.log: list[list[Any]] = []

    def add(self, call: int, amount: Any, now: float) -> None:
        """Charge now; correct where it was charged."""
        if amount < 0:
            for entry in (entry for entry in self.log if entry[0] == call):
                entry[2] += amount
        else:
            self.log.append([call, now, amount])

    def over(self, now: float) -> float:
        """Units above the limit in the window that ends now."""
        self.log = [entry for entry in self.log if entry[1] > now - self.window_s]
        return float(sum(entry[2] for entry in self.log) - self.size)


class FixedMeter:
    """A count per window of the wall clock; a correction counts if its window lasts."""

    def __init__(self, size: Any, window_s: float, phase_s: float) -> None:
        self.size, self.window_s, self.phase_s = size, window_s, phase_s
        self.counts: dict[int, Any] = {}
        self.charged: dict[int, int] = {}

    def _window(self, now: float) -> int:
        return int((WALL + now + 1e-6 - self.phase_s) // self.window_s)

    def add(self, call: int, amount: Any, now: float) -> None:
        """Charge now; correct where it was charged."""
        window = self.charged[call] if amount < 0 else self._window(now)
        self.charged[call] = window
        self.counts[window] = self.counts.get(window, 0) + amount

    def over(self, now: float) -> float:
        """Units above the limit in this window."""
        return float(self.counts.get(self._window(now), 0) - self.size)


class PlacesMeter:
    """How many at once."""

    def __init__(self, size: Any) -> None:
        self.size, self.taken = size, 0

    def add(self, call: int, amount: Any, now: float) -> None:
        """Come or go."""
        self.taken += amount

    def over(self, now: float) -> float:
        """Calls too many."""
        return float(self.taken - self.size)


Meter = BucketMeter | SlidingMeter | FixedMeter | PlacesMeter


@attrs.define
class World:
    """A client and a provider of one limit. `weird`: some calls are sent late, released, lost, expire or settle
    late; otherwise everybody sends at once and asks again at once.

    `size`, `lasts_s`, `uses`: of every call, instead of random ones.
    """

    declared: LimitConfig
    mode: Charge
    meters: list[Meter]
    guard_s: float
    jitter_s: float
    seed: int
    clients: int = 6
    windows: float = 5.0
    weird: bool = True
    size: Any = None
    lasts_s: float | None = None
    uses: Any = None
    worst: float = -INF
    granted: int = 0
    it: Driver = attrs.field(init=False)
    rng: random.Random = attrs.field(init=False)
    holds: dict[int, Any] = attrs.field(factory=dict)
    agenda: list[tuple[float, int, Callable[[float], None]]] = attrs.field(factory=list)
    order: itertools.count[int] = attrs.field(factory=itertools.count)

    def run(self) -> World:
        """Play to the end."""
        self.it = pool(self.declared, charge=self.mode, guard_s=self.guard_s, checked=False)
        self.rng = random.Random(self.seed)
        for _ in range(self.clients):
            self.at(self.rng.uniform(0.0, self.declared.window_s), self.ask(self.some()))
        end = self.windows * self.declared.window_s
        while self.agenda and self.agenda[0][0] <= end:
            now, _, act = heapq.heappop(self.agenda)
            act(now)
        return self

    def at(self, when: float, act: Callable[[float], None]) -> None:
        """Put on the agenda."""
        heapq.heappush(self.agenda, (when, next(self.order), act))

    def some(self) -> Any:
        """Mostly small, sometimes anything that fits."""
        if self.size is not None:
            return self.size
        whole = int(self.declared.amount)
        return type(self.declared.amount)(self.rng.choice((1, 2, max(1, whole // 10), self.rng.randint(1, whole))))

    def ask(self, amount: Any) -> Callable[[float], None]:
        """Reserve at the very instant the pool says it can; now and then think again."""

        def act(now: float) -> None:
            (window,) = self.it.state.windows
            ready = window.ready_at(amount, now)
            if ready <= now:
                self.send(amount, now)
            elif ready == INF or self.rng.random() < 0.1:
                self.at(now + self.rng.expovariate(5.0 / self.declared.window_s), self.ask(self.some()))
            else:
                self.at(ready, self.ask(amount))

        return act

    def send(self, amount: Any, now: float) -> None:
        """One call, from its reservation to its end."""
        rng, it = self.rng, self.it
        call = it.taken(now, **{self.declared.dimension: amount})
        self.granted += 1
        pause_s = rng.choice((0.0, rng.random() * self.declared.window_s)) if self.weird else 0.0
        self.at(now + pause_s, self.ask(self.some()))
        fate = rng.random() if self.weird else 1.0
        late_s = rng.choice((0.0, 0.0, rng.random(), rng.uniform(0.0, self.declared.window_s))) if self.weird else 0.0
        sent = now + late_s
        if fate < 0.05:  # given up before it left
            self.at(sent, lambda t: self.end(it.release(call, t)))
            return
        if fate < 0.9 or not self.weird:  # otherwise nobody says when it left
            self.at(sent, lambda t: self.end(it.dispatch(call, t)))
        if fate < 0.15:  # it never arrived
            self.at(sent + rng.expovariate(1.0), lambda t: self.end(it.release(call, t)))
            return
        actual = rng.choice((amount, type(amount)(rng.randint(0, int(amount))))) if self.uses is None else self.uses
        arrived = sent + rng.choice((0.0, self.jitter_s, rng.uniform(0.0, self.jitter_s)))
        lasted = rng.choice((0.0, rng.random(), rng.expovariate(1.0 / self.declared.window_s)))
        ended = arrived + (lasted if self.lasts_s is None else self.lasts_s)
        heard = ended + rng.choice((0.0, rng.random()))
        self.serve(call, amount, actual, arrived, ended)
        if fate < 0.25:
            self.at(heard, lambda t: self.end(it.expire(call, t)))
            heard += rng.expovariate(1.0)
        self.at(heard, lambda t: self.end(it.settle(call, t, **{self.declared.dimension: actual})))

    def end(self, taken: bool) -> None:
        """Whether it was taken or repeated is all the same here."""

    def serve(self, call: int, amount: Any, actual: Any, arrived: float, ended: float) -> None:
        """What the provider charges, and when."""
        if isinstance(self.meters[0], PlacesMeter):
            self.at(arrived, lambda t: self.charge(call, amount, t))
            self.at(ended, lambda t: self.charge(call, -amount, t))
        elif self.mode is Charge.UP_FRONT:
            self.at(arrived, lambda t: self.charge(call, amount, t))
        elif self.mode is Charge.UP_FRONT_THEN_SETTLE:
            self.at(arrived, lambda t: self.charge(call, amount, t))
            self.at(ended, lambda t: self.charge(call, actual - amount, t))
        elif self.mode is Charge.LIVE:
            for part in range(4):
                at = arrived + (ended - arrived) * part / 3
                self.at(at, lambda t: self.charge(call, actual / 4, t))
        else:
            if self.mode is Charge.HELD:
                self.at(arrived, lambda t: self.hold(call, amount, t))
            self.at(ended, lambda t: self.charge(call, actual, t))

    def hold(self, call: int, amount: Any, now: float) -> None:
        """The provider sets money aside."""
        self.holds[call] = amount
        self.look(now)

    def charge(self, call: int, amount: Any, now: float) -> None:
        """On every meter."""
        self.holds.pop(call, None)
        for meter in self.meters:
            if amount:
                meter.add(call, amount, now)
        self.look(now)

    def look(self, now: float) -> None:
        """The most that any meter is above its limit."""
        held = float(sum(self.holds.values()))
        self.worst = max(self.worst, *(meter.over(now) + held for meter in self.meters))
