"""A score card in words and rounded figures, as pages show it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Person, Viewer
from scoring import queries
from scoring.models import ScoreRun
from scoring.queries import HistoryPoint, ScoreCard
from scoring.views.chart import Chart, line_chart


@dataclass(frozen=True, slots=True)
class Bar:
    """A line with a figure. `width` is the bar's, in % of the longest possible, as SVG wants it.

    `address` leads to what the figure is made of, where there is such a page.
    """

    label: str | Promise
    figure: str
    width: str
    note: str | Promise = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    figure: str
    note: str


@dataclass(frozen=True, slots=True)
class Supporter:
    handle: str
    name: str
    counts_for: str
    actions: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that the page of a score shows.

    `forecast` less `taken_off` is `reach`, also as they are rounded. Shares of the scale (`band_x`, `band_width`,
    `score_x`) are in %, as SVG wants them.
    """

    card: ScoreCard
    score: str
    low_score: str
    high_score: str
    band: str
    horizon_days: int
    coverage: str
    percentile: str
    people: str
    band_x: str
    band_width: str
    score_x: str
    forecast: str
    taken_off: tuple[Bar, ...]
    reach: str
    reach_width: str
    facts: tuple[Fact, ...]
    topics: tuple[Bar, ...]
    other_topics: tuple[Bar, ...]
    supporters: tuple[Supporter, ...]
    supporters_others: str
    supported: tuple[Supporter, ...]
    supported_others: str
    chart: Chart | None
    history: tuple[HistoryPoint, ...]


def sheet_of(person: Person, *, viewer: Viewer) -> Sheet | None:
    """Return a person's current score as the viewer may see it, None where there is none. At most six queries."""
    run = queries.current_run()
    card = queries.profile(person, run, viewer=viewer) if run else None
    if run is None or card is None:
        return None
    return _sheet(card, run, queries.history(person, run=run))


def _sheet(card: ScoreCard, run: ScoreRun, history: list[HistoryPoint]) -> Sheet:
    formula = run.formula.parameters
    days = round(formula["horizon_days"])
    forecast, parts, reach, places = add_up(card.forecast, [part.people for part in card.taken_off], card.reach)
    most = card.forecast or 1.0
    return Sheet(
        card=card,
        score=number(card.score),
        low_score=number(card.low_score),
        high_score=number(card.high_score),
        band=band_sentence(card.low, card.high, days),
        horizon_days=days,
        coverage=number(formula["band_coverage"] * 100),
        percentile=number(queries.shown_percentile(card.percentile), 1),
        people=number(run.people),
        band_x=_percent(card.low_score / 100),
        band_width=_percent((card.high_score - card.low_score) / 100),
        score_x=_percent(card.score / 100),
        forecast=number(forecast, places),
        taken_off=tuple(
            Bar(part.label, number(rounded, places), _percent(part.people / most), part.sentence)
            for part, rounded in zip(card.taken_off, parts, strict=True)
            if rounded
        ),
        reach=number(reach, places),
        reach_width=_percent(card.reach / most),
        facts=_facts(card),
        topics=_topics([topic for topic in card.topics if topic.rank], card.reach),
        other_topics=_topics([topic for topic in card.topics if not topic.rank], card.reach),
        supporters=_supporters(card.supporters),
        supporters_others=_others(card.supporters_others, at_least=False),
        supported=_supporters(card.supported),
        supported_others=_others(card.supported_others, at_least=not card.supported_complete),
        chart=line_chart(history),
        history=tuple(history[::-1]),
    )


def _topics(lines: Sequence[queries.TopicLine], reach: float) -> tuple[Bar, ...]:
    return tuple(
        Bar(
            topic.name,
            people(topic.reach),
            _percent(topic.reach / (reach or 1.0)),
            _("%(times)s × usual") % {"times": times(topic.lift)}
            if topic.rank and topic.lift
            else _("score %(score)s") % {"score": number(topic.score)},
        )
        for topic in lines
    )


def times(lift: float) -> str:
    """Write how many times: a decimal below 10; a hundred and more say no more than that."""
    return (
        number(lift, 1) if lift < 9.95 else number(lift) if lift < 100 else _("over %(most)s") % {"most": number(100)}
    )


