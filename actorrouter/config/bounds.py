"""What may stand in one field, whatever stands in the others: bounds and known words, as tables."""

from __future__ import annotations

import functools
import os
import zoneinfo
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from actorrouter import config as c
from actorrouter.config.faults import Bounds, Fault, name_fault, one_of, suggestion
from actorrouter.config.fields import by_worth, walk
from actorrouter.values import OutcomeClass, Scope

TEN_YEARS_S: Final = 315_360_000
CONTROL_BYTES_MAX: Final = 92  # what every system can bind, less what making the socket safely needs
AMOUNT_MAX: Final = 10**15  # a float still counts by ones there

_SECONDS: Final = Bounds(0, TEN_YEARS_S)
_SPAN: Final = Bounds(0.001, TEN_YEARS_S)
_COUNT: Final = Bounds(0, 10**9)
_AT_LEAST_1: Final = Bounds(1, 10**9)
_AT_LEAST_2: Final = Bounds(2, 10**9)
_RATIO: Final = Bounds(0, 1, above=True)
_MONEY: Final = Bounds(0, 10**12)

BOUNDS: Final[Mapping[type, Mapping[str, Bounds]]] = {
    c.LimitConfig: {
        "amount": Bounds(0, AMOUNT_MAX),
        "window_s": _SPAN,
        "burst": Bounds(0, AMOUNT_MAX, above=True),
        "guard_s": _SECONDS,
        "phase_s": Bounds(-TEN_YEARS_S, TEN_YEARS_S),
    },
    c.CircuitConfig: {
        "consecutive_failures": _AT_LEAST_1,
        "failure_rate": _RATIO,
        "min_calls": _AT_LEAST_2,
        "window_calls": _AT_LEAST_2,
        "window_s": _SPAN,
        "open_s": _SPAN,
        "open_max_s": _SPAN,
    },
    c.RecoveryConfig: {
        "throttle_s": _SPAN,
        "throttle_max_s": _SPAN,
        "exhausted_s": _SPAN,
        "exhausted_max_s": _SPAN,
        "ramp_max": _AT_LEAST_1,
    },
    c.TimeoutsConfig: {"connect_s": _SPAN, "write_s": _SPAN, "first_byte_s": _SPAN, "idle_s": _SPAN, "stall_s": _SPAN},
    c.ProviderConfig: {"default_output_tokens": _COUNT, "retry_ratio": Bounds(0, 1000), "retry_reserve": _COUNT},
    c.ErrorRuleConfig: {"status": Bounds(100, 599)},
    c.PriceConfig: {"input_usd_per_mtok": _MONEY, "output_usd_per_mtok": _MONEY, "request_usd": _MONEY},
    c.RouteConfig: {"wait_s": _SECONDS, "waiting_max": _COUNT},
    c.BudgetConfig: {"usd": _MONEY},
    c.RestartConfig: {
        "max_restarts": _COUNT,
        "within_s": _SPAN,
        "supervisor_max_restarts": _COUNT,
        "backoff_s": _SECONDS,
        "backoff_max_s": _SECONDS,
    },
    c.RouterConfig: {"guard_s": _SECONDS, "lease_s": _SPAN, "drain_s": _SECONDS, "decisions_max": _AT_LEAST_1},
}

NOT_ABOVE: Final[Mapping[type, tuple[tuple[str, str], ...]]] = {
    c.CircuitConfig: (("open_s", "open_max_s"), ("min_calls", "window_calls")),
    c.RecoveryConfig: (("throttle_s", "throttle_max_s"), ("exhausted_s", "exhausted_max_s")),
    c.RestartConfig: (("backoff_s", "backoff_max_s"),),
}
"""The first field is at most the second."""

