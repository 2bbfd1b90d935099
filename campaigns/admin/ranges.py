"""The influencer list's filters by figures: two ends each, over a histogram of everybody scored."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeNumericListFilter

from campaigns.admin.base import run_of
from campaigns.admin.filters import Narrowing, figures_of
from scoring.models import ScoreRun
from scoring.queries import InfluencerFilters, month_before


@dataclass(frozen=True, slots=True)
class Bar:
    """One bin: people from `low` on to below `high` (None: all above), and how tall it stands.

    `height` is in percent of the tallest, on a logarithmic scale.
    """

    low: float
    high: float | None
    people: int
    height: float
    is_out: bool
    text: str


class RangeFilter(Narrowing, RangeNumericListFilter):  # type: ignore[misc]  # unfold publishes no types
    """From and to, both belonging to it; `parameter_name` is the measure's name in filters and figures alike."""

    template = "admin/campaigns/filter_range.html"
    parameter_name = ""
    hint = ""
    unit = ""
    # How many of what is typed make one of the figures'.
    times = 1.0
    sign = ""

    def asked(self) -> InfluencerFilters:
        low, high = (end if end is None else end / self.times for end in self._bounds())
        given: dict[str, Any] = {f"{self.parameter_name}_min": low, f"{self.parameter_name}_max": high}
        return InfluencerFilters(**given)

    def describe(self) -> str | None:
        low, high = (None if end is None else self._said(end) for end in self._bounds())
        name = str(self.title)
        if low is not None and high is not None:
            return f"{name} {low} to {high}{self.unit}"
        if low is not None:
            return f"{name} from {low}{self.unit}"
        return None if high is None else f"{name} to {high}{self.unit}"

    def unknown(self) -> list[str]:
        return [text for text in self._typed() if text and _number(text) is None]

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        (choice,) = super().choices(changelist)
        bars = self._bars()
        ends = []
        if bars:
            last = bars[-1]
            ends = [
                self._said(bars[0].low),
                f"{self._said(last.low)} and more" if last.high is None else self._said(last.high),
            ]
        yield {**choice, "bars": bars, "ends": ends, "hint": self.hint, "typed": self._typed()}

    def _bars(self) -> list[Bar]:
        figures = figures_of(self.request)
        histogram = figures.histograms.get(self.parameter_name) if figures else None
        if not histogram or not any(histogram["people"]):
            return []
        low, high = self._bounds()
        edges = [each * self.times for each in histogram["from"]]
        most = math.log1p(max(histogram["people"]))
        bins = list(zip(edges, [*edges[1:], None], histogram["people"], strict=True))
        there = [place for place, (_, _, people) in enumerate(bins) if people]
        bars = []
        for begin, end, people in bins[there[0] : there[-1] + 1]:
            is_out = (low is not None and end is not None and end <= low) or (high is not None and begin > high)
            span = f"{self._said(begin)} to {self._said(end)}" if end is not None else f"{self._said(begin)} and more"
            text = f"{span}{self.unit}: {people:,} {'person' if people == 1 else 'people'}"
            # Most people have a low score: one bar would be all that is seen.
            bars.append(Bar(begin, end, people, 100 * math.log1p(people) / most, is_out, text))
        return bars

    def _said(self, number: float) -> str:
        return f"{number:{self.sign},.10g}"

    def _typed(self) -> list[str]:
        return [str(self.used_parameters.get(f"{self.parameter_name}_{end}") or "") for end in ("from", "to")]

    def _bounds(self) -> list[float | None]:
        return [_number(text) for text in self._typed()]


class ScoreFilter(RangeFilter):
    title = "score"
    parameter_name = "score"
    hint = "1 to 100"


class ReachFilter(RangeFilter):
    title = "reach"
    parameter_name = "reach"
    hint = "different people expected to act in 28 days"
    unit = " people"


class GrowthFilter(RangeFilter):
    """Score now less score 28 days ago. Before there was such a run, nobody is known to have grown."""

    title = "growth"
    parameter_name = "growth"
    hint = "points of score in 28 days"
    sign = "+"

    def asked(self) -> InfluencerFilters:
        low, high = self._bounds()
        before = run_before(self.request) if low is not None or high is not None else None
        return InfluencerFilters(growth_min=low, growth_max=high, grown_since=before.pk if before else None)


class WidthFilter(RangeFilter):
    title = "band width"
    parameter_name = "width"
    hint = "points of score that the band's ends lie apart: the less, the surer"
    unit = " points"


class TakenFilter(RangeFilter):
    title = "taken off"
    parameter_name = "taken"
    hint = "percent of the forecast, such as for exchanged favours"
    unit = " %"
    times = 100.0


def run_before(request: HttpRequest) -> ScoreRun | None:
    """Return the run of 28 days before the one shown, asking the database once a request."""
    if not hasattr(request, "_run_before"):
        request._run_before = month_before(run_of(request))  # type: ignore[attr-defined]
    found: ScoreRun | None = request._run_before  # type: ignore[attr-defined]
    return found


def _number(text: Any) -> float | None:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return number if number == number and abs(number) != float("inf") else None
