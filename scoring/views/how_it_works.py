"""How well the forecasts did, as figures and coordinates for a page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _

from scoring import queries
from scoring.models import Backtest, Formula
from scoring.views.chart import HEIGHT, WIDTH, Tick
from scoring.views.figures import number
from scoring.views.meanings import meanings


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Ranker:
    """A line of the table: what people are ranked by, and how well that foretold what happened."""

    name: str
    spearman: str
    ndcg: str
    overlap: str
    is_score: bool = False


@dataclass(frozen=True, slots=True)
class Trend:
    """The score and the best baseline over the nights: lines as SVG points, and the points of the last night."""

    score: str
    baseline: str
    last: tuple[str, str]
    ticks: tuple[Tick, ...]
    dates: tuple[datetime, datetime, datetime]
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Expected:
    """People of whom about as many were expected, in figures and in the plot: `x`, `y` and the band's ends."""

    people: str
    forecast: str
    outcome: str
    low: str
    high: str
    x: str
    y: str
    top: str
    bottom: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was said against what happened, on a scale that spreads small numbers as well as large ones.

    Ticks are the same on both axes; on the lower, `at` counts from the left.
    """

    bins: tuple[Expected, ...]
    ticks: tuple[Tick, ...]
    below: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Night:
    """The latest backtest, in words and rounded figures."""

    backtest: Backtest
    days: str
    people: str
    rankers: tuple[Ranker, ...]
    is_best: bool
    coverage: str
    coverage_large: str
    large: str
    calibration: Calibration | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that the page shows about a formula."""

    formula: Formula
    parameters: tuple[Parameter, ...]
    wanted: str
    night: Night | None
    trend: Trend | None
    nights: tuple[Backtest, ...]


def explanation_of(formula: Formula) -> Explanation:
    """Return what is known about how a formula does. One query."""
    nights = queries.backtests(formula)
    means = meanings()
    order = {name: place for place, name in enumerate(means)}
    return Explanation(
        formula=formula,
        parameters=tuple(
            Parameter(name, f"{value:,.12g}" if isinstance(value, int | float) else str(value), means.get(name, ""))
            # As the engine's documentation has them; what it no longer knows comes last.
            for name, value in sorted(formula.parameters.items(), key=lambda item: order.get(item[0], len(order)))
        ),
        wanted=number(formula.parameters["band_coverage"] * 100),
        night=_night(nights[-1]) if nights else None,
        trend=_trend(nights),
        nights=tuple(nights[::-1]),
    )


def _night(found: Backtest) -> Night:
    score = {"spearman": found.spearman, "ndcg": found.ndcg, "overlap": found.overlap}
    return Night(
        backtest=found,
        days=number(found.horizon_days, 0 if found.horizon_days.is_integer() else 1),
        people=number(found.people),
        rankers=(
            _ranker(_("The score"), score, is_score=True),
            *(_ranker(_(each["name"].capitalize()), each) for each in found.baselines),
        ),
        is_best=found.spearman >= found.best_baseline,
        coverage=_share(found.coverage),
        coverage_large=_share(found.coverage_large),
        large=number(found.large),
        calibration=_calibration(found.bins),
    )


def _ranker(name: str, figures: dict[str, float], *, is_score: bool = False) -> Ranker:
    spearman, ndcg, overlap = (number(figures[key], 3) for key in ("spearman", "ndcg", "overlap"))
    return Ranker(name, spearman, ndcg, overlap, is_score)


def _share(value: float | None) -> str:
    return "" if value is None else number(value * 100)


def _trend(nights: Sequence[Backtest]) -> Trend | None:
    """Draw nights that ascend in time; None for fewer than two. The scale holds two tenths at least."""
    if len(nights) < 2:
        return None
    values = [value for night in nights for value in (night.spearman, night.best_baseline)]
    low, high = math.floor(min(values) * 10), math.ceil(max(values) * 10)
    while high - low < 2:
        low, high = (low, high + 1) if high < 10 else (low - 1, high)
    step = -(-(high - low) // 5)
    high = low + -(-(high - low) // step) * step
    start, end = nights[0].run.as_of, nights[-1].run.as_of

    def place(night: Backtest, value: float) -> str:
        x = (night.run.as_of - start) / (end - start) * WIDTH
        return f"{x:.1f} {(high / 10 - value) * 10 / (high - low) * HEIGHT:.1f}"

    ticks = tuple(_tick((high - tick) / (high - low), number(tick / 10, 1)) for tick in range(high, low - 1, -step))
    return Trend(
        score=", ".join(place(night, night.spearman) for night in nights),
        baseline=", ".join(place(night, night.best_baseline) for night in nights),
        last=(place(nights[-1], nights[-1].spearman), place(nights[-1], nights[-1].best_baseline)),
        ticks=ticks,
        dates=(start, start + (end - start) / 2, end),
    )


def _tick(share: float, label: str, size: int = HEIGHT) -> Tick:
    return Tick(f"{share * size:.1f}", f"{share * 100:.1f}%", label)


def _calibration(bins: Sequence[dict[str, float]]) -> Calibration | None:
    """Draw bins by ln(1 + people), where a bin of nobody has its place too; None without bins."""
    if not bins:
        return None
    most = max(max(each["forecast"], each["outcome"], each["high"]) for each in bins)
    powers: Final = [10**power for power in range(math.ceil(math.log10(max(most, 10.0))) + 1)]
    top = math.log1p(max(most * 1.1, 1.0))

    def share(value: float) -> float:
        return math.log1p(max(value, 0.0)) / top

    shown = [tick for tick in (0, *powers) if share(tick) <= 1]

    def drawn(each: dict[str, float]) -> Expected:
        y, top, bottom = (f"{(1 - share(each[key])) * HEIGHT:.1f}" for key in ("outcome", "high", "low"))
        forecast, outcome, low, high = (_people(each[key]) for key in ("forecast", "outcome", "low", "high"))
        x = f"{share(each['forecast']) * WIDTH:.1f}"
        return Expected(number(each["people"]), forecast, outcome, low, high, x, y, top, bottom)

    shown = [tick for tick in (0, *powers) if share(tick) <= 1]
    return Calibration(
        bins=tuple(map(drawn, bins)),
        ticks=tuple(_tick(1 - share(tick), number(tick)) for tick in shown),
        below=tuple(_tick(share(tick), number(tick), WIDTH) for tick in shown),
    )


def _people(value: float) -> str:
    return number(value, 0 if value >= 100 else 1)
