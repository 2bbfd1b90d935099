"""What a perk needs to know of who accepted it, and how far it has come: to send, sent, arrived; to book, booked."""

from datetime import UTC, datetime
from typing import Final, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import User, Viewer
from campaigns.models.campaigns import Campaign
from campaigns.models.invitations import Invitation
from campaigns.models.perks import PerkCode


class HandoverQuerySet(models.QuerySet["Handover"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep those of the campaigns that the user manages: who only looks on has nothing to send.

        What somebody gave themselves stands on their own page, by `given_by`.
        """
        return self.filter(invitation__campaign__in=Campaign.objects.managed_by(user))

    def of_others(self) -> Self:
        """Keep what isn't sent or booked yet and was given by a login that holds the profile no longer."""
        theirs = self.filter(state=Handover.State.NONE, invitation__person__user__isnull=False)
        return theirs.exclude(given_by=F("invitation__person__user"))

    def outlived(self, now: datetime) -> Self:
        """Keep those whose last day, in UTC, has passed."""
        return self.filter(kept_until__lt=now.astimezone(UTC).date())


class Handover(models.Model):
    """A postal address, or a name and days to book, that somebody gave for one perk; and what became of it.

    It is kept until a day that the person is told as they give it, and goes with them when they are erased.
    """

    State = PerkCode.Fulfilment
    # From which states each is reached; back to none where it was a slip.
    MOVES: Final = {
        State.SHIPPED: (State.NONE,),
        State.DELIVERED: (State.SHIPPED,),
        State.BOOKED: (State.NONE,),
        State.NONE: (State.SHIPPED, State.DELIVERED, State.BOOKED),
    }
    SAID: Final = {
        (Campaign.Details.ADDRESS, State.NONE): "to send",
        (Campaign.Details.ADDRESS, State.SHIPPED): "sent",
        (Campaign.Details.ADDRESS, State.DELIVERED): "arrived",
        (Campaign.Details.BOOKING, State.NONE): "to book",
        (Campaign.Details.BOOKING, State.BOOKED): "booked",
    }

    # By the invitation, so that it follows a merge with it.
    invitation = models.OneToOneField(Invitation, models.CASCADE, related_name="handover")
    kind = models.CharField(max_length=10, choices=Campaign.Details)
    full_name = models.CharField("name", max_length=120)
    street = models.CharField("street and number", max_length=200, blank=True)
    postcode = models.CharField("postal code", max_length=20, blank=True)
    city = models.CharField(max_length=100, blank=True)
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166, two letters.")
    first_day = models.DateField(null=True, blank=True)
    last_day = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)
    given_at = models.DateTimeField(default=timezone.now)
    # A profile can come to be somebody else's: what was given before is no business of theirs.
    given_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    kept_until = models.DateField(help_text="The last day, in UTC, as the person was told it.")
    state = models.CharField("status", max_length=10, choices=State, default=State.NONE)
    reference = models.CharField(max_length=100, blank=True, help_text="Of the parcel, or of the booking.")
    moved_at = models.DateTimeField(null=True, blank=True)
    moved_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    objects = HandoverQuerySet.as_manager()

    class Meta:
        verbose_name = "perk to send or book"
        verbose_name_plural = "perks to send or book"
        constraints = [
            models.CheckConstraint(condition=~Q(full_name=""), name="handover_has_name"),
            models.CheckConstraint(
                condition=Q(kind="address", first_day__isnull=True, last_day__isnull=True)
                & ~Q(street="")
                & ~Q(city="")
                & ~Q(country="")
                | Q(kind="booking", street="", postcode="", city="", country="", last_day__gte=F("first_day"))
                & Q(first_day__isnull=False, last_day__isnull=False),
                name="handover_is_of_its_kind",
            ),
            models.CheckConstraint(
                condition=Q(state="none")
                | Q(kind="address", state__in=["shipped", "delivered"])
                | Q(kind="booking", state="booked"),
                name="handover_state_is_of_its_kind",
            ),
            models.CheckConstraint(
                condition=Q(state="none", moved_at__isnull=True, reference="")
                | (~Q(state="none") & Q(moved_at__isnull=False)),
                name="handover_moved_has_time",
            ),
        ]
        indexes = [models.Index(fields=["kept_until"], name="handover_kept_until")]

    def __str__(self) -> str:
        # Nobody's name or address: this text gets into histories and logs.
        said = self.SAID.get((Campaign.Details(self.kind), self.State(self.state)), self.state)
        return f"perk for invitation {self.invitation_id}: {said}"

    @property
    def said(self) -> str:
        """Return the state in words."""
        return self.SAID[Campaign.Details(self.kind), self.State(self.state)]
