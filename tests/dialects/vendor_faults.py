"""What a vendor's own types have against a document, strictly: fields they do not know are faults, too."""

from __future__ import annotations

import enum
import typing
from collections.abc import Mapping
from typing import Any

from tests.dialects.vendor_types import bare, fields_of, is_mapping, is_object, members, without_notes

_NUMBERS = {int: (int,), float: (int, float), str: (str,), bool: (bool,), bytes: (str,)}


def faults(kind: Any, said: Any, where: str = "") -> list[str]:
    """Each with its path; none if the document is of this type."""
    if said is None:
        return [] if takes_nothing(kind) else [f"{where}: null"]
    kind, origin = bare(kind), typing.get_origin(bare(kind))
    if is_object(kind):
        return _faults_of_object(kind, said, where)
    if members(kind):
        each = [faults(member, said, where) for member in members(kind)]
        return min(each, key=lambda found: (bool(found), -max((len(fault) for fault in found), default=0)))
    if origin is typing.Literal:
        return [] if said in typing.get_args(kind) else [f"{where}: {said!r}"]
    if origin is not None and is_mapping(origin):
        return [] if isinstance(said, Mapping) else [f"{where}: no object"]
    if origin is not None:
        return _faults_of_list(kind, said, where)
    return _faults_of_leaf(kind, said, where)


def takes_nothing(kind: Any) -> bool:
    """Whether null is of this type."""
    kind = without_notes(kind)
    if typing.get_args(kind) and members(kind):
        return type(None) in typing.get_args(kind) or any(map(takes_nothing, members(kind)))
    return kind in {Any, object, type(None)} or type(None) in typing.get_args(kind)


def _faults_of_object(kind: Any, said: Any, where: str) -> list[str]:
    if not isinstance(said, Mapping):
        return [f"{where}: no object"]
    fields = fields_of(kind)
    found = [f"{where}.{name}: is missing" for name, (_, needed) in fields.items() if needed and name not in said]
    found += [f"{where}.{name}: is not known" for name in said.keys() - fields.keys()]
    for name in said.keys() & fields.keys():
        found += faults(fields[name][0], said[name], f"{where}.{name}")
    return found


def _faults_of_list(kind: Any, said: Any, where: str) -> list[str]:
    if not isinstance(said, list):
        return [f"{where}: no list"]
    inside = (typing.get_args(kind) or (Any,))[0]
    return [fault for number, each in enumerate(said) for fault in faults(inside, each, f"{where}.{number}")]


def _faults_of_leaf(kind: Any, said: Any, where: str) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return [] if said in {each.value for each in kind} else [f"{where}: {said!r}"]
    wanted = _NUMBERS.get(kind)
    return [] if wanted is None or type(said) in wanted else [f"{where}: {said!r} is no {kind.__name__}"]
