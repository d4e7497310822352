"""What may stand in one field, whatever stands in the others: types, bounds and known words, as tables."""

from __future__ import annotations

import functools
import os
import zoneinfo
from collections.abc import Callable, Hashable, Iterator, Mapping
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Any, Final, Union, cast, get_args, get_origin, get_type_hints

import attrs

from actorrouter import config as c
from actorrouter.config.faults import Bounds, Fault, Path, expected, kind, name_fault, one_of, suggestion
from actorrouter.values import OutcomeClass, Scope, Secret, SecretSource

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
    c.TimeoutsConfig: {"connect_s": _SPAN, "write_s": _SPAN, "first_byte_s": _SPAN, "idle_s": _SPAN},
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

WORDS: Final[Mapping[type, Mapping[str, tuple[str, ...]]]] = {
    c.ProviderConfig: {"adapter": ("openai", "generic"), "http_client": ("auto", "lean", "httpx2", "httpx")},
    c.RouteConfig: {"policy": ("headroom", "ordered", "cheapest")},
    c.RouterConfig: {"log_level": ("debug", "info", "warning", "error", "critical")},
    c.LimitConfig: {"every": ("minute", "hour", "day", "week", "month")},
    c.BudgetConfig: {"every": ("day", "week", "month")},
    c.ErrorRuleConfig: {"outcome": tuple(OutcomeClass), "scope": tuple(Scope)},
    c.GenericConfig: {"method": ("GET", "POST", "PUT", "PATCH", "DELETE")},
}


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every configuration value in `value`, itself first, with its path."""
    if attrs.has(type(value)):
        yield path, value
        for field in attrs.fields(type(value)):
            yield from walk(getattr(value, field.name), (*path, field.name))
    elif isinstance(value, Mapping | tuple):
        for step, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from walk(item, (*path, step))


def field_faults(config: c.RouterConfig) -> Iterator[Fault]:
    """What is wrong with single fields."""
    for path, value in walk(config):
        for check in _CHECKS:
            for field, text in check(value):
                yield (*path, field), text


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
        if word is not None and word not in words:
            yield field, one_of(words, word)


def _zone_faults(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, c.LimitConfig | c.BudgetConfig) and not _is_zone(value.timezone):
        yield "timezone", f"no such time zone{suggestion(value.timezone, sorted(zoneinfo.available_timezones()), 0.75)}"


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


_CHECKS: Final[tuple[Callable[[Any], Iterator[tuple[str, str]]], ...]] = (
    _bound_faults,
    _order_faults,
    _word_faults,
    _zone_faults,
    _text_faults,
)


def type_faults(config: object) -> Iterator[Fault]:
    """Fields of a configuration built in Python that hold something of another type."""
    if not isinstance(config, c.RouterConfig):
        yield (), expected("a RouterConfig", config)
        return
    for path, value in walk(config):
        for field, declared in _hints(cast("Hashable", type(value))).items():
            for inner, text in _misfits(getattr(value, field), declared):
                yield (*path, field, *inner), text


@functools.cache
def _hints(cls: Hashable) -> dict[str, Any]:
    return get_type_hints(cls)


def _misfits(value: Any, declared: Any) -> Iterator[Fault]:
    """Where `value` is not what is declared. Inside of nested configurations `walk` looks for itself."""
    origin, inner = get_origin(declared), get_args(declared)
    if declared == SecretSource:
        if not isinstance(value, Secret) and not callable(value):
            yield (), "expected a Secret, or an async callable that gives one"
    elif origin in (UnionType, Union):
        if all(any(True for _ in _misfits(value, option)) for option in inner):
            yield (), expected(" or ".join(map(_named, inner)), value)
    elif origin is Mapping and isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(name, str):
                yield (name,), expected("a name that is text", name)
            yield from (((name, *at), text) for at, text in _misfits(item, inner[1]))
    elif origin is tuple and isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from (((index, *at), text) for at, text in _misfits(item, inner[0]))
    elif not _is(value, origin or declared):
        yield (), expected(_named(origin or declared), value)


def _is(value: Any, cls: type) -> bool:
    if isinstance(value, bool):
        return cls is bool
    return isinstance(value, (int, float) if cls is float else cls)


def _named(cls: Any) -> str:
    if isinstance(cls, type) and (issubclass(cls, Enum) or attrs.has(cls)):
        return f"a {cls.__name__}"
    return _TYPE_WORDS.get(cls, "something else")


_TYPE_WORDS: Final[Mapping[Any, str]] = {
    bool: kind(True),
    int: "a whole number",
    float: kind(0.0),
    Decimal: "a Decimal",
    str: kind(""),
    type(None): "None",
    Mapping: "a mapping",
    tuple: "a tuple",
}
