"""Whom a campaign considers, and whom it invited."""

import secrets
from datetime import UTC, datetime
from typing import Any, Final, Self

from django.db import models
from django.db.models import Count, DateField, ExpressionWrapper, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import FollowsMerge, Person, User, Viewer
from campaigns.models.campaigns import Campaign


class ShortlistingQuerySet(FollowsMerge["Shortlisting"]):
    def visible_to(self, user: Viewer) -> Self:
        return self.filter(campaign__in=Campaign.objects.visible_to(user), person__in=Person.objects.visible_to(user))

    def moving(self, kept: Person, merged: Person) -> Self:
        """Keep the rows of the merged person for campaigns that don't consider the kept one already."""
        return self.filter(person=merged).exclude(campaign__in=self.filter(person=kept).values("campaign"))


class Shortlisting(models.Model):
    """Somebody whom a manager considers for a campaign."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="shortlist")
    person = models.ForeignKey(Person, models.CASCADE, related_name="shortlistings")
    added_at = models.DateTimeField(default=timezone.now, editable=False)
    added_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)

    objects = ShortlistingQuerySet.as_manager()

    class Meta:
        verbose_name = "shortlisted person"
        verbose_name_plural = "shortlisted people"
        constraints = [models.UniqueConstraint(fields=["campaign", "person"], name="shortlisting_once")]

    def __str__(self) -> str:
        return f"{self.person_id} for {self.campaign_id}"


def new_nonce() -> str:
    """Return what makes an invitation's link its own."""
    return secrets.token_urlsafe(9)


