"""Plots against time: lines with their axes, legend, faults and restarts; small ones with a ceiling."""

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Final

from attrs import frozen

from actorrouter.simulation.reports.record import RunRecord, Span
from actorrouter.simulation.reports.svg import (
    Frame,
    downsample,
    element,
    escape,
    filled,
    number,
    steps,
    ticks,
    time_ticks,
)
from actorrouter.simulation.reports.words import time_text

_COLUMNS_MAX: Final = 100  # of hover texts in one plot
_LABEL_HALF: Final = 34.0  # of the widest label of a tick
WIDE: Final = (960.0, 240.0)
SMALL: Final = (312.0, 132.0)

Words = Callable[[float], str]


@frozen
class Line:
    """One series as it is drawn; `look` is a class of the style sheet (s0 … s7)."""

    name: str
    values: Sequence[float]
    look: str


def figure(caption: str, note: str, *inside: str, small: bool = False) -> str:
    """A plot with its name and what to read from it."""
    told = element("figcaption", element("strong", escape(caption)), element("span", escape(f" {note}")))
    return element("figure", told, *inside, class_="small" if small else "wide")


def lines_plot(caption: str, unit: str, lines: Sequence[Line], words: Words, record: RunRecord) -> str:
    """Series of one unit over time, with faults as bands and restarts as marks. No series: nothing."""
    lines = [line for line in lines if len(line.values)]
    if not lines:
        return ""
    frame = Frame(*WIDE, record.duration_s, 1.05 * (highest(*(line.values for line in lines)) or 1.0))
    cuts = [downsample(line.values) for line in lines]
    drawn = [
        element("path", d=steps(frame, cut, record.bucket_s), class_=f"line {line.look}")
        for line, cut in zip(lines, cuts, strict=True)
    ]
    inside = (axes(frame, unit, words), bands(frame, record.faults), *drawn, restart_marks(frame, record))
    columns = hover_columns(frame, lines, words, record.bucket_s)
    return figure(caption, _cut_note(lines, record), drawing(frame, caption, *inside, columns), legend(lines, record))


def ceiling_plot(
    caption: str, note: str, values: Sequence[float], ceiling: float | None, *, words: Words, record: RunRecord
) -> str:
    """One series under its ceiling, small."""
    top = max(highest(values), ceiling or 0.0) * 1.1 or 1.0
    frame = Frame(*SMALL, record.duration_s, top, left=52.0)
    path = steps(frame, downsample(values), record.bucket_s)
    inside = [axes(frame, "", words, about=3), bands(frame, record.faults)]
    if path:
        inside += [element("path", d=filled(frame, path), class_="area"), element("path", d=path, class_="line s1")]
    if ceiling is not None:
        inside.append(_ceiling(frame, ceiling, words))
    columns = hover_columns(frame, [Line("", values, "s1")], words, record.bucket_s)
    return figure(caption, note, drawing(frame, f"{caption} {note}", *inside, columns), small=True)


def _ceiling(frame: Frame, ceiling: float, words: Words) -> str:
    y = frame.y(ceiling)
    line = element("line", x1=frame.left, x2=frame.right_x, y1=y, y2=y, class_="ceiling")
    told = f"ceiling {words(ceiling)}"
    return line + element("text", told, x=frame.right_x, y=y - 4, class_="end ceiling-word")


def highest(*series: Sequence[float]) -> float:
    """The highest finite value of all; 0 if there is none above."""
    return max((value for values in series for value in values if isfinite(value)), default=0.0) or 0.0


def _cut_note(lines: Sequence[Line], record: RunRecord) -> str:
    longest = max(len(line.values) for line in lines)
    cut = downsample(range(longest))
    size = cut[0][1] - cut[0][0]
    many = "" if size == 1 else f", the highest of {size}"
    return f"buckets of {time_text(record.bucket_s)}{many}"


def drawing(frame: Frame, title: str, *inside: str) -> str:
    """An image that scales with the page."""
    box = f"0 0 {number(frame.width)} {number(frame.height)}"
    return element("svg", element("title", escape(title)), *inside, viewBox=box, role="img")


