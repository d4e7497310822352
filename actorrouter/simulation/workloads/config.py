"""What a workload is: when its calls come, how large they are and who makes them, read from TOML or JSON.

Times are seconds from the start of the run, rates are calls per second. Unknown fields are refused.
"""

import json
import tomllib
from typing import Any, Final, Literal

from attrs import Factory, frozen

from actorrouter.simulation.providers.config import ConfigInvalid, structure

Kind = Literal["poisson", "bursts", "diurnal", "closed", "once", "trace", "servegen"]
SizeKind = Literal["constant", "lognormal", "pareto", "trace"]

TOKENS_MOST: Final = 131_072  # what the simulated providers take in one request

_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "poisson": ("rate_per_s",),
    "bursts": ("rate_per_s", "on_s", "off_s", "factor"),
    "diurnal": ("rate_per_s", "swing", "period_s"),
    "closed": ("clients", "think_s"),
    "once": ("calls",),
    "trace": ("trace",),
    "servegen": ("trace",),
}
_ALLOWED: Final[dict[str, tuple[str, ...]]] = {
    "trace": ("time_scale", "volume", "jitter_s", "from_s", "for_s"),
    "servegen": ("volume", "from_s", "for_s"),
}
_OF_A_KIND: Final = sorted({name for table in (_NEEDED, _ALLOWED) for names in table.values() for name in names})
_MEASURED: Final = ("trace", "servegen")  # kinds that know their own sizes
_POSITIVE: Final = ("rate_per_s", "on_s", "off_s", "factor", "period_s", "clients", "time_scale", "volume", "for_s")
_SIZE_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "constant": ("tokens",),
    "lognormal": ("median", "sigma"),
    "pareto": ("least", "alpha"),
    "trace": (),
}
_OF_A_SIZE: Final = sorted({name for names in _SIZE_NEEDED.values() for name in names})


@frozen
class SizesConfig:
    """How many tokens: `constant` tokens; `lognormal` about a median; `pareto` from `least` on with a heavy tail (the
    smaller `alpha`, the heavier); `trace`: what the trace says. No draw is above `most` or below 1."""

    kind: SizeKind = "trace"
    tokens: int | None = None
    median: float | None = None
    sigma: float | None = None
    least: int | None = None
    alpha: float | None = None
    most: int = TOKENS_MOST

    def __attrs_post_init__(self) -> None:
        _require_fields(self, self.kind, _SIZE_NEEDED[self.kind], (), _OF_A_SIZE)
        for name in ("tokens", "median", "least", "alpha", "most"):
            value = getattr(self, name)
            _require(value is None or value > 0, f"{name} must be above 0")
        _require(self.sigma is None or self.sigma >= 0, "sigma must not be negative")
        _require((self.least or 1) <= self.most, "least must not be above most")


@frozen
class WorkloadConfig:
    """One source of calls.

    poisson: independent calls. bursts: `factor` times `rate_per_s` for `on_s`, then the rate for `off_s`, and again.
    diurnal: a sine of `period_s` about `rate_per_s` that rises and falls by the share `swing`. closed: `clients` that
    each call, wait for the answer and think (`think_s` on average). once: `calls` at one instant. trace: a shipped
    trace by name, or a CSV file by path. servegen: the clients of a shipped ServeGen day.
    trace and servegen: from `from_s` of the trace on, for `for_s`; `volume` thins (below 1) or repeats (above 1), the
    repeats up to `jitter_s` later; `time_scale` stretches time.
    A refused call comes again `retries` times, each `retry_pause_s` after the refusal, whatever the refusal says.
    `max_tokens` is fixed, or the output times `max_tokens_margin`; an answer never exceeds it.
    """

    kind: Kind
    models: dict[str, float]  # weights by route
    tenants: dict[str, float] = Factory(lambda: {"": 1.0})
    priority: int = 0
    stream_share: float = 0.0
    wait_s: float | None = None
    deadline_s: float | None = None
    retries: int = 0
    retry_pause_s: float = 0.0
    input: SizesConfig = Factory(SizesConfig)
    output: SizesConfig = Factory(SizesConfig)
    max_tokens: int | None = None
    max_tokens_margin: float = 1.5
    cached_share: float | None = None  # of the input; none: what the trace says, else nothing
    start_s: float = 0.0
    stop_s: float | None = None
    rate_per_s: float | None = None
    on_s: float | None = None
    off_s: float | None = None
    factor: float | None = None
    swing: float | None = None
    period_s: float | None = None
    clients: int | None = None
    think_s: float | None = None
    calls: int | None = None
    trace: str | None = None
    time_scale: float | None = None
    volume: float | None = None
    jitter_s: float | None = None
    from_s: float | None = None
    for_s: float | None = None

    def __attrs_post_init__(self) -> None:
        _require_fields(self, self.kind, _NEEDED[self.kind], _ALLOWED.get(self.kind, ()), _OF_A_KIND)
        self._require_callers()
        self._require_bounds()
        for name in ("input", "output"):
            measured = self.kind in _MEASURED or getattr(self, name).kind != "trace"
            _require(measured, f"{name} needs a kind of sizes: only a trace knows its own")

    def _require_callers(self) -> None:
        for name, weights in (("models", self.models), ("tenants", self.tenants)):
            _require(bool(weights) and min(weights.values()) >= 0, f"{name} needs weights, none negative")
            _require(sum(weights.values()) > 0, f"one weight of {name} must be above 0")
        _require(0 <= self.stream_share <= 1, "stream_share must be within 0 and 1")
        _require(0 <= (self.cached_share or 0) <= 1, "cached_share must be within 0 and 1")
        _require(self.max_tokens is None or self.max_tokens >= 1, "max_tokens must be at least 1")
        _require(self.max_tokens_margin >= 1, "max_tokens_margin must be at least 1")
        _require(min(self.retries, self.retry_pause_s) >= 0, "retries and retry_pause_s must not be negative")

    def _require_bounds(self) -> None:
        for name in _POSITIVE:
            value = getattr(self, name)
            _require(value is None or value > 0, f"{name} must be above 0")
        for name in ("wait_s", "deadline_s", "think_s", "calls", "jitter_s", "from_s", "start_s"):
            _require((getattr(self, name) or 0) >= 0, f"{name} must not be negative")
        _require(0 <= (self.swing or 0) <= 1, "swing must be within 0 and 1")
        _require(self.stop_s is None or self.stop_s > self.start_s, "stop_s must be after start_s")


@frozen
class WorkloadsConfig:
    """Workloads by name. A name is part of the seed: what one workload does depends on no other."""

    workloads: dict[str, WorkloadConfig]

    def __attrs_post_init__(self) -> None:
        _require(bool(self.workloads), "name at least one workload")


def read_workloads(text: str) -> WorkloadsConfig:
    """Read `[workloads.NAME]` tables from TOML, or JSON that starts with a brace. Raises ConfigInvalid with places."""
    try:
        raw = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigInvalid([("$", f"neither JSON nor TOML: {error}")]) from error
    return structure(raw, WorkloadsConfig)


def _require_fields(
    config: Any, kind: str, needed: tuple[str, ...], allowed: tuple[str, ...], of_a_kind: list[str]
) -> None:
    missing = [name for name in needed if getattr(config, name) is None]
    _require(not missing, f"kind {kind} needs {', '.join(missing)}")
    foreign = [n for n in of_a_kind if n not in needed and n not in allowed and getattr(config, n) is not None]
    _require(not foreign, f"kind {kind} has no {', '.join(foreign)}")


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise ValueError(why)
