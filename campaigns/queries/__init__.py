"""What pages and the admin read about campaigns."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import (
    BooleanField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Value,
    prefetch_related_objects,
)
from django.db.models.functions import Coalesce
from django.urls import reverse

from accounts.models import Identity, Person, Viewer
from campaigns import links
from campaigns.models import (
    BouncedAddress,
    Campaign,
    Exclusion,
    Handover,
    Holdout,
    Invitation,
    PerkCode,
    Selected,
    Selection,
    Shortlisting,
)
from campaigns.queries.mails import addresses_of
from scoring.comparison import Pair, compared
from scoring.models import Influencer, Score, ScoreRun, TopicReach
from scoring.queries import Circle, InfluencerFilters, TopicTree, narrowed, topic_tree

TOP_TOPICS = 3
# Of people held back, those whom a campaign's page names.
MOST_HELD_BACK = 50
# Campaigns whose people a formula's preview counts.
MOST_MOVED = 50


def invitation_of(token: str) -> Invitation | None:
    """Return the invitation that a personal link opens, with campaign, brand and person; None for any other text.

    One query, none where the signature is wrong.
    """
    pk = links.read_token(token)
    if pk is None:
        return None
    rows = Invitation.objects.select_related("campaign__brand", "person__user")
    invitation = rows.filter(pk=pk).first()
    return invitation if invitation is not None and links.is_current(token, invitation) else None


def with_room(invitations: QuerySet[Invitation], now: datetime) -> QuerySet[Any]:
    """Annotate `is_full`: whether whoever says yes now would wait, for want of a seat or of a code.

    A hint for the page that asks: who clicks at the same moment may be quicker.
    """
    codes = PerkCode.objects.filter(campaign=OuterRef("campaign"))
    held = PerkCode.objects.filter(invitation=OuterRef("pk"), state=PerkCode.State.HELD).good(now)
    in_line = Invitation.objects.waiting().filter(campaign=OuterRef("campaign")).order_by()
    no_code = Q(Exists(codes)) & ~Q(Exists(codes.to_give(now).order_by())) & ~Q(Exists(held))
    no_seat = Q(campaign__seats_taken__gte=F("campaign__seats"))
    annotated: QuerySet[Any] = invitations.annotate(
        is_full=ExpressionWrapper(no_seat | no_code | Q(Exists(in_line)) & ~Q(Exists(held)), BooleanField())
    )
    return annotated


def is_full(invitation: Invitation, now: datetime) -> bool:
    """Return that of one. One query."""
    return bool(with_room(Invitation.objects.filter(pk=invitation.pk), now).values_list("is_full", flat=True).get())


@dataclass(frozen=True, slots=True)
class Answered:
    """What somebody's own yes has brought: a code, or a number on the waiting list, or neither as yet.

    `asks` where the perk needs to know something of them to be sent or booked, and `handover` once they gave it.
    """

    invitation: Invitation
    code: PerkCode | None
    number: int | None
    follows: bool
    asks: bool = False
    handover: Handover | None = None

    @property
    def path(self) -> str:
        """Return where the invitation's page is: it is the person's own, who may have the link anyway."""
        return reverse("invitation", args=[links.make_token(self.invitation)])

    @property
    def is_waiting(self) -> bool:
        """Return whether it brought no seat as yet."""
        return self.invitation.state == Invitation.State.WAITING


def answered_by(person: Person, viewer: Viewer, now: datetime) -> dict[int, Answered]:
    """Return, by invitation, what the person's yes has brought, newest invitation first; nothing to anybody else.

    Codes are worth money: a personal link doesn't show one, nor does the page to the brand's own people who look at it.
    One query for the invitations, and where there are any one for the codes, and one for what was given to send them.
    """
    if not viewer.is_authenticated or person.user_id != viewer.pk:
        return {}
    said_yes = Invitation.objects.filter(person=person, state__in=[Invitation.State.WAITING, Invitation.State.ACCEPTED])
    with_codes = Exists(PerkCode.objects.filter(campaign=OuterRef("campaign")))
    rows = list(
        said_yes.select_related("campaign__brand")
        .with_number()
        .annotate(with_codes=with_codes)
        .order_by("-invited_at", "-pk")
    )
    out = PerkCode.objects.standing().exclude(state=PerkCode.State.HELD).filter(invitation__in=[row.pk for row in rows])
    codes = {code.invitation_id: code for code in out}
    asking = [row.pk for row in rows if row.state == Invitation.State.ACCEPTED and row.campaign.details_kind != "none"]
    given = Handover.objects.filter(invitation__in=asking) if asking else ()
    handovers = {row.invitation_id: row for row in given if row.given_by_id == viewer.pk}
    # Sent or booked by what a login gave that held the profile before.
    others = {row.invitation_id for row in given if row.given_by_id != viewer.pk and row.state != Handover.State.NONE}
    today = now.astimezone(UTC).date()
    used = {pk for pk, code in codes.items() if code.state == PerkCode.State.REDEEMED}  # came without being asked
    return {
        row.pk: Answered(
            invitation=row,
            code=codes.get(row.pk),
            number=row.number,
            follows=row.state == Invitation.State.ACCEPTED and row.with_codes and row.pk not in codes,
            asks=row.pk in handovers
            or (
                row.pk in asking
                and row.pk not in used | others
                and not row.had_perk
                and row.campaign.details_kept_until >= today
            ),
            handover=handovers.get(row.pk),
        )
        for row in rows
    }


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


def used_scores(campaign: Campaign) -> bool:
    """Return whether people were chosen or invited by their scores, so that what for is settled. Two queries."""
    return campaign.selections.exists() or campaign.invitations.exists()


def with_counts(campaigns: QuerySet[Campaign], user: Viewer) -> QuerySet[Any]:
    """Annotate those and `shortlisted`: how many people the user can see on the campaign's shortlist."""
    shortlist = Shortlisting.objects.visible_to(user).filter(campaign=OuterRef("pk"))
    counted: QuerySet[Any] = with_answers(campaigns).annotate(shortlisted=_count(shortlist))
    return counted


