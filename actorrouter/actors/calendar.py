"""Where the next edge of a fixed window lies on the wall clock. Pure; time zones come from the tz database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import attrs

from actorrouter.values import INF

_PERIOD_S: Final = {"minute": 60.0, "hour": 3600.0}


@attrs.frozen
class Edges:
    """Edges of a fixed window: every `period_s` from epoch + `phase_s`, or each `every` of a time zone; or never."""

    period_s: float = 0.0
    phase_s: float = 0.0
    every: str | None = None
    timezone: str = "UTC"

    def after(self, wall: float) -> float:
        """The first edge later than epoch second `wall`; infinity when there is none."""
        period = _PERIOD_S.get(self.every or "", self.period_s)
        if period:
            return self.phase_s + ((wall - self.phase_s) // period + 1) * period
        return INF if self.every is None else self._midnight_after(wall)

    def _midnight_after(self, wall: float) -> float:
        from zoneinfo import ZoneInfo  # two milliseconds to import, and few limits are of days

        zone = ZoneInfo(self.timezone)
        today = datetime.fromtimestamp(wall, zone).date()
        if self.every == "day":
            start = today + timedelta(days=1)
        elif self.every == "week":
            start = today + timedelta(days=7 - today.weekday())
        else:
            start = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        return datetime(start.year, start.month, start.day, tzinfo=zone).timestamp()