class InvitationQuerySet(FollowsMerge["Invitation"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep a brand's own, and those that the user was sent."""
        if user.is_superuser:
            return self.all()
        own = Q(campaign__in=Campaign.objects.visible_to(user))
        if user.is_authenticated:
            own |= Q(person__user_id=user.pk)
        return self.filter(own)

    def open(self) -> Self:
        return self.filter(state__in=[Invitation.State.INVITED, Invitation.State.SEEN])

    def standing(self) -> Self:
        """Keep what is open or answered: an expired one doesn't keep its person from being invited again."""
        return self.exclude(state=Invitation.State.EXPIRED)

    def ended(self) -> Self:
        """Keep those that give their person nothing any more."""
        return self.filter(state__in=Invitation.ENDED)

    def expired(self) -> Self:
        return self.filter(state=Invitation.State.EXPIRED)

    def waiting(self) -> Self:
        """Keep the waiting list, in order."""
        return self.filter(state=Invitation.State.WAITING).order_by("campaign", "turn")

    def with_first(self) -> Any:
        """Annotate `first_at`: when each was invited first, whatever became of that."""
        return self.annotate(first_at=Coalesce("first_invited_at", "invited_at"))

    def owing_details(self, now: datetime) -> Self:
        """Keep who accepted and is still to say where to send the perk, or what to book.

        Not once the day is over on which what they give is deleted, nor who has redeemed the code, for it came without,
        nor whose perk was on its way or booked by the time that what they gave was deleted.
        """
        until = ExpressionWrapper(F("campaign__ends_on") + F("campaign__details_kept_days"), DateField())
        # What another login gave that held the profile before is nothing that was given, unless it was sent or booked.
        others = Q(handover__given_by=None) | ~Q(handover__given_by=F("person__user"))
        given = Q(handover=None) | Q(others, handover__state="none", person__user__isnull=False)
        asked = self.exclude(campaign__details_kind=Campaign.Details.NONE).filter(given, had_perk=False)
        asked = asked.exclude(codes__state="redeemed")
        return asked.alias(until=until).filter(state=Invitation.State.ACCEPTED, until__gte=now.astimezone(UTC).date())

    def with_number(self) -> Any:
        """Annotate `number`: which one on the campaign's waiting list each is, 1 being the next; None off it."""
        before = self.model._default_manager.filter(campaign=OuterRef("campaign"), turn__lte=OuterRef("turn"))
        counted = before.order_by().values("campaign").annotate(n=Count("pk")).values("n")
        return self.annotate(number=Subquery(counted, output_field=models.IntegerField()))

    def moving(self, kept: Person, merged: Person) -> Self:
        """Keep the merged person's invitations to campaigns that the kept one isn't invited to.

        One that was declined, withdrawn or has expired beside the kept person's own stays with the merged person's row.
        """
        return self.filter(person=merged).exclude(campaign__in=self.filter(person=kept).values("campaign"))

    def in_the_way(self, kept: Person, merged: Person) -> list[str]:
        """Say to which campaigns both are invited, unless the merged person's part in it is over."""
        both = self.filter(person=merged, campaign__in=self.filter(person=kept).values("campaign"))
        mine = {row.campaign_id: row.state for row in self.filter(person=kept)}
        return [
            f"Both are invited to {row.campaign}. "
            + (
                "Merge the other way round: that invitation of the person kept is over."
                if mine[row.campaign_id] in Invitation.ENDED
                else "One of the two has to decline first, or the campaign to end."
            )
            for row in both.exclude(state__in=Invitation.ENDED).select_related("campaign").order_by("campaign")
        ]


class Invitation(models.Model):
    """The offer of a campaign's perk to one person.

    `invited` → `seen` → `accepted` or `declined`; `waiting` where seats or codes had run out when the person said
    yes, and `accepted` from there in turn. `expired` when the campaign's last day passes without a seat, and back to
    `invited` when the campaign got a later last day and its manager invites the person again. `withdrawn` when the
    brand took back what was accepted. The personal link is signed, not stored: `campaigns.links`.
    """

    class State(models.TextChoices):
        INVITED = "invited"
        SEEN = "seen"
        WAITING = "waiting"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        EXPIRED = "expired"
        WITHDRAWN = "withdrawn"

    class Delivery(models.TextChoices):
        DUE = "due", "e-mail due"
        SENDING = "sending", "e-mail on its way"
        SENT = "sent", "e-mail sent"
        FAILED = "failed", "e-mail failed"
        BOUNCED = "bounced", "e-mail came back"
        BY_HAND = "by_hand", "by hand"

    # No e-mail reaches the person: the manager does.
    UNDELIVERED: Final = (Delivery.BY_HAND, Delivery.FAILED, Delivery.BOUNCED)
    ENDED: Final = (State.DECLINED, State.EXPIRED, State.WITHDRAWN)

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="invitations")
    person = models.ForeignKey(Person, models.CASCADE, related_name="invitations")
    state = models.CharField(max_length=10, choices=State, default=State.INVITED)
    delivery = models.CharField(max_length=10, choices=Delivery, default=Delivery.BY_HAND)
    invited_at = models.DateTimeField(default=timezone.now, editable=False)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)
    first_invited_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Of who was invited again after the first one had expired."
    )
    sending_since = models.DateTimeField(null=True, blank=True, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True, editable=False)
    seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    answered_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Told by what they gave for it, as long as that is kept.
    had_perk = models.BooleanField("was sent or booked the perk", default=False, db_default=False, editable=False)
    # The order of those who wait is that in which they got the campaign's lock, which no clock tells.
    turn = models.PositiveIntegerField("turn on the waiting list", null=True, blank=True, editable=False)
    nonce = models.CharField(
        max_length=16,
        default=new_nonce,
        editable=False,
        help_text="Part of the personal link: a new one makes every link given out before worthless.",
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "person"], name="invitation_once"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "accepted", "declined", "withdrawn"], answered_at__isnull=False)
                | (~Q(state__in=["waiting", "accepted", "declined", "withdrawn"]) & Q(answered_at__isnull=True)),
                name="invitation_answer_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", turn__isnull=False) | (~Q(state="waiting") & Q(turn__isnull=True)),
                name="invitation_waiting_has_turn",
            ),
            models.UniqueConstraint(
                fields=["campaign", "turn"], condition=Q(turn__isnull=False), name="invitation_turn_once"
            ),
            # For the foreign key by which a code's person is invited to the code's own campaign.
            models.UniqueConstraint(fields=["id", "campaign"], name="invitation_of_campaign"),
            models.CheckConstraint(
                condition=~Q(state="seen") | Q(seen_at__isnull=False), name="invitation_seen_has_time"
            ),
        ]
        indexes = [
            models.Index(fields=["delivery"], name="invitation_due", condition=Q(delivery__in=["due", "sending"]))
        ]

    def __str__(self) -> str:
        return f"{self.person_id} to {self.campaign_id}: {self.state}"
