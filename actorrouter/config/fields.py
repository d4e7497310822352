"""The fields of a configuration as they are declared: a walk over all that it holds, and what is of another type."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Any, Final, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

import attrs

from actorrouter.config import LimitConfig, RouterConfig
from actorrouter.config.faults import Fault, Path, expected, kind
from actorrouter.values import Secret, SecretSource

_Check: TypeAlias = Callable[[Any], Iterable[Fault]]
"""What is wrong with one configuration value itself, and where in it."""


Sound: TypeAlias = dict[Hashable, object]
"""What has been found without fault, by what tells it from others: keys by the thousand share limits, which are looked
at once."""


def by_worth(value: Any) -> Hashable:
    """Tells limits apart by what they say, once their types are right: `True` equals 1 and is no amount."""
    return value if type(value) is LimitConfig else id(value)


def walk(value: Any, path: Path, check: _Check, sound: Sound, mark: Callable[[Any], Hashable] = id) -> list[Fault]:
    """What `check` finds in `value` and in every configuration value that it holds, in one of those alike by `mark`."""
    found: list[Fault] = []
    fields = _holders(cast("Hashable", type(value)))
    if fields is not None:
        found += [((*path, *inner), text) for inner, text in check(value)]
        held: Iterable[tuple[Any, Any]] = [(field, getattr(value, field)) for field in fields]
    elif isinstance(value, Mapping):
        held = value.items()
    else:
        held = enumerate(value) if isinstance(value, tuple) else ()
    for step, item in held:
        if mark(item) not in sound:
            found += walk(item, (*path, step), check, sound, mark)
    if not found:
        sound[mark(value)] = value
    return found


@functools.cache
def _holders(cls: Any) -> tuple[str, ...] | None:
    """The fields of a configuration's class that hold more than words and numbers. None: it is no such class."""
    if not attrs.has(cls):
        return None
    return tuple(field for field, declared in _hints(cls).items() if _holds_more(declared))


def _holds_more(declared: Any) -> bool:
    return attrs.has(declared) or any(map(_holds_more, get_args(declared)))


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def type_faults(config: object) -> list[Fault]:
    """Fields of a configuration built in Python that hold something of another type."""
    if not isinstance(config, RouterConfig):
        return [((), expected("a RouterConfig", config))]
    return walk(config, (), _type_faults, {})


def _type_faults(value: Any) -> Iterator[Fault]:
    for field, declared, right in _declared(cast("Hashable", type(value))):
        given = getattr(value, field)
        if not right(given):
            for inner, text in _misfits(given, declared):
                yield (field, *inner), text


@functools.cache
def _declared(cls: Any) -> tuple[tuple[str, Any, Callable[[Any], bool]], ...]:
    """Each field, its declared type, and a quick test whether a value is certainly of it."""
    return tuple((field, declared, _quick(declared)) for field, declared in _hints(cls).items())


def _quick(declared: Any) -> Callable[[Any], bool]:
    origin, inner = get_origin(declared), get_args(declared)
    if origin is Mapping:
        items = _exactly(inner[1])
        return lambda given: type(given) is dict and _all_text(given) and {*map(type, given.values())} <= items
    if origin is tuple:
        items = _exactly(inner[0])
        return lambda given: type(given) is tuple and {*map(type, given)} <= items
    exact = _exactly(declared)
    return lambda given: type(given) in exact


def _exactly(declared: Any) -> frozenset[type]:
    """The types whose every value is as declared."""
    if declared == SecretSource:
        return frozenset({Secret})
    if get_origin(declared) in (UnionType, Union):
        return frozenset().union(*map(_exactly, get_args(declared)))
    if declared is float:
        return frozenset({float, int})
    return frozenset({declared} if isinstance(declared, type) and get_origin(declared) is None else ())


def _all_text(names: Iterable[object]) -> bool:
    return {*map(type, names)} <= {str}


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
