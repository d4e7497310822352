"""From tables, lists and words to the configuration's values: cattrs, every fault at once, no value ever repeated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from enum import Enum
from itertools import accumulate
from operator import getitem
from typing import Any, Final, TypeAlias, get_args, get_origin

import attrs
from cattrs import BaseValidationError, Converter, ForbiddenExtraKeysError, IterableValidationError
from cattrs.cols import list_structure_factory
from cattrs.gen import make_dict_structure_fn, mapping_structure_factory, override

from actorrouter import config
from actorrouter.config import BudgetConfig, GenericConfig, RouterConfig
from actorrouter.config.faults import Fault, Misfit, Path, expected, finite, one_of, replaced, suggestion, without
from actorrouter.config.secrets import SecretReader
from actorrouter.values import Amount, Secret, SecretSource

_EMPTY: Final[Mapping[str, Any]] = {"providers": {}, "keys": {}, "routes": {}}
_ROUNDS_MAX: Final = 12  # each takes away one level of what is faulty; the schema has seven
_STAND_INS: Final[Mapping[str, Any]] = {
    "secret": Secret("unread"),
    "base_url": "http://unread",
    "model": "unread",
    "amount": 1,
    "usd": 1,
}
_MISSING: Final = "required and missing"

NONE_WORDS: Final[Mapping[tuple[type, str], str]] = {(BudgetConfig, "every"): "never", (GenericConfig, "model_in"): ""}
"""How TOML, which has no null, says None where None is not the default."""

_DURATION: Final = re.compile(
    r"(?:([0-9.]+)d)?(?:([0-9.]+)h)?(?:([0-9.]+)m(?!s))?(?:([0-9.]+)s)?(?:([0-9.]+)ms)?", re.ASCII
)
_UNITS_S: Final = tuple(map(Decimal, ("86400", "3600", "60", "1", "0.001")))

_Hook: TypeAlias = Callable[[Any, Any], Any]


def read(tree: Mapping[str, Any], secrets: SecretReader) -> tuple[RouterConfig, list[Fault]]:
    """The configuration in `tree` and its faults. What is faulty is left out, and so is what cannot be without it."""
    converter = _converter(secrets)
    faults: list[Fault] | None = None
    for round_number in range(_ROUNDS_MAX):
        tree = {**_EMPTY, **tree}
        try:
            return converter.structure(tree, RouterConfig), faults or []
        except BaseValidationError as error:
            new = list(_faults(error, ()))
        faults = faults or new  # later ones only tell that something was left out
        tree = _mended(tree, new, stand_in=round_number == 0)
    return converter.structure(_EMPTY, RouterConfig), faults or []


def _mended(tree: Mapping[str, Any], faults: list[Fault], *, stand_in: bool) -> Mapping[str, Any]:
    """`tree` without what is faulty; an item goes with its whole list, so that the others keep their places.

    `stand_in`: something harmless takes the place of what its table cannot be without, so that the rest of the table
    can still be judged.
    """
    standing = [path for path, _ in faults if stand_in and len(path) > 2 and path[-1] in _STAND_INS]
    for path in standing:
        tree = replaced(tree, path, _STAND_INS[path[-1]])
    for path, text in faults:
        if path not in standing:
            with suppress(KeyError, IndexError, TypeError):  # already gone, with its list
                tree = without(tree, _cut(tree, path[:-1] if text == _MISSING else path))
    return tree


def _cut(tree: Any, path: Path) -> Path:
    """`path`, or the list it leads through last when its end is an item."""
    parents = list(accumulate(path[:-1], getitem, initial=tree))
    while path and isinstance(parents[len(path) - 1], list | tuple):
        path = path[:-1]
    return path


def _faults(error: Exception, path: Path) -> Iterator[Fault]:
    """Walk cattrs' tree of errors; each carries a note of where it happened."""
    if isinstance(error, BaseValidationError):
        for inner in error.exceptions:
            yield from _faults(inner, (*path, *_place(inner, isinstance(error, IterableValidationError))))
    elif isinstance(error, ForbiddenExtraKeysError):
        fields = [field.name for field in attrs.fields(error.cl)]
        for name in sorted(error.extra_fields, key=str):
            yield (*path, name), f"unknown field{suggestion(name, fields)}"
    elif isinstance(error, Misfit):
        yield path, str(error)
    elif isinstance(error, KeyError):
        yield path, _MISSING
    else:
        raise error


def _place(error: BaseException, in_items: bool) -> Path:
    notes = [note for note in getattr(error, "__notes__", ()) if hasattr(note, "index" if in_items else "name")]
    if not notes:
        return ()
    return (notes[-1].index if in_items else notes[-1].name,)


