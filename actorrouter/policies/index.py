"""Items in order of a small integer score, each move O(1): buckets, and a heap of the scores in use.

OrderedDict, not dict, inside a bucket: taking from the front of a plain dict walks over tombstones. Pure.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, Generic, Protocol, TypeVar

ABSENT: Final = -1
_EMPTY_MAX: Final = 64
"""Buckets that may stand empty, beyond two for each in use: an item often comes back to where it was."""


class Ranked(Protocol):
    """What can be in one index: it carries its own score. Lower is better; ABSENT: not in it."""

    score: int


T = TypeVar("T", bound=Ranked)


class Buckets(Generic[T]):
    """Best first; equal scores in turn, the longest untouched first."""

    __slots__ = ("_buckets", "_order", "_used")

    def __init__(self) -> None:
        self._buckets: dict[int, OrderedDict[T, None]] = {}
        self._order: list[int] = []
        self._used = 0

    def put(self, item: T, score: int) -> None:
        """Place or move the item; to the back of its bucket."""
        if item.score >= 0:
            bucket = self._buckets[item.score]
            if item.score == score:
                bucket.move_to_end(item)
                return
            self._take(item, bucket)
        item.score = score
        target = self._buckets.get(score)
        if target is None:
            target = self._open(score)
        if not target:
            self._used += 1
        target[item] = None

    def _open(self, score: int) -> OrderedDict[T, None]:
        if len(self._buckets) > _EMPTY_MAX + 2 * self._used:
            self._buckets = {each: bucket for each, bucket in self._buckets.items() if bucket}
            self._order = sorted(self._buckets)
        bucket = self._buckets[score] = OrderedDict()
        heapq.heappush(self._order, score)
        return bucket

    def discard(self, item: T) -> None:
        """Take the item out, if it is in."""
        if item.score >= 0:
            self._take(item, self._buckets[item.score])
            item.score = ABSENT

    def _take(self, item: T, bucket: OrderedDict[T, None]) -> None:
        del bucket[item]
        if not bucket:
            self._used -= 1

    def first(self) -> T | None:
        """The best item."""
        order = self._order
        while order:
            bucket = self._buckets[order[0]]
            if bucket:
                return next(iter(bucket))
            del self._buckets[heapq.heappop(order)]
        return None

    def __iter__(self) -> Iterator[T]:
        """Best first. Moving an item ends the iteration's validity."""
        for score in sorted(self._buckets):
            yield from self._buckets[score]
