"""Charts of figures, laid out here and drawn by templates as SVG: no script, no library, colours from the page.

Each figure has a chart of its own, for their sizes differ; a figure that a channel does not tell has none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

# In the units of the drawing; it is as wide as the page lets it be.
WIDTH: Final = 320
HEIGHT: Final = 120
# Above the highest value, so that nothing is cut off; and what stands below the line: the words of the axis.
ABOVE: Final = 12
BELOW: Final = 20
BESIDE: Final = 34
GRID: Final = 3
MOST_COLUMNS: Final = 40


@dataclass(frozen=True, slots=True)
class Mark:
    """A value as it is drawn: its place, what it is, and what it is of, in words."""

    x: float
    y: float
    width: float
    height: float
    value: int
    label: str


@dataclass(frozen=True, slots=True)
class GridLine:
    """A line across, and its value."""

    y: float
    value: int


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure drawn. `path` is a line through the marks, empty for columns."""

    name: str
    marks: Sequence[Mark]
    grid: Sequence[GridLine]
    path: str
    first: str
    last: str

    @property
    def newest(self) -> int:
        """The last value."""
        return self.marks[-1].value

    @property
    def total(self) -> int:
        """All values together."""
        return sum(mark.value for mark in self.marks)


def line(name: str, values: Sequence[tuple[datetime, int]], labels: Sequence[str]) -> Chart | None:
    """Draw how one figure grew; `labels` say when, one for each value. None: there is no value."""
    if not values:
        return None
    top = _top(max(value for _, value in values))
    begin, end = values[0][0], values[-1][0]
    span = (end - begin).total_seconds() or 1.0
    marks = []
    for (at, value), label in zip(values, labels, strict=True):
        # One value alone stands in the middle.
        part = (at - begin).total_seconds() / span if len(values) > 1 else 0.5
        marks.append(Mark(_round(BESIDE + part * (WIDTH - BESIDE - 6)), _y(value, top), 0, 0, value, label))
    path = "M" + "L".join(f"{mark.x:g} {mark.y:g}" for mark in marks) if len(marks) > 1 else ""
    return Chart(name, marks, _grid(top), path, labels[0], labels[-1])


def columns(name: str, values: Sequence[tuple[str, int]]) -> Chart | None:
    """Draw one figure of several things beside one another, each with its label. None: there is no value."""
    shown = values[-MOST_COLUMNS:]
    if not shown:
        return None
    top = _top(max(value for _, value in shown))
    room = (WIDTH - BESIDE - 2) / len(shown)
    width = min(28.0, room * 0.72)
    marks = []
    for number, (label, value) in enumerate(shown):
        x = BESIDE + room * number + (room - width) / 2
        y = _y(value, top)
        marks.append(Mark(_round(x), y, _round(width), _round(HEIGHT - BELOW - y), value, label))
    return Chart(name, marks, _grid(top), "", shown[0][0], shown[-1][0])


def _top(highest: int) -> int:
    """Return a round number that is no smaller, and divides well."""
    if highest <= GRID:
        return GRID
    step = 10 ** math.floor(math.log10(highest / GRID))
    for times in (1, 2, 5, 10):
        if times * step * GRID >= highest:
            return int(times * step * GRID)
    return int(10 * step * GRID)


def _grid(top: int) -> list[GridLine]:
    return [GridLine(_y(top * number // GRID, top), top * number // GRID) for number in range(GRID + 1)]


def _y(value: int, top: int) -> float:
    # Points of a post may be fewer than none.
    part = max(0.0, min(1.0, value / top))
    return _round(ABOVE + (1 - part) * (HEIGHT - ABOVE - BELOW))


def _round(value: float) -> float:
    return round(value, 1)
