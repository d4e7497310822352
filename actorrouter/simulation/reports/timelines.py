"""States over time, one row an actor; and a histogram of waiting times. States are told by colour and by word."""

from collections.abc import Sequence
from typing import Final

from actorrouter.simulation.reports.plots import bands, drawing, figure, restart_marks, time_axis
from actorrouter.simulation.reports.record import RunRecord, Span, StateTimeline, Waits
from actorrouter.simulation.reports.svg import Frame, element, escape, ticks
from actorrouter.simulation.reports.words import count_text, time_text

ROWS_MAX: Final = 40
BARS_MAX: Final = 60
_ROW: Final = 20.0
_LETTER: Final = 6.6  # width of a letter, generously
_NAMED_MAX: Final = 28  # letters of a row's name

# Okabe and Ito's palette, which people with any kind of colour vision can tell apart; dark text is readable on all.
LOOKS: Final = {
    "available": "good",
    "closed": "good",
    "running": "good",
    "recovering": "back",
    "half_open": "back",
    "restarting": "back",
    "throttled": "slow",
    "draining": "slow",
    "exhausted": "out",
    "open": "out",
    "disabled": "gone",
    "quarantined": "gone",
    "stopped": "gone",
}
_SEVERAL: Final = "several"


def timelines(caption: str, rows: Sequence[StateTimeline], record: RunRecord) -> str:
    """The states of actors; of many, those whose state changed most. No rows: nothing."""
    if not rows:
        return ""
    chosen = sorted(sorted(rows, key=lambda row: -len(row.spans))[:ROWS_MAX], key=rows.index)
    height = 24.0 + _ROW * len(chosen) + 10.0 + 38.0  # 10: restarts stand below the rows
    frame = Frame(960.0, height, record.duration_s, 1.0, left=200.0)
    inside = [time_axis(frame)]
    for index, row in enumerate(chosen):
        inside.append(_row(frame, row, frame.top + index * _ROW))
    left_out = f"{len(rows) - len(chosen)} more with fewer changes are not shown" if len(rows) > len(chosen) else ""
    marks = bands(frame, record.faults) + restart_marks(frame, record)
    return figure(caption, left_out, drawing(frame, caption, *inside, marks), _states_legend(chosen))


def _row(frame: Frame, row: StateTimeline, y: float) -> str:
    name = f"{row.kind} {row.actor}" if row.kind else row.actor
    shown = name if len(name) <= _NAMED_MAX else f"{name[: _NAMED_MAX - 1]}…"
    told = element("text", element("title", escape(name)), escape(shown), x=frame.left - 8, y=y + 14, class_="end")
    return told + "".join(_span(frame, span, y) for span in _joined(frame, row.spans))


def _joined(frame: Frame, spans: Sequence[Span]) -> list[Span]:
    """Spans too narrow to see, joined with their narrow neighbours: what is drawn stays bounded."""
    made: list[Span] = []
    for begin, end, state in spans:
        narrow = frame.x(end) - frame.x(begin) < 1
        if narrow and made and (made[-1][2].startswith(_SEVERAL) or _width(frame, made[-1]) < 1):
            states = sorted({*made[-1][2].removeprefix(f"{_SEVERAL}: ").split(", "), state})
            made[-1] = (made[-1][0], end, f"{_SEVERAL}: {', '.join(states)}" if len(states) > 1 else state)
        else:
            made.append((begin, end, state))
    return made


def _width(frame: Frame, span: Span) -> float:
    return frame.x(span[1]) - frame.x(span[0])


def _span(frame: Frame, span: Span, y: float) -> str:
    begin, end, state = span
    x, width = frame.x(begin), _width(frame, span)
    title = element("title", escape(f"{state}, {time_text(begin)} to {time_text(end)}"))
    box = element("rect", title, x=x, y=y + 2, width=width, height=_ROW - 4, class_=f"state {_look(state)}")
    room = int((width - 4) / _LETTER)
    word = state if len(state) <= room else state[:1] if room >= 1 else ""
    return box + (element("text", escape(word), x=x + 3, y=y + 14, class_="state-word") if word.strip() else "")


def _look(state: str) -> str:
    return LOOKS.get(state.replace("-", "_").replace(" ", "_").lower(), "other")


def _states_legend(rows: Sequence[StateTimeline]) -> str:
    states = sorted({state for row in rows for _, _, state in row.spans})
    items = []
    for state in states[:20]:
        box = element("rect", x=0.0, y=0.0, width=26.0, height=10.0, class_=f"state {_look(state)}")
        items.append(element("li", element("svg", box, viewBox="0 0 26 10", class_="swatch"), escape(state)))
    return element("ul", *items, class_="legend") if items else ""


def histogram(caption: str, waits: Waits) -> str:
    """How many waited how long. Bars are equally wide, whatever the edges. Nothing counted: nothing."""
    if not sum(waits.counts):
        return ""
    size = -(-len(waits.counts) // BARS_MAX)
    counts = [sum(waits.counts[at : at + size]) for at in range(0, len(waits.counts), size)]
    edges = [*waits.edges_s[:-1:size], waits.edges_s[-1]]
    frame = Frame(960.0, 200.0, float(len(counts)), max(counts) * 1.05)
    parts = [element("text", "calls", x=4.0, y=13.0, class_="unit")]
    for value in ticks(frame.top_value):
        y = frame.y(value)
        parts.append(element("line", x1=frame.left, x2=frame.right_x, y1=y, y2=y, class_="grid"))
        parts.append(element("text", count_text(value), x=frame.left - 6, y=y + 4, class_="end"))
    parts += [_bar(frame, index, count, edges) for index, count in enumerate(counts)]
    parts += _edge_words(frame, edges)
    return figure(caption, "", drawing(frame, caption, *parts))


def _bar(frame: Frame, index: int, count: int, edges: Sequence[float]) -> str:
    title = f"{count_text(count)} waited {time_text(edges[index])} to {time_text(edges[index + 1])}"
    x, y = frame.x(index), frame.y(count)
    width = max(0.5, frame.x(index + 1) - x - 1)
    told = element("title", escape(title))
    return element("rect", told, x=x, y=y, width=width, height=frame.bottom_y - y, class_="bar")


def _edge_words(frame: Frame, edges: Sequence[float]) -> list[str]:
    every = -(-len(edges) // 10)
    y = frame.bottom_y
    shown = range(0, len(edges), every)
    words = [
        element(
            "text",
            time_text(edges[index]),
            x=frame.x(index),
            y=y + 16,
            class_="end" if index == len(edges) - 1 else "middle",
        )
        for index in shown
    ]
    line = element("line", x1=frame.left, x2=frame.right_x, y1=y, y2=y, class_="axis")
    return [line, *words, element("text", "waiting time", x=frame.right_x, y=y + 31, class_="end unit")]
