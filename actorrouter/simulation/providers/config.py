"""What a simulated provider is: its quota pools, keys, service times and faults, read from TOML or JSON.

Every time is in seconds and counts from the start of the provider, or from its last reset. Unknown fields are refused.
"""

import json
import math
import re
import tomllib
from collections.abc import Callable
from types import GenericAlias
from typing import Any, Literal, TypeVar, get_args

import cattrs
from attrs import Factory, field, frozen
from cattrs.errors import ForbiddenExtraKeysError

Dimension = Literal["requests", "tokens", "input_tokens", "output_tokens", "concurrency"]
Shape = Literal["bucket", "sliding", "fixed", "concurrency"]
Charge = Literal["up_front", "up_front_then_settle", "live", "actual"]
FaultKind = Literal["outage", "revoke", "throttle", "slow_stream", "truncate", "hang", "garbage"]
RetryAfter = Literal["none", "seconds", "exact", "milliseconds"]

TOKENS_MAX = 131_072  # of one request; bounds the size of an answer


class ConfigInvalid(ValueError):
    """A description cannot be used. `faults` pairs each place (`$.providers.openai.port`) with what is wrong there."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{path}: {why}" for path, why in faults))
        self.faults = tuple(faults)


@frozen
class LimitConfig:
    """One limit: `amount` of a dimension per `window_s`, and when use is charged.

    bucket: up to `burst` (default `amount`) at once, refilled evenly. sliding: exact log of the last `window_s`.
    fixed: starts anew at `phase_s` + k x `window_s`. concurrency: requests in flight, no window.
    up_front: input + `max_tokens` at admission, never returned. up_front_then_settle: corrected when the answer ends.
    live: input at admission, output as it is produced. actual: both when the answer ends.
    rejected_count: an arrival refused by any limit of its pools is charged here too.
    """

    dimension: Dimension
    amount: float
    window_s: float = 60.0
    shape: Shape = field()
    burst: float | None = None
    phase_s: float = 0.0
    charge: Charge = "up_front"
    rejected_count: bool = False
    code: Literal["rate_limit_exceeded", "insufficient_quota"] = "rate_limit_exceeded"
    name: str = field()

    @shape.default
    def _shape(self) -> Shape:
        return "concurrency" if self.dimension == "concurrency" else "bucket"

    @name.default
    def _name(self) -> str:
        return self.dimension if self.shape == "concurrency" else f"{self.dimension}/{self.window_s:g}s"

    def __attrs_post_init__(self) -> None:
        _require(self.amount > 0, "amount must be above 0")
        _require(self.window_s > 0, "window_s must be above 0")
        _require((self.dimension == "concurrency") == (self.shape == "concurrency"), "concurrency is its own shape")
        _require(self.burst is None or self.shape == "bucket", "burst belongs to shape bucket")
        _require(self.burst is None or self.burst > 0, "burst must be above 0")

    @property
    def capacity(self) -> float:
        """The most that can be in use at one instant."""
        return self.amount if self.burst is None else self.burst


@frozen
class ScopeConfig:
    """A quota pool: limits shared by every key that names it, for `models` (none named: all)."""

    limits: tuple[LimitConfig, ...] = ()
    models: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        names = [limit.name for limit in self.limits]
        _require(len(set(names)) == len(names), "two limits have the same name; give each its own")


@frozen
class KeyConfig:
    """One credential, the quota pools it draws on, and when it is revoked, if ever."""

    secret: str = field(repr=False)
    scopes: tuple[str, ...]
    revoked_at_s: float | None = None


@frozen
class FaultConfig:
    """Trouble from `at_s` on, for `for_s` (none: for ever), for one key, one quota pool, or all ("*").

    `probability` draws per request. `how` matters to outage (answer: 503; drop: the connection ends without a word) and
    truncate (answer: the body ends properly, but early; drop: the connection ends inside it).
    """

    kind: FaultKind
    at_s: float = 0.0
    for_s: float | None = None
    target: str = "*"
    probability: float = 1.0
    how: Literal["answer", "drop"] = "answer"
    retry_after_s: float | None = None  # throttle: what the 429 claims; none: says nothing
    factor: float = 10.0  # slow_stream: times per_token_s

    def __attrs_post_init__(self) -> None:
        _require(0 <= self.probability <= 1, "probability must be within 0 and 1")
        _require(self.for_s is None or self.for_s >= 0, "for_s must not be negative")
        _require(self.factor >= 0, "factor must not be negative")
        _require(self.retry_after_s is None or self.retry_after_s >= 0, "retry_after_s must not be negative")


@frozen
class ServiceConfig:
    """How long an answer takes: (first_token_s + output tokens x per_token_s) x time_scale. Windows are not scaled."""

    first_token_s: float = 0.05
    per_token_s: float = 0.001
    time_scale: float = 1.0
    chunk_tokens: int = 8  # output tokens in one streamed chunk

    def __attrs_post_init__(self) -> None:
        _require(min(self.first_token_s, self.per_token_s, self.time_scale) >= 0, "times must not be negative")
        _require(self.chunk_tokens >= 1, "chunk_tokens must be at least 1")


@frozen
class ProviderConfig:
    """One simulated provider on one loopback port (0: any free one)."""

    keys: dict[str, KeyConfig]
    scopes: dict[str, ScopeConfig]
    port: int = 0
    models: tuple[str, ...] = ("sim-model",)
    seed: int = 0
    service: ServiceConfig = Factory(ServiceConfig)
    faults: tuple[FaultConfig, ...] = ()
    rate_limit_headers: bool = True
    retry_after: RetryAfter = "seconds"  # rounded up; exact: with fractions; milliseconds: retry-after-ms
    max_tokens_default: int = 256  # when the request names none
    log_max: int = 100_000  # postings kept per quota pool for the audit
    connections_max: int = 4096

    def __attrs_post_init__(self) -> None:
        secrets = {key.secret for key in self.keys.values()}
        _require(len(secrets) == len(self.keys), "two keys have the same secret")
        _require(0 <= self.port <= 65_535, "port must be within 0 and 65535")
        _require(1 <= self.max_tokens_default <= TOKENS_MAX, f"max_tokens_default must be within 1 and {TOKENS_MAX}")
        _require(min(self.log_max, self.connections_max) >= 1, "log_max and connections_max must be at least 1")
        _require(not self.keys.keys() & self.scopes.keys(), "a key and a scope have the same name")
        for key_name, key in self.keys.items():
            missing = sorted(set(key.scopes) - self.scopes.keys())
            _require(not missing, f"key {key_name} names unknown scopes {missing}")
        for fault in self.faults:
            self.require_target(fault)

    def require_target(self, fault: FaultConfig) -> None:
        """Raise ValueError unless the fault's target is "*", a key or a scope of this provider."""
        known = fault.target == "*" or fault.target in self.keys or fault.target in self.scopes
        _require(known, f"fault {fault.kind}: no key or scope is named {fault.target!r}")


