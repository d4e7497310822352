"""What a simulated provider is: its quota pools, keys, prices, service times and faults, read from TOML or JSON.

Every time is in seconds and counts from the start of the provider, or from its last reset. Unknown fields are refused.
"""

import json
import re
import tomllib
from typing import Literal

from attrs import Factory, field, frozen

from actorrouter.simulation.providers.checks import ConfigInvalid, require, structure
from actorrouter.simulation.providers.fault_config import DialFault, FaultConfig, FaultKind, How
from actorrouter.simulation.providers.limit_config import Charge, Code, Dimension, LimitConfig, Shape

__all__ = [
    "TOKENS_MAX",
    "Charge",
    "Code",
    "ConfigInvalid",
    "DialFault",
    "Dialect",
    "Dimension",
    "FaultConfig",
    "FaultKind",
    "HeadersConfig",
    "How",
    "KeyConfig",
    "LimitConfig",
    "PriceConfig",
    "ProviderConfig",
    "RetryAfter",
    "ScopeConfig",
    "ServiceConfig",
    "Shape",
    "SimulationConfig",
    "read_config",
    "structure",
]

RetryAfter = Literal["none", "seconds", "exact", "milliseconds"]
Dialect = Literal["openai", "azure", "anthropic", "groq", "mistral", "none"]

TOKENS_MAX = 131_072  # of one request; bounds the size of an answer


@frozen
class ScopeConfig:
    """A quota pool: limits shared by every key that names it, for `models` (none named: all)."""

    limits: tuple[LimitConfig, ...] = ()
    models: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        names = [limit.name for limit in self.limits]
        require(len(set(names)) == len(names), "two limits have the same name; give each its own")


@frozen
class KeyConfig:
    """One credential, the quota pools it draws on, and when it is revoked, if ever."""

    secret: str = field(repr=False)
    scopes: tuple[str, ...]
    revoked_at_s: float | None = None


@frozen
class PriceConfig:
    """US dollars per million tokens; what is read from a cache costs `cached_usd` (none: as other input)."""

    input_usd: float
    output_usd: float
    cached_usd: float | None = None

    def __attrs_post_init__(self) -> None:
        require(min(self.input_usd, self.output_usd, self.cached_usd or 0) >= 0, "prices must not be negative")


@frozen
class HeadersConfig:
    """What the answers tell of the limits. `rounded`: tokens left are told to the nearest so many (none: as the
    dialect does). `missing`: the probability that one answer tells nothing."""

    dialect: Dialect = "openai"
    rounded: int | None = None
    missing: float = 0.0
    on_success: bool = True
    on_errors: bool = True

    def __attrs_post_init__(self) -> None:
        require(self.rounded is None or self.rounded >= 1, "rounded must be at least 1")
        require(0 <= self.missing <= 1, "missing must be within 0 and 1")


@frozen
class ServiceConfig:
    """How long an answer takes: (first_token_s + output tokens x per_token_s) x time_scale. Windows are not scaled."""

    first_token_s: float = 0.05
    per_token_s: float = 0.001
    time_scale: float = 1.0
    chunk_tokens: int = 8  # output tokens in one streamed chunk

    def __attrs_post_init__(self) -> None:
        require(min(self.first_token_s, self.per_token_s, self.time_scale) >= 0, "times must not be negative")
        require(self.chunk_tokens >= 1, "chunk_tokens must be at least 1")


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
    prices: dict[str, PriceConfig] = Factory(dict)  # by model; "*": any other
    rate_limit_headers: bool = True
    headers: HeadersConfig = Factory(HeadersConfig)
    retry_after: RetryAfter = "seconds"  # rounded up; exact: with fractions; milliseconds: retry-after-ms
    max_tokens_default: int = 256  # when the request names none
    log_max: int = 100_000  # postings kept per quota pool for the audit; 0: none, and no audit
    attempts: bool = True  # keep a second account of each limit, of what was asked of it
    clock_skew_s: float = 0.0  # how far the provider's wall clock is ahead
    connections_max: int = 4096

    def __attrs_post_init__(self) -> None:
        secrets = {key.secret for key in self.keys.values()}
        require(len(secrets) == len(self.keys), "two keys have the same secret")
        require(0 <= self.port <= 65_535, "port must be within 0 and 65535")
        require(1 <= self.max_tokens_default <= TOKENS_MAX, f"max_tokens_default must be within 1 and {TOKENS_MAX}")
        require(self.log_max >= 0, "log_max must not be negative")
        require(self.connections_max >= 1, "connections_max must be at least 1")
        require(not self.keys.keys() & self.scopes.keys(), "a key and a scope have the same name")
        for key_name, key in self.keys.items():
            missing = sorted(set(key.scopes) - self.scopes.keys())
            require(not missing, f"key {key_name} names unknown scopes {missing}")
        for fault in self.faults:
            self.require_target(fault)
        self._require_prices()

    def _require_prices(self) -> None:
        counted = any(limit.dimension == "cost" for scope in self.scopes.values() for limit in scope.limits)
        unpriced = (
            [] if "*" in self.prices else sorted(set(self.models) - self.prices.keys()) or ["*"][: not self.models]
        )
        require(not counted or not unpriced, f"a limit of cost needs a price of {unpriced}")

    def require_target(self, fault: FaultConfig) -> None:
        """Raise ValueError unless the fault's target is "*", a key or a scope of this provider."""
        known = fault.target == "*" or fault.target in self.keys or fault.target in self.scopes
        require(known, f"fault {fault.kind}: no key or scope is named {fault.target!r}")
        require(fault.kind != "squeeze" or fault.target not in self.keys, "a squeeze meets a scope, not a key")


@frozen
class SimulationConfig:
    """Providers by name; each gets its own port."""

    providers: dict[str, ProviderConfig]

    def __attrs_post_init__(self) -> None:
        require(bool(self.providers), "name at least one provider")
        for name in self.providers:  # it is part of a header
            require(
                re.fullmatch(r"[\w.-]+", name, re.ASCII) is not None, "a provider's name has letters, digits, . _ -"
            )


def read_config(text: str) -> SimulationConfig:
    """Read a description from JSON (text that starts with a brace) or TOML. Raises ConfigInvalid."""
    try:
        raw = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigInvalid([("$", f"neither JSON nor TOML: {error}")]) from error
    return structure(raw, SimulationConfig)