def _facts(card: ScoreCard) -> tuple[Fact, ...]:
    own = card.original_share
    return (
        Fact(
            _("Different people who acted"),
            number(card.supporters_count),
            _("Each counts once, however often they act."),
        ),
        Fact(_("Actions"), number(card.actions), _("Likes, replies, reposts, quotes, mentions, links and clicks.")),
        Fact(_("Posts"), number(card.posts), _("Volume alone earns nothing, and costs nothing.")),
        Fact(
            _("In their own words"),
            "–" if own is None else f"{number(own * 100)} %",
            _("No posts are known.")
            if own is None
            else _("The other posts pass on what somebody else wrote. That is no fault."),
        ),
        Fact(
            _("Still active"),
            f"{number(card.alive * 100)} %",
            _("The chance, judged from days with posts and the time since the last."),
        ),
        Fact(
            _("Text that varies"),
            f"{number(card.credibility * 100)} %",
            _("Below 100 %, recent posts are near copies of each other and count for less."),
        ),
    )


def _supporters(lines: Sequence[queries.SupportLine]) -> tuple[Supporter, ...]:
    return tuple(Supporter(line.handle, line.name, number(line.reach, 2), number(line.actions)) for line in lines)


def _others(count: int, *, at_least: bool) -> str:
    if not count:
        return ""
    if at_least:
        text = ngettext("and at least %(count)s other", "and at least %(count)s others", count)
    else:
        text = ngettext("and %(count)s other", "and %(count)s others", count)
    return text % {"count": number(count)}


def number(value: float, places: int = 0) -> str:
    """Write a number with a fixed count of decimals, half away from zero, with its thousands apart."""
    return number_format(_half_up(value, places), places, force_grouping=True)


def people(value: float) -> str:
    """Write a count of people with its unit: a decimal below 10, none above."""
    small = value < 10
    if small and value < 0.1:
        return _("less than 0.1 people")
    return ngettext("%(count)s person", "%(count)s people", 1 if value == 1 else 2) % {
        "count": number(value, 1 if small and value != int(value) else 0)
    }


def band_sentence(low: float, high: float, days: int) -> str:
    """Say how many people are likely to act. The ends are rounded outwards, so that the band never looks too narrow."""
    least, most = math.floor(low), math.ceil(high)
    given = {"low": number(least), "high": number(most), "days": days}
    if least == most:
        return (
            _("About %(high)s people are likely to act in the next %(days)s days.") % given
            if most
            else _("Nobody is likely to act in the next %(days)s days.") % given
        )
    return _("Between %(low)s and %(high)s people are likely to act in the next %(days)s days.") % given


def add_up(whole: float, parts: Sequence[float], rest: float) -> tuple[float, list[float], float, int]:
    """Round a sum so that whole - parts = rest still holds for the rounded figures.

    Returns the rounded whole, parts and rest, and the count of decimals: none from 100 on, one from 10, else two. Each
    figure is at most one last digit off; who gets it is decided by the largest remainder.
    """
    places: Final = 0 if whole >= 100 else 1 if whole >= 10 else 2
    unit = 10**places
    whole_units, rest_units = (math.floor(value * unit + 0.5) for value in (whole, rest))
    units = share_out(whole_units - rest_units, [part * unit for part in parts])
    return whole_units / unit, [part / unit for part in units], rest_units / unit, places


def share_out(whole: int, parts: Sequence[float]) -> list[int]:
    """Round parts to whole numbers that add up to `whole`; who gets what is missing is said by the largest remainder.

    Each is at most one off where `whole` is what the parts add up to, rounded to the nearest.
    """
    units = [math.floor(part + 1e-9) for part in parts]
    by_remainder = sorted(range(len(parts)), key=lambda i: units[i] - parts[i])
    missing = whole - sum(units)
    for i in by_remainder[: max(missing, 0)]:
        units[i] += 1
    # Where the whole was rounded down and the parts hardly, some have to give.
    for i in by_remainder[::-1][: max(-missing, 0)]:
        units[i] -= 1
    return units


def _half_up(value: float, places: int) -> float:
    return math.floor(value * 10.0**places + 0.5) / 10.0**places


def _percent(share: float) -> str:
    return f"{min(max(share, 0.0), 1.0) * 100:.2f}%"


# What a reach stands for, on the page about the score.
EXAMPLES: Final = (0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def scale_rows(top: float) -> tuple[tuple[str, str], ...]:
    """Return reaches and the scores that they are."""
    return tuple((number(reach), number(queries.score_of(reach, top), 1)) for reach in EXAMPLES)
