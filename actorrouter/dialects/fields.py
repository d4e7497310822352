"""An object of somebody else's document, taken field by field: what is of the wrong type is told by its path, and what
nobody took becomes a loss."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, Final

from actorrouter.dialects.losses import Losses
from actorrouter.dialects.port import Malformed

_UNKNOWN: Final = "not translated"


class Fields:
    """The fields of one object that are not null; a null field is one that was not said. `where`: its dotted path."""

    __slots__ = ("_left", "where")

    def __init__(self, document: Any, where: str = "") -> None:
        if type(document) is not dict and not isinstance(document, Mapping):  # most are, and asking an ABC is slow
            raise Malformed(where, "an object is expected")
        self._left = {name: said for name, said in document.items() if said is not None}
        self.where = where

    def path(self, name: str) -> str:
        """Where a field stands."""
        return f"{self.where}.{name}" if self.where else name

    def has(self, name: str) -> bool:
        """Whether a field is said and not taken yet."""
        return name in self._left

    def names(self) -> tuple[str, ...]:
        """The fields nobody took yet."""
        return tuple(self._left)

    def take(self, name: str) -> Any:
        """A field as it is, or None."""
        return self._left.pop(name, None)

    def skip(self, *names: str) -> None:
        """Take fields that mean nothing here."""
        for name in names:
            self._left.pop(name, None)

    def text(self, name: str) -> str:
        """A string, or "" when it is not said."""
        said = self._left.pop(name, "")
        if not isinstance(said, str):
            raise Malformed(self.path(name), "a string is expected")
        return said

    def needed_text(self, name: str) -> str:
        """A string that has to be there."""
        self._need(name)
        return self.text(name)

    def flag(self, name: str) -> bool | None:
        """A boolean, or None."""
        said = self._left.pop(name, None)
        if said is not None and not isinstance(said, bool):
            raise Malformed(self.path(name), "a boolean is expected")
        return said

    def number(self, name: str) -> float | None:
        """An integer or a float, or None."""
        said = self._left.pop(name, None)
        if said is not None and (isinstance(said, bool) or not isinstance(said, int | float)):
            raise Malformed(self.path(name), "a number is expected")
        if isinstance(said, float) and not math.isfinite(said):  # no JSON, though Python reads and writes it
            raise Malformed(self.path(name), "a finite number is expected")
        return said

    def integer(self, name: str) -> int | None:
        """A whole number (3.0 is one, as in JSON), or None."""
        said = self.number(name)
        if said is None or isinstance(said, int):
            return said
        if not said.is_integer():
            raise Malformed(self.path(name), "an integer is expected")
        return int(said)

    def mapping(self, name: str) -> Mapping[str, Any] | None:
        """An object as it is, or None."""
        said = self._left.pop(name, None)
        if said is not None and not isinstance(said, Mapping):
            raise Malformed(self.path(name), "an object is expected")
        return said

    def items(self, name: str) -> list[Any]:
        """A list, empty when it is not said."""
        said = self._left.pop(name, [])
        if not isinstance(said, list):
            raise Malformed(self.path(name), "a list is expected")
        return said

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings, empty when it is not said."""
        said = self.items(name)
        for number, each in enumerate(said):
            if not isinstance(each, str):
                raise Malformed(f"{self.path(name)}.{number}", "a string is expected")
        return tuple(said)

    def child(self, name: str) -> Fields | None:
        """An object, to be taken field by field, or None."""
        return Fields(self._left.pop(name), self.path(name)) if name in self._left else None

    def needed_child(self, name: str) -> Fields:
        """An object that has to be there."""
        self._need(name)
        return Fields(self._left.pop(name), self.path(name))

    def children(self, name: str) -> list[Fields]:
        """A list of objects, empty when it is not said."""
        where = self.path(name)
        return [Fields(each, f"{where}.{number}") for number, each in enumerate(self.items(name))]

    def needed_children(self, name: str) -> list[Fields]:
        """A list of objects that has to be there."""
        self._need(name)
        return self.children(name)

    def rest(self, losses: Losses, plain: Mapping[str, Collection[Any]] | None = None) -> None:
        """Name what nobody took. `plain`: field -> what it may say without asking for anything; empty never does."""
        for name, said in self._left.items():
            if said not in ("", [], {}) and not (plain and name in plain and said in plain[name]):
                losses.add(name, self.path(name), _UNKNOWN)
        self._left = {}

    def _need(self, name: str) -> None:
        if name not in self._left:
            raise Malformed(self.path(name), "is missing")