ADAPTERS: Final = (
    "openai", "azure", "groq", "mistral", "deepseek", "xai", "openrouter", "together", "fireworks", "cohere", "vllm",
    "ollama", "gemini-openai", "anthropic", "gemini", "bedrock", "generic",
)  # fmt: skip
WORDS: Final[Mapping[type, Mapping[str, tuple[str, ...]]]] = {
    c.ProviderConfig: {
        "adapter": ADAPTERS,
        "http_client": ("auto", "lean", "httpx2", "httpx"),
        "estimate": ("learned", "bytes"),
    },
    c.RouteConfig: {"policy": ("headroom", "ordered", "cheapest")},
    c.RouterConfig: {"log_level": ("debug", "info", "warning", "error", "critical")},
    c.LimitConfig: {"every": ("minute", "hour", "day", "week", "month")},
    c.BudgetConfig: {"every": ("day", "week", "month")},
    c.ErrorRuleConfig: {"outcome": tuple(OutcomeClass), "scope": tuple(Scope)},
    c.GenericConfig: {"method": ("GET", "POST", "PUT", "PATCH", "DELETE")},
}


def field_faults(config: c.RouterConfig) -> list[Fault]:
    """What is wrong with single fields."""
    return walk(config, (), _field_faults, {}, by_worth)


def _field_faults(value: Any) -> Iterator[Fault]:
    for check in _CHECKS.get(type(value), ()):
        for field, text in check(value):
            yield (field,), text


def _bound_faults(value: Any) -> Iterator[tuple[str, str]]:
    for field, bounds in BOUNDS.get(type(value), {}).items():
        number = getattr(value, field)
        if number is not None and (text := bounds.fault(number)):
            yield field, text


def _order_faults(value: Any) -> Iterator[tuple[str, str]]:
    for low, high in NOT_ABOVE.get(type(value), ()):
        if getattr(value, low) > getattr(value, high):
            yield low, f"must be at most {high}"


def _word_faults(value: Any) -> Iterator[tuple[str, str]]:
    for field, words in WORDS.get(type(value), {}).items():
        word = getattr(value, field)
        own_table = field == "adapter" and str(word).startswith(c.OWN_TABLE)
        if word is not None and word not in words and not own_table:
            yield field, one_of(words, word)


def _zone_faults(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, c.LimitConfig | c.BudgetConfig) and not _is_zone(value.timezone):
        yield "timezone", f"no such time zone{suggestion(value.timezone, sorted(zoneinfo.available_timezones()), 0.75)}"


@functools.cache
def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


_MODEL_MAX: Final = 256
_PATTERNS: Final = ((c.PoolConfig, "models"), (c.KeyConfig, "models"), (c.CandidateConfig, "keys"))


def _text_faults(value: Any) -> Iterator[tuple[str, str]]:
    """Names and patterns that are empty or could not be printed."""
    if isinstance(value, c.CandidateConfig) and not _is_model(value.model):
        yield "model", f"a model's name is 1 to {_MODEL_MAX} printable characters without spaces"
    for cls, field in _PATTERNS:
        if isinstance(value, cls) and any(name_fault(pattern) for pattern in getattr(value, field)):
            yield field, "a pattern is 1 to 100 printable characters without spaces"
    if isinstance(value, c.RouterConfig) and value.control is not None and not _is_socket_path(value.control):
        yield "control", f"expected a socket's path of at most {CONTROL_BYTES_MAX} bytes, the file's folder included"


def _is_socket_path(path: str) -> bool:
    return path.isprintable() and 0 < len(os.fsencode(path)) <= CONTROL_BYTES_MAX and not path.endswith("/")


def _is_model(name: str) -> bool:
    return 0 < len(name) <= _MODEL_MAX and name.isprintable() and " " not in name


_CHECKED: Final[Mapping[Callable[[Any], Iterator[tuple[str, str]]], Collection[type]]] = {
    _bound_faults: BOUNDS,
    _order_faults: NOT_ABOVE,
    _word_faults: WORDS,
    _zone_faults: (c.LimitConfig, c.BudgetConfig),
    _text_faults: (c.PoolConfig, c.KeyConfig, c.CandidateConfig, c.RouterConfig),
}
_CHECKS: Final[Mapping[type, tuple[Callable[[Any], Iterator[tuple[str, str]]], ...]]] = {
    cls: tuple(check for check, classes in _CHECKED.items() if cls in classes)
    for cls in set().union(*_CHECKED.values())
}
"""Which checks concern a class."""
