"""The one stream of events, and who reads it. Order: as it happened, the same for every reader."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from actorrouter.events import DeadLettered


class Stream:
    """Shows every event to every reader, one event after the other."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.readers: list[Callable[[Any], None]] = []
        """Each is called with every event, after it was applied. A reader that raises is dropped and counted.
        What a reader sends to an inline actor waits for the pump: no turn runs while an event is being shown."""
        self.reader_failures: list[str] = []
        self.dead_letters = 0
        self.showing = False
        self._behind: deque[Any] = deque()

    def publish(self, event: Any) -> None:
        """Show an event to every reader. One that a reader causes is shown next, not in between."""
        if self.showing:
            self._behind.append(event)
            return
        self.showing = True
        try:
            while True:
                for reader in self.readers:
                    try:
                        reader(event)
                    except Exception as error:  # a reader's fault must not stop a turn
                        self._drop(reader, error)
                if not self._behind:
                    return
                event = self._behind.popleft()
        finally:
            self.showing = False

    def _drop(self, reader: Callable[[Any], None], error: Exception) -> None:
        self.readers = [other for other in self.readers if other is not reader]
        self.reader_failures.append(f"{getattr(reader, '__qualname__', type(reader).__name__)}: {type(error).__name__}")

    def dead_letter(self, actor_id: str, message: Any) -> None:
        """Nobody takes this message."""
        self.dead_letters += 1
        self.publish(DeadLettered(self.clock(), actor_id, type(message).__name__, self.dead_letters))