def axes(frame: Frame, unit: str, words: Words, about: int = 8) -> str:
    """Both axes with round ticks and their units."""
    parts = [element("text", escape(unit), x=4.0, y=13.0, class_="unit")] if unit else []
    for value in ticks(frame.top_value, 4 if about > 3 else 2):
        y = frame.y(value)
        parts.append(element("line", x1=frame.left, x2=frame.right_x, y1=y, y2=y, class_="grid"))
        parts.append(element("text", escape(words(value)), x=frame.left - 6, y=y + 4, class_="end"))
    parts.append(time_axis(frame, about))
    return "".join(parts)


def time_axis(frame: Frame, about: int = 8) -> str:
    """Ticks of time along the bottom."""
    bottom, parts = frame.bottom_y, []
    for at in time_ticks(frame.until_s, about):
        x = frame.x(at)
        anchor = "end" if x > frame.right_x - _LABEL_HALF else "middle"
        parts.append(element("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="axis"))
        parts.append(element("text", escape(time_text(at)), x=x, y=bottom + 16, class_=anchor))
    parts.append(element("line", x1=frame.left, x2=frame.right_x, y1=bottom, y2=bottom, class_="axis"))
    told = element("text", "time since the start", x=frame.right_x, y=bottom + 31, class_="end unit")
    return "".join([*parts, told])


def bands(frame: Frame, faults: Sequence[Span]) -> str:
    """A band for each fault, at least a pixel wide, with what it was."""
    parts = []
    for begin, end, what in faults:
        x = min(frame.x(begin), frame.right_x - 1)
        title = element("title", escape(f"fault: {what}, {time_text(begin)} to {time_text(end)}"))
        size = {"width": max(1.0, frame.x(end) - x), "height": frame.bottom_y - frame.top}
        parts.append(element("rect", title, x=x, y=frame.top, **size, class_="fault"))
    return "".join(parts)


def restart_marks(frame: Frame, record: RunRecord) -> str:
    """A triangle on the time axis for each restart; those at one place share it."""
    places: dict[str, list[str]] = {}
    for at, actor, why in record.restarts:
        x = min(max(round(frame.x(at)), frame.left + 5), frame.right_x - 5)
        places.setdefault(number(x), []).append(f"{time_text(at)}: {actor} restarted, {why}")
    y = frame.bottom_y
    return "".join(
        element(
            "path",
            element("title", escape("\n".join(told[:12]) + (f"\nand {len(told) - 12} more" if len(told) > 12 else ""))),
            d=f"M{x} {number(y - 9)}l5 9h-10Z",
            class_="restart",
        )
        for x, told in places.items()
    )


def hover_columns(frame: Frame, lines: Sequence[Line], words: Words, bucket_s: float) -> str:
    """Invisible columns that tell the highest value of every line under the pointer."""
    longest = max(len(line.values) for line in lines)
    parts = []
    for first, after, _ in downsample(range(longest), _COLUMNS_MAX):
        begin, end = frame.x(first * bucket_s), frame.x(after * bucket_s)
        told = [f"{time_text(first * bucket_s)} to {time_text(after * bucket_s)}"]
        told += [f"{line.name} {words(highest(line.values[first:after]))}".strip() for line in lines]
        title = element("title", escape("\n".join(told)))
        size = {"x": begin, "y": frame.top, "width": end - begin, "height": frame.bottom_y - frame.top}
        parts.append(element("rect", title, **size, class_="hover"))
    return "".join(parts)


def legend(lines: Sequence[Line], record: RunRecord) -> str:
    """Names beside a piece of their line, and the marks of faults and restarts if there are any."""
    items = []
    for line in lines:
        stroke = element("line", x1=0.0, x2=26.0, y1=5.0, y2=5.0, class_=f"line {line.look}")
        items.append(_key(line.name, stroke))
    if record.faults:
        items.append(_key("fault", element("rect", x=0.0, y=0.0, width=26.0, height=10.0, class_="fault")))
    if record.restarts:
        items.append(_key("restart", element("path", d="M13 0l5 9h-10Z", class_="restart")))
    return element("ul", *items, class_="legend")


def _key(name: str, mark: str) -> str:
    return element("li", element("svg", mark, viewBox="0 0 26 10", class_="swatch"), escape(name))
