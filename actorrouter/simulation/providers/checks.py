"""Reading descriptions without trust: what they are made of, and where they are wrong."""

import math
from collections.abc import Callable
from types import GenericAlias
from typing import Any, TypeVar, get_args

import cattrs
from cattrs.errors import ForbiddenExtraKeysError


class ConfigInvalid(ValueError):
    """A description cannot be used. `faults` pairs each place (`$.providers.openai.port`) with what is wrong there."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{path}: {why}" for path, why in faults))
        self.faults = tuple(faults)


_T = TypeVar("_T")


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


def require(holds: bool, why: str) -> None:
    """Raise ValueError unless it holds."""
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