def _count(rows: QuerySet[Any]) -> Coalesce:
    # Grouping by what the filter holds fixed gives one row, or none where there is nothing to count.
    counted = rows.order_by().values("campaign").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


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


def declined_since_chosen(campaign: Campaign) -> int:
    """Return how many declined since a group was last chosen for a campaign, 0 where none was. Two queries at most."""
    chosen = Selection.objects.filter(campaign=campaign, state=Selection.State.DONE)
    last = chosen.aggregate(last=Max("asked_at"))["last"]
    if last is None:
        return 0
    declined = Invitation.objects.filter(campaign=campaign, state=Invitation.State.DECLINED)
    return declined.filter(answered_at__gt=last).count()


@dataclass(frozen=True, slots=True)
class Listed:
    """Somebody on a campaign's shortlist."""

    handle: str
    name: str
    city: str
    score: float | None
    invitation: str | None
    is_held_back: bool


def held_back_here() -> QuerySet[Holdout]:
    """Return who is held back from a row's campaign, for a subquery of rows that have `campaign` and `person`."""
    return Holdout.objects.filter(campaign=OuterRef("campaign"), person=OuterRef("person"))


def approved_here() -> Q:
    """Return the condition that a row's person may be invited to its campaign, as far as approval goes.

    That is: the brand doesn't ask for any, or the person is in a group of that campaign that was approved, maybe as
    somebody who was merged into them since.
    """
    person = Q(person=OuterRef("person")) | Q(person__merged_into=OuterRef("person"))
    group = Selected.objects.approved().filter(person, selection__campaign=OuterRef("campaign"))
    return Q(campaign__brand__approval_required=False) | Q(Exists(group))


def held_back_from(campaign: Campaign, user: Viewer) -> tuple[int, list[Person]]:
    """Return how many are held back from a campaign, and whom of them the user sees, by handle. Two queries."""
    seen = Person.objects.visible_to(user).filter(holdouts__campaign=campaign).order_by("handle")
    return Holdout.objects.filter(campaign=campaign).count(), list(seen[:MOST_HELD_BACK])


