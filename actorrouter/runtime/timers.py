"""One heap of timers on an injected clock. A cancelled or replaced timer never fires."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable

from actorrouter.values import INF

Due = Callable[[], None]


class Timers:
    """Keyed timers: at most one a key. Cancelled entries are dropped when they surface or outnumber the rest."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Hashable]] = []
        self._live: dict[Hashable, tuple[int, Due]] = {}
        self._serial = 0
        self.on_earlier: Callable[[], None] = lambda: None
        """Called when the earliest instant moved forward."""

    def __len__(self) -> int:
        return len(self._live)

    def set(self, key: Hashable, at: float, due: Due) -> None:
        """Call `due` once at monotonic second `at`; replaces the key's timer."""
        self._serial += 1
        self._live[key] = (self._serial, due)
        heapq.heappush(self._heap, (at, self._serial, key))
        if self._heap[0][1] == self._serial:
            self.on_earlier()
        if len(self._heap) > 64 + 4 * len(self._live):
            self._heap = [entry for entry in self._heap if self._is_live(entry)]
            heapq.heapify(self._heap)

    def cancel(self, key: Hashable) -> None:
        """Forget the key's timer, if any."""
        self._live.pop(key, None)

    def _is_live(self, entry: tuple[float, int, Hashable]) -> bool:
        live = self._live.get(entry[2])
        return live is not None and live[0] == entry[1]

    def next_at(self) -> float:
        """When the earliest timer is due; INF if there is none."""
        while self._heap and not self._is_live(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else INF

    def take_due(self, now: float) -> Due | None:
        """Remove and return the earliest timer that is due, or None."""
        if self.next_at() > now:
            return None
        _, _, key = heapq.heappop(self._heap)
        return self._live.pop(key)[1]
