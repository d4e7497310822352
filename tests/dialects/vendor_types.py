"""Documents out of a vendor's own types: the smallest one, and every one that differs from it in a single field.

A TypedDict and a pydantic model are the same here: fields with types, some of which have to be there.
"""

from __future__ import annotations

import enum
import functools
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs
import typing_extensions
from pydantic import BaseModel

_WRAPPERS: Final = (
    typing.Required,
    typing.NotRequired,
    typing.Annotated,
    typing_extensions.Required,
    typing_extensions.NotRequired,
    typing_extensions.ReadOnly,
)
_DEPTH_MAX: Final = 12
UNHEARD_OF: Final = "unheard_of"
"""A field that no type has today."""
_LEAVES: Final[Mapping[Any, tuple[Any, ...]]] = {
    str: ("some text", "other text"),
    int: (7, 8),
    float: (0.5, 0.25),
    bool: (True, False),
    bytes: ("aGVsbG8=", "AAAA"),
    type(None): (None,),
}


@attrs.frozen
class Change:
    """A field's effect: `where` names type and field, `without` and `with_it` are the whole document either way."""

    where: str
    without: Any
    with_it: Any


@attrs.frozen
class Types:
    """A walk through types. `samples`: what to say of a field by name where any text will not do; one whose name stands
    behind that of its type is always said."""

    samples: Mapping[str, Any] = {}
    closed: frozenset[str] = frozenset()
    """Fields whose own fields are not looked at."""

    def smallest(self, kind: Any, depth: int = 0) -> Any:
        """The shortest document of a type: what has to be there, and of several kinds the first."""
        kind = bare(kind)
        if depth > _DEPTH_MAX:
            return {}
        if is_object(kind):
            named = f"{kind.__name__}."
            needed = {
                name: each for name, (each, needs) in fields_of(kind).items() if needs or named + name in self.samples
            }
            return {name: self._sample(kind, name, each, depth) for name, each in needed.items()}
        return next(iter(self._values(kind, depth)), None)

    def _sample(self, kind: Any, name: str, of: Any, depth: int) -> Any:
        for known in (f"{kind.__name__}.{name}", name):
            if known in self.samples and typing.get_origin(bare(of)) is not typing.Literal:
                return self.samples[known]
        return self.smallest(of, depth + 1)

    def _values(self, kind: Any, depth: int) -> Iterator[Any]:
        """Documents of a type that is no object, the shortest first."""
        kind, origin = bare(kind), typing.get_origin(bare(kind))
        if origin is typing.Literal:
            yield from typing.get_args(kind)
        elif members(kind):
            for member in members(kind):
                yield from [self.smallest(member, depth)] if is_object(bare(member)) else self._values(member, depth)
        elif isinstance(kind, type) and issubclass(kind, enum.Enum):
            yield from (each.value for each in kind)
        elif origin is not None and is_mapping(origin):
            yield {"some": "thing"}
        elif origin is not None:
            yield [self.smallest(typing.get_args(kind)[0], depth)] if typing.get_args(kind) else []
        else:
            yield from _LEAVES.get(kind, ({"some": "thing"},))

    def changes(self, kind: Any, seen: tuple[Any, ...] = ()) -> Iterator[Change]:
        """One for every value of every field of every type that can be reached, each type once on a way."""
        kind, origin = bare(kind), typing.get_origin(bare(kind))
        if is_object(kind):
            if kind not in seen:
                yield from self._changes_of_fields(kind, (*seen, kind))
        elif members(kind):
            for member in members(kind):
                yield from self.changes(member, seen)
        elif origin is not None and typing.get_args(kind) and not is_mapping(origin) and origin is not typing.Literal:
            for change in self.changes(typing.get_args(kind)[0], seen):
                yield Change(change.where, [change.without], [change.with_it])

    def _changes_of_fields(self, kind: Any, seen: tuple[Any, ...]) -> Iterator[Change]:
        smallest = self.smallest(kind)
        for name, (each, _) in fields_of(kind).items():
            for value in self._said(kind, name, each):
                if value not in ({}, [{}], smallest.get(name)):
                    yield Change(f"{kind.__name__}.{name}", smallest, {**smallest, name: value})
            inside = () if f"{kind.__name__}.{name}" in self.closed else self.changes(each, seen)
            for change in inside:
                without, with_it = {**smallest, name: change.without}, {**smallest, name: change.with_it}
                yield Change(change.where, without, with_it)
        yield Change(f"{kind.__name__}.{UNHEARD_OF}", smallest, {**smallest, UNHEARD_OF: 1})

    def _said(self, kind: Any, name: str, of: Any) -> Iterator[Any]:
        yield self._sample(kind, name, of, 0)
        of = bare(of)
        if not is_object(of):
            yield from self._values(of, 0)


def is_object(kind: Any) -> bool:
    """Whether a type is an object with fields."""
    return typing_extensions.is_typeddict(kind) or (isinstance(kind, type) and issubclass(kind, BaseModel))


@functools.cache
def fields_of(kind: Any) -> dict[str, tuple[Any, bool]]:
    """Each field's type as it is called on the wire, and whether it has to be there."""
    if typing_extensions.is_typeddict(kind):
        hints = typing_extensions.get_type_hints(kind, include_extras=True)
        return {name: (each, _is_needed(kind, name, each)) for name, each in hints.items()}
    return {
        field.serialization_alias or field.alias or name: (field.annotation, field.is_required())
        for name, field in kind.model_fields.items()
    }


def _is_needed(kind: Any, name: str, of: Any) -> bool:
    """What a TypedDict says of itself is wrong where its annotations are strings, as the SDKs' are (PEP 655)."""
    origin = typing_extensions.get_origin(of)
    if origin in {typing.Required, typing.NotRequired, typing_extensions.Required, typing_extensions.NotRequired}:
        return origin in {typing.Required, typing_extensions.Required}
    bases = [base for base in typing_extensions.get_original_bases(kind) if typing_extensions.is_typeddict(base)]
    inherited = next((base for base in bases if name in typing_extensions.get_type_hints(base)), None)
    return _is_needed(inherited, name, of) if inherited else bool(kind.__total__)


def members(kind: Any) -> Sequence[Any]:
    """What a union is of, without nothing; empty for anything else."""
    if typing.get_origin(kind) not in {typing.Union, types.UnionType}:
        return ()
    return [each for each in typing.get_args(kind) if each is not type(None)]


def kinds_of(kind: Any, name: str = "type") -> set[str]:
    """The words by which a union's members are told apart."""
    kind = bare(kind)
    if members(kind):
        return {word for member in members(kind) for word in kinds_of(member, name)}
    if not is_object(kind) or name not in fields_of(kind):
        return set()
    return {word for word in typing.get_args(bare(fields_of(kind)[name][0])) if isinstance(word, str)}


def without_notes(kind: Any) -> Any:
    """A type without what is only said about it."""
    while typing_extensions.get_origin(kind) in _WRAPPERS:
        kind = typing_extensions.get_args(kind)[0]
    return without_notes(kind.__value__) if isinstance(kind, typing_extensions.TypeAliasType) else kind


def bare(kind: Any) -> Any:
    """A type without what is only said about it, and without nothing."""
    kind = without_notes(kind)
    several = members(kind)
    return bare(several[0]) if len(several) == 1 else kind


def is_mapping(origin: Any) -> bool:
    """Whether a generic type is one of mappings."""
    return isinstance(origin, type) and issubclass(origin, Mapping)
