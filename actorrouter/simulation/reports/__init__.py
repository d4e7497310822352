"""Reports: a finished run as one page, as JSON and as text; several runs side by side.

`record` is what the driver fills. `page` (with `plots`, `timelines`, `svg`, `style`) writes HTML that needs nothing but
itself, `text` a summary for a terminal, `compare` puts runs beside each other; `words` formats numbers for people.
"""

from actorrouter.simulation.reports.compare import Comparison, compare
from actorrouter.simulation.reports.page import page
from actorrouter.simulation.reports.record import (
    Baseline,
    Expectation,
    LimitSeries,
    Quantiles,
    RecordInvalid,
    RunRecord,
    SpendSeries,
    StateTimeline,
    TenantFigures,
    Waits,
    from_json,
    to_json,
)
from actorrouter.simulation.reports.text import summary

__all__ = [
    "Baseline",
    "Comparison",
    "Expectation",
    "LimitSeries",
    "Quantiles",
    "RecordInvalid",
    "RunRecord",
    "SpendSeries",
    "StateTimeline",
    "TenantFigures",
    "Waits",
    "compare",
    "from_json",
    "page",
    "summary",
    "to_json",
]
