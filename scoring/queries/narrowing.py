"""Whom a list of influencers holds, by every filter."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Final

from django.db import connection, transaction
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q
from django.db.models.expressions import RawSQL

from accounts.models import Identity, Place, Viewer
from scoring.models import Influencer, InfluencerQuerySet, Score, ScoreRun, Topic, TopicReach, WrittenLanguage

MONTH: Final = timedelta(days=28)
# People drawn to estimate how many there are of a kind.
SAMPLED: Final = 8_000


@dataclass(frozen=True, slots=True)
class Circle:
    latitude: float
    longitude: float
    radius_km: float


@dataclass(frozen=True, slots=True)
class InfluencerFilters:
    """What a list of influencers is narrowed to. Ends of ranges belong to them; empty values don't filter.

    `topics` are ids; with a topic come all below it, and people with reach on any of them stay. `lift_min` is about
    these topics, on one of which the person's lift has to be as high; without topics it filters nothing. Of `circles`
    any will do, and of `languages`, the codes of those that somebody wrote in before the run. Each word of `search` is
    a part of a handle or a name, case aside.
    `reach_…` are people, `width_…` how many points of score the ends of the band lie apart, `taken_…` shares of the
    forecast, 0 to 1, that were taken off, `growth_…` points of score since the run `grown_since` (its id): who has no
    score there stays out, and so does everybody where there is no such run.
    """

    score_min: float | None = None
    score_max: float | None = None
    topics: tuple[int, ...] = ()
    circles: tuple[Circle, ...] = ()
    network: str = ""
    languages: tuple[str, ...] = ()
    claimed: bool | None = None
    search: str = ""
    lift_min: float | None = None
    reach_min: float | None = None
    reach_max: float | None = None
    growth_min: float | None = None
    growth_max: float | None = None
    grown_since: int | None = None
    width_min: float | None = None
    width_max: float | None = None
    taken_min: float | None = None
    taken_max: float | None = None


@dataclass(frozen=True, slots=True)
class TopicTree:
    """All topics by their ids: a few hundred rows, read with one query."""

    topics: dict[int, Topic]

    def paths(self) -> list[tuple[int, str]]:
        """Return each topic's id and path, by the alphabet."""
        found = [(pk, self.path(topic)) for pk, topic in self.topics.items()]
        return sorted(found, key=lambda pair: pair[1].lower())

    def path(self, topic: Topic) -> str:
        """Return a topic's name behind those above it: Travel › Air travel."""
        return " › ".join(above.shown_name for above in reversed(self._line(topic)))

    def below(self, ids: Iterable[int]) -> list[int]:
        """Return these topics and all below them, ascending."""
        found = set(ids)
        return sorted(
            found | {pk for pk, topic in self.topics.items() if found & {above.pk for above in self._line(topic)}}
        )

    def _line(self, topic: Topic) -> list[Topic]:
        """Return a topic and those above it; a circle, which nothing but care prevents, is walked once."""
        line = [topic]
        while (parent := self.topics.get(line[-1].parent_id or 0)) is not None and parent not in line:
            line.append(parent)
        return line


def topic_tree() -> TopicTree:
    """Return all topics, with no more than names and parents. One query."""
    return TopicTree({topic.pk: topic for topic in Topic.objects.only("slug", "name", "names", "parent")})


def influencers(user: Viewer, filters: InfluencerFilters, run: ScoreRun | None = None) -> InfluencerQuerySet:
    """Return the people whom the user may see and who have a score in the run (by default the current one).

    Annotated with `score`, `reach`, `low`, `high`, `percentile` and `supporters` of that run; in no order. Where topics
    are asked for, also with `reach_on_topics` and `score_on_topics`. Topics cost a query here, the run another where it
    isn't given.
    """
    run = run or ScoreRun.objects.current()
    columns = ("score", "reach", "low", "high", "percentile", "supporters")
    rows: InfluencerQuerySet = Influencer.objects.visible_to(user).with_score(run)
    rows = rows.annotate(**{name: F(f"current__{name}") for name in columns})
    return narrowed(rows, filters, run)


def narrowed(
    rows: InfluencerQuerySet, filters: InfluencerFilters, run: ScoreRun | None, tree: TopicTree | None = None
) -> InfluencerQuerySet:
    """Keep those of `influencers(…, run)` whom the filters admit: the one place where a filter's condition stands.

    Where topics are asked for, `tree` saves reading all topics once more.
    """
    if filters.score_min is not None:
        rows = rows.filter(current_score__gte=filters.score_min)
    if filters.score_max is not None:
        rows = rows.filter(current_score__lte=filters.score_max)
    rows = _by_figures(rows, filters, run)
    if filters.topics:
        one = len(set(filters.topics)) == 1
        rows = rows.on_topics(run, list(filters.topics[:1]) if one else (tree or topic_tree()).below(filters.topics))
        if filters.lift_min is not None:
            lifted = TopicReach.objects.filter(run=run, topic__in=filters.topics, lift__gte=filters.lift_min)
            rows = (
                rows.filter(lift_on_topic__gte=filters.lift_min)
                if one
                else rows.filter(Exists(lifted.filter(person=OuterRef("pk"))))
            )
    if filters.circles:
        places = (Place.objects.within(each.latitude, each.longitude, each.radius_km) for each in filters.circles)
        rows = rows.filter(reduce(or_, (Q(place__in=within) for within in places)))
    if filters.network:
        rows = rows.filter(Exists(Identity.objects.filter(person=OuterRef("pk"), network=filters.network)))
    if filters.languages:
        written = WrittenLanguage.objects.filter(run=run, language__in=filters.languages)
        rows = rows.filter(Exists(written.filter(person=OuterRef("pk"))))
    if filters.claimed is not None:
        rows = rows.filter(user__isnull=not filters.claimed)
    for word in filters.search.split():
        rows = rows.filter(Q(handle__icontains=word) | Q(name__icontains=word))
    return rows


