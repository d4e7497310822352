"""The configuration as values: what may be said, its defaults and bounds. `config.file` reads it from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

import attrs

from actorrouter.values import CONCURRENCY, COST, Amount, SecretSource

OWN_TABLE: Final = "file:"
"""What the name of an adapter begins with that a table of the user's own describes: `file:PATH`."""


class Shape(StrEnum):
    """A limit's window shape. `unknown` is treated safely: a bucket with b + r * W <= L."""

    BUCKET = "bucket"
    SLIDING = "sliding"
    FIXED = "fixed"
    CALENDAR = "calendar"
    CONCURRENCY = "concurrency"
    UNKNOWN = "unknown"


class Charge(StrEnum):
    """When what is held becomes charged (facts: limits.md sections 0 and C5)."""

    UP_FRONT = "up_front"  # the estimate, when sent; never given back
    UP_FRONT_THEN_SETTLE = "up_front_then_settle"  # the estimate when sent, corrected to the truth at the end
    ACTUAL = "actual"  # only the truth, at the end; the estimate is held meanwhile
    LIVE = "live"  # output charged as it is produced; here: held, then the truth at the end
    HELD = "held"  # money held while in flight


class ColdStart(StrEnum):
    """What a pool assumes about usage before this process started."""

    FULL = "full"
    EMPTY = "empty"


@attrs.frozen(cache_hash=True)
class LimitConfig:
    """One limit: `amount` per `window_s` seconds of one dimension. An amount of `cost` becomes a Decimal.

    `shape`: unknown unless said, but `concurrency` for the dimension of that name. `burst`: a bucket's capacity
    (default: amount). `guard_s`: most difference in transit time between two requests (default: the router's).
    `every`: a calendar window: "day", "week", "month", or "minute"/"hour" on the wall clock's marks. `phase_s`: a fixed
    window starts at epoch + phase. `timezone`: of a calendar window.
    """

    dimension: str
    amount: Amount
    window_s: float = 60.0
    shape: Shape = attrs.field()
    charge: Charge | None = None
    burst: float | None = None
    guard_s: float | None = None
    every: str | None = None
    phase_s: float = 0.0
    timezone: str = "UTC"
    cold_start: ColdStart | None = None

    @shape.default
    def _usual_shape(self) -> Shape:
        return Shape.CONCURRENCY if self.dimension == CONCURRENCY else Shape.UNKNOWN

    def __attrs_post_init__(self) -> None:
        """Money is Decimal, everything else a plain number: the two never meet in one sum."""
        if self.dimension == COST and isinstance(self.amount, int | float):
            object.__setattr__(self, "amount", Decimal(str(self.amount)))
        elif self.dimension != COST and isinstance(self.amount, Decimal):
            object.__setattr__(self, "amount", float(self.amount))


@attrs.frozen
class PoolConfig:
    """A quota pool: limits that its keys draw on together. `models`: upstream model patterns it counts (all: empty).

    `mirror`: follow what the provider's headers say remains, and not only to do less: the limits declared here hold
    until it has spoken, and when it has not for a window.
    """

    limits: tuple[LimitConfig, ...] = ()
    models: tuple[str, ...] = ()
    mirror: bool = False


@attrs.frozen
class KeyConfig:
    """One credential. `pools`: quota pools it draws on. `limits`: its private pool. `models`: patterns it may serve."""

    provider: str
    secret: SecretSource = attrs.field(repr=False)
    pools: tuple[str, ...] = ()
    limits: tuple[LimitConfig, ...] = ()
    models: tuple[str, ...] = ()
    proxy: str | None = attrs.field(default=None, repr=False)


@attrs.frozen
class CircuitConfig:
    """A provider's breaker. It opens on `consecutive_failures`, or on `failure_rate` of the last `window_calls` once
    `min_calls` have ended; stays open `open_s`, doubling up to `open_max_s`."""

    consecutive_failures: int = 5
    failure_rate: float = 0.5
    min_calls: int = 10
    window_calls: int = 50
    window_s: float = 30.0
    open_s: float = 1.0
    open_max_s: float = 60.0


@attrs.frozen
class RecoveryConfig:
    """How keys and pools come back. Hints of a provider are honoured up to their bound.

    `throttle_s`: first pause after a 429 that says nothing, doubling up to `throttle_max_s`. `exhausted_s` the same for
    a spent quota. `ramp_max`: parallel requests at which a recovering holder counts as available again.
    """

    throttle_s: float = 1.0
    throttle_max_s: float = 3600.0
    exhausted_s: float = 60.0
    exhausted_max_s: float = 86400.0
    ramp_max: int = 16


@attrs.frozen
class ErrorRuleConfig:
    """A generic provider's error: the first rule whose given fields all match decides. `contains`: text of the body."""

    outcome: str
    status: int | None = None
    code: str | None = None
    contains: str | None = None
    scope: str | None = None


