"""What a campaign's e-mails say, where a manager wrote it."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User, Viewer
from campaigns.models.campaigns import Campaign
from campaigns.wording import LONGEST_SUBJECT, LONGEST_TEXT


class MailTextQuerySet(models.QuerySet["MailText"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep those of the campaigns that the user may change: to everybody else they are mails not yet sent."""
        return self.filter(campaign__in=Campaign.objects.managed_by(user))


class MailText(models.Model):
    """What a campaign's e-mails of one kind say; where there is none, `campaigns.wording` has the usual text."""

    class Kind(models.TextChoices):
        INVITATION = "invitation"
        REMINDER = "reminder", "reminder of a label"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="mail_texts")
    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.CharField(max_length=LONGEST_SUBJECT)
    text = models.TextField(max_length=LONGEST_TEXT)
    written_at = models.DateTimeField(default=timezone.now, editable=False)
    written_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)

    objects = MailTextQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "kind"], name="mail_text_once_per_kind"),
            models.CheckConstraint(condition=Q(kind__in=["invitation", "reminder"]), name="mail_text_kind_is_known"),
            models.CheckConstraint(condition=~Q(subject="") & ~Q(text=""), name="mail_text_says_something"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of campaign {self.campaign_id}"
