"""What a campaign's e-mails say, where a manager wrote it; and e-mails to those who accepted."""

from collections.abc import Iterable
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Person, User, Viewer
from campaigns.models.campaigns import Campaign
from campaigns.models.invitations import Invitation
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


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, user: Viewer) -> Self:
        return self.filter(invitation__in=Invitation.objects.visible_to(user))

    def to_tell(self) -> Self:
        """Keep those that no e-mail told: the manager does."""
        standing = self.filter(sent_at__isnull=True, invitation__state=Invitation.State.ACCEPTED)
        standing = standing.exclude(kind=Notice.Kind.DETAILS, invitation__handover__isnull=False)
        return standing.filter(delivery__in=Invitation.UNDELIVERED)


class Notice(models.Model):
    """An e-mail that tells somebody what they were given while they waited, or are asked for since they accepted.

    Whoever is given or asked it as they accept sees it.

    What it says isn't kept: it is made from how things stand when it goes out.
    """

    class Kind(models.TextChoices):
        SEAT = "seat", "came off the waiting list"
        CODE = "code", "got a code after the seat"
        DETAILS = "details", "is asked for details since"

    invitation = models.ForeignKey(Invitation, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=10, choices=Kind)
    made_at = models.DateTimeField(default=timezone.now)
    delivery = models.CharField(max_length=10, choices=Invitation.Delivery, default=Invitation.Delivery.DUE)
    sending_since = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["seat", "code", "details"]), name="notice_kind_is_known")
        ]
        indexes = [models.Index(fields=["delivery"], name="notice_due", condition=Q(delivery__in=["due", "sending"]))]

    def __str__(self) -> str:
        return f"{self.kind} to invitation {self.invitation_id}: {self.delivery}"


class BouncedAddressQuerySet(models.QuerySet["BouncedAddress"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep all for operators: which addresses are known of whom is no brand's business."""
        return self.all() if user.is_superuser else self.none()

    def among(self, addresses: Iterable[str]) -> set[str]:
        """Return which of these take no mail, in lower case. One query."""
        wanted = {address.strip().lower() for address in addresses}
        return set(self.filter(address__in=wanted).values_list("address", flat=True))


class BouncedAddress(models.Model):
    """An e-mail address that takes no mail, as a mail server said. Nothing is sent there, whosever it is.

    It hangs on the person whose it was, so that it goes with them when they are erased. Another address of theirs isn't
    marked by it.
    """

    address = models.CharField(max_length=254, unique=True, help_text="In lower case.")
    person = models.ForeignKey(Person, models.CASCADE, related_name="bounced_addresses")
    status = models.CharField(max_length=11, help_text="As RFC 3463 has it: 5.1.1 is a mailbox that isn't there.")
    at = models.DateTimeField(default=timezone.now)

    objects = BouncedAddressQuerySet.as_manager()

    class Meta:
        verbose_name = "address that takes no mail"
        verbose_name_plural = "addresses that take no mail"
        constraints = [
            models.CheckConstraint(condition=~Q(address=""), name="bounced_address_is_some"),
            models.CheckConstraint(
                condition=Q(status__in=["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"]),
                name="bounced_address_for_good",
            ),
        ]

    def __str__(self) -> str:
        # Not the address: this text gets into histories and logs.
        return f"bounced address {self.pk}"
