"""Colleagues whom a brand's owner invited by e-mail, and who haven't joined yet."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models import User, Viewer
from campaigns.models.brands import Brand, Membership
from campaigns.models.invitations import new_nonce


class ColleagueInvitationQuerySet(models.QuerySet["ColleagueInvitation"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep those of the brands that the user owns: who works for a brand is its owners' business."""
        return self.filter(brand__in=Brand.objects.owned_by(user))

    def good(self, now: datetime) -> Self:
        """Keep those by which somebody can still join."""
        return self.filter(_sent_by_an_owner(), expires_at__gt=now)

    def with_sender(self) -> Self:
        """Add `by_owner`: whether who sent it may invite for the brand still; else its link opens nothing."""
        return self.annotate(by_owner=_sent_by_an_owner())


def _sent_by_an_owner() -> Exists:
    owns = Q(is_superuser=True) | Q(memberships__brand=OuterRef("brand"), memberships__role=Membership.Role.OWNER)
    return Exists(User.objects.filter(owns, pk=OuterRef("invited_by"), is_active=True))


class ColleagueInvitation(models.Model):
    """An address that may join a brand in a role, by a link that is good once and for some days.

    There is a row as long as nobody joined by it and nobody took it back: with either it goes, and the address with it.
    """

    class Delivery(models.TextChoices):
        DUE = "due", "e-mail due"
        SENDING = "sending", "being sent"
        SENT = "sent"
        FAILED = "failed", "e-mail failed"

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="invited_colleagues")
    email = models.EmailField("e-mail")
    role = models.CharField(
        max_length=10,
        choices=[(role.value, role.label) for role in Membership.STAFF],
        default=Membership.Role.MANAGER,
    )
    nonce = models.CharField(max_length=16, default=new_nonce, editable=False, help_text="Makes the link its own.")
    invited_at = models.DateTimeField(default=timezone.now, editable=False)
    invited_by = models.ForeignKey(User, models.CASCADE, related_name="+", editable=False)
    expires_at = models.DateTimeField(editable=False)
    delivery = models.CharField(max_length=10, choices=Delivery, default=Delivery.DUE, editable=False)
    sending_since = models.DateTimeField(null=True, editable=False)

    objects = ColleagueInvitationQuerySet.as_manager()

    class Meta:
        verbose_name = "invited colleague"
        constraints = [
            models.UniqueConstraint(
                "brand",
                Lower("email"),
                name="colleague_invited_once",
                violation_error_message="This address is invited already: send it again, or take it back first.",
            ),
            models.CheckConstraint(
                condition=Q(role__in=["owner", "manager", "viewer"]), name="colleague_role_is_known"
            ),
            models.CheckConstraint(
                condition=Q(delivery="sending", sending_since__isnull=False)
                | (~Q(delivery="sending") & Q(sending_since__isnull=True)),
                name="colleague_sending_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.role} of {self.brand_id}"
