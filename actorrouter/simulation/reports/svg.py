"""A small SVG writer: escaped elements, frames that keep every point inside, ticks, series cut to a readable length.

Everything is text made from arguments alone: the same input gives the same bytes.
"""

import re
from collections.abc import Iterable, Sequence
from math import ceil, floor, isfinite, log10
from typing import Final

from attrs import frozen

POINTS_MAX: Final = 400
_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in XML 1.0, section 2.2


def escape(text: object) -> str:
    """Text for markup and attributes; what XML cannot hold becomes a replacement mark."""
    plain = _FORBIDDEN.sub("\ufffd", str(text))
    for mark, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        plain = plain.replace(mark, name)
    return plain


def element(kind: str, /, *inside: str, **attributes: object) -> str:
    """One element. `inside` is markup already; attributes are escaped; `class_` and `data_x` spell class and data-x."""
    told = "".join(
        f' {key.strip("_").replace("_", "-")}="{escape(number(value) if isinstance(value, float) else value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{kind}{told}>{''.join(inside)}</{kind}>" if inside else f"<{kind}{told} />"


def number(value: float) -> str:
    """A coordinate: at most two decimals, no negative zero. Raises ValueError unless it is finite."""
    if not isfinite(value):
        raise ValueError("a coordinate must be finite")
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def downsample(values: Sequence[float], most: int = POINTS_MAX) -> list[tuple[int, int, float]]:
    """(first bucket, bucket after the last, highest value) for at most `most` stretches. What is not finite is 0."""
    size = max(1, ceil(len(values) / most))
    clean = [value if isfinite(value) else 0.0 for value in values]
    starts = range(0, len(values), size)
    return [(start, min(start + size, len(clean)), max(clean[start : start + size])) for start in starts]


@frozen
class Frame:
    """A plot: outer size, margins, and the ranges of time and value that its area shows."""

    width: float
    height: float
    until_s: float
    top_value: float
    left: float = 64.0
    right: float = 14.0
    top: float = 24.0
    bottom: float = 38.0

    @property
    def right_x(self) -> float:
        return self.width - self.right

    @property
    def bottom_y(self) -> float:
        return self.height - self.bottom

    def x(self, at: float) -> float:
        """The place of an instant; outside of the range: its edge."""
        share = _within(at / self.until_s if self.until_s > 0 else 0.0)
        return self.left + share * (self.right_x - self.left)

    def y(self, value: float) -> float:
        """The place of a value; outside of the range: its edge."""
        share = _within(value / self.top_value if self.top_value > 0 else 0.0)
        return self.bottom_y - share * (self.bottom_y - self.top)


def _within(share: float) -> float:
    return min(1.0, max(0.0, share)) if isfinite(share) else 0.0


def steps(frame: Frame, cut: Iterable[tuple[int, int, float]], bucket_s: float) -> str:
    """The path of a series as steps: each value for as long as its buckets last."""
    parts: list[str] = []
    for first, after, value in cut:
        begin, end, level = frame.x(first * bucket_s), frame.x(after * bucket_s), number(frame.y(value))
        parts.append(f"{'V' if parts else f'M{number(begin)} '}{level}H{number(end)}")
    return "".join(parts)


def filled(frame: Frame, path: str) -> str:
    """The same path closed along the bottom."""
    bottom = number(frame.bottom_y)
    start = path[1:].split(" ", 1)[0]
    return f"{path}V{bottom}H{start}Z" if path else ""


def ticks(most: float, about: int = 4) -> list[float]:
    """Round values from 0 up to `most`, some `about` of them."""
    if not isfinite(most) or most < 1e-300:  # below, steps are lost to rounding
        return [0.0]
    raw = most / about
    size = 10.0 ** floor(log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw * 0.999999)
    return [step * index for index in range(floor(most / step * 1.000001) + 1)]


def time_ticks(until_s: float, about: int = 8) -> list[float]:
    """Round instants from 0 on: whole seconds, minutes, hours; below a few seconds, decimals."""
    if until_s <= _STEPS_S[0] * about / 2:
        return ticks(until_s, about)
    step = next((step for step in _STEPS_S if until_s / step <= about), ceil(until_s / about / 86_400) * 86_400)
    return [float(step * index) for index in range(floor(until_s / step) + 1)]
