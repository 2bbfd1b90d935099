"""Whom a campaign can choose from, and whom they reach: what `campaigns.selection` computes with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from accounts.models import Viewer
from accounts.queries import numbers
from campaigns.models import Campaign
from campaigns.selection import Audience, most_each
from scoring.models import Influencer, InfluencerQuerySet, ScoreRun, Support
from scoring.queries import Circle, InfluencerFilters, narrowed, topic_tree

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# People to choose from; of more, those with the largest reach.
MOST_CANDIDATES: Final = 100_000
NOWHERE: Final = -1


@dataclass(frozen=True, slots=True)
class Candidates:
    """People to choose from, ascending by id, an element each.

    `reach` is that of all, `on_topics` that on the campaign's topics: the same where it has none. `place` is
    `NOWHERE` where no city is known. `fits` says who is within the campaign's filters: others are here because they
    were asked for.
    """

    people: Ints
    score: Floats
    reach: Floats
    on_topics: Floats
    place: Ints
    fits: npt.NDArray[np.bool_]


def candidates(
    campaign: Campaign, viewer: Viewer, run: ScoreRun, others: Sequence[int] = (), *, fitting: bool = True
) -> Candidates:
    """Return whom a campaign's topics, cities and score bounds admit, and some others, as far as the viewer sees them.

    Without `fitting` they are the others alone. People without a score in the run aren't there. Three queries, and
    those for topics and places.
    """
    tree = topic_tree()
    everybody = Influencer.objects.visible_to(viewer).with_score(run)
    filters = _filters(campaign)
    topics = filters.topics
    admitted = narrowed(everybody, filters, run, tree) if fitting else everybody.none()
    found = [_read(admitted, bool(topics) and fitting, MOST_CANDIDATES)]
    if others:
        asked = everybody.filter(pk__in=others)
        if topics:
            heard = narrowed(asked, InfluencerFilters(topics=topics), run, tree)
            found.append(_read(heard, True, None))
        found.append(_read(asked, False, None, of_topics=0.0 if topics else None))
    # Somebody who was asked for and fits counts as fitting, and with their reach on the topics.
    people, first = np.unique(np.concatenate([rows[0] for rows in found]), return_index=True)
    score, reach, on_topics, place = (np.concatenate([rows[column] for rows in found])[first] for column in range(1, 5))
    return Candidates(people, score, reach, on_topics, place, first < found[0][0].size)


def fits(campaign: Campaign, viewer: Viewer, run: ScoreRun, person: int) -> bool:
    """Return whether somebody is among those whom a campaign's topics, cities and score bounds admit."""
    one = Influencer.objects.visible_to(viewer).with_score(run).filter(pk=person)
    return narrowed(one, _filters(campaign), run).exists()


def _filters(campaign: Campaign) -> InfluencerFilters:
    topics = tuple(topic.pk for topic in campaign.topics.all())
    circles = tuple(Circle(place.latitude, place.longitude, place.radius_km) for place in campaign.places.all())
    return InfluencerFilters(campaign.score_min, campaign.score_max, topics, circles)


def _read(
    rows: InfluencerQuerySet, has_topics: bool, most: int | None, of_topics: float | None = None
) -> tuple[Any, ...]:
    columns: QuerySet[Any] = rows.annotate(
        its_score=F("current__score"),
        its_reach=F("current__reach"),
        city=Coalesce("place_id", Value(NOWHERE)),
        largest=F("reach_on_topics") if has_topics else F("current__reach"),
    )
    if most is not None:
        columns = columns.order_by("-largest", "pk")[:most]
    people, score, reach, largest, place = numbers(columns, "id", "its_score", "its_reach", "largest", "city")
    return people, score, reach, largest if of_topics is None else np.full(people.size, of_topics), place


def audience(found: Candidates, run: ScoreRun, *, everything: bool = False) -> Audience:
    """Return whom candidates reach on the campaign's topics: their supporters in the run. One query.

    With `everything` they count by whatever the candidates post.

    A run keeps each person's largest supporters, and whom each supports most; what isn't among these is a reach of
    people whose names aren't known. On topics, each supporter counts by the topics' part of the candidate's reach.
    """
    among = Q(supported__in=found.people.tolist()) if found.people.size < 20_000 else Q()
    rows = Support.objects.filter(among, run=run, reach__gt=0).order_by()
    supported, supporter, adds = numbers(rows, "supported_id", "supporter_id", "reach")
    formula = run.formula.parameters
    most = most_each(float(formula["newcomers"]), float(formula["horizon_days"]))
    part = found.reach if everything else found.on_topics
    return Audience.on(found.people, found.reach, part, supported, supporter, adds, most=most)


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far audiences of some people overlap.

    `shared[i][j]` is which part of i's audience, 0 to 1, j reaches too; `together` how many different people all reach,
    `alone` the sum of what each reaches.
    """

    people: list[int]
    shared: list[list[float]]
    together: float
    alone: float


def overlap(campaign: Campaign, viewer: Viewer, run: ScoreRun, people: Sequence[int]) -> Overlap:
    """Return how far audiences overlap on a campaign's topics; people without a score in the run are left out.

    Those who reach most come first. As many queries as `candidates` and `audience` take.
    """
    found = candidates(campaign, viewer, run, people, fitting=False)
    order = np.argsort(-found.on_topics, kind="stable")
    matrix = audience(found, run)
    alone = matrix.adds(matrix.nobody_reached())
    return Overlap(
        found.people[order].tolist(), matrix.shared(order).tolist(), matrix.reached(order), float(alone.sum())
    )
