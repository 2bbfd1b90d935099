"""What stands beside campaigns and people in lists: counts of answers, topics, accounts."""

from typing import Any, Final

from django.db.models import Count, IntegerField, Max, OuterRef, Prefetch, QuerySet, Subquery, prefetch_related_objects
from django.db.models.functions import Coalesce

from accounts.models import Identity, Viewer
from campaigns.models import Campaign, Invitation, Selection, Shortlisting
from scoring.models import Influencer, Score, ScoreRun, TopicReach

TOP_TOPICS: Final = 3


def with_answers(campaigns: QuerySet[Campaign]) -> QuerySet[Any]:
    """Annotate `invited`: how many were, whatever became of it; and how many are in each other state, by its name.

    Subqueries, since joining two lists of n rows each would count over n² of them, and grouping would count for
    campaigns that the page doesn't show.
    """
    invitations = Invitation.objects.filter(campaign=OuterRef("pk"))
    states = [state for state in Invitation.State if state != Invitation.State.INVITED]
    counted: QuerySet[Any] = campaigns.annotate(
        invited=_count(invitations), **{state.value: _count(invitations.filter(state=state)) for state in states}
    )
    return counted


def with_counts(campaigns: QuerySet[Campaign], user: Viewer) -> QuerySet[Any]:
    """Annotate those and `shortlisted`: how many people the user can see on the campaign's shortlist."""
    shortlist = Shortlisting.objects.visible_to(user).filter(campaign=OuterRef("pk"))
    counted: QuerySet[Any] = with_answers(campaigns).annotate(shortlisted=_count(shortlist))
    return counted


def _count(rows: QuerySet[Any]) -> Coalesce:
    # Grouping by what the filter holds fixed gives one row, or none where there is nothing to count.
    counted = rows.order_by().values("campaign").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def used_scores(campaign: Campaign) -> bool:
    """Return whether people were chosen or invited by their scores, so that what for is settled. Two queries."""
    return campaign.selections.exists() or campaign.invitations.exists()


def declined_since_chosen(campaign: Campaign) -> int:
    """Return how many declined since a group was last chosen for a campaign, 0 where none was. Two queries at most."""
    chosen = Selection.objects.filter(campaign=campaign, state=Selection.State.DONE)
    last = chosen.aggregate(last=Max("asked_at"))["last"]
    if last is None:
        return 0
    declined = Invitation.objects.filter(campaign=campaign, state=Invitation.State.DECLINED)
    return declined.filter(answered_at__gt=last).count()


def fill_in(people: list[Influencer], run: ScoreRun | None, before: ScoreRun | None) -> None:
    """Read what a page of people shows beside their scores: three queries, whatever their number.

    Sets `place`, `top_topics`, `shown_identities` and, as a list of at most one score, `score_before` on each.
    """
    prefetch_related_objects(
        people,
        "place",
        Prefetch(
            "topic_reach",
            TopicReach.objects.filter(run=run, rank__lte=TOP_TOPICS).order_by("rank").select_related("topic"),
            to_attr="top_topics",
        ),
        Prefetch("identities", Identity.objects.order_by("network", "key"), to_attr="shown_identities"),
    )
    if before is not None:
        prefetch_related_objects(people, Prefetch("scores", Score.objects.filter(run=before), to_attr="score_before"))