@frozen
class SimulationConfig:
    """Providers by name; each gets its own port."""

    providers: dict[str, ProviderConfig]

    def __attrs_post_init__(self) -> None:
        _require(bool(self.providers), "name at least one provider")
        for name in self.providers:  # it is part of a header
            _require(
                re.fullmatch(r"[\w.-]+", name, re.ASCII) is not None, "a provider's name has letters, digits, . _ -"
            )


_T = TypeVar("_T")


def read_config(text: str) -> SimulationConfig:
    """Read a description from JSON (text that starts with a brace) or TOML. Raises ConfigInvalid."""
    try:
        raw = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigInvalid([("$", f"neither JSON nor TOML: {error}")]) from error
    return structure(raw, SimulationConfig)


def structure(raw: object, kind: type[_T]) -> _T:
    """Turn plain mappings and lists into a description. Raises ConfigInvalid naming every faulty place."""
    try:
        return _converter.structure(raw, kind)
    except Exception as error:
        told = cattrs.transform_error(error, format_exception=_why)
        faults = [(path, why) for why, _, path in (line.rpartition(" @ ") for line in told)]
        raise ConfigInvalid(faults) from error


def _why(error: BaseException, _kind: type | None) -> str:
    if isinstance(error, KeyError):
        return f"missing: {error.args[0]}"
    if isinstance(error, ForbiddenExtraKeysError):
        return f"unknown fields {sorted(error.extra_fields)}"
    if isinstance(error, AttributeError) or "not iterable" in str(error):
        return "expected a table"
    return str(error)


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise ValueError(why)


def _exactly(*kinds: type) -> Callable[[Any, Any], Any]:
    """A hook that takes a value as it is or refuses it: no text where a number belongs, no NaN, no infinity."""

    def check(value: Any, kind: Any) -> Any:
        if type(value) not in kinds or (isinstance(value, float) and not math.isfinite(value)):
            raise TypeError(f"expected {kind.__name__}")
        return kind(value)

    return check


def _listed(kind: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    """A hook for tuples that takes lists only: text is not a list of letters."""
    as_list = GenericAlias(list, get_args(kind)[:1])
    read = converter.get_structure_hook(as_list)

    def check(value: Any, _kind: Any) -> Any:
        if not isinstance(value, list):
            raise TypeError("expected a list")
        return tuple(read(value, as_list))

    return check


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for kind, accepted in ((float, (int, float)), (int, (int,)), (str, (str,)), (bool, (bool,))):
        converter.register_structure_hook(kind, _exactly(*accepted))
    converter.register_structure_hook_factory(lambda kind: getattr(kind, "__origin__", None) is tuple)(_listed)
    return converter


_converter = _make_converter()
