"""What another formula does to whom campaigns look for."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import Count, IntegerField, Q, QuerySet, Value

from accounts.models import Viewer
from campaigns.models import Campaign
from scoring.comparison import Pair, compared
from scoring.models import Influencer
from scoring.queries import Circle, InfluencerFilters, TopicTree, narrowed, topic_tree

# Campaigns whose people a formula's preview counts.
MOST_MOVED: Final = 50


@dataclass(frozen=True, slots=True)
class Moved:
    """What another formula does to whom a campaign looks for: how many fit before and after, who comes and who goes."""

    campaign: Campaign
    before: int
    after: int
    entering: int
    leaving: int


def campaigns_moved(pair: Pair, viewer: Viewer, now: datetime) -> list[Moved]:
    """Return, for each running campaign with score bounds that the viewer sees, whose scores cross these; most first.

    Topics and cities are those of the run that counts: only the score is another. The campaigns that end first, at most
    `MOST_MOVED` of them. Five queries, whatever their number, and what Django asks for the viewer's permissions.
    """
    bounded = Campaign.objects.visible_to(viewer).exclude(score_min=None, score_max=None)
    running = bounded.filter(starts_on__lte=now.astimezone(UTC).date()).exclude(pk__in=Campaign.objects.over(now))
    shown = list(
        running.select_related("brand").prefetch_related("topics", "places").order_by("ends_on", "pk")[:MOST_MOVED]
    )
    if not shown:
        return []
    tree = topic_tree()
    first, *others = (_crossings(pair, campaign, viewer, tree) for campaign in shown)
    counts = {row["campaign"]: row for row in first.union(*others, all=True)}
    moved = []
    for campaign in shown:
        row = counts.get(campaign.pk, {"fitted": 0, "entering": 0, "leaving": 0})
        after = row["fitted"] + row["entering"] - row["leaving"]
        moved.append(Moved(campaign, row["fitted"], after, row["entering"], row["leaving"]))
    return sorted(moved, key=lambda row: -(row.entering + row.leaving))


def _crossings(pair: Pair, campaign: Campaign, viewer: Viewer, tree: TopicTree) -> QuerySet[Any, Any]:
    filters = InfluencerFilters(
        topics=tuple(topic.pk for topic in campaign.topics.all()),
        circles=tuple(Circle(place.latitude, place.longitude, place.radius_km) for place in campaign.places.all()),
    )
    people = narrowed(Influencer.objects.visible_to(viewer).with_score(pair.before), filters, pair.before, tree)
    fits = {"before": Q(), "score": Q()}
    for column in fits:
        if campaign.score_min is not None:
            fits[column] &= Q(**{f"{column}__gte": campaign.score_min})
        if campaign.score_max is not None:
            fits[column] &= Q(**{f"{column}__lte": campaign.score_max})
    rows = compared(pair).filter(person__in=people.values("pk")).order_by()
    counted: QuerySet[Any, Any] = rows.values(campaign=Value(campaign.pk, IntegerField())).annotate(
        fitted=Count("pk", filter=fits["before"]),
        entering=Count("pk", filter=fits["score"] & ~fits["before"]),
        leaving=Count("pk", filter=fits["before"] & ~fits["score"]),
    )
    return counted
