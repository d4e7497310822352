"""A plan as a page: throughput and waits against the load, with the edge marked, and everything else as tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import attrs

from actorrouter.config import RouterConfig
from actorrouter.simulation.planning.plan import Plan, Point
from actorrouter.simulation.planning.telling import rate_text, side_by_side, tell, times_text
from actorrouter.simulation.reports.page import document, section, table
from actorrouter.simulation.reports.plots import drawing, figure
from actorrouter.simulation.reports.svg import Frame, element, escape, number, ticks
from actorrouter.simulation.reports.words import count_text, figure_text, share_text, time_text

_SIZE: Final = (960.0, 240.0)
Words = Callable[[float], str]


def page(plan: Plan, router: RouterConfig) -> str:
    """The page as HTML: the same text for the same plan."""
    verdict = "reaches every target" if plan.met else "misses a target"
    looks = "verdict" if plan.met else "verdict bad"
    header, rows = side_by_side(plan)
    return document(
        f"Plan for {plan.source}",
        element("h1", escape(f"Plan for {plan.source}")),
        element("div", escape(f"The fleet as declared {verdict}."), class_=looks),
        section("In words", element("pre", escape(tell(plan, router)))),
        section("Against the load", throughput(plan), waits(plan)),
        section("Rehearsals", table(("load", "peak", "served", "p99 wait", "targets"), _tried(plan), text=1)),
        section("Limits at the most it carries", table(("limit", "amount", "window", "mean", "peak"), _uses(plan))),
        section("The same calls in other hands", table(header, rows)),
    )


def _tried(plan: Plan) -> list[list[str]]:
    return [
        [
            times_text(point.volume),
            rate_text(point),
            share_text(point.figures["served_share"]),
            time_text(point.figures["wait_p99_s"]),
            "reached" if point.met else "missed",
        ]
        for point in plan.points
    ]


def _uses(plan: Plan) -> list[list[str]]:
    return [
        [
            str(use),
            count_text(use.amount),
            "at a time" if use.window_s is None else time_text(use.window_s),
            share_text(round(use.mean, 3)),
            share_text(round(use.peak, 3)),
        ]
        for use in plan.uses
    ]


@attrs.frozen
class _Curve:
    """One figure of each point."""

    name: str
    look: str
    of: Callable[[Point], float]


def throughput(plan: Plan) -> str:
    """Calls asked for and served per second, on average, against the calls at the busiest minute."""
    span_s = plan.searched_s
    curves = (
        _Curve("offered", "s0", lambda point: point.figures["offered"] / span_s),
        _Curve("served", "s1", lambda point: point.figures["served"] / span_s),
    )
    return _against_load(plan, "Throughput", "calls per second on average", curves, count_text)


def waits(plan: Plan) -> str:
    """How long callers waited for room."""
    curves = (
        _Curve("p50 wait", "s4", lambda point: point.figures["wait_p50_s"]),
        _Curve("p95 wait", "s1", lambda point: point.figures["wait_p95_s"]),
        _Curve("p99 wait", "s2", lambda point: point.figures["wait_p99_s"]),
    )
    words: Words = lambda seconds: figure_text("wait_s", seconds)  # noqa: E731 - one expression
    return _against_load(plan, "Waits of those who were served", "time", curves, words)


def _against_load(plan: Plan, caption: str, unit: str, curves: Sequence[_Curve], words: Words) -> str:
    highest = max((curve.of(point) for point in plan.points for curve in curves), default=0.0)
    widest = max((point.peak.calls_per_s for point in plan.points), default=0.0)
    frame = Frame(*_SIZE, widest * 1.05 or 1.0, highest * 1.05 or 1.0)
    drawn = [_path(frame, plan.points, curve) for curve in curves]
    marks = [_mark(frame, plan.carried, "carries")] if plan.carried is not None else []
    inside = (_axes(frame, unit, words), *drawn, *marks)
    names = element("ul", *(_named(curve) for curve in curves), class_="legend")
    return figure(caption, "against calls per second at the busiest minute", drawing(frame, caption, *inside), names)


def _named(curve: _Curve) -> str:
    stroke = element("line", x1=0.0, x2=26.0, y1=5.0, y2=5.0, class_=f"line {curve.look}")
    return element("li", element("svg", stroke, viewBox="0 0 26 10", class_="swatch"), escape(curve.name))


def _path(frame: Frame, points: Sequence[Point], curve: _Curve) -> str:
    places = [(frame.x(point.peak.calls_per_s), frame.y(curve.of(point)), point) for point in points]
    line = "L".join(f"{number(x)} {number(y)}" for x, y, _ in places)
    dots = [
        element("circle", element("title", escape(f"{curve.name}, {times_text(p.volume)}: {rate_text(p)}")),
                cx=x, cy=y, r=3.0, class_=f"line {curve.look}")
        for x, y, p in places
    ]  # fmt: skip
    return element("path", d=f"M{line}", class_=f"line {curve.look}") + "".join(dots) if places else ""


def _mark(frame: Frame, point: Point, word: str) -> str:
    x = frame.x(point.peak.calls_per_s)
    line = element("line", x1=x, x2=x, y1=frame.top, y2=frame.bottom_y, class_="ceiling")
    told = f"{word} {point.peak.calls_per_s:.3g} calls/s"
    side = "end " if x > frame.width / 2 else ""
    return line + element(
        "text", escape(told), x=x - 5 if side else x + 5, y=frame.top + 10, class_=f"{side}ceiling-word"
    )


def _axes(frame: Frame, unit: str, words: Words) -> str:
    parts = [element("text", escape(unit), x=4.0, y=13.0, class_="unit")]
    for value in ticks(frame.top_value):
        y = frame.y(value)
        parts.append(element("line", x1=frame.left, x2=frame.right_x, y1=y, y2=y, class_="grid"))
        parts.append(element("text", escape(words(value)), x=frame.left - 6, y=y + 4, class_="end"))
    for value in ticks(frame.until_s, 8):
        x = frame.x(value)
        parts.append(element("text", escape(count_text(value)), x=x, y=frame.bottom_y + 16, class_="middle"))
    parts.append(element("line", x1=frame.left, x2=frame.right_x, y1=frame.bottom_y, y2=frame.bottom_y, class_="axis"))
    return "".join(parts)
