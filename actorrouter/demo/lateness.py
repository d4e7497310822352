"""How late the event loop runs what is due: a part of what the guard against unequal transit times must cover."""

from __future__ import annotations

from typing import Final

import anyio
import attrs

_EVERY_S: Final = 0.01


@attrs.define
class Lateness:
    """`worst_s`: the latest that a timer of this loop has fired so far."""

    worst_s: float = 0.0

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            due = anyio.current_time() + _EVERY_S
            await anyio.sleep_until(due)
            self.worst_s = max(self.worst_s, anyio.current_time() - due)
