"""Children brought to rest one after the other, the last started first."""

from __future__ import annotations

from collections.abc import Callable

import attrs


@attrs.define(eq=False)
class _Way:
    left: list[str]
    rest: Callable[[str], bool]
    then: Callable[[], None]
    under_way: bool = False


class Descent:
    """At most one way down at a time; a new one replaces the old."""

    def __init__(self) -> None:
        self._way: _Way | None = None

    def begin(self, children: list[str], rest: Callable[[str], bool], then: Callable[[], None]) -> None:
        """Bring `children`, given in start order, to rest from the last on; then call `then`.

        `rest`: repeats safely; False = this one has yet to end, and `go_on` will be called when it has."""
        self._way = _Way(children, rest, then)
        self.go_on()

    def go_on(self) -> None:
        """Something has ended: go on if that was waited for."""
        way = self._way
        if way is None or way.under_way:
            return
        way.under_way = True
        while way.left and way.rest(way.left[-1]):
            if self._way is not way:
                return
            way.left.pop()
        way.under_way = False
        if not way.left and self._way is way:
            self._way = None
            way.then()
