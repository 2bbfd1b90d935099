"""A line chart of scores over time as coordinates, for an SVG that stretches and needs no script."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from scoring.queries import HistoryPoint

# The plot's own units: it is stretched to whatever is there.
WIDTH: Final = 1000
HEIGHT: Final = 200
# A line over a longer pause than this many of the usual intervals would make up what nobody measured.
PAUSE: Final = 1.5


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the plot and its label; `at` is the share of the height from the top, in %."""

    y: str
    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines as lists of SVG points, single points as `x y`, formula changes as x, all in the plot's units.

    `dates` are the first, middle and last moment of the axis. Texts, since numbers written by a template follow the
    reader's language.
    """

    lines: tuple[str, ...]
    dots: tuple[str, ...]
    last: str
    changes: tuple[str, ...]
    ticks: tuple[Tick, ...]
    dates: tuple[datetime, datetime, datetime]
    has_gaps: bool
    width: int = WIDTH
    height: int = HEIGHT


def line_chart(points: Sequence[HistoryPoint]) -> Chart | None:
    """Draw points that ascend in time; None for fewer than two.

    The line breaks where runs are missing and where the formula changed, since scores of two formulas don't compare.
    The scale holds the scores and at least ten points of score, so that noise doesn't look like a climb.
    """
    if len(points) < 2:
        return None
    ticks = _ticks([point.score for point in points])
    low, high = ticks[0], ticks[-1]
    start, end = points[0].as_of, points[-1].as_of
    span = (end - start) / timedelta(seconds=1)

    def x(at: datetime) -> str:
        return f"{(at - start) / timedelta(seconds=1) / span * WIDTH:.1f}"

    def y(score: float) -> str:
        return f"{(high - score) / (high - low) * HEIGHT:.1f}"

    def place(point: HistoryPoint) -> str:
        return f"{x(point.as_of)} {y(point.score)}"

    pieces = _pieces(points)
    changed = [b for a, b in pairwise(points) if a.formula != b.formula]
    return Chart(
        lines=tuple(", ".join(map(place, piece)) for piece in pieces if len(piece) > 1),
        dots=tuple(place(piece[0]) for piece in pieces if len(piece) == 1),
        last=place(points[-1]),
        changes=tuple(x(point.as_of) for point in changed),
        ticks=tuple(Tick(y(tick), f"{(high - tick) / (high - low) * 100:.1f}%", str(tick)) for tick in ticks[::-1]),
        dates=(start, start + (end - start) / 2, end),
        has_gaps=len(pieces) > len(changed) + 1,
    )


def _pieces(points: Sequence[HistoryPoint]) -> list[list[HistoryPoint]]:
    """Cut the points where a line between two of them would say what isn't known."""
    usual = statistics.median((b.as_of - a.as_of).total_seconds() for a, b in pairwise(points))
    pieces = [[points[0]]]
    for before, point in pairwise(points):
        if (point.as_of - before.as_of).total_seconds() > usual * PAUSE or point.formula != before.formula:
            pieces.append([])
        pieces[-1].append(point)
    return pieces


def _ticks(scores: Sequence[float]) -> list[int]:
    """Return ascending round numbers around the scores: three to six of them, ten or more apart from end to end."""
    lowest, highest = min(scores), max(scores)
    for step in (5, 10, 20):
        low = int(lowest // step) * step
        high = -int(-highest // step) * step
        while high - low < 10:
            high, low = (high + step, low) if high < 100 else (high, low - step)
        if (high - low) // step <= 5:
            break
    return list(range(low, high + 1, step))
