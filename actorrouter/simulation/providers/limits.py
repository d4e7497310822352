"""One limit at work: what a request costs under each charge mode, whether that fits, and what is corrected later.

The modes are told in `config.LimitConfig`. Pure; instants are monotonic seconds.
"""

from math import inf
from typing import Any

from attrs import define, field

from actorrouter.simulation.providers.arrivals import Request
from actorrouter.simulation.providers.config import LimitConfig
from actorrouter.simulation.providers.meters import ROUNDING, Mark, Meter


@define
class Limit:
    """One limit with two meters: what it took, and what was attempted."""

    described: LimitConfig
    meter: Meter
    attempts: Meter
    capacity: float = field(init=False)
    accepted: int = 0
    rejected: int = 0
    peak: float = 0.0
    attempted_peak: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.capacity = self.described.capacity

    def cost(self, request: Request) -> float:
        """What is charged at admission."""
        described = self.described
        if described.dimension in ("requests", "concurrency"):
            return 1
        if described.charge == "actual":
            return 0
        output = 0 if described.charge == "live" else request.max_tokens
        return self.weigh(request.input_tokens, output)

    def weigh(self, input_tokens: float, output_tokens: float) -> float:
        match self.described.dimension:
            case "tokens":
                return input_tokens + output_tokens
            case "input_tokens":
                return input_tokens
            case "output_tokens":
                return output_tokens
            case _:
                return 0

    def excess(self, cost: float, now: float) -> float:
        """How much must drain before `cost` fits. A charge yet to come needs room for one."""
        return self.meter.used(now) + max(cost, 1) - self.capacity

    def wait_s(self, request: Request, now: float) -> float:
        """How long until the request fits here if nobody else comes; infinite: nobody knows, or never."""
        cost = self.cost(request)
        if (excess := self.excess(cost, now)) <= ROUNDING:
            return 0
        return inf if cost > self.capacity else self.meter.free_at(excess, now) - now

    def accept(self, cost: float, now: float) -> "Charge":
        self.accepted += 1
        return Charge(self, cost, self._charge(cost, now), self._attempt(cost, now))

    def refuse(self, cost: float, now: float) -> None:
        """Book an arrival that was turned away, by this limit or by another one it came with."""
        mark = self._attempt(cost, now)
        if self.described.shape == "concurrency":
            self.attempts.correct(mark, -cost, now)
        elif self.described.rejected_count:
            room = self.capacity - self.meter.used(now)
            self.meter.charge(min(cost, max(room, 0)) if self.described.shape == "bucket" else cost, now)

    def add(self, amount: float, now: float) -> None:
        """Charge what was produced; it may pass the capacity, as no provider can take words back."""
        self._charge(amount, now)
        self._attempt(amount, now)

    def _charge(self, amount: float, now: float) -> Mark:
        mark = self.meter.charge(amount, now)
        self.peak = max(self.peak, self.meter.used(now) / self.capacity)
        return mark

    def _attempt(self, amount: float, now: float) -> Mark:
        mark = self.attempts.charge(amount, now)
        self.attempted_peak = max(self.attempted_peak, self.attempts.used(now) / self.capacity)
        return mark

    def read(self, now: float) -> dict[str, Any]:
        described = self.described
        return {
            "name": described.name,
            "dimension": described.dimension,
            "shape": described.shape,
            "charge": described.charge,
            "amount": described.amount,
            "capacity": described.capacity,
            "window_s": None if described.shape == "concurrency" else described.window_s,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "used": self.meter.used(now),
            "peak": self.peak,
            "attempted_peak": self.attempted_peak,
        }


@define
class Charge:
    """One request's charge to one limit, until its answer ends."""

    limit: Limit
    amount: float
    mark: Mark
    attempted: Mark

    def produce(self, output_tokens: int, now: float) -> None:
        if self.limit.described.charge == "live" and (amount := self.limit.weigh(0, output_tokens)):
            self.limit.add(amount, now)

    def finish(self, request: Request, output_tokens: int, now: float) -> None:
        limit, charge = self.limit, self.limit.described.charge
        if limit.described.shape == "concurrency":
            self._correct(-self.amount, now)
        elif limit.described.dimension == "requests":
            return
        elif charge == "up_front_then_settle":
            self._correct(limit.weigh(request.input_tokens, output_tokens) - self.amount, now)
        elif charge == "actual":
            limit.add(limit.weigh(request.input_tokens, output_tokens), now)

    def _correct(self, change: float, now: float) -> None:
        self.limit.meter.correct(self.mark, change, now)
        self.limit.attempts.correct(self.attempted, change, now)
