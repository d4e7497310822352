"""The parts of a streamed response: begun, grown and ended as its events tell, each text told once.

A response tells everything several times: in pieces, when a content is done, when its item is. What a provider leaves
out of the pieces comes with the whole.
"""

from __future__ import annotations

from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Part, PartBegan, PartEnded, PartGrew, Reasoning, Step
from actorrouter.dialects.port import Malformed

Key = tuple[int, int]
"""An item's place in the output, and a content's in the item."""


class _Streamed:
    """A part and its text so far."""

    __slots__ = ("ended", "number", "told")

    def __init__(self, number: int) -> None:
        self.number = number
        self.told: list[str] = []
        self.ended = False


class StreamedParts:
    """All parts of one response, numbered in the order they began in."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._next = 0
        self._items: dict[int, dict[int, _Streamed]] = {}

    def clear(self, index: int) -> list[Step]:
        """An item begins at this place: what stood there before is over, as some providers number nothing."""
        ended = self.end_item(index)
        self._items.pop(index, None)
        return ended

    def _find(self, key: Key) -> _Streamed | None:
        return self._items.get(key[0], {}).get(key[1])

    def begin(self, key: Key, empty: Part) -> list[Step]:
        """Open a part, unless it is."""
        if self._find(key):
            return []
        part = self._items.setdefault(key[0], {})[key[1]] = _Streamed(self._next)
        self._next += 1
        return [PartBegan(0, part.number, empty)]

    def grow(self, key: Key, text: str) -> list[Step]:
        """A piece of a part that is open. Raises Malformed."""
        part = self._find(key)
        if part is None or part.ended:
            raise Malformed("output_index", "an item that was added is expected")
        part.told.append(text)
        return [PartGrew(0, part.number, text)] if text else []

    def complete(self, key: Key, empty: Part, whole: str) -> list[Step]:
        """What of a part's text was not told piece by piece."""
        begun = self.begin(key, empty)
        part = self._items[key[0]][key[1]]
        told = "".join(part.told)
        if whole.startswith(told) and not part.ended:
            return [*begun, *self.grow(key, whole.removeprefix(told))]
        if whole != told and not isinstance(empty, Reasoning):  # of thoughts either the summary or the text is whole
            self._losses.add("done", "type", "the whole is another text than its pieces")
        return begun

    def end(self, key: Key, hidden: str = "") -> list[Step]:
        """Nothing more will come of a part."""
        part = self._find(key)
        if part is None or part.ended:
            return []
        part.ended = True
        return [PartEnded(0, part.number, hidden=hidden)]

    def end_item(self, index: int) -> list[Step]:
        """Nothing more will come of the item at this place."""
        return [step for number in self._items.get(index, ()) for step in self.end((index, number))]

    def end_all(self) -> list[Step]:
        """Nothing more will come of any."""
        return [step for index in self._items for step in self.end_item(index)]