@contextmanager
def by_indexes() -> Iterator[None]:
    """Let PostgreSQL read no table from end to end where an index serves, until the block ends.

    It takes a hundredth of a million people for so many that all are read, and is wrong: what is looked for lies
    together in the caches. Counting to 10,001 took 1.3 to 3 times as long that way. The block is a transaction.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        yield
        cursor.execute("SET LOCAL enable_seqscan = on")


def estimated(rows: InfluencerQuerySet, run: ScoreRun) -> int:
    """Return about how many `influencers(…, run)` there are, to two digits.

    About `SAMPLED` people are drawn from all of the run, the same ones each time: of a hundredth of everybody it is
    some 11 % off, as a standard deviation. Three queries, whose cost doesn't grow with the run.
    """
    table = Score._meta.db_table
    drawn, parameters = f'SELECT person_id FROM "{table}" WHERE run_id = %s', [run.pk]  # noqa: S608  # our own table
    with connection.cursor() as cursor:
        if run.people > SAMPLED:
            ends = " UNION ALL ".join(
                f'(SELECT person_id FROM "{table}" WHERE run_id = %s ORDER BY person_id {order} LIMIT 1)'  # noqa: S608
                for order in ("ASC", "DESC")
            )
            cursor.execute(ends, [run.pk, run.pk])
            first, last = sorted(pk for (pk,) in cursor.fetchall())
            span = last - first + 1
            drawn += (
                " AND person_id IN (SELECT %s + (hashint8extended(i, %s) & 9223372036854775807) %% %s"
                " FROM generate_series(1, %s) i)"
            )
            # Numbers that nobody has are drawn too, ten for each who is there at most.
            parameters += [first, run.pk, span, min(SAMPLED * span // run.people, 10 * SAMPLED)]
        cursor.execute(f"SELECT count(*) FROM ({drawn}) drawn", parameters)  # noqa: S608  # as above
        sampled: int = cursor.fetchone()[0]
    if not sampled:
        return 0
    found = rows.order_by().filter(pk__in=RawSQL(drawn, parameters)).values("pk").count()  # noqa: S611  # as above
    about = round(found / sampled * run.people)
    return round(about, 2 - len(str(about)))


def _by_figures(rows: InfluencerQuerySet, filters: InfluencerFilters, run: ScoreRun | None) -> InfluencerQuerySet:
    """Keep those whose reach, band, share taken off and growth are within the filters."""
    top = float(run.formula.parameters["scale_top"]) if run else 1.0
    # A score is reach on another scale, and the one that has an index. The hair is for what rounding moves.
    if filters.reach_min is not None:
        score = score_of(filters.reach_min, top) - 1e-9
        rows = rows.filter(current_reach__gte=filters.reach_min, current_score__gte=score)
    if filters.reach_max is not None:
        score = score_of(filters.reach_max, top) + 1e-9
        rows = rows.filter(current_reach__lte=filters.reach_max, current_score__lte=score)
    # Scores differ by w where 1 + high is so many times 1 + low.
    if filters.width_min is not None:
        times = _times(filters.width_min, top)
        rows = rows.filter(current_high__gte=(1.0 + F("current_low")) * times - 1.0)
    if filters.width_max is not None:
        times = _times(filters.width_max, top)
        rows = rows.filter(current_high__lte=(1.0 + F("current_low")) * times - 1.0)
    if filters.taken_min is not None:
        rows = rows.filter(current_reach__lte=F("current_forecast") * (1.0 - filters.taken_min))
        # Where nothing was foretold, nothing was taken off.
        rows = rows.filter(current_forecast__gt=0) if filters.taken_min > 0 else rows
    if filters.taken_max is not None:
        rows = rows.filter(current_reach__gte=F("current_forecast") * (1.0 - filters.taken_max))
    if filters.growth_min is None and filters.growth_max is None:
        return rows
    if filters.grown_since is None:
        return rows.none()
    rows = rows.alias(earlier=FilteredRelation("scores", condition=Q(scores__run=filters.grown_since)))
    rows = rows.alias(earlier_score=F("earlier__score"))
    if filters.growth_min is not None:
        rows = rows.filter(current_score__gte=F("earlier_score") + filters.growth_min)
    if filters.growth_max is not None:
        rows = rows.filter(current_score__lte=F("earlier_score") + filters.growth_max)
    return rows


def _times(width: float, top: float) -> float:
    """Return how many times 1 + people a number of points of score stands for; beyond the whole scale, that of it."""
    return math.exp(min(max(width, 0.0), 100.0) / 99.0 * math.log1p(top))


def month_before(run: ScoreRun | None) -> ScoreRun | None:
    """Return the newest run that is at least 28 days older, by the same formula; None where there is none."""
    if run is None:
        return None
    older = ScoreRun.objects.done().filter(formula=run.formula_id, as_of__lte=run.as_of - MONTH)
    return older.order_by("-as_of").first()


def score_of(reach: float, top: float) -> float:
    """Return the score that a reach stands for: `scoring.engine.score` of one number, without loading the engine."""
    return min(1.0 + 99.0 * math.log1p(max(reach, 0.0)) / math.log1p(top), 100.0)
