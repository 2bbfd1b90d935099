"""Who is on a campaign's shortlist, and what inviting them would do."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery

from accounts.models import Person, Viewer
from campaigns.models import BouncedAddress, Campaign, Exclusion, Holdout, Invitation, Selected, Shortlisting
from campaigns.queries.mails import addresses_of
from scoring.models import Score, ScoreRun

# Of people held back, those whom a campaign's page names.
MOST_HELD_BACK: Final = 50


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


@dataclass(frozen=True, slots=True)
class Listed:
    """Somebody on a campaign's shortlist."""

    handle: str
    name: str
    city: str
    score: float | None
    invitation: str | None
    is_held_back: bool


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