def _converter(secrets: SecretReader) -> Converter:
    converter = Converter(detailed_validation=True, forbid_extra_keys=True)
    for leaf, hook in _LEAVES.items():
        converter.register_structure_hook(leaf, hook)
    for enum in _ENUMS:  # by name, or the hook of str would take them
        converter.register_structure_hook(enum, _choice)
    converter.register_structure_hook_func(lambda cls: cls == Amount, _amount)
    converter.register_structure_hook_factory(_is_table, lambda cls: _table_hook(cls, converter))
    converter.register_structure_hook_factory(_is_list, lambda cls: _list_hook(cls, converter))
    converter.register_structure_hook_factory(attrs.has, lambda cls: _class_hook(cls, converter, secrets))
    return converter


def _is_table(cls: Any) -> bool:
    return get_origin(cls) is Mapping


def _is_list(cls: Any) -> bool:
    return get_origin(cls) is tuple


def _class_hook(cls: type, converter: Converter, secrets: SecretReader) -> _Hook:
    special: dict[str, Any] = {
        field.name: override(struct_hook=hook)
        for field in attrs.fields(attrs.resolve_types(cls))
        if (hook := _field_hook(cls, field, secrets)) is not None
    }
    return _guarded(make_dict_structure_fn(cls, converter, **special), Mapping, "a table")


def _field_hook(cls: type, field: attrs.Attribute[Any], secrets: SecretReader) -> _Hook | None:
    """What a field's name says about it beyond its type."""
    if field.type == SecretSource:
        return lambda given, _: given if isinstance(given, Secret) or callable(given) else secrets.secret(given)
    if field.name == "proxy":
        return lambda given, _: given if given is None else secrets.text(_text(given, str))
    if field.name.endswith("_s"):
        optional = type(None) in get_args(field.type)
        return lambda given, _: None if given is None and optional else _seconds(given)
    word = NONE_WORDS.get((cls, field.name))
    return None if word is None else lambda given, _: None if given in (None, word) else _text(given, str)


def _table_hook(cls: Any, converter: Converter) -> _Hook:
    return _guarded(mapping_structure_factory(cls, converter), Mapping, "a table")


def _list_hook(cls: Any, converter: Converter) -> _Hook:
    items = _guarded(list_structure_factory(cls, converter), (list, tuple), "a list")
    return lambda given, cls: tuple(items(given, cls))


def _guarded(hook: _Hook, types: type | tuple[type, ...], words: str) -> _Hook:
    def guarded(given: Any, cls: Any) -> Any:
        if not isinstance(given, types):
            raise Misfit(expected(words, given))
        return hook(given, cls)

    return guarded


def _text(given: Any, _: Any) -> str:
    if not isinstance(given, str):
        raise Misfit(expected("text", given))
    return given


def _flag(given: Any, _: Any) -> bool:
    if not isinstance(given, bool):
        raise Misfit(expected("true or false", given))
    return given


def _whole(given: Any, _: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool):
        raise Misfit("expected a whole number" if isinstance(given, Decimal | float) else expected("a number", given))
    return given


def _amount(given: Any, _: Any) -> Amount:
    """A number that floating point can hold; a Decimal stays exact."""
    if not isinstance(given, int | float | Decimal) or isinstance(given, bool):
        raise Misfit(expected("a number", given))
    try:
        as_float = float(given)
    except (OverflowError, ValueError):
        as_float = float("nan")
    if not finite(as_float):
        raise Misfit("expected a finite number")
    return given if isinstance(given, Decimal) else as_float


def _number(given: Any, cls: Any) -> float:
    return float(_amount(given, cls))


def _decimal(given: Any, cls: Any) -> Decimal:
    """Exactly what is written, as a number or as text."""
    if isinstance(given, str) and re.fullmatch(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?", given, re.ASCII):
        return Decimal(given)
    if isinstance(given, int) and not isinstance(given, bool):
        _amount(given, cls)
        return Decimal(given)
    return Decimal(str(_amount(given, cls)))


def _seconds(given: Any) -> float:
    if not isinstance(given, str):
        return _number(given, float)
    match = _DURATION.fullmatch(given) if 0 < len(given) <= 40 else None
    try:
        parts = [Decimal(part or 0) for part in match.groups()] if match else []
    except ArithmeticError:
        parts = []
    if not parts:
        raise Misfit('expected a number of seconds or a duration like "250ms" or "1m30s", got text')
    return float(sum(part * unit for part, unit in zip(parts, _UNITS_S, strict=True)))


def _choice(given: Any, cls: type[Enum]) -> Enum:
    if not isinstance(given, str):
        raise Misfit(expected("text", given))
    if given not in [member.value for member in cls]:
        raise Misfit(one_of([member.value for member in cls], given))
    return cls(given)


_ENUMS: Final = [cls for cls in vars(config).values() if isinstance(cls, type) and issubclass(cls, Enum)]
_LEAVES: Final[Mapping[Any, _Hook]] = {
    str: _text,
    bool: _flag,
    int: _whole,
    float: _number,
    Decimal: _decimal,
}
