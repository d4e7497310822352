"""What one limit of a simulated provider is: its window, what it counts, when it charges, how it says no."""

from math import inf
from typing import Literal
from zoneinfo import ZoneInfo

from attrs import field, frozen

from actorrouter.simulation.providers.checks import require

Dimension = Literal["requests", "tokens", "input_tokens", "output_tokens", "concurrency", "cost"]
Shape = Literal[
    "bucket", "sliding", "fixed", "sliced", "calendar", "balance", "adaptive", "ramp", "in_flight", "concurrency"
]
Charge = Literal["up_front", "up_front_then_settle", "live", "actual"]
Code = Literal[
    "rate_limit_exceeded",
    "slow_down",
    "ramp_limit_exceeded",
    "insufficient_quota",
    "project_spend_limit_exceeded",
    "enforced_spend_limit_reached",
    "specified_usage_limits",
    "blocked_api_access",
    "billing_error",
    "openrouter_credits",
    "openrouter_key_limit",
    "openrouter_in_flight_budget",
]

UNTIL_FINISHED: tuple[Shape, ...] = ("in_flight", "concurrency")
_GROWTH: dict[Shape, float] = {"adaptive": 0.1, "ramp": 0.5}
_PERIODS_S = {"day": 86_400.0, "month": 30 * 86_400.0}


@frozen
class LimitConfig:
    """One limit: `amount` of a dimension per `window_s`, and when use is charged. `cost` is in US dollars.

    bucket: up to `burst` (default `amount`) at once, refilled evenly. sliding: exact log of the last `window_s`.
    fixed: starts anew at `phase_s` + k x `window_s`. sliced: `amount` / `window_s` x `slice_s` in each slice.
    calendar: starts anew with each `period` of `zone`, by the provider's wall clock. balance: never comes back.
    adaptive: fixed windows whose capacity starts at `initial`; one that had to refuse takes it down to `shrink` of
    itself (not below `least`), one at least half used lets it grow by `growth` (not above `amount`).
    ramp: fixed windows that hold 1 + `growth` times what was used in the window before, and `amount` at least.
    concurrency: requests in flight, no window. in_flight: what those in flight may come to at most.

    up_front: input + `max_tokens` at admission, never returned. up_front_then_settle: corrected when the answer ends.
    live: input at admission, output as it is produced. actual: both when the answer ends.
    burndown: what one output token counts once it is produced or settled; at admission it is one.
    cached: input read from a cache is counted, free, or released when the answer ends.
    rejected_count: an arrival refused by any limit of its pools is charged here too.
    code: how it says no (see `refusals`). says_when: whether with a wait (default: by the code). claims_s: the wait
    it names where nobody knows it.
    """

    dimension: Dimension
    amount: float
    window_s: float = 60.0
    shape: Shape = field()
    burst: float | None = None
    phase_s: float = 0.0
    charge: Charge = field()
    rejected_count: bool = False
    code: Code = field()
    slice_s: float = 1.0
    period: Literal["day", "month"] = "day"
    zone: str = "UTC"
    initial: float | None = None
    least: float | None = None
    shrink: float = 0.5
    growth: float = field()
    burndown: float = 1.0
    cached: Literal["counted", "free", "released"] = "counted"
    says_when: bool | None = None
    claims_s: float | None = None
    name: str = field()

    @shape.default
    def _shape(self) -> Shape:
        return "concurrency" if self.dimension == "concurrency" else "bucket"

    @charge.default
    def _charge(self) -> Charge:
        return "up_front_then_settle" if self.dimension == "cost" else "up_front"

    @code.default
    def _code(self) -> Code:
        if self.dimension == "cost":
            return "openrouter_in_flight_budget" if self.shape == "in_flight" else "insufficient_quota"
        return "ramp_limit_exceeded" if self.shape == "ramp" else "rate_limit_exceeded"

    @name.default
    def _name(self) -> str:
        match self.shape:
            case "concurrency":
                return self.dimension
            case "in_flight" | "balance":
                return f"{self.dimension}/{self.shape}"
            case "calendar":
                return f"{self.dimension}/{self.period}"
            case "ramp":
                return f"{self.dimension}/ramp"
            case "sliced":
                return f"{self.dimension}/{self.slice_s:g}s"
            case _:
                return f"{self.dimension}/{self.window_s:g}s"

    @growth.default
    def _growth(self) -> float:
        return _GROWTH.get(self.shape, 0.0)

    def __attrs_post_init__(self) -> None:
        require(self.amount > 0, "amount must be above 0")
        require(self.window_s > 0, "window_s must be above 0")
        require((self.dimension == "concurrency") == (self.shape == "concurrency"), "concurrency is its own shape")
        require(self.burst is None or self.shape == "bucket", "burst belongs to shape bucket")
        require(self.burst is None or self.burst > 0, "burst must be above 0")
        self._require_window()
        self._require_charge()

    def _require_window(self) -> None:
        require(0 < self.slice_s <= self.window_s or self.shape != "sliced", "slice_s must be within 0 and window_s")
        whole = self.shape != "sliced" or self.dimension != "requests" or self.capacity >= 1
        require(whole, "a slice has no room for one request; make slice_s longer")
        require(self.growth >= 0 and 0 < self.shrink <= 1, "growth must not be negative, shrink within 0 and 1")
        bounds = [bound for bound in (self.least, self.initial) if bound is not None]
        require(not bounds or self.shape == "adaptive", "least and initial belong to shape adaptive")
        require(all(0 < bound <= self.amount for bound in bounds), "least and initial must be within 0 and amount")
        require(self.shape not in _GROWTH or not self.rejected_count, f"{self.shape} takes no rejected_count")
        try:
            ZoneInfo(self.zone)
        except (KeyError, OSError, ValueError) as error:
            raise ValueError(f"no time zone is named {self.zone!r}") from error

    def _require_charge(self) -> None:
        later = self.charge != "up_front"
        require(self.burndown > 0 and (later or self.burndown == 1), "burndown needs a charge other than up_front")
        settled = self.charge == "up_front_then_settle"
        require(self.cached != "released" or settled, "cached released needs charge up_front_then_settle")
        of_money = self.dimension == "cost"
        require(
            not of_money or self.charge in ("up_front_then_settle", "actual"), "cost is held and settled, or actual"
        )
        require(not of_money or (self.burndown == 1 and self.cached == "counted"), "cost follows the prices alone")
        require(self.shape != "in_flight" or self.dimension != "requests", "requests in flight are concurrency")
        require(self.claims_s is None or self.claims_s >= 0, "claims_s must not be negative")

    @property
    def capacity(self) -> float:
        """The most that can be in use at one instant; of adaptive and ramp what is promised at least or at most."""
        if self.shape == "sliced":
            return self.amount * self.slice_s / self.window_s
        return self.amount if self.burst is None else self.burst

    @property
    def period_s(self) -> float:
        """The length of the window, or of a usual one; infinite where there is none."""
        if self.shape in (*UNTIL_FINISHED, "balance"):
            return inf
        return _PERIODS_S[self.period] if self.shape == "calendar" else self.window_s
