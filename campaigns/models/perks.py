"""Codes of a campaign's perk: where each one is now, and the ledger of how it got there.

A code has one row, which says in what state it is and whose; the ledger has a line for each move. The row is what
can be locked and moved, and what constraints can hold to: "one code per person", "one holder per code". Of the lines
alone none of them can be asked, for a line that is only ever added doesn't end when the next one comes. The two can't
say different things: at the end of each transaction the database compares them (migration 0004), it refuses to change
or delete a line, and lets codes move only as `MOVES` says. What is in stock is counted, never kept.
"""

from datetime import UTC, date, datetime
from typing import Final, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User, Viewer
from campaigns.models.campaigns import Campaign
from campaigns.models.invitations import Invitation


class PerkCodeQuerySet(models.QuerySet["PerkCode"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep those of a brand's campaigns, for whoever works for it. The code itself is for managers only."""
        if user.is_superuser:
            return self.all()
        return self.filter(campaign__in=Campaign.objects.visible_to(user))

    def managed_by(self, user: Viewer) -> Self:
        """Keep those that the user may read, give and take."""
        if user.is_superuser:
            return self.all()
        return self.filter(campaign__in=Campaign.objects.managed_by(user))

    def past(self, now: datetime) -> Self:
        """Keep those that are good for nothing any more, whatever their row says yet. The last day counts, in UTC."""
        return self.filter(expires_on__lt=_day(now))

    def good(self, now: datetime) -> Self:
        """Keep the others: those whose last day hasn't passed, or that have none."""
        return self.filter(Q(expires_on__isnull=True) | Q(expires_on__gte=_day(now)))

    def to_give(self, now: datetime) -> Self:
        """Keep what is in stock and still good, what expires first before the rest."""
        in_stock = self.filter(state=PerkCode.State.IN_STOCK)
        return in_stock.good(now).order_by("expires_on", "pk")  # PostgreSQL has nulls last

    def standing(self) -> Self:
        """Keep what counts as somebody's one code."""
        return self.filter(state__in=PerkCode.STANDING)


class PerkCode(models.Model):
    """One code, good for one perk.

    `in_stock` → `held` for somebody who was invited → `issued` → `redeemed`, or `expired`, or `revoked`. The last
    three are ends. What is held or issued can come back to the stock.
    """

    class State(models.TextChoices):
        IN_STOCK = "in_stock", "in stock"
        HELD = "held"
        ISSUED = "issued"
        REDEEMED = "redeemed"
        EXPIRED = "expired"
        REVOKED = "revoked"

    class Fulfilment(models.TextChoices):
        """How far what the code stands for has come, in the brand's hands."""

        NONE = "none", "not yet"
        BOOKED = "booked"
        SHIPPED = "shipped"
        DELIVERED = "delivered"

    # A person has at most one of these per campaign. One that was revoked leaves room for another.
    STANDING: Final = (State.HELD, State.ISSUED, State.REDEEMED, State.EXPIRED)
    # From which states each is reached; the trigger in migration 0004 knows the same.
    MOVES: Final = {
        State.IN_STOCK: (State.HELD, State.ISSUED),
        State.HELD: (State.IN_STOCK,),
        State.ISSUED: (State.IN_STOCK, State.HELD),
        State.REDEEMED: (State.ISSUED,),
        State.EXPIRED: (State.IN_STOCK, State.ISSUED),
        State.REVOKED: (State.IN_STOCK, State.HELD, State.ISSUED),
    }

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="codes")
    code = models.CharField(max_length=64)
    expires_on = models.DateField(null=True, blank=True, help_text="The last day on which it is good, in UTC.")
    state = models.CharField(max_length=10, choices=State, default=State.IN_STOCK)
    # Whose it is or, once revoked, was. Empty where that person was erased, who may well use it: it stays issued.
    invitation = models.ForeignKey(Invitation, models.SET_NULL, null=True, blank=True, related_name="codes")
    issued_at = models.DateTimeField(null=True, blank=True, editable=False)
    fulfilment = models.CharField("status", max_length=10, choices=Fulfilment, default=Fulfilment.NONE)
    added_at = models.DateTimeField(default=timezone.now, editable=False)
    added_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)

    objects = PerkCodeQuerySet.as_manager()

    class Meta:
        verbose_name = "code"
        constraints = [
            models.UniqueConstraint(fields=["campaign", "code"], name="perk_code_once_per_campaign"),
            models.UniqueConstraint(
                fields=["invitation"],
                condition=Q(state__in=["held", "issued", "redeemed", "expired"]),
                name="perk_code_one_per_person",
            ),
            models.CheckConstraint(condition=~Q(code=""), name="perk_code_is_some_text"),
            models.CheckConstraint(
                condition=~Q(state="in_stock") | Q(invitation__isnull=True, issued_at__isnull=True, fulfilment="none"),
                name="perk_code_in_stock_is_nobodys",
            ),
            models.CheckConstraint(
                condition=~Q(state="held") | Q(issued_at__isnull=True, fulfilment="none"),
                name="perk_code_held_is_not_issued",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["issued", "redeemed"]) | Q(issued_at__isnull=False),
                name="perk_code_issued_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["in_stock", "held", "issued", "redeemed", "expired", "revoked"]),
                name="perk_code_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(fulfilment__in=["none", "booked", "shipped", "delivered"]),
                name="perk_code_fulfilment_is_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["campaign", "expires_on", "id"], name="perk_code_to_give", condition=Q(state="in_stock")
            ),
            models.Index(
                fields=["expires_on"],
                name="perk_code_to_expire",
                condition=Q(state__in=["in_stock", "held", "issued"], expires_on__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        # Not the code: this text gets into histories and logs.
        return f"code {self.pk} of campaign {self.campaign_id}: {self.state}"

    def is_past(self, now: datetime) -> bool:
        """Return whether its last day, in UTC, has passed."""
        return self.expires_on is not None and self.expires_on < _day(now)


class PerkEntryQuerySet(models.QuerySet["PerkEntry"]):
    def visible_to(self, user: Viewer) -> Self:
        return self.filter(code__in=PerkCode.objects.visible_to(user))


class PerkEntry(models.Model):
    """A line of the ledger: what happened to a code, when, and by whom. Its campaign is the code's.

    Lines are added and never changed or deleted; the database sees to it. It admits one thing: with a person who is
    erased their lines forget whose they were and what was noted, and with a login that is deleted who did it.
    """

    class Kind(models.TextChoices):
        HELD = "held"
        ISSUED = "issued"
        REDEEMED = "redeemed"
        EXPIRED = "expired"
        REVOKED = "revoked"
        RELEASED = "released"  # back in stock

    code = models.ForeignKey(PerkCode, models.PROTECT, related_name="entries")
    # For whom, or from whom it came back.
    invitation = models.ForeignKey(Invitation, models.SET_NULL, null=True, related_name="perk_entries")
    kind = models.CharField(max_length=10, choices=Kind)
    at = models.DateTimeField()
    # Empty where no manager did it: what came of an answer, or of time.
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=200, blank=True)

    objects = PerkEntryQuerySet.as_manager()

    class Meta:
        verbose_name = "line of the perk ledger"
        verbose_name_plural = "perk ledger"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["held", "issued", "redeemed", "expired", "revoked", "released"]),
                name="perk_entry_kind_is_known",
            ),
            # Each end comes once.
            models.UniqueConstraint(
                fields=["code"],
                condition=Q(kind__in=["redeemed", "expired", "revoked"]),
                name="perk_entry_ends_once",
            ),
        ]
        indexes = [models.Index(fields=["code", "id"], name="perk_entry_of_code")]

    def __str__(self) -> str:
        return f"{self.pk}: code {self.code_id} {self.kind} at {self.at:%Y-%m-%d %H:%M:%S}"


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()
