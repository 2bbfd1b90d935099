"""Whom a campaign holds back, so that what it brought can be measured against them."""

from typing import Self

from django.db import models
from django.utils import timezone

from accounts.models import FollowsMerge, Person, User, Viewer
from campaigns.models.campaigns import Campaign
from campaigns.models.invitations import Invitation


class HoldoutQuerySet(FollowsMerge["Holdout"]):
    def visible_to(self, user: Viewer) -> Self:
        return self.filter(campaign__in=Campaign.objects.visible_to(user), person__in=Person.objects.visible_to(user))

    def moving(self, kept: Person, merged: Person) -> Self:
        """Keep the merged person's rows of campaigns that neither hold the kept one back nor invited them.

        Whoever turns out to have been both, invited and held back, tells nothing of either: the return counts neither.
        """
        invited = Invitation.objects.filter(person=kept).values("campaign")
        both = self.filter(person=kept).values("campaign")
        return self.filter(person=merged).exclude(campaign__in=invited).exclude(campaign__in=both)


class Holdout(models.Model):
    """Somebody who was to be invited, and by lot wasn't: never to this campaign. Rows are made by `invite` alone."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="holdouts", db_index=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="holdouts")
    drawn_at = models.DateTimeField(default=timezone.now, editable=False)
    drawn_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)

    objects = HoldoutQuerySet.as_manager()

    class Meta:
        verbose_name = "person held back"
        verbose_name_plural = "people held back"
        constraints = [models.UniqueConstraint(fields=["campaign", "person"], name="holdout_once")]

    def __str__(self) -> str:
        return f"{self.person_id} held back from {self.campaign_id}"
