"""What a finished run leaves behind: plain data, written to JSON and read back without loss.

Times are seconds from the start of the run. A series has one value per bucket of `bucket_s`; the last may be shorter.
"""

import json
import math
from typing import Any, Final, Literal

import cattrs
from attrs import Factory, frozen

Span = tuple[float, float, str]  # from, to, state or what
Restart = tuple[float, str, str]  # when, actor, why
Figure = float | int | str

FORMAT: Final = 1


class RecordInvalid(ValueError):
    """This is not the record of a run."""


@frozen
class Quantiles:
    """How a measured time spreads, in seconds. `count` 0: nothing was measured and the rest means nothing."""

    count: int = 0
    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    most: float = 0.0


@frozen
class Waits:
    """Waiting times: quantiles, and how many waited up to each edge (`edges_s` has one more entry than `counts`)."""

    quantiles: Quantiles = Factory(Quantiles)
    edges_s: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()

    def __attrs_post_init__(self) -> None:
        if self.counts and len(self.edges_s) != len(self.counts) + 1:
            raise ValueError("a histogram has one more edge than counts")


@frozen
class LimitSeries:
    """Use of one limit as the provider saw it: `use` is the most in each bucket, 1.0 its ceiling."""

    provider: str
    scope: str
    limit: str
    capacity: float
    use: tuple[float, ...]
    peak: float


@frozen
class StateTimeline:
    """The states one actor was in. `kind`: key, circuit, supervisor and so on."""

    actor: str
    kind: str
    spans: tuple[Span, ...]


@frozen
class SpendSeries:
    """What a budget has spent by the end of each bucket, and its cap (None: it has none)."""

    budget: str
    spent_usd: tuple[float, ...]
    cap_usd: float | None = None


@frozen
class TenantFigures:
    """What one tenant got. `share`: of everything served."""

    tenant: str
    offered: int
    served: int
    refused: int
    waits: Quantiles = Factory(Quantiles)
    share: float = 0.0


@frozen
class Expectation:
    """What the scenario expected, whether it held, and what was measured."""

    text: str
    held: bool
    measured: str


@frozen
class Baseline:
    """The same scenario in other hands: the figures that can be compared by name."""

    name: str
    figures: dict[str, Figure]


@frozen
class RunRecord:
    """One finished run.

    `series` that have a place in the report: offered, served, refused, failed, provider_429 (calls in the bucket),
    waiting, in_flight (the most in the bucket). `scenario_file`: what to replay. `headline`: the figures that a reader
    needs first; empty: all of them. `cut_s`: only so many seconds of the scenario were played.
    `unjudged`: dimensions that are limited and that no provider counted.
    """

    title: str
    story: str
    seed: int
    path: Literal["fast", "full"]
    duration_s: float
    bucket_s: float
    trace_hash: str = ""
    scenario_hash: str = ""
    scenario_file: str = ""
    figures: dict[str, Figure] = Factory(dict)
    series: dict[str, tuple[float, ...]] = Factory(dict)
    limits: tuple[LimitSeries, ...] = ()
    states: tuple[StateTimeline, ...] = ()
    waits: Waits = Factory(Waits)
    ttft: Quantiles = Factory(Quantiles)
    spend: tuple[SpendSeries, ...] = ()
    restarts: tuple[Restart, ...] = ()
    faults: tuple[Span, ...] = ()
    refusals: dict[str, int] = Factory(dict)
    tenants: tuple[TenantFigures, ...] = ()
    violations: tuple[str, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    coverage: dict[str, int] = Factory(dict)
    baselines: tuple[Baseline, ...] | None = None
    headline: tuple[str, ...] = ()
    cut_s: float | None = None
    unjudged: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        if not (self.duration_s >= 0 and self.bucket_s > 0 and math.isfinite(self.duration_s + self.bucket_s)):
            raise ValueError("duration_s must not be negative and bucket_s must be above 0")

    @property
    def first_figures(self) -> dict[str, Figure]:
        """What a reader needs first."""
        return {name: self.figures[name] for name in self.headline or self.figures if name in self.figures}

    @property
    def held(self) -> bool:
        """No law was broken and every expectation held."""
        return not self.violations and all(expectation.held for expectation in self.expectations)


def to_json(record: RunRecord) -> str:
    """The record as JSON: the same text for the same record. Raises ValueError if a number is not finite."""
    raw = {"format": FORMAT, **_converter.unstructure(record)}
    return json.dumps(raw, sort_keys=True, indent=1, allow_nan=False) + "\n"


def from_json(text: str) -> RunRecord:
    """Read what `to_json` wrote. Raises RecordInvalid naming the places at fault."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordInvalid(f"not JSON: {error}") from error
    if not isinstance(raw, dict) or raw.pop("format", None) != FORMAT:
        raise RecordInvalid(f"not the record of a run in format {FORMAT}")
    try:
        return _converter.structure(raw, RunRecord)
    except Exception as error:  # cattrs tells faults by several kinds of error
        raise RecordInvalid("; ".join(cattrs.transform_error(error, format_exception=_why))) from error


def _why(error: BaseException, kind: type | None) -> str:
    return str(error) if isinstance(error, (TypeError, ValueError)) else cattrs.v.format_exception(error, kind)


def _figure(value: Any, _kind: Any) -> Figure:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError("expected a number or text")
    return value


_converter = cattrs.Converter(forbid_extra_keys=True)
_converter.register_structure_hook_func(lambda kind: kind == Figure, _figure)