def shortlist_of(campaign: Campaign, user: Viewer, run: ScoreRun | None, most: int) -> list[Listed]:
    """Return the people on a shortlist that the user sees, highest score first. One query."""
    score = Score.objects.filter(run=run, person=OuterRef("person")).values("score")
    invitation = Invitation.objects.filter(campaign=OuterRef("campaign"), person=OuterRef("person")).values("state")
    rows: QuerySet[Any] = (
        Shortlisting.objects.visible_to(user)
        .filter(campaign=campaign)
        .select_related("person__place")
        .annotate(score=Subquery(score), invitation=Subquery(invitation), is_held_back=Exists(held_back_here()))
        .order_by(F("score").desc(nulls_last=True), "pk")[:most]
    )
    return [
        Listed(
            handle=row.person.handle,
            name=row.person.name,
            city=row.person.place.name if row.person.place else "",
            score=row.score,
            invitation=row.invitation,
            is_held_back=row.is_held_back,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Invitable:
    """What inviting some people to a campaign would do; `again` are those whose invitation expired.

    `held_back` were before; `unapproved` are in no approved group, where the brand wants one. Of `first`, who
    were never invited, the campaign's share will be. `on_lists` of those who would be invited stand on `lists` of the
    brand, by name with how many.
    """

    campaign: Campaign
    by_email: int
    by_hand: int
    again: int
    already: int
    held_back: int
    unapproved: int
    first: int
    names: list[str]
    is_over: bool
    on_lists: int
    lists: list[tuple[str, int]]

    @property
    def is_closed(self) -> bool:
        """Return whether `actions.invite` would refuse, for time or for want of seats."""
        return self.is_over or self.campaign.seats_left < 1

    @property
    def new(self) -> int:
        """Return how many would be invited."""
        return self.by_email + self.by_hand


def invitable(shortlistings: Iterable[Shortlisting], now: datetime) -> list[Invitable]:
    """Return, for each campaign of these rows, whom inviting them would reach and how. Three queries."""
    invitations = Invitation.objects.filter(campaign=OuterRef("campaign"), person=OuterRef("person"))
    rows = (
        Shortlisting.objects.filter(pk__in=[row.pk for row in shortlistings])
        .select_related("campaign__brand", "person__user")
        .annotate(
            is_invited=Exists(invitations.standing()),
            has_expired=Exists(invitations.expired()),
            is_held_back=Exists(held_back_here()) & ~Exists(invitations),
            is_approved=ExpressionWrapper(approved_here(), BooleanField()),
        )
        .order_by("campaign", "pk")
    )
    by_campaign: dict[int, list[Shortlisting]] = {}
    bounced = BouncedAddress.objects.among(_address(row.person) for row in rows)
    for row in rows:
        by_campaign.setdefault(row.campaign_id, []).append(row)
    excluded: dict[int, list[Exclusion]] = {}
    brands = {row.campaign.brand_id for row in rows}
    exclusions = Exclusion.objects.filter(exclusion_list__brand__in=brands, person__in=[row.person_id for row in rows])
    for exclusion in exclusions.select_related("exclusion_list"):
        excluded.setdefault(exclusion.exclusion_list.brand_id, []).append(exclusion)
    found = []
    for listed in by_campaign.values():
        held_back = sum(row.is_held_back for row in listed)  # type: ignore[attr-defined]  # annotated
        free: list[Any] = [row for row in listed if not (row.is_invited or row.is_held_back)]  # type: ignore[attr-defined]
        new = [row.person for row in free if row.is_approved]
        again = sum(row.has_expired for row in free if row.is_approved)
        by_email = sum(bool(_address(person)) and _address(person) not in bounced for person in new)
        ids = {person.pk for person in new}
        on = [row for row in excluded.get(listed[0].campaign.brand_id, []) if row.person_id in ids]
        found.append(
            Invitable(
                campaign=listed[0].campaign,
                by_email=by_email,
                by_hand=len(new) - by_email,
                again=again,
                already=len(listed) - len(free) - held_back,
                held_back=held_back,
                unapproved=len(free) - len(new),
                first=len(new) - again,
                names=[person.display_name for person in new],
                is_over=listed[0].campaign.is_over(now),
                on_lists=len({row.person_id for row in on}),
                lists=sorted(Counter(row.exclusion_list.name for row in on).items()),
            )
        )
    return found


def _address(person: Person) -> str:
    return next(iter(addresses_of(person)), "").strip().lower()


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
