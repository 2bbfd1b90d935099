"""Posts by participants that are about their campaign, and whether each says that it is an ad."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Identity, Person, User, Viewer
from campaigns.disclosure import Remark
from campaigns.models.campaigns import Campaign
from campaigns.models.invitations import Invitation


class CampaignPostQuerySet(models.QuerySet["CampaignPost"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep those of a brand's own campaigns by people whom the user sees: a post names who wrote it."""
        return self.standing().filter(
            invitation__campaign__in=Campaign.objects.visible_to(user),
            invitation__person__in=Person.objects.visible_to(user),
        )

    def managed_by(self, user: Viewer) -> Self:
        return self.visible_to(user).filter(invitation__campaign__in=Campaign.objects.managed_by(user))

    def standing(self) -> Self:
        """Keep those whose account is the invited person's still: a merge that was undone gives it back."""
        return self.filter(identity__person=F("invitation__person"))

    def about(self) -> Self:
        """Keep those that nobody took out."""
        return self.filter(taken_out_at__isnull=True)

    def unlabelled(self) -> Self:
        """Keep those in which no label was found or seen, be it that there was no text to read."""
        return self.about().filter(label_state__in=CampaignPost.NOT_SEEN)


class CampaignPost(models.Model):
    """A post about a campaign by somebody who accepted, written since. Of its text nothing is kept.

    The look (`campaigns.actions.find_posts`) writes which post it is and what it says of labels; a manager what a
    person saw. A label that was found stays found. Each post is reminded of once.
    """

    class LabelState(models.TextChoices):
        UNREAD = "unread", "not readable"
        MISSING = "missing", "missing"
        FOUND = "found", "found"
        BY_HAND = "by_hand", "seen by hand"

    class Reminder(models.TextChoices):
        NONE = "none", "none"
        DUE = "due", "e-mail due"
        SENDING = "sending", "e-mail on its way"
        SENT = "sent", "reminded by e-mail"
        FAILED = "failed", "e-mail failed"
        TO_DO = "to_do", "to remind by hand"
        BY_HAND = "by_hand", "reminded by hand"

    class Remarks(models.TextChoices):
        NONE = Remark.NONE.value, ""
        BURIED = Remark.BURIED.value, "among many hashtags"
        LATE = Remark.LATE.value, "late in the text"
        NOT_FIRST = Remark.NOT_FIRST.value, "not at the beginning"
        ELSEWHERE = Remark.ELSEWHERE.value, "not the usual word there"
        VAGUE = Remark.VAGUE.value, "a vague word instead"

    NOT_SEEN = (LabelState.UNREAD, LabelState.MISSING)
    # Reminders that neither went out nor are on their way.
    TO_REMIND = (Reminder.DUE, Reminder.FAILED, Reminder.TO_DO)

    # By the invitation, so that it follows a merge with it, as a perk's code does.
    invitation = models.ForeignKey(Invitation, models.CASCADE, related_name="posts", db_index=False)
    identity = models.ForeignKey(Identity, models.CASCADE, related_name="campaign_posts")
    post = models.BigIntegerField(help_text="The post's key in the activity log.")
    post_id = models.CharField(
        max_length=500, blank=True, help_text="The network's id of the post; empty as long as no activity named it."
    )
    at = models.DateTimeField("written")
    language = models.CharField(max_length=20, blank=True)
    found_at = models.DateTimeField(default=timezone.now)
    label_state = models.CharField("label", max_length=10, choices=LabelState)
    label = models.CharField(max_length=60, blank=True, help_text="As it stands in the post, in lower case.")
    remark = models.CharField(max_length=10, choices=Remarks, blank=True)
    labelled_at = models.DateTimeField(
        null=True, help_text="When a label was first seen in a post that had been found without one."
    )
    labelled_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    reminder = models.CharField(max_length=10, choices=Reminder, default=Reminder.NONE)
    sending_since = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True)
    reminded_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    taken_out_at = models.DateTimeField(null=True)
    taken_out_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    taken_out_why = models.CharField("why it was taken out", max_length=200, blank=True)

    objects = CampaignPostQuerySet.as_manager()

    class Meta:
        verbose_name = "post"
        constraints = [
            models.UniqueConstraint(fields=["invitation", "post"], name="campaign_post_once"),
            models.CheckConstraint(
                condition=Q(label_state="found") & ~Q(label="") | ~Q(label_state="found") & Q(label=""),
                name="campaign_post_found_has_label",
            ),
            models.CheckConstraint(
                condition=~Q(label_state="by_hand") | Q(labelled_at__isnull=False),
                name="campaign_post_seen_has_time",
            ),
            # Whoever is gone has no login; the time stays.
            models.CheckConstraint(
                condition=Q(labelled_by__isnull=True) | Q(label_state="by_hand"), name="campaign_post_seen_by_has_state"
            ),
            models.CheckConstraint(
                condition=Q(reminder="sending", sending_since__isnull=False)
                | (~Q(reminder="sending") & Q(sending_since__isnull=True)),
                name="campaign_post_sending_has_time",
            ),
            models.CheckConstraint(
                condition=Q(reminder__in=["sent", "by_hand"], reminded_at__isnull=False)
                | (~Q(reminder__in=["sent", "by_hand"]) & Q(reminded_at__isnull=True)),
                name="campaign_post_reminded_has_time",
            ),
            models.CheckConstraint(
                condition=Q(taken_out_at__isnull=True, taken_out_why="", taken_out_by__isnull=True)
                | (Q(taken_out_at__isnull=False) & ~Q(taken_out_why="")),
                name="campaign_post_taken_out_has_why",
            ),
        ]
        indexes = [
            models.Index(fields=["reminder"], name="campaign_post_due", condition=Q(reminder__in=["due", "sending"])),
        ]

    def __str__(self) -> str:
        return f"{self.post} of invitation {self.invitation_id}"


class PostLook(models.Model):
    """How far the posts of a campaign's participants were looked through. The next look begins there.

    Where the tags are others by now, or accounts came to a participant since, it begins anew.
    """

    campaign = models.OneToOneField(Campaign, models.CASCADE, primary_key=True, related_name="look")
    added = models.PositiveBigIntegerField(help_text="The log's files up to this number (LogFile.added) are read.")
    looked_at = models.DateTimeField()
    tags = models.TextField(blank=True, help_text="What was looked for.")

    objects = models.Manager()

    class Meta:
        verbose_name = "look for posts"
        verbose_name_plural = "looks for posts"

    def __str__(self) -> str:
        return f"look of {self.campaign_id}"
