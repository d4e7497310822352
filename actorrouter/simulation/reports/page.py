"""One run as one page: verdict, figures and plots. It needs nothing but itself: no script, no network, no font."""

from collections.abc import Iterable, Sequence
from typing import Final

from actorrouter.simulation.reports.plots import Line, ceiling_plot, lines_plot
from actorrouter.simulation.reports.record import LimitSeries, Quantiles, RunRecord, Span, SpendSeries
from actorrouter.simulation.reports.style import STYLE
from actorrouter.simulation.reports.svg import element, escape
from actorrouter.simulation.reports.timelines import histogram, timelines
from actorrouter.simulation.reports.words import (
    count_text,
    figure_text,
    money_text,
    name_text,
    replay_text,
    share_text,
    time_text,
    unjudged_text,
    verdict_text,
)

LIMITS_MAX: Final = 24
TOLD_MAX: Final = 50  # violations, faults and restarts told in words
CALLS: Final = {"offered": "s0", "served": "s1", "refused": "s2", "failed": "s3", "provider_429": "s5"}
LOADS: Final = {"waiting": "s2", "in_flight": "s1"}

Rows = Iterable[Sequence[str]]


def page(record: RunRecord) -> str:
    """The page as HTML that is XML too: the same text for the same record."""
    return document(record.title, top(record), *_sections(record), footer(record))


