"""One limit at work: what a request costs under each charge mode, whether that fits, and what is corrected later.

The modes are told in `limit_config.LimitConfig`. Pure; instants are monotonic seconds.
"""

from math import inf
from typing import Any, cast

from attrs import define, field

from actorrouter.simulation.providers.arrivals import Cause, Request
from actorrouter.simulation.providers.limit_config import UNTIL_FINISHED, LimitConfig
from actorrouter.simulation.providers.meters import ROUNDING, BucketMeter, Mark, Meter, VaryingMeter
from actorrouter.simulation.providers.money import Prices, Weights, token_weights

_LEAST_USD = 1e-6
_CAUSES: dict[str, Cause] = {"adaptive": "adaptive", "ramp": "ramp", "balance": "spent", "in_flight": "in_flight"}


@define
class Limit:
    """One limit with two meters: what it took, and what was attempted. `share`: of its capacity, while squeezed."""

    described: LimitConfig
    meter: Meter
    attempts: Meter | None
    prices: Prices
    capacity: float = field(init=False)
    share: float = 1.0
    held: float = 0.0  # of what is used, by requests in flight; may yet be given back
    accepted: int = 0
    rejected: int = 0
    peak: float = 0.0
    attempted_peak: float = 0.0
    _counts_one: bool = field(init=False)
    _of_money: bool = field(init=False)
    _holds: bool = field(init=False)
    _least: float = field(init=False)  # a charge yet to come needs room for so much
    _weights: tuple[Weights, Weights] = field(init=False)
    _varying: VaryingMeter | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        described = self.described
        self.capacity = described.capacity
        self._counts_one = described.dimension in ("requests", "concurrency")
        self._of_money = described.dimension == "cost"
        settled = described.charge == "up_front_then_settle"
        self._holds = described.shape == "in_flight" or (self._of_money and settled)
        self._least = _LEAST_USD if self._of_money else 1
        self._weights = token_weights(described)
        varies = described.shape in ("adaptive", "ramp")
        self._varying = cast(VaryingMeter, self.meter) if varies else None

    def capacity_at(self, now: float) -> float:
        """The most that can be in use, in truth and at this instant."""
        capacity = self.capacity if self._varying is None else self._varying.capacity(now)
        return capacity * self.share

    def squeeze(self, share: float, at: float) -> None:
        """Hold only a share of what is described, from an instant on."""
        self.share = share
        if isinstance(self.meter, BucketMeter):
            self.meter.pace(self.described.amount / self.described.window_s * share, at)

    def cost(self, request: Request) -> float:
        """What is charged at admission."""
        if self._counts_one:
            return 1
        charge = self.described.charge
        if charge == "actual" and not self._holds:
            return 0
        output = 0 if charge == "live" and not self._holds else request.max_tokens
        weights = self.prices.of(request.model) if self._of_money else self._weights
        return weights[0].weigh(request.input_tokens, output, request.cached_tokens)

    def settled(self, request: Request, output_tokens: int) -> float:
        """What the request comes to in the end."""
        weights = self.prices.of(request.model) if self._of_money else self._weights
        return weights[1].weigh(request.input_tokens, output_tokens, request.cached_tokens)

    def written(self, output_tokens: int) -> float:
        return self._weights[1].written * output_tokens

    def excess(self, cost: float, now: float) -> float:
        """How much must drain before `cost` fits. A charge yet to come needs room for a little."""
        least = self._least
        return self.meter.used(now) + (max(least, cost)) - self.capacity_at(now)

    def wait_s(self, request: Request, now: float) -> float:
        """How long until the request fits here if nobody else comes; infinite: nobody knows, or never."""
        cost = self.cost(request)
        if (excess := self.excess(cost, now)) <= ROUNDING:
            return 0
        return inf if cost > self.capacity * self.share else self.meter.free_at(excess, now) - now

    def cause(self, cost: float, now: float) -> Cause:
        """Say why it refuses. In flight: there would be room, once what is held has been given back."""
        if self.share < 1:
            return "squeezed"
        if self._of_money and self.described.shape != "in_flight":
            fits_later = self.meter.used(now) - self.held + cost <= self.capacity_at(now) + ROUNDING
            return "in_flight" if fits_later else "spent"
        return _CAUSES.get(self.described.shape, "limit")

    def accept(self, cost: float, now: float) -> "Charge":
        self.accepted += 1
        if self._holds:
            self.held += cost
        return Charge(self, cost, self._charge(cost, now), self._attempt(cost, now))

    def refuse(self, cost: float, now: float, *, itself: bool) -> None:
        """Book an arrival that was turned away, by this limit or by another one it came with."""
        if itself:
            self.rejected += 1
            if self._varying is not None:
                self._varying.strain(now)
        mark = self._attempt(cost, now)
        if self.described.shape in UNTIL_FINISHED:
            if self.attempts is not None and mark is not None:
                self.attempts.correct(mark, -cost, now)
        elif self.described.rejected_count:
            room = self.capacity_at(now) - self.meter.used(now)
            self.meter.charge(min(cost, max(room, 0)) if self.described.shape == "bucket" else cost, now)

    def add(self, amount: float, now: float) -> None:
        """Charge what was produced; it may pass the capacity, as no provider can take words back."""
        self._charge(amount, now)
        self._attempt(amount, now)

    def _charge(self, amount: float, now: float) -> Mark:
        mark = self.meter.charge(amount, now)
        share = self.meter.level / self.capacity_at(now)
        self.peak = max(self.peak, share)
        return mark

    def _attempt(self, amount: float, now: float) -> Mark | None:
        if self.attempts is None:
            return None
        mark = self.attempts.charge(amount, now)
        share = self.attempts.level / self.capacity_at(now)
        self.attempted_peak = max(self.attempted_peak, share)
        return mark

    def read(self, now: float) -> dict[str, Any]:
        described = self.described
        return {
            "name": described.name,
            "dimension": described.dimension,
            "shape": described.shape,
            "charge": described.charge,
            "amount": described.amount,
            "capacity": self.capacity_at(now),
            "window_s": None if described.period_s == inf else described.period_s,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "used": self.meter.used(now),
            "held": self.held,
            "peak": self.peak,
            "attempted_peak": None if self.attempts is None else self.attempted_peak,
        }


@define
class Charge:
    """One request's charge to one limit, until its answer ends."""

    limit: Limit
    amount: float
    mark: Mark
    attempted: Mark | None

    def produce(self, output_tokens: int, now: float) -> None:
        limit = self.limit
        if limit.described.charge == "live" and not limit._holds and (amount := limit.written(output_tokens)):
            limit.add(amount, now)

    def finish(self, request: Request, output_tokens: int, now: float) -> None:
        limit = self.limit
        described = limit.described
        if limit._holds:
            limit.held -= self.amount
        if described.shape in UNTIL_FINISHED:
            self._correct(-self.amount, now)
        elif described.dimension == "requests":
            return
        elif described.charge == "up_front_then_settle":
            self._correct(limit.settled(request, output_tokens) - self.amount, now)
        elif described.charge == "actual":
            limit.add(limit.settled(request, output_tokens), now)

    def _correct(self, change: float, now: float) -> None:
        self.limit.meter.correct(self.mark, change, now)
        if self.attempted is not None and self.limit.attempts is not None:
            self.limit.attempts.correct(self.attempted, change, now)