@attrs.frozen
class GenericConfig:
    """A JSON API described by data.

    `secret_in`: "header:NAME", "bearer", "query:NAME". `secret_format`: text around it, e.g. "Token {secret}".
    `model_in`: JSON field that carries the upstream model (None: not sent). `usage`: dimension -> dotted path into the
    answer. `units`: dimension -> dotted path into the request, counted before sending. `error_code`, `error_message`:
    dotted paths into an error body. `retry_after`: header or dotted body path in seconds.
    """

    path: str = "/"
    method: str = "POST"
    secret_in: str = "bearer"  # noqa: S105 - a place, not a secret
    secret_format: str = "{secret}"  # noqa: S105 - a pattern, not a secret
    model_in: str | None = "model"
    usage: Mapping[str, str] = attrs.field(factory=dict)
    units: Mapping[str, str] = attrs.field(factory=dict)
    error_code: str = "error.code"
    error_message: str = "error.message"
    retry_after: str = "header:retry-after"
    errors: tuple[ErrorRuleConfig, ...] = ()
    probe_path: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)


@attrs.frozen
class TimeoutsConfig:
    """Seconds; see transport.port.Timeouts. `stall_s`: a stream whose pings go on without content is given up after so
    long; as long as the openai SDK waits for anything (facts: limits.md B1)."""

    connect_s: float = 5.0
    write_s: float = 30.0
    first_byte_s: float = 120.0
    idle_s: float = 60.0
    stall_s: float = 600.0


@attrs.frozen
class ProviderConfig:
    """An upstream API. `base_url`: the adapter's own if not given, where it has one. `adapter`: its name, or
    `file:PATH` of a table that describes another provider of OpenAI's family. `options`: what only this adapter
    knows of, by name (e.g. `api_version`). `charge`: default charge mode by dimension ("*" for the rest); the
    adapter's if not given.

    `default_output_tokens`: reserved when a call names no maximum. `retry_ratio`, `retry_reserve`: the retry budget:
    every first send deposits `retry_ratio`, a retry withdraws 1, the balance starts at and never exceeds the reserve.
    `estimate`: how input tokens are known before sending: "bytes" of the text, or "learned": corrected by how far off
    that was for the calls before.
    """

    base_url: str = ""
    adapter: str = "openai"
    charge: Mapping[str, Charge] = attrs.field(factory=dict)
    default_output_tokens: int = 1024
    timeouts: TimeoutsConfig = TimeoutsConfig()
    circuit: CircuitConfig = CircuitConfig()
    generic: GenericConfig | None = None
    retry_ratio: float = 0.2
    retry_reserve: float = 10.0
    http_client: str = "auto"
    estimate: str = "learned"
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    options: Mapping[str, str] = attrs.field(factory=dict, repr=False)


@attrs.frozen
class PriceConfig:
    """US dollars per million tokens, and per request. All zero means unknown, unless `free` says it costs nothing."""

    input_usd_per_mtok: Decimal = Decimal(0)
    output_usd_per_mtok: Decimal = Decimal(0)
    request_usd: Decimal = Decimal(0)
    free: bool = False

    @property
    def known(self) -> bool:
        """Spending under this price can be counted."""
        return self.free or any((self.input_usd_per_mtok, self.output_usd_per_mtok, self.request_usd))


@attrs.frozen
class CandidateConfig:
    """Where a route may go: a provider's model through some of its keys (glob patterns; all by default)."""

    provider: str
    model: str
    keys: tuple[str, ...] = ("*",)
    price: PriceConfig = PriceConfig()


@attrs.frozen
class RouteConfig:
    """A model alias. `policy`: "headroom" (most room first), "ordered" (as listed), "cheapest".

    `wait_s`: most seconds a call waits for capacity. `waiting_max`: most calls that wait.
    """

    candidates: tuple[CandidateConfig, ...]
    policy: str = "headroom"
    wait_s: float = 30.0
    waiting_max: int = 1000


@attrs.frozen
class BudgetConfig:
    """A cap in US dollars of a scope: "global", "provider:NAME", "route:NAME" or "tenant:NAME".

    `every`: "day", "week", "month" (in `timezone`), or None for the process's life.
    """

    usd: Decimal
    scope: str = "global"
    every: str | None = "month"
    timezone: str = "UTC"


@attrs.frozen
class RestartConfig:
    """Restart intensity: more than `max_restarts` within `within_s` gives up; per child and per supervisor."""

    max_restarts: int = 5
    within_s: float = 10.0
    supervisor_max_restarts: int = 50
    backoff_s: float = 0.05
    backoff_max_s: float = 5.0


@attrs.frozen
class RouterConfig:
    """Everything a router needs. `lease_s`: a reservation whose owner is gone is charged in full after this long.

    `control`: path of a Unix socket through which operators reach the running router; relative to the file's folder.
    """

    providers: Mapping[str, ProviderConfig]
    keys: Mapping[str, KeyConfig]
    routes: Mapping[str, RouteConfig]
    pools: Mapping[str, PoolConfig] = attrs.field(factory=dict)
    budgets: Mapping[str, BudgetConfig] = attrs.field(factory=dict)
    recovery: RecoveryConfig = RecoveryConfig()
    restart: RestartConfig = RestartConfig()
    cold_start: ColdStart = ColdStart.FULL
    guard_s: float = 0.1
    lease_s: float = 60.0
    drain_s: float = 30.0
    decisions_max: int = 4096
    log_level: str = "warning"
    control: str | None = None
