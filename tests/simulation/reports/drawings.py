"""Reading a page back: its drawings, and where everything in them is."""

import re
from collections.abc import Iterator
from math import isfinite
from xml.etree import ElementTree as ET

from attrs import frozen

SVG = "{http://www.w3.org/1999/xhtml}"
LETTER = 6.2  # width of a letter at 11 px, generously
INSIDE = ("line", "area", "fault", "restart", "hover", "bar", "state", "ceiling", "grid", "state-word")


@frozen
class Box:
    """Where one thing is."""

    what: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def within(self, other: "Box", slack: float = 0.01) -> bool:
        across = self.left >= other.left - slack and self.right <= other.right + slack
        return across and self.top >= other.top - slack and self.bottom <= other.bottom + slack


def parse(html: str) -> ET.Element:
    """The page as XML; it has one root and every element is closed."""
    return ET.fromstring(html)  # noqa: S314 - we wrote it


def drawings(html: str) -> list[ET.Element]:
    """The plots, without the swatches of legends."""
    return [svg for svg in parse(html).iter(f"{SVG}svg") if svg.get("class") != "swatch"]


def outer(svg: ET.Element) -> Box:
    _, _, width, height = (float(value) for value in svg.get("viewBox", "").split())
    return Box("svg", 0, 0, width, height)


def marks(svg: ET.Element) -> Iterator[Box]:
    """Every drawn thing but text."""
    for part in svg.iter():
        kind = part.tag.removeprefix(SVG)
        name = part.get("class", "")
        if kind == "rect":
            x, y, width, height = (float(part.get(key, "nan")) for key in ("x", "y", "width", "height"))
            yield Box(name, x, y, x + width, y + height)
        elif kind == "line":
            x1, x2, y1, y2 = (float(part.get(key, "nan")) for key in ("x1", "x2", "y1", "y2"))
            yield Box(name, min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
        elif kind == "path":
            points = list(walk(part.get("d", "")))
            assert points, "a path without a point"
            xs, ys = [x for x, _ in points], [y for _, y in points]
            yield Box(name, min(xs), min(ys), max(xs), max(ys))


def walk(path: str) -> Iterator[tuple[float, float]]:
    """The points of a path of M, H, V, l, h and Z."""
    x = y = 0.0
    for letter, told in re.findall(r"([MHVlhZ])([^MHVlhZ]*)", path):
        values = [float(value) for value in told.split()]
        assert all(isfinite(value) for value in values)
        match letter:
            case "M":
                x, y = values
            case "H":
                x = values[0]
            case "V":
                y = values[0]
            case "l":
                x, y = x + values[0], y + values[1]
            case "h":
                x += values[0]
        yield x, y


def words(svg: ET.Element) -> list[Box]:
    """Every text, as wide as its letters may be."""
    made = []
    for part in svg.iter(f"{SVG}text"):
        text = "".join(child.tail or "" for child in part) + (part.text or "")
        x, y, width = float(part.get("x", "nan")), float(part.get("y", "nan")), LETTER * len(text)
        classes = part.get("class", "").split()
        left = x - width if "end" in classes else x - width / 2 if "middle" in classes else x
        made.append(Box(text, left, y - 9, left + width, y + 2))
    return made


def plot_area(svg: ET.Element) -> Box:
    """From the longest horizontal axis and the outermost grid."""
    axis = max((box for box in marks(svg) if box.what == "axis"), key=lambda box: box.right - box.left)
    return Box("area", axis.left, 24.0, axis.right, axis.bottom)