def document(title: str, *body: str) -> str:
    """A whole page."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", escape(title)),
        element("style", STYLE),
    )
    parts = (head, element("body", *(f"{part}\n" for part in body if part)))
    return "<!DOCTYPE html>\n" + element("html", *parts, lang="en", xmlns="http://www.w3.org/1999/xhtml") + "\n"


def top(record: RunRecord) -> str:
    """What a reader wants first: did it hold, what came of it, how to see it again."""
    story = [element("p", escape(text), class_="soft") for text in record.story.split("\n\n") if text.strip()]
    verdict = element("div", escape(_capital(verdict_text(record))), class_="verdict" if record.held else "verdict bad")
    unjudged = element("p", escape(_capital(unjudged_text(record)))) if record.unjudged else ""
    replay = element("p", "Replay: ", element("code", escape(replay_text(record))))
    return "".join([element("h1", escape(record.title)), *story, verdict, unjudged, _tiles(record), replay])


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _tiles(record: RunRecord) -> str:
    tiles = [
        element("div", element("dt", escape(name_text(name))), element("dd", escape(figure_text(name, value))))
        for name, value in record.first_figures.items()
    ]
    return element("dl", *tiles, class_="tiles") if tiles else ""


def _sections(record: RunRecord) -> list[str]:
    return [
        _judged(record),
        section("Calls", calls_plot(record), _load_plot(record)),
        section("Use of the limits", _limits(record.limits, record)),
        section("States", *_states(record)),
        section("Waiting and first tokens", _times(record), histogram("Waiting times", record.waits)),
        section("Spend against budgets", _spend(record.spend, record)),
        section("Faults and restarts", _events(record)),
        section("Refusals", table(("reason", "calls"), _most_first(record.refusals))),
        section("Tenants", _tenants(record)),
        section("The same in other hands", _baselines(record)),
        section("Every figure", _every_figure(record)),
        section("What the run exercised", table(("what", "times"), _most_first(record.coverage))),
    ]


def _every_figure(record: RunRecord) -> str:
    """Those that are not at the top already."""
    rest = {name: value for name, value in record.figures.items() if name not in record.first_figures}
    return table(("figure", ""), [(name_text(name), figure_text(name, value)) for name, value in rest.items()])


def section(title: str, *inside: str) -> str:
    """A titled part of the page; nothing inside: nothing."""
    return element("section", element("h2", escape(title)), *(part for part in inside if part)) if any(inside) else ""


def table(header: Sequence[str], rows: Rows, text: int = 1) -> str:
    """A table whose first `text` columns are words. No rows: nothing."""
    body = [
        element(
            "tr",
            *(element("td", escape(cell) or " ", class_="text" if at < text else None) for at, cell in enumerate(row)),
        )
        for row in rows
    ]
    if not body:
        return ""
    names = [
        element("th", escape(name) or " ", scope="col", class_="text" if at < text else None)
        for at, name in enumerate(header)
    ]
    head = element("thead", element("tr", *names))
    return element("div", element("table", head, element("tbody", *body)), class_="scroll")


def _judged(record: RunRecord) -> str:
    broken = [element("li", escape(told), class_="bad") for told in record.violations[:TOLD_MAX]]
    if more := len(record.violations) - len(broken):
        broken.append(element("li", f"and {count_text(more)} more, in the JSON"))
    held = [
        (expectation.text, expectation.measured, "✓ held" if expectation.held else "✗ not held")
        for expectation in sorted(record.expectations, key=lambda expectation: expectation.held)
    ]
    laws = element("ul", *broken, class_="broken") if broken else ""
    return section("Laws broken", laws) + section("Expected", table(("expectation", "measured", ""), held, text=3))


def calls_plot(record: RunRecord) -> str:
    """Offered, served, refused and failed calls, per second."""
    lines = [
        Line(name_text(name), [value / record.bucket_s for value in record.series[name]], look)
        for name, look in CALLS.items()
        if name in record.series
    ]
    return lines_plot("Calls over time", "calls per second", lines, count_text, record)


def _load_plot(record: RunRecord) -> str:
    lines = [Line(name_text(name), record.series[name], look) for name, look in LOADS.items() if name in record.series]
    return lines_plot("Waiting and in flight", "calls", lines, count_text, record)


def _limits(limits: Sequence[LimitSeries], record: RunRecord) -> str:
    shown = sorted(limits, key=lambda limit: -limit.peak)[:LIMITS_MAX]
    plots = [
        ceiling_plot(
            f"{limit.provider} · {limit.scope} · {limit.limit}",
            f"of {count_text(limit.capacity)}, peak {share_text(limit.peak)}"
            + (", over its ceiling" if limit.peak > 1 + 1e-9 else ""),
            limit.use,
            1.0,
            words=share_text,
            record=record,
        )
        for limit in shown
    ]
    more = f"{len(limits) - len(shown)} limits with lower peaks are not shown." if len(limits) > len(shown) else ""
    return _multiples(plots, more)


def _multiples(plots: Sequence[str], more: str = "") -> str:
    told = element("p", escape(more), class_="soft") if more else ""
    return element("div", *plots, class_="multiples") + told if plots else ""


def _states(record: RunRecord) -> list[str]:
    kinds = dict.fromkeys(row.kind for row in record.states)
    return [
        timelines(f"{kind or 'other'} states", [row for row in record.states if row.kind == kind], record)
        for kind in kinds
    ]


def quantile_cells(quantiles: Quantiles) -> list[str]:
    """Count, p50, p90, p99 and most, as text."""
    if not quantiles.count:
        return ["0", "-", "-", "-", "-"]
    times = (quantiles.p50, quantiles.p90, quantiles.p99, quantiles.most)
    return [count_text(quantiles.count), *(time_text(value) for value in times)]


def _times(record: RunRecord) -> str:
    measured = (("waiting", record.waits.quantiles), ("first token", record.ttft))
    rows = [[name, *quantile_cells(quantiles)] for name, quantiles in measured if quantiles.count]
    return table(("", "calls", "p50", "p90", "p99", "most"), rows)


def _spend(spend: Sequence[SpendSeries], record: RunRecord) -> str:
    plots = []
    for series in spend[:LIMITS_MAX]:
        last = series.spent_usd[-1] if series.spent_usd else 0.0
        note = money_text(last) + (f" of {money_text(series.cap_usd)}" if series.cap_usd is not None else ", no cap")
        plots.append(
            ceiling_plot(series.budget, note, series.spent_usd, series.cap_usd, words=money_text, record=record)
        )
    more = len(spend) - len(plots)
    return _multiples(plots, f"{more} more budgets are in the JSON." if more else "")


def _events(record: RunRecord) -> str:
    events: list[Span] = [(begin, end, f"fault: {what}") for begin, end, what in record.faults]
    events += [(at, at, f"{actor} restarted: {why}") for at, actor, why in record.restarts]
    rows = [
        (time_text(begin), time_text(end) if end > begin else "", what)
        for begin, end, what in sorted(events)[:TOLD_MAX]
    ]
    more = f"{len(events) - len(rows)} later ones are in the JSON." if len(events) > len(rows) else ""
    told = element("p", escape(more), class_="soft") if more else ""
    return table(("from", "to", "what"), rows, text=3) + told


def _most_first(counts: dict[str, int]) -> Rows:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(name, count_text(count)) for name, count in ordered]


def _tenants(record: RunRecord) -> str:
    rows = [
        [
            tenant.tenant or "(none)",
            *(count_text(count) for count in (tenant.offered, tenant.served, tenant.refused)),
            share_text(tenant.share),
            *quantile_cells(tenant.waits)[1:],
        ]
        for tenant in record.tenants
    ]
    header = ("tenant", "offered", "served", "refused", "share", "wait p50", "p90", "p99", "most")
    return table(header, rows)


def _baselines(record: RunRecord) -> str:
    columns = [("actorrouter", record.figures), *((one.name, one.figures) for one in record.baselines or ())]
    names = dict.fromkeys(name for baseline in record.baselines or () for name in baseline.figures)
    rows = [
        [name_text(name), *(figure_text(name, figures[name]) if name in figures else "-" for _, figures in columns)]
        for name in names
    ]
    return table(["figure", *(name for name, _ in columns)], rows)


def footer(record: RunRecord) -> str:
    """What it takes to know that two runs are the same."""
    facts = [f"seed {record.seed}", f"path {record.path}", f"{time_text(record.duration_s)} simulated"]
    facts += [f"trace {record.trace_hash}"] if record.trace_hash else []
    facts += [f"scenario {record.scenario_hash}"] if record.scenario_hash else []
    return element("footer", escape(" · ".join(facts)))
