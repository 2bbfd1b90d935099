"""What pages, the admin and the API read about scores. Readers see the current run, whole, or none."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Exists, OuterRef, Q, Window
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Person, Viewer
from scoring.models import (
    Activation,
    Appeal,
    Backtest,
    Formula,
    Score,
    ScoreRun,
    Support,
    TopicReach,
)
from scoring.queries.narrowing import Circle as Circle
from scoring.queries.narrowing import InfluencerFilters as InfluencerFilters
from scoring.queries.narrowing import TopicTree as TopicTree
from scoring.queries.narrowing import by_indexes as by_indexes
from scoring.queries.narrowing import estimated as estimated
from scoring.queries.narrowing import influencers as influencers
from scoring.queries.narrowing import month_before as month_before
from scoring.queries.narrowing import narrowed as narrowed
from scoring.queries.narrowing import score_of as score_of
from scoring.queries.narrowing import topic_tree as topic_tree

# With fewer different people who acted, a score says more about chance than about the person.
ENOUGH_SUPPORTERS: Final = 3
# And what is said in place of a bare score: by the API, in lists and in files.
NOT_ENOUGH_SEEN: Final = "not enough seen yet"
# How many lines of each list a page shows.
TOPICS_SHOWN: Final = 12
SUPPORTS_SHOWN: Final = 8
HISTORY_SHOWN: Final = 120

# Where a topic with this source comes from, in the words that its licence asks for wherever topics are listed.
KLOUT: Final = "klout"
KLOUT_LICENCE: Final = (
    "Topics with the source klout are from Klout's topic ontology of June 2018, licensed under CC BY 3.0 "
    "(https://creativecommons.org/licenses/by/3.0/); changed here: one parent each, and slugs."
)

TAKEN: Final[tuple[tuple[str, Promise, Promise], ...]] = (
    (
        "unvouched",
        Appeal.Reason.UNVOUCHED.label,
        _(
            "From accounts that no trusted person ever answers. They count too, those that read many people more than "
            "those that act on hardly anybody else, but only up to a limit, so that an audience can't be bought."
        ),
    ),
    (
        "exchange",
        Appeal.Reason.EXCHANGE.label,
        _("Reposts and likes that mostly repay reposts and likes. Conversation isn't counted as a favour."),
    ),
    (
        "indiscriminate",
        Appeal.Reason.INDISCRIMINATE.label,
        _("From accounts that act on nearly everybody's posts, which says little about any one of them."),
    ),
    (
        "repetition",
        Appeal.Reason.REPETITION.label,
        _("Posts of the last weeks that are near copies of each other."),
    ),
    (
        "absence",
        Appeal.Reason.ABSENCE.label,
        _("Judged from the days with posts of their own, and the time since the last one."),
    ),
)


@dataclass(frozen=True, slots=True)
class TakenOff:
    """People taken off the forecast for one reason; `label` and `sentence` say it in words."""

    reason: str
    label: Promise
    people: float
    sentence: Promise


@dataclass(frozen=True, slots=True)
class TopicLine:
    """Reach on a topic and on what lies below it.

    `lift` is how many times the topic's share of everybody else's reach that is (None: computed before there was one),
    `rank` the place among the person's own topics, None for the others.
    """

    slug: str
    name: str
    reach: float
    score: float
    lift: float | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class SupportLine:
    """One person's part in another's reach. `reach` is at most 1: the chance that they act, as far as it counts."""

    person: Person
    reach: float
    actions: int

    @property
    def handle(self) -> str:
        return self.person.handle

    @property
    def name(self) -> str:
        return self.person.name


@dataclass(frozen=True, slots=True)
class ScoreCard:
    """A person's score in one run, and what it is made of.

    `forecast`, `reach`, `low`, `high` and `taken_off` are people in the next 28 days (the formula's horizon), the first
    less the last being the second; `low` to `high` is the band that holds 80 % of outcomes, and `low_score`,
    `high_score` the same on the scale of scores. Shares are 0 to 1, the percentile 0 to 100, counts are of all activity
    known. Supporters and supported name those only whom the viewer may see; the others are counted. Of the supported
    no more than the largest are kept: where `supported_complete` is false, the count is a lower bound. Topics are the
    person's own, then others by reach.
    """

    person: Person
    run: ScoreRun
    score: float
    reach: float
    forecast: float
    low: float
    high: float
    low_score: float
    high_score: float
    percentile: float
    taken_off: tuple[TakenOff, ...]
    posts: int
    original_share: float | None
    supporters_count: int
    actions: int
    alive: float
    credibility: float
    trust: float
    topics: tuple[TopicLine, ...]
    supporters: tuple[SupportLine, ...]
    supporters_others: int
    supported: tuple[SupportLine, ...]
    supported_others: int
    supported_complete: bool

    @property
    def as_of(self) -> datetime:
        return self.run.as_of

    @property
    def formula(self) -> str:
        return self.run.formula.version

    @property
    def enough_seen(self) -> bool:
        """Say whether the score says something; below, pages show the band and no bare number."""
        return self.supporters_count >= ENOUGH_SUPPORTERS


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    as_of: datetime
    score: float
    reach: float
    formula: str


def current_run() -> ScoreRun | None:
    """Return the run whose scores readers see, with its formula; None before the first. One query."""
    return ScoreRun.objects.current()


def formula_versions() -> list[Activation]:
    """Return what made a formula current, newest first, with what is planned; each with its formula. One query."""
    return list(Activation.objects.select_related("formula").order_by("-current_from"))


def profile(person: Person, run: ScoreRun | None = None, *, viewer: Viewer | None = None) -> ScoreCard | None:
    """Return a person's card in a run (by default the current one), or None where the run has no row of theirs.

    `viewer` is who will read it: supporters whom they may not see aren't named (None: somebody without a login).
    Four queries, one more for the run where it isn't given, and what Django asks for the viewer's permissions.
    """
    run = run or current_run()
    row = Score.objects.filter(person=person, run=run).first() if run else None
    if run is None or row is None:
        return None
    top = float(run.formula.parameters["scale_top"])
    kept = int(run.formula.parameters["supports_kept"])
    topics = TopicReach.objects.filter(person=person, run=run).own_first().select_related("topic")
    supporters, _found = _supports(run, viewer, named="supporter", supported=person)
    supported, supported_found = _supports(run, viewer, named="supported", supporter=person)
    return ScoreCard(
        person=person,
        run=run,
        score=row.score,
        reach=row.reach,
        forecast=row.forecast,
        low=row.low,
        high=row.high,
        low_score=score_of(row.low, top),
        high_score=score_of(row.high, top),
        percentile=row.percentile,
        taken_off=taken_off(row),
        posts=row.posts,
        original_share=row.original_share,
        supporters_count=row.supporters,
        actions=row.actions,
        alive=row.alive,
        credibility=row.credibility,
        trust=row.trust,
        topics=tuple(
            TopicLine(line.topic.slug, line.topic.shown_name, line.reach_with_below, line.score, line.lift, line.rank)
            for line in topics[:TOPICS_SHOWN]
        ),
        supporters=supporters,
        # Everyone who acted counts here, also those whose line wasn't kept.
        supporters_others=max(row.supporters - len(supporters), 0),
        supported=supported,
        supported_others=supported_found - len(supported),
        supported_complete=supported_found < kept,
    )


def _supports(
    run: ScoreRun, viewer: Viewer | None, *, named: str, **fixed: Person
) -> tuple[tuple[SupportLine, ...], int]:
    """Return the largest lines whose other end the viewer may see, and how many lines there are at all."""
    visible = Person.objects.visible_to(viewer or AnonymousUser()).filter(pk=OuterRef(named))
    rows: Iterable[Any] = (
        Support.objects.filter(run=run, **fixed)
        .annotate(visible=Exists(visible), found=Window(Count("pk")))
        .select_related(named)
        .order_by("-visible", "-reach", "-actions", named)[:SUPPORTS_SHOWN]
    )
    rows = list(rows)
    lines = tuple(SupportLine(getattr(row, named), row.reach, row.actions) for row in rows if row.visible)
    return lines, rows[0].found if rows else 0


def history(person: Person, limit: int = HISTORY_SHOWN, *, run: ScoreRun | None = None) -> list[HistoryPoint]:
    """Return a person's scores up to the current run (or the one given), the earliest first; at most the last `limit`.

    One point a moment. Where several formulas scored the same moment it is the current run's, else the one of the
    oldest formula: what readers saw then. Shadows don't show. One query, one more for the run where it isn't given.
    """
    run = run or current_run()
    if run is None:
        return []
    rows = Score.objects.filter(
        person=person,
        run__is_shadow=False,
        run__state=ScoreRun.State.DONE,
        run__as_of__lte=run.as_of,
    ).select_related("run__formula")
    one_each = rows.alias(first=Q(run=run)).order_by("-run__as_of", "-first", "run__formula__created_at", "run")
    points = one_each.distinct("run__as_of")[:limit]
    return [HistoryPoint(row.run.as_of, row.score, row.reach, row.run.formula.version) for row in points][::-1]


def taken_off(row: Score) -> tuple[TakenOff, ...]:
    """Return what was taken off by each reason, in the order in which pages name them."""
    return tuple(
        TakenOff(reason, label, getattr(row, f"taken_{reason}"), sentence) for reason, label, sentence in TAKEN
    )


def shown_percentile(percentile: float) -> float:
    """Return a percentile as every page, file and answer gives it: with one decimal, rounded down, below 100.

    Rounded to the nearest, somebody with people above them would stand at 100, as if nobody were.
    """
    return math.floor(min(percentile, 99.9) * 10 + 1e-9) / 10


# About two years of nights.
NIGHTS_SHOWN: Final = 730


def backtests(formula: Formula) -> list[Backtest]:
    """Return how a formula's forecasts did, night by night, the latest last. One query."""
    latest = Backtest.objects.of_formula(formula).select_related("run").order_by("-run__as_of")
    return list(latest[:NIGHTS_SHOWN])[::-1]
